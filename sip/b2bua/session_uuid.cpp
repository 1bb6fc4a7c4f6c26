#include "sip/b2bua/session_uuid.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace usher::sip {

namespace {

constexpr std::size_t kUuidLength = 32;
constexpr std::string_view kUuidDigits = "0123456789abcdef";

}  // namespace

std::string session_uuid(const HashKey& key, std::string_view dialog) {
  std::string text = "session-id\n";
  text += dialog;
  std::string out;
  for (int half = 0; half < 2; ++half) {
    const std::uint64_t bits = siphash(key, text);
    for (int shift = 60; shift >= 0; shift -= 4) out += kUuidDigits[bits >> shift & 15];
    text += "\n2";
  }
  out[12] = '4';                                               // the version
  out[16] = kUuidDigits[8 | (kUuidDigits.find(out[16]) & 3)];  // the variant
  return out;
}

std::string session_value(std::string_view ours, std::string_view peer) {
  std::string out{ours.empty() ? kNilUuid : ours};
  out += ";remote=";
  return out += peer.empty() ? kNilUuid : peer;
}

std::optional<std::string_view> local_uuid(std::string_view value) {
  std::string_view uuid = value.substr(0, value.find(';'));
  while (uuid.ends_with(' ') || uuid.ends_with('\t')) uuid.remove_suffix(1);
  const bool digits = std::all_of(uuid.begin(), uuid.end(), [](char c) {
    return kUuidDigits.find(c) != std::string_view::npos;
  });
  if (uuid.size() != kUuidLength || !digits || uuid == kNilUuid) return std::nullopt;
  return uuid;
}

std::string without_local_uuid(std::string_view value) {
  std::string out{kNilUuid};
  return out += value.substr(std::min(value.find(';'), value.size()));
}

}  // namespace usher::sip
