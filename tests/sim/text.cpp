#include "tests/sim/text.hpp"

#include <charconv>

#include "sip/grammar/grammar.hpp"
#include "sip/parse/datagram.hpp"

namespace usher::sim {

std::string_view Text::method() const {
  return message ? message->method_name() : std::string_view{};
}

std::string_view Text::branch() const {
  return message ? message->top_via().branch() : std::string_view{};
}

std::string Text::header(std::string_view name) const {
  if (!message) return {};
  const sip::HeaderId id = sip::parse_header_name(name);
  const sip::HeaderField* field =
      id == sip::HeaderId::other ? message->find(name) : message->find(id);
  return field ? std::string{message->value(*field)} : std::string{};
}

int Text::integer(std::string_view name) const {
  const std::string value = header(name);
  int number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

std::string Text::what() const {
  if (!message) return "no SIP";
  if (message->is_request()) return std::string{message->method_name()};
  return std::to_string(message->status()) + " " + std::string{message->cseq().method_name};
}

TextRef read_text(Bytes bytes, bool altered) {
  auto text = std::make_shared<Text>();
  auto parsed = sip::parse_message(bytes);
  if (auto* message = std::get_if<sip::MessageRef>(&parsed)) text->message = *message;
  text->bytes = std::move(bytes);
  text->altered = altered;
  return text;
}

std::string write_text(std::string_view lines, std::string_view body) {
  std::string out;
  out.reserve(lines.size() + body.size() + 120);
  for (const char c : lines) {
    if (c == '\n') out += '\r';
    out += c;
  }
  if (!body.empty()) out += "Content-Type: application/sdp\r\n";
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  return out.append(body);
}

std::string response_lines(const Text& request, int status, std::string_view tag) {
  std::string out = "SIP/2.0 " + std::to_string(status) + " Simulated\n";
  for (const sip::HeaderField& field : request.message->headers()) {
    const auto copy = [&] {
      out.append(request.message->name(field)).append(": ").append(request.message->value(field));
    };
    if (field.id == sip::HeaderId::to) {
      copy();
      if (status > 100 && request.message->to_tag().empty()) out.append(";tag=").append(tag);
      out += '\n';
    } else if (field.id == sip::HeaderId::via || field.id == sip::HeaderId::from ||
               field.id == sip::HeaderId::call_id || field.id == sip::HeaderId::cseq ||
               request.message->name(field) == kNumber) {
      copy();
      out += '\n';
    }
  }
  return out;
}

std::string uri_in(std::string_view value) {
  const auto address = sip::parse_name_addr(value);
  return address ? std::string{address->uri.raw} : std::string{};
}

std::string aor_in(std::string_view value) {
  const auto address = sip::parse_name_addr(value);
  if (!address || !address->uri.is_sip) return {};
  return std::string{address->uri.user} + "@" + std::string{address->uri.host};
}

std::string tag_in(std::string_view value) {
  const auto address = sip::parse_name_addr(value);
  return address ? std::string{sip::param_value(address->params, "tag")} : std::string{};
}

}  // namespace usher::sim
