#include "core/net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/text.hpp"

namespace usher::net {

namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Error not_an_address(std::string_view text) {
  return fail(
      Errc::syntax,
      quoted(text) + " is not an IP address: expected one such as \"10.0.0.1\" or \"2001:db8::1\"");
}

// inet_pton wants a terminated string, and would stop at a NUL inside of ours.
template <int Family, class Out>
bool pton(std::string_view text, Out& out) {
  char terminated[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof terminated || text.find('\0') != std::string_view::npos) return false;
  std::copy(text.begin(), text.end(), terminated);
  return inet_pton(Family, terminated, out.data()) == 1;
}

// Without the mapping of IPv4-in-IPv6, which a prefix length must see.
struct RawAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool v4 = true;
};

std::optional<RawAddress> parse_raw(std::string_view text) {
  RawAddress raw;
  if (text.find(':') == std::string_view::npos) {
    if (pton<AF_INET>(text, raw.bytes)) return raw;
    return std::nullopt;
  }
  raw.v4 = false;
  if (text.size() > 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  if (pton<AF_INET6>(text, raw.bytes)) return raw;
  return std::nullopt;
}

bool is_mapped(const RawAddress& raw) {
  return !raw.v4 && std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), raw.bytes.begin());
}

std::uint32_t v4_number(const std::array<std::uint8_t, 16>& b) {
  return (std::uint32_t{b[0]} << 24) | (std::uint32_t{b[1]} << 16) | (std::uint32_t{b[2]} << 8) |
         b[3];
}

IpAddress make_address(const RawAddress& raw) {
  return raw.v4 ? IpAddress::v4(v4_number(raw.bytes)) : IpAddress::v6(raw.bytes);
}

std::string v6_text(const std::array<std::uint8_t, 16>& bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = (unsigned{bytes[2 * i]} << 8) | bytes[2 * i + 1];
  // RFC 5952 §4.2: the longest run of zero groups, the first of equals, never a single group.
  std::size_t run_at = 8;
  std::size_t run_length = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > run_length) {
      run_at = i;
      run_length = length;
    }
    if (length > 0) i += length - 1;
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == run_at) {
      out += "::";
      i += run_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    char digits[4];
    const auto end = std::to_chars(digits, digits + sizeof digits, groups[i], 16).ptr;
    out.append(digits, end);
  }
  return out;
}

// The bytes after the first `bits` bits.
bool host_bits_zero(const IpAddress& address, unsigned bits) {
  const std::size_t size = address.is_v4() ? 4 : 16;
  for (std::size_t i = 0; i < size; ++i) {
    const unsigned kept = bits > i * 8 ? std::min(8U, bits - static_cast<unsigned>(i) * 8) : 0;
    if ((address.bytes()[i] & (0xffU >> kept)) != 0) return false;
  }
  return true;
}

std::uint64_t word(const std::array<std::uint8_t, 16>& bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress a;
  for (std::size_t i = 0; i < 4; ++i)
    a.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return a;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& bytes) {
  IpAddress a;
  if (is_mapped({bytes, false})) {
    std::copy(bytes.begin() + 12, bytes.end(), a.bytes_.begin());
  } else {
    a.bytes_ = bytes;
    a.v4_ = false;
  }
  return a;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const auto raw = parse_raw(text);
  if (!raw) return not_an_address(text);
  return make_address(*raw);
}

bool IpAddress::is_unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  if (v4_) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; });
}

std::string IpAddress::text() const {
  if (!v4_) return v6_text(bytes_);
  std::string out;
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0) out += '.';
    out += std::to_string(bytes_[i]);
  }
  return out;
}

std::string IpAddress::uri_host() const {
  return v4_ ? text() : "[" + text() + "]";
}

std::string Endpoint::text() const {
  return address.uri_host() + ":" + std::to_string(port);
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto bad = [&] {
    return fail(Errc::syntax, quoted(text) +
                                  " is not an address and port: expected \"10.0.0.1:5060\" or "
                                  "\"[2001:db8::1]:5060\"");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  const std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  // An IPv6 address without brackets would lend its last group as a port.
  if (host.find(':') != std::string_view::npos && host.front() != '[') return bad();
  const auto raw = parse_raw(host);
  if (!raw || digits.empty() ||
      !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return bad();
  }
  Endpoint e{make_address(*raw), 0};
  if (std::from_chars(digits.data(), digits.data() + digits.size(), e.port).ec != std::errc{}) {
    return fail(Errc::range, quoted(text) + " has no valid port: expected 0 to 65535");
  }
  return e;
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto raw = parse_raw(text.substr(0, slash));
  if (!raw) {
    return fail(
        Errc::syntax,
        quoted(text) +
            " is not a network: expected \"10.0.1.0/28\", \"2001:db8::/32\" or one address");
  }
  const unsigned most = raw->v4 ? 32 : 128;
  unsigned bits = most;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    const auto [rest, ec] = std::from_chars(digits.data(), end, bits);
    if (ec != std::errc{} || rest != end || bits > most ||
        (digits.size() > 1 && digits[0] == '0')) {
      return fail(Errc::range, quoted(text) + " has no valid prefix length: expected 0 to " +
                                   std::to_string(most) + " after the slash");
    }
  }
  Cidr c;
  c.base = make_address(*raw);
  if (is_mapped(*raw)) {
    if (bits < 96) {
      return fail(Errc::range,
                  quoted(text) +
                      " mixes IPv4 and IPv6: an IPv4-mapped network has a prefix of at least 96");
    }
    bits -= 96;
  }
  c.bits = static_cast<std::uint8_t>(bits);
  if (!host_bits_zero(c.base, bits)) {
    return fail(
        Errc::range,
        quoted(text) + " has bits set beyond its prefix: expected the network's first address");
  }
  return c;
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.is_v4() != base.is_v4()) return false;
  const auto& a = address.bytes();
  const auto& b = base.bytes();
  const std::size_t whole = bits / 8U;
  if (!std::equal(b.begin(), b.begin() + static_cast<std::ptrdiff_t>(whole), a.begin()))
    return false;
  const unsigned left = bits % 8U;
  return left == 0 || ((a[whole] ^ b[whole]) & (0xff00U >> left) & 0xffU) == 0;
}

std::string Cidr::text() const {
  if (bits == (base.is_v4() ? 32 : 128)) return base.text();
  return base.text() + "/" + std::to_string(bits);
}

namespace {

constexpr std::array<std::string_view, 5> kTransportNames{"udp", "tcp", "tls", "ws", "wss"};
constexpr std::array<std::string_view, 5> kViaTransports{"UDP", "TCP", "TLS", "WS", "WSS"};

}  // namespace

std::string_view uri_transport(Transport t) {
  return transport_name(t == Transport::wss ? Transport::ws : t);
}

std::string_view transport_name(Transport t) {
  return kTransportNames[static_cast<std::size_t>(t)];
}
std::string_view via_transport(Transport t) {
  return kViaTransports[static_cast<std::size_t>(t)];
}

std::optional<Transport> parse_transport(std::string_view text) {
  for (std::size_t i = 0; i < kTransportNames.size(); ++i) {
    if (equals_without_case(kTransportNames[i], text)) return static_cast<Transport>(i);
  }
  return std::nullopt;
}

}  // namespace usher::net

std::size_t std::hash<usher::net::IpAddress>::operator()(const usher::net::IpAddress& a) const {
  using usher::net::mix;
  using usher::net::word;
  return mix(word(a.bytes(), 0) + mix(word(a.bytes(), 8) + (a.is_v4() ? 4 : 6)));
}

std::size_t std::hash<usher::net::Endpoint>::operator()(const usher::net::Endpoint& e) const {
  return usher::net::mix(std::hash<usher::net::IpAddress>{}(e.address) +
                         e.port * 0x9E3779B97F4A7C15ULL);
}
