#include "core/net/stun.hpp"

#include <cstdint>
#include <string>

namespace usher::net {
namespace {

constexpr std::size_t kHeaderBytes = 20;
constexpr std::uint32_t kCookie = 0x2112A442;
constexpr unsigned kBindingRequest = 0x0001;
constexpr unsigned kBindingSuccess = 0x0101;
constexpr unsigned kXorMappedAddress = 0x0020;
constexpr unsigned kOptionalFrom = 0x8000;  // of attribute types (§15)

unsigned number16(std::string_view text, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(text[at])) << 8 |
         static_cast<unsigned char>(text[at + 1]);
}

void put16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

// Attributes fill the rest exactly, each padded to four bytes, and none has to be understood.
bool harmless_attributes(std::string_view rest) {
  while (!rest.empty()) {
    if (rest.size() < 4 || number16(rest, 0) < kOptionalFrom) return false;
    const std::size_t whole = 4 + (number16(rest, 2) + 3u) / 4 * 4;
    if (whole > rest.size()) return false;
    rest.remove_prefix(whole);
  }
  return true;
}

}  // namespace

bool is_stun(std::string_view datagram) {
  return datagram.size() >= kHeaderBytes && (static_cast<unsigned char>(datagram[0]) & 0xc0) == 0 &&
         (number16(datagram, 4) << 16 | number16(datagram, 6)) == kCookie;
}

std::optional<Bytes> stun_answer(std::string_view datagram, const Endpoint& source) {
  if (!is_stun(datagram) || number16(datagram, 0) != kBindingRequest ||
      number16(datagram, 2) != datagram.size() - kHeaderBytes ||
      !harmless_attributes(datagram.substr(kHeaderBytes)))
    return std::nullopt;
  const std::string_view mask = datagram.substr(4, 16);  // cookie and transaction id
  const std::size_t length = source.address.is_v4() ? 4 : 16;
  std::string out;
  put16(out, kBindingSuccess);
  put16(out, static_cast<unsigned>(8 + length));
  out += mask;
  put16(out, kXorMappedAddress);
  put16(out, static_cast<unsigned>(4 + length));
  put16(out, source.address.is_v4() ? 1 : 2);
  put16(out, source.port ^ kCookie >> 16);
  for (std::size_t i = 0; i < length; ++i)
    out += static_cast<char>(source.address.bytes()[i] ^ static_cast<unsigned char>(mask[i]));
  return Bytes{out};
}

}  // namespace usher::net
