// What a recorded message says, as far as it can be read: it may be cut off, or no SIP at all.
#pragma once

#include <string>
#include <string_view>

namespace usher::routing {

// Views into the text.
struct Reading {
  bool request = true;
  std::string_view method;  // of a response: its CSeq's
  int status = 0;           // 0: a request
  std::string_view phrase;  // reason phrase
  std::string_view cseq;    // "1 INVITE"

  // "INVITE", "180 Ringing"; of what is no SIP its first bytes.
  std::string label() const;
};
Reading read_message(std::string_view text);

// The value of the first header field of that name (any case, no compact forms); folds end it.
std::string_view header_value(std::string_view text, std::string_view name);
std::string_view body_of(std::string_view text);

// The nonce of the first credentials (a request's) or of the first challenge (a response's).
std::string nonce_of(std::string_view text);

}  // namespace usher::routing
