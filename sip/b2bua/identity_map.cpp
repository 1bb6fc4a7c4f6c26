#include "sip/b2bua/identity_map.hpp"

#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"

namespace usher::sip {
namespace {

// Appends `text`, in which `uri` was parsed, with the URI's host and port replaced.
void append_with_host(std::string& out, std::string_view text, const Uri& uri,
                      std::string_view host) {
  const auto begin = static_cast<std::size_t>(uri.host.data() - text.data());
  std::size_t end = begin + uri.host.size();
  // The port, when there is one, follows the host directly: ":" and digits (§25.1 hostport).
  if (uri.port) {
    end = text.find_first_not_of("0123456789", text.find(':', end) + 1);
    if (end == std::string_view::npos) end = text.size();
  }
  out.append(text.substr(0, begin));
  out.append(host);
  out.append(text.substr(end));
}

bool is_hidden(const Uri& uri, const Presentation& to) {
  return to.conceals() && uri.is_sip && to.hidden->hides(uri.host);
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
  return names.contains(to_lower(host));
}

std::string present_uri(std::string_view uri_text, const Presentation& to) {
  const auto uri = parse_uri(uri_text);
  if (!uri || !is_hidden(*uri, to)) return std::string(uri_text);
  std::string out;
  append_with_host(out, uri_text, *uri, to.domain);
  return out;
}

std::string present_addresses(std::string_view header_value, const Presentation& to) {
  if (!to.conceals()) return std::string(header_value);
  const auto list = parse_name_addr_list(header_value);
  if (!list) return {};
  std::string out;
  for (const NameAddr& address : *list) {
    if (!out.empty()) out += ", ";
    if (is_hidden(address.uri, to)) {
      append_with_host(out, address.raw, address.uri, to.domain);
    } else {
      out.append(address.raw);
    }
  }
  return out;
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

std::string map_rack(std::string_view rack_value, std::uint32_t invite_cseq) {
  const auto rack = parse_rack(rack_value);
  if (!rack) return std::string(rack_value);
  return std::to_string(rack->rseq) + ' ' + std::to_string(invite_cseq) + ' ' +
         std::string(rack->cseq.method_name);
}

}  // namespace usher::sip
