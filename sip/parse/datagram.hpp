// One packet, one message (RFC 3261 §18.3): what follows Content-Length bytes is ignored, fewer
// bytes is an error.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

// A message that cannot be used. When it is a request whose Via, From, To, Call-ID and CSeq could
// be read, it can still be answered: `request` then holds what was understood, for a response with
// `status` and `reason`.
struct Malformed {
  int status = 400;    // 400, 505 (version), 513 (too large), 501…: what to answer
  std::string reason;  // "Bad Contact header": names the header field
  MessageRef
      request;  // null: drop without an answer (a response, or too broken to answer, or an ACK)
};

using Parsed = std::variant<MessageRef, Malformed>;

// Parses the whole of `packet`. Eager: start line, every header field's bounds, top Via, From and
// To with tags, Call-ID, CSeq, Max-Forwards, Content-Length, body bounds. Fails on: missing or
// repeated of those that must stand once, CSeq method ≠ request method, content length beyond the
// packet, other version, limits (limits.hpp), bad UTF-8 is not an error.
Parsed parse_datagram(const Bytes& packet);

// For what was built by ourselves or framed by the stream parser: the same parser.
inline Parsed parse_message(const Bytes& bytes) {
  return parse_datagram(bytes);
}

}  // namespace usher::sip
