// A message that is accepted can be passed on and answered, and both parse again to the same
// values.
#include "core/limits.hpp"
#include "sip/message/builder.hpp"
#include "sip/parse/datagram.hpp"
#include "sip/parse/validate.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;
using namespace usher::sip;
using usher::fuzz::within;

namespace {

MessageRef accepted(const Parsed& parsed) {
  const auto* message = std::get_if<MessageRef>(&parsed);
  return message ? *message : MessageRef{};
}

void check_views(const Message& m) {
  const std::string_view text = m.text();
  std::uint32_t last = 0;
  for (const HeaderField& h : m.headers()) {
    USHER_CHECK(h.name_begin >= last && h.name_length > 0);
    USHER_CHECK(h.value_begin > h.name_begin && h.value_begin + h.value_length <= h.line_end);
    USHER_CHECK(h.line_end <= text.size());
    USHER_CHECK(m.line(h).ends_with("\r\n"));
    last = h.line_end;
  }
  for (std::string_view view :
       {m.method_name(), m.request_uri(), m.reason_phrase(), m.call_id(), m.from_value(),
        m.to_value(), m.from_tag(), m.to_tag(), m.top_via().raw, m.body()}) {
    within(view, text);
  }
}

void check_passing_on(const Message& m) {
  MessageBuilder b = m.is_request() ? MessageBuilder::request(m.method_name(), m.request_uri())
                                    : MessageBuilder::response(m.status(), m.reason_phrase());
  for (const HeaderField& h : m.headers()) {
    if (h.id != HeaderId::content_length) b.pass(m, h);
  }
  const Bytes bytes = b.finish(m.body());
  const MessageRef again = accepted(parse_message(bytes));
  // It may have grown beyond the limit: a Content-Length that was missing, a longer version string.
  if (bytes.size() > limits::kMessageBytes) return;
  if (m.headers().size() == limits::kHeaderCount) return;
  USHER_CHECK(again);
  USHER_CHECK(again->status() == m.status() && again->method_name() == m.method_name());
  USHER_CHECK(again->request_uri() == m.request_uri() &&
              again->reason_phrase() == m.reason_phrase());
  USHER_CHECK(again->call_id() == m.call_id() && again->cseq().number == m.cseq().number);
  USHER_CHECK(again->from_value() == m.from_value() && again->to_value() == m.to_value());
  USHER_CHECK(again->from_tag() == m.from_tag() && again->to_tag() == m.to_tag());
  USHER_CHECK(again->top_via().raw == m.top_via().raw && again->max_forwards() == m.max_forwards());
  USHER_CHECK(again->body() == m.body());
  USHER_CHECK(validate(m).has_value() == validate(*again).has_value());
}

void check_answering(const Message& m, bool well_formed) {
  const net::Endpoint source{net::IpAddress::v4(0xCB007107), 40000};
  const Bytes bytes = start_response(m, source, 404, "Not Found", "t0").finish();
  const Parsed parsed = parse_message(bytes);
  // Up to the limits, since the response may be larger than the request by a tag, received and
  // rport.
  if (!well_formed || m.text().size() > 8000 || m.headers().size() + 1 > limits::kHeaderCount)
    return;
  if (const auto* malformed = std::get_if<Malformed>(&parsed)) {
    USHER_CHECK(malformed->reason.find("more than allowed") != std::string::npos);
    return;
  }
  const Message& response = *std::get<MessageRef>(parsed);
  USHER_CHECK(response.status() == 404 && response.from_tag() == m.from_tag());
  USHER_CHECK(m.to_tag().empty() || response.to_tag() == m.to_tag());
  USHER_CHECK(response.top_via().branch() == m.top_via().branch());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes packet(fuzz::text_of(data, size));
  const Parsed parsed = parse_datagram(packet);
  if (const MessageRef m = accepted(parsed)) {
    check_views(*m);
    check_passing_on(*m);
    if (m->is_request()) check_answering(*m, true);
    return 0;
  }
  const auto& malformed = std::get<Malformed>(parsed);
  USHER_CHECK(malformed.status >= 400 && malformed.status < 600 && !malformed.reason.empty());
  for (char c : malformed.reason) USHER_CHECK(c >= ' ' && c < 0x7F);
  if (malformed.request) {
    USHER_CHECK(malformed.request->is_request() && malformed.request->method() != Method::ack);
    check_views(*malformed.request);
    check_answering(*malformed.request, false);
  }
  return 0;
}
