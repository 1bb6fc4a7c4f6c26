// A parsed SIP message: one shared buffer and offsets into it, never edited. What matching needs is
// parsed when the message arrives; all else on demand with sip/grammar.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/bytes.hpp"
#include "sip/grammar/values.hpp"
#include "sip/message/header_id.hpp"
#include "sip/message/method.hpp"

namespace usher::sip {

struct HeaderField {
  HeaderId id = HeaderId::other;
  std::uint16_t name_length = 0;
  std::uint32_t name_begin = 0;   // offsets into the buffer
  std::uint32_t value_begin = 0;  // LWS around the value removed; folds inside it kept
  std::uint32_t value_length = 0;
  std::uint32_t line_end = 0;  // just after the CRLF that ends the field
};

class Message : public boost::intrusive_ref_counter<Message, boost::thread_unsafe_counter> {
 public:
  bool is_request() const { return status_ == 0; }
  Method method() const { return method_; }  // a response's is its CSeq's
  std::string_view method_name() const { return method_name_; }
  std::string_view request_uri() const { return is_request() ? start_text_ : std::string_view{}; }
  int status() const { return status_; }  // 0 for a request; 100–699
  std::string_view reason_phrase() const { return is_request() ? std::string_view{} : start_text_; }

  std::span<const HeaderField> headers() const { return {headers_.data(), headers_.size()}; }
  std::string_view name(const HeaderField& h) const { return piece(h.name_begin, h.name_length); }
  std::string_view value(const HeaderField& h) const {
    return piece(h.value_begin, h.value_length);
  }
  // The whole field with its line end, byte for byte.
  std::string_view line(const HeaderField& h) const {
    return piece(h.name_begin, h.line_end - h.name_begin);
  }
  const HeaderField* find(HeaderId id) const;            // the first; null when absent
  const HeaderField* find(std::string_view name) const;  // without case, for unknown names
  std::string_view header(HeaderId id) const;            // the first one's value, or empty
  std::size_t count(HeaderId id) const;

  // Parsed on arrival.
  const Via& top_via() const { return top_via_; }
  std::string_view call_id() const { return call_id_; }
  const CSeq& cseq() const { return cseq_; }
  std::string_view from_value() const { return from_value_; }  // the whole header value
  std::string_view to_value() const { return to_value_; }
  std::string_view from_tag() const { return from_tag_; }  // empty when absent
  std::string_view to_tag() const { return to_tag_; }
  std::optional<std::uint32_t> max_forwards() const { return max_forwards_; }

  std::string_view body() const { return piece(body_begin_, body_length_); }
  std::string_view text() const { return buffer_.view(); }
  const Bytes& buffer() const { return buffer_; }

 private:
  friend class MessageParser;
  // The offsets are the parser's: within the buffer.
  std::string_view piece(std::uint32_t begin, std::uint32_t length) const {
    return {text().data() + begin, length};
  }
  Bytes buffer_;
  // As many as keep a Message below 1 kB, up to which an allocation is cheapest.
  boost::container::small_vector<HeaderField, 22> headers_;
  Via top_via_;
  CSeq cseq_;
  std::string_view start_text_;  // the Request-URI or the reason phrase
  std::string_view method_name_, call_id_, from_value_, to_value_, from_tag_, to_tag_;
  std::optional<std::uint32_t> max_forwards_;
  std::uint32_t body_begin_ = 0, body_length_ = 0;
  int status_ = 0;
  Method method_ = Method::other;
};

// Shared by its readers on the reactor thread, so the count is not atomic; immutable.
using MessageRef = boost::intrusive_ptr<const Message>;

}  // namespace usher::sip
