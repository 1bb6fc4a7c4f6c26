// SIP methods (RFC 3261 §7.1 and the extensions in use). Compared with case.
#pragma once

#include <cstdint>
#include <string_view>

namespace usher::sip {

enum class Method : std::uint8_t {
  invite,
  ack,
  bye,
  cancel,
  options,
  register_,  // RFC 3261
  prack,
  update,
  info,
  message,
  subscribe,
  notify,
  refer,
  publish,  // 3262 3311 6086 3428 6665 6665 3515 3903
  other,    // anything else that is a token
};

Method parse_method(std::string_view token);
std::string_view method_text(Method m);  // "" for other: keep the token beside it

}  // namespace usher::sip
