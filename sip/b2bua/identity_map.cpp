#include "sip/b2bua/identity_map.hpp"

#include "core/text.hpp"
#include "sip/b2bua/header_policy.hpp"
#include "sip/b2bua/text_edits.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"

namespace usher::sip {
namespace {

// host [ ":" port ] of a SIP URI (§25.1 hostport): the port, when there is one, follows directly.
std::string_view host_port(const Uri& uri) {
  const auto begin = static_cast<std::size_t>(uri.host.data() - uri.raw.data());
  std::size_t end = begin + uri.host.size();
  if (uri.port) {
    end = uri.raw.find_first_not_of("0123456789", uri.raw.find(':', end) + 1);
    if (end == std::string_view::npos) end = uri.raw.size();
  }
  return uri.raw.substr(begin, end - begin);
}

// A header value as it may stand in a URI: all but unreserved and hnv-unreserved escaped (§25.1).
std::string escape_header_value(std::string_view value) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (alphanumeric || std::string_view("-_.!~*'()[]/?:+$").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return out;
}

// A field that stands in a URI and becomes one of the request that is made from it.
std::string present_embedded(HeaderId id, std::string_view value, const Presentation& to) {
  const Passage passage = passage_of(id);
  if (passage == Passage::dialog) return map_dialog_id(value, to);
  const bool shows_hosts = passage == Passage::addresses || id == HeaderId::from ||
                           id == HeaderId::to || id == HeaderId::contact || id == HeaderId::route;
  std::string shown = shows_hosts ? present_addresses(value, to) : std::string();
  return shown.empty() ? std::string(value) : shown;
}

// headers = "?" header *( "&" header ), header = hname "=" hvalue (§25.1)
void edit_embedded(TextEdits& edits, std::string_view headers, const Presentation& to) {
  while (!headers.empty()) {
    const std::size_t end = headers.find('&');
    const std::string_view field = headers.substr(0, end);
    headers = end == std::string_view::npos ? std::string_view{} : headers.substr(end + 1);
    const std::size_t equal = field.find('=');
    if (equal == std::string_view::npos) continue;
    const HeaderId id = parse_header_name(unescape(field.substr(0, equal)));
    const std::string value = unescape(field.substr(equal + 1));
    const std::string mapped = present_embedded(id, value, to);
    if (mapped != value) edits.replace(field.substr(equal + 1), escape_header_value(mapped));
  }
}

// `uri` was parsed within the text of `edits`.
void edit_uri(TextEdits& edits, const Uri& uri, const Presentation& to) {
  if (!uri.is_sip) return;
  if (to.conceals()) {
    if (to.hidden->hides(uri.host)) edits.replace(host_port(uri), std::string(to.domain));
    for (const Param& p : uri.params) {
      if (p.value && equals_without_case(p.name, "maddr") && to.hidden->hides(*p.value))
        edits.replace(*p.value, std::string(to.domain));
    }
  }
  edit_embedded(edits, uri.headers, to);
}

// Whether anything in it could have to change at all.
bool concerns(std::string_view text, const Presentation& to) {
  return to.conceals() || (to.names != nullptr && text.find('?') != std::string_view::npos);
}

std::string quoted_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

bool HiddenHosts::hides(std::string_view host) const {
  if (const auto address = net::IpAddress::parse(host)) {
    if (addresses.contains(address->text())) return true;
    for (const net::Cidr& network : networks) {
      if (network.contains(*address)) return true;
    }
    return false;
  }
  return names.contains(lower(host));
}

std::string present_uri(std::string_view uri_text, const Presentation& to) {
  if (!concerns(uri_text, to)) return std::string(uri_text);
  const auto uri = parse_uri(uri_text);
  if (!uri) return std::string(uri_text);
  TextEdits edits(uri_text);
  edit_uri(edits, *uri, to);
  return edits.finish();
}

std::string present_addresses(std::string_view header_value, const Presentation& to) {
  if (!concerns(header_value, to)) return std::string(header_value);
  const auto list = parse_name_addr_list(header_value);
  if (!list) return to.conceals() ? std::string() : std::string(header_value);
  TextEdits edits(header_value);
  for (const NameAddr& address : *list) edit_uri(edits, address.uri, to);
  return edits.finish();
}

std::string present_links(std::string_view header_value, const Presentation& to) {
  if (!concerns(header_value, to)) return std::string(header_value);
  TextEdits edits(header_value);
  std::size_t open = header_value.find('<');
  while (open != std::string_view::npos) {
    const std::size_t close = header_value.find('>', open);
    if (close == std::string_view::npos) break;
    const auto uri = parse_uri(header_value.substr(open + 1, close - open - 1));
    if (uri) edit_uri(edits, *uri, to);
    open = header_value.find('<', close);
  }
  return edits.finish();
}

std::string present_warning(std::string_view header_value, const Presentation& to) {
  if (!to.conceals()) return std::string(header_value);
  const auto list = split_list(header_value);
  if (!list) return {};
  std::string out;
  for (std::string_view warning : *list) {
    if (!out.empty()) out += ", ";
    // warning-value = warn-code SP warn-agent SP warn-text
    const std::size_t begin = warning.find(' ');
    const std::size_t end = begin == std::string_view::npos ? begin : warning.find(' ', begin + 1);
    if (end == std::string_view::npos) return {};
    std::string_view host = warning.substr(begin + 1, end - begin - 1);
    // warn-agent = hostport / pseudonym: a colon after the last bracket starts a port
    const std::size_t bracket = host.rfind(']');
    const std::size_t colon = host.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) host = host.substr(0, colon);
    if (to.hidden->hides(host)) {
      out.append(warning.substr(0, begin + 1)).append(to.domain).append(warning.substr(end));
    } else {
      out.append(warning);
    }
  }
  return out;
}

std::string map_dialog_id(std::string_view header_value, const Presentation& to) {
  if (to.names == nullptr) return std::string(header_value);
  const auto id = parse_replaces(header_value);
  if (!id) return std::string(header_value);
  const auto name = to.names->across(id->call_id, id->to_tag, id->from_tag, to.towards);
  if (!name) return std::string(header_value);
  TextEdits edits(header_value);
  edits.replace(id->call_id, name->call_id);
  edits.replace(id->to_tag, name->tag);
  edits.replace(id->from_tag, name->other_tag);
  return edits.finish();
}

std::string map_event(std::string_view header_value, const Presentation& to) {
  const auto event = parse_token_params(header_value);
  if (!event) return std::string(header_value);
  TextEdits edits(header_value);
  if (to.names != nullptr && equals_without_case(event->token, "dialog")) {
    const std::string_view call_id = param_value(event->params, "call-id");
    const std::string_view to_tag = param_value(event->params, "to-tag");
    const std::string_view from_tag = param_value(event->params, "from-tag");
    const auto name =
        to.names->across(unquoted(call_id), unquoted(to_tag), unquoted(from_tag), to.towards);
    if (name) {
      const auto put = [&](std::string_view old, const std::string& now) {
        edits.replace(old, old.starts_with('"') || !is_token(now) ? quoted_string(now) : now);
      };
      put(call_id, name->call_id);
      put(to_tag, name->tag);
      put(from_tag, name->other_tag);
    }
  }
  return edits.finish();
}

std::string map_rack(std::string_view rack_value, std::uint32_t invite_cseq) {
  const auto rack = parse_rack(rack_value);
  if (!rack) return std::string(rack_value);
  return std::to_string(rack->rseq) + ' ' + std::to_string(invite_cseq) + ' ' +
         std::string(rack->cseq.method_name);
}

}  // namespace usher::sip
