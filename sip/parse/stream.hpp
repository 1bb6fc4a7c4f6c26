// Messages out of a byte stream (RFC 3261 §18.3): framed by Content-Length, which a stream
// requires; CRLF keep-alives between messages (RFC 5626 §3.5.1) are consumed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace usher::sip {

class StreamParser {
 public:
  // Takes the next bytes and appends each message that became complete, byte for byte, to `out`.
  // Each CRLF CRLF ping adds one to `pongs`. Of a message beyond limits::kMessageBytes only the
  // header section comes out, which the parser of messages answers with 513; its body is skipped,
  // never kept. An error (no Content-Length, one that is no number, a header section beyond its
  // limit) is final: the connection must be closed, since the next message's start is unknown.
  Result<void> feed(std::string_view bytes, std::vector<Bytes>& out, int& pongs);
  // Bytes are kept of a message that is not complete.
  bool amid_message() const { return !pending_.empty() || to_skip_ > 0; }

 private:
  std::string pending_;
  std::size_t scanned_ = 0;  // of pending_, already searched for the end of the header section
  std::size_t needed_ =
      0;  // length of the message at the front, once its header section is complete; 0: unknown
  std::uint32_t to_skip_ = 0;  // bytes to come of a body that is too large
};

}  // namespace usher::sip
