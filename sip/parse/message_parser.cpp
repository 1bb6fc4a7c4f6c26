#include "sip/parse/message_parser.hpp"

#include <cstring>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "sip/grammar/cursor.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/grammar/scan.hpp"
#include "sip/parse/lines.hpp"

namespace usher::sip {
namespace {

using grammar::Cursor;

template <class T>
bool take_whole(Cursor& c, T& out, bool (*take)(Cursor&, T&)) {
  skip_lws(c);
  return take(c, out) && take_end(c);
}

bool all_visible(std::string_view text) {
  const char* end = text.data() + text.size();
  return !text.empty() && grammar::lex::scan<grammar::lex::kVisible>(text.data(), end) == end;
}

bool all_digits(std::string_view text) {
  for (char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return !text.empty();
}

// What nearly every message says, compared as one word.
bool is_usual_version(std::string_view text) {
  return text.size() == 7 && std::memcmp(text.data(), "SIP/2.0", 7) == 0;
}

// SIP-Version = "SIP" "/" 1*DIGIT "." 1*DIGIT; "the SIP-Version string is case-insensitive" (§7.1).
bool is_version(std::string_view text) {
  if (is_usual_version(text)) return true;
  if (text.size() < 7 || !equals_without_case(text.substr(0, 4), "SIP/")) return false;
  const std::string_view number = text.substr(4);
  const std::size_t dot = number.find('.');
  return dot != std::string_view::npos && all_digits(number.substr(0, dot)) &&
         all_digits(number.substr(dot + 1));
}

std::string bad(HeaderId id, const Error& why) {
  return "Bad " + std::string(header_name(id)) + " header: " + why.message;
}

}  // namespace

// See Message::headers_.
static_assert(sizeof(Message) <= 1024);

MessageParser::MessageParser(const Bytes& packet)
    : owner_(new Message), m_(*owner_), text_(packet.view()) {
  m_.buffer_ = packet;
  places_.fill(kNone);
}

void MessageParser::fault(int status, std::string reason) {
  if (status_ != 0) return;
  status_ = status;
  reason_ = std::move(reason);
}

Parsed MessageParser::run() {
  if (text_.size() > limits::kMessageBytes) return Malformed{513, "Message too large", nullptr};
  at_ = skip_empty_lines(text_);
  if (!start_line()) return Malformed{400, reason_, nullptr};
  header_fields();
  top_via();
  identities();
  sequence();
  scalars();
  body();
  return finish();
}

bool MessageParser::start_line() {
  std::string_view line;
  if (!take_start_line(text_, at_, line)) {
    fault(400, "The first line has no line end");
    return false;
  }
  if (is_usual_version(line.substr(0, 7)) || equals_without_case(line.substr(0, 4), "SIP/")) {
    status_line(line);
  } else {
    request_line(line);
  }
  return m_.status_ != 0 || !m_.method_name_.empty();
}

// Request-Line = Method SP Request-URI SP SIP-Version CRLF
void MessageParser::request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos || !is_token(line.substr(0, first)))
    return fault(400, "Bad request line");
  m_.method_name_ = line.substr(0, first);
  m_.method_ = parse_method(m_.method_name_);
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos)
    return fault(400, "Bad request line: expected a URI and SIP/2.0");
  m_.start_text_ = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (!is_version(version))
    return fault(400, "Bad request line: expected method, URI and SIP/2.0, one space apart");
  if (version.substr(4) != "2.0") return fault(505, "Version Not Supported");
  if (m_.start_text_.size() > limits::kUriBytes) return fault(414, "Request-URI Too Long");
  Cursor c(m_.start_text_);
  Uri uri;
  if (!take_uri(c, uri, grammar::UriPlace::enclosed) || !c.at_end()) {
    if (!c.expected) c.expected = "the end of the URI";
    return fault(400, "Bad Request-URI: " + c.error().message);
  }
  // §19.1.1: headers are not allowed in a Request-URI. Refused, so that nothing carries them on
  // (RFC 4475 §3.1.2.11).
  if (!uri.headers.empty()) fault(400, "Bad Request-URI: header fields are not allowed in it");
}

// Status-Line = SIP-Version SP Status-Code SP Reason-Phrase CRLF. The SP before an empty reason may
// be missing.
void MessageParser::status_line(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_version(line.substr(0, space)))
    return fault(400, "Bad status line");
  if (line.substr(4, space - 4) != "2.0") return fault(505, "Version Not Supported");
  const std::string_view rest = line.substr(space + 1);
  const std::string_view code = rest.substr(0, 3);
  if (code.size() != 3 || !all_digits(code) || (rest.size() > 3 && rest[3] != ' ')) {
    return fault(400, "Bad status line: expected three digits");
  }
  const int status = (code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0');
  if (status < 100 || status > 699)
    return fault(400, "Bad status line: expected a status from 100 to 699");
  m_.status_ = status;
  if (rest.size() > 4) m_.start_text_ = rest.substr(4);
}

void MessageParser::header_fields() {
  for (;;) {
    // Written in its place: a copy would be read back before its narrow parts have been stored.
    HeaderField& field = m_.headers_.emplace_back();
    const LineKind kind = take_line(text_, at_, field);
    if (kind == LineKind::field && m_.headers_.size() <= limits::kHeaderCount) {
      note(field);
      if (field.value_length > limits::kHeaderBytes) fault(513, "A header field is too long");
      continue;
    }
    m_.headers_.pop_back();
    switch (kind) {
      case LineKind::field: return fault(513, "Too many header fields");
      case LineKind::end: section_complete_ = true; return;
      case LineKind::malformed: fault(400, "Bad header line: expected a name and a colon"); break;
      case LineKind::bare_line_end:
        return fault(400, "Bad header section: a line ends without CRLF");
      case LineKind::truncated: return fault(400, "No empty line after the header fields");
    }
  }
}

void MessageParser::note(const HeaderField& field) {
  if (field.id > kLastNoted) return;
  std::uint16_t& place = places_[static_cast<std::size_t>(field.id)];
  if (place == kNone) {
    place = static_cast<std::uint16_t>(m_.headers_.size() - 1);
  } else if (field.id != HeaderId::via && field.id != HeaderId::contact) {
    fault(400, "Repeated " + std::string(header_name(field.id)) + " header");
  }
}

const HeaderField* MessageParser::noted(HeaderId id) const {
  const std::uint16_t place = places_[static_cast<std::size_t>(id)];
  return place == kNone ? nullptr : &m_.headers_[place];
}

// The value of a field that must be there; empty, and a fault, when it isn't.
std::string_view MessageParser::value_of(HeaderId id) {
  const HeaderField* field = noted(id);
  if (field && field->value_length != 0) return m_.value(*field);
  absent(id);
  return {};
}

void MessageParser::absent(HeaderId id) {
  fault(400, (noted(id) ? "Empty " : "Missing ") + std::string(header_name(id)) + " header");
}

void MessageParser::top_via() {
  const std::string_view value = value_of(HeaderId::via);
  if (value.empty()) return;
  Cursor c(value);
  if (!take_via(c, m_.top_via_) || !(take_comma(c) || take_end(c)))
    return fault(400, bad(HeaderId::via, c.error()));
  via_readable_ = true;
}

void MessageParser::identities() {
  const auto read = [this](HeaderId id, std::string_view& value, std::string_view& tag) {
    value = value_of(id);
    if (value.empty()) return;
    Cursor c(value);
    NameAddr address;
    if (!take_whole(c, address, grammar::take_name_addr)) return fault(400, bad(id, c.error()));
    tag = param_value(address.params, "tag");
  };
  read(HeaderId::from, m_.from_value_, m_.from_tag_);
  read(HeaderId::to, m_.to_value_, m_.to_tag_);
  // Call-ID is only ever compared, so any word without white space or control characters will do.
  m_.call_id_ = value_of(HeaderId::call_id);
  if (!m_.call_id_.empty() && !all_visible(m_.call_id_))
    fault(400, "Bad Call-ID header: expected one word");
}

void MessageParser::sequence() {
  const std::string_view value = value_of(HeaderId::cseq);
  if (value.empty()) return;
  const Result<CSeq> cseq = parse_cseq(value);
  if (!cseq) {
    fault(400, bad(HeaderId::cseq, cseq.error()));
    m_.cseq_.method = m_.method_;  // an answer is still matched by its Via branch and its method
    m_.cseq_.method_name = m_.method_name_;
    return;
  }
  m_.cseq_ = *cseq;
  if (m_.status_ != 0) {
    m_.method_ = cseq->method;
    m_.method_name_ = cseq->method_name;
  } else if (cseq->method_name != m_.method_name_) {
    // RFC 4475 §3.1.2.17 and §3.1.2.18
    fault(m_.method_ == Method::other ? 501 : 400, "CSeq method differs from the request's");
  }
}

void MessageParser::scalars() {
  const HeaderField* field = noted(HeaderId::max_forwards);
  if (!field) return;
  const std::string_view value = m_.value(*field);
  const Result<std::uint32_t> number = parse_number(value);
  // RFC 4475 §3.1.2.4: a value above 255 may be processed as if the field were absent.
  if (number && *number <= 255) {
    m_.max_forwards_ = *number;
  } else if (!number && !all_digits(value)) {
    fault(400, bad(HeaderId::max_forwards, number.error()));
  }
}

void MessageParser::body() {
  m_.body_begin_ = at_;
  m_.body_length_ = static_cast<std::uint32_t>(text_.size() - at_);
  const HeaderField* field = noted(HeaderId::content_length);
  if (!section_complete_ || !field) return;
  const Result<std::uint32_t> length = parse_number(m_.value(*field));
  if (!length) return fault(400, bad(HeaderId::content_length, length.error()));
  if (m_.body_begin_ + std::uint64_t{*length} > limits::kMessageBytes)
    return fault(513, "Content-Length is beyond the largest message that is taken");
  if (*length > m_.body_length_) return fault(400, "Content-Length is larger than the message");
  m_.body_length_ = *length;
}

Parsed MessageParser::finish() {
  if (status_ == 0) return MessageRef(std::move(owner_));
  const bool answerable = m_.is_request() && m_.method_ != Method::ack && via_readable_ &&
                          !m_.from_value_.empty() && !m_.to_value_.empty() &&
                          !m_.call_id_.empty() && noted(HeaderId::cseq);
  return Malformed{status_, std::move(reason_),
                   answerable ? MessageRef(std::move(owner_)) : nullptr};
}

}  // namespace usher::sip
