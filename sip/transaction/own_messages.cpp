#include "sip/transaction/own_messages.hpp"

#include <algorithm>

#include "sip/message/builder.hpp"
#include "sip/message/status.hpp"
#include "sip/parse/datagram.hpp"

namespace usher::sip {

MessageRef read_own(const Bytes& request) {
  Parsed parsed = parse_message(request);
  if (auto* message = std::get_if<MessageRef>(&parsed)) return std::move(*message);
  return std::move(std::get<Malformed>(parsed).request);
}

namespace {

// What ACK and CANCEL have in common: "a single Via header field [...] equal to the top Via header
// field of the original request"; "if the INVITE request [...] had Route header fields, those
// header fields MUST appear".
Bytes make_hop_request(std::string_view method, const Message& invite, const Message& to_from,
                       std::string_view reason) {
  MessageBuilder out = MessageBuilder::request(method, invite.request_uri());
  out.header("Via", invite.top_via().raw);
  out.header("Max-Forwards", std::uint64_t{70});
  for (const HeaderField& field : invite.headers()) {
    if (field.id == HeaderId::route) out.pass(invite, field);
  }
  if (const HeaderField* from = invite.find(HeaderId::from)) out.pass(invite, *from);
  if (const HeaderField* to = to_from.find(HeaderId::to)) out.pass(to_from, *to);
  out.header("Call-ID", invite.call_id());
  out.open("CSeq") << std::uint64_t{invite.cseq().number} << " " << method;
  out.close();
  // RFC 7989 §7: a CANCEL's is "identical" to that of the request.
  if (const HeaderField* session = invite.find(HeaderId::session_id)) out.pass(invite, *session);
  if (!reason.empty()) out.header("Reason", reason);
  return out.finish();
}

bool is_plain_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

Bytes make_ack(const Message& invite, const Message& response) {
  return make_hop_request("ACK", invite, response, {});
}

Bytes make_cancel(const Message& invite, std::string_view reason) {
  return make_hop_request("CANCEL", invite, invite, reason);
}

Bytes make_trying(const Message& request, const net::Endpoint& source, Duration delay) {
  MessageBuilder out = start_response(request, source, 100, reason_phrase(100), {});
  if (const HeaderField* timestamp = request.find(HeaderId::timestamp)) {
    const std::string_view value = request.value(*timestamp);
    if (is_plain_number(value)) {
      const auto milliseconds = static_cast<std::uint64_t>(delay / std::chrono::milliseconds(1));
      const std::uint64_t rest = milliseconds % 1000;
      out.open("Timestamp") << value << " " << milliseconds / 1000
                            << (rest < 10    ? ".00"
                                : rest < 100 ? ".0"
                                             : ".")
                            << rest;
      out.close();
    } else {
      out.pass(request, *timestamp);
    }
  }
  return out.finish();
}

Bytes make_response(const Message& request, const net::Endpoint& source, int status,
                    std::string_view reason, std::string_view to_tag,
                    std::string_view extra_header_lines) {
  MessageBuilder out = start_response(request, source, status,
                                      reason.empty() ? reason_phrase(status) : reason, to_tag);
  while (!extra_header_lines.empty()) {
    const std::size_t end = std::min(extra_header_lines.find("\r\n"), extra_header_lines.size());
    const std::string_view line = extra_header_lines.substr(0, end);
    extra_header_lines.remove_prefix(std::min(end + 2, extra_header_lines.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
    out.header(line.substr(0, colon), value);
  }
  return out.finish();
}

}  // namespace usher::sip
