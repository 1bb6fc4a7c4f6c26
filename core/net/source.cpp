#include "core/net/source.hpp"

#include <string>

namespace usher::net {

Cidr network_of(const IpAddress& address, std::uint8_t bits) {
  auto bytes = address.bytes();
  const std::size_t length = address.is_v4() ? 4 : 16;
  for (std::size_t i = 0; i < length; ++i) {
    const int left = static_cast<int>(bits) - static_cast<int>(8 * i);
    if (left >= 8) continue;
    const unsigned mask = left <= 0 ? 0U : 0xffU << (8 - left);
    bytes[i] = static_cast<std::uint8_t>(bytes[i] & mask);
  }
  if (!address.is_v4()) return {IpAddress::v6(bytes), bits};
  const std::uint32_t host_order = (std::uint32_t{bytes[0]} << 24) |
                                   (std::uint32_t{bytes[1]} << 16) |
                                   (std::uint32_t{bytes[2]} << 8) | bytes[3];
  return {IpAddress::v4(host_order), bits};
}

Cidr source_network(const IpAddress& address) {
  return network_of(address, address.is_v4() ? 32 : 64);
}

IpAddress source_of(const IpAddress& address) {
  return address.is_v4() ? address : source_network(address).base;
}

bool overlap(const Cidr& a, const Cidr& b) {
  return a.contains(b.base) || b.contains(a.base);
}

std::uint64_t source_key(const HashKey& key, char what, const IpAddress& source,
                         std::string_view name) {
  std::string text(1, what);
  for (const std::uint8_t byte : source.bytes()) text.push_back(static_cast<char>(byte));
  return siphash(key, text.append(1, source.is_v4() ? '4' : '6').append(name));
}

}  // namespace usher::net
