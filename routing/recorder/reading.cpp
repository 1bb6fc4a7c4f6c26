#include "routing/recorder/reading.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "core/text.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"

namespace usher::routing {

namespace {

std::string_view first_line(std::string_view text) {
  return text.substr(0, std::min(text.find_first_of("\r\n"), text.size()));
}

// The lines before the first empty one, until `visit` says false; then what follows that one.
template <class Visit>
std::string_view each_header_line(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || !visit(line)) break;
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

Reading read_message(std::string_view text) {
  Reading out;
  const std::string_view line = first_line(text);
  out.cseq = header_value(text, "CSeq");
  const auto space = line.find(' ');
  if (!line.starts_with("SIP/2.0 ")) {
    out.method = line.substr(0, space);
    return out;
  }
  out.request = false;
  std::string_view rest = line.substr(8);
  std::from_chars(rest.data(), rest.data() + rest.size(), out.status);
  rest.remove_prefix(std::min<std::size_t>(4, rest.size()));
  out.phrase = rest;
  out.method = out.cseq.substr(std::min(out.cseq.find(' '), out.cseq.size()));
  out.method = trimmed(out.method);
  return out;
}

std::string Reading::label() const {
  if (request) return escaped(method.substr(0, 32));
  return std::to_string(status) + " " + escaped(phrase.substr(0, 64));
}

std::string_view header_value(std::string_view text, std::string_view name) {
  std::string_view found;
  each_header_line(text, [&](std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos ||
        !equals_without_case(trimmed(line.substr(0, colon)), name))
      return true;
    found = trimmed(line.substr(colon + 1));
    return false;
  });
  return found;
}

std::string_view body_of(std::string_view text) {
  return each_header_line(text, [](std::string_view) { return true; });
}

std::string nonce_of(std::string_view text) {
  const bool request = read_message(text).request;
  for (const std::string_view name : std::initializer_list<std::string_view>{
           request ? "Authorization" : "WWW-Authenticate",
           request ? "Proxy-Authorization" : "Proxy-Authenticate"}) {
    const auto value = sip::parse_auth(header_value(text, name));
    if (!value) continue;
    std::string nonce = sip::unquoted(sip::param_value(value->params, "nonce"));
    if (!nonce.empty()) return nonce;
  }
  return {};
}

}  // namespace usher::routing
