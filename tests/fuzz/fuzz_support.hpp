// What the fuzz targets share. A broken invariant aborts (core/check.hpp), which is what a fuzzer
// looks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace usher::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline constexpr std::string_view kWebSocketRequest =
    "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n"
    "Sec-WebSocket-Version: 13\r\n\r\n";

// Every view that a parser returns lies within what it was given.
inline void within(std::string_view part, std::string_view whole) {
  if (part.empty()) return;
  USHER_CHECK(part.data() >= whole.data() &&
              part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace usher::fuzz
