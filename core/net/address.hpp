// IP addresses, endpoints, networks, and the one place where an operator's way of writing a
// destination is understood. Pure text and numbers: no name is resolved here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace usher::net {

// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is held as the IPv4 address it names, so
// that one peer has one spelling. Default-constructed: 0.0.0.0.
class IpAddress {
 public:
  IpAddress() = default;
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
  // "10.0.0.1", "2001:db8::1", "[2001:db8::1]". No zone ids, no octal, no shortened IPv4.
  static Result<IpAddress> parse(std::string_view text);

  bool is_v4() const { return v4_; }
  bool is_unspecified() const;
  bool is_loopback() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }  // v4: the first four
  std::string text() const;      // canonical (RFC 5952), IPv6 without brackets
  std::string uri_host() const;  // as it stands in a SIP URI or Via: IPv6 in brackets

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  bool v4_ = true;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  std::string text() const;  // "10.0.0.1:5060", "[2001:db8::1]:5060"
  // "10.0.0.1:5060" or "[::1]:5060"; the port is required.
  static Result<Endpoint> parse(std::string_view text);
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// A network: "10.0.1.0/28", "2001:db8::/32", or one address. Host bits must be zero.
struct Cidr {
  IpAddress base;
  std::uint8_t bits = 32;
  static Result<Cidr> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string text() const;
  friend auto operator<=>(const Cidr&, const Cidr&) = default;
};

enum class Transport : std::uint8_t { udp, tcp, tls, ws, wss };

std::string_view transport_name(Transport t);  // "udp", …, "wss"
// As in a URI's transport parameter: "ws" for a WebSocket, secure or not (RFC 7118 §5.2).
std::string_view uri_transport(Transport t);
std::string_view via_transport(Transport t);                      // "UDP", …: as in a Via
std::optional<Transport> parse_transport(std::string_view text);  // without case
constexpr bool is_reliable(Transport t) {
  return t != Transport::udp;
}
constexpr bool is_secure(Transport t) {
  return t == Transport::tls || t == Transport::wss;
}
constexpr bool is_websocket(Transport t) {
  return t == Transport::ws || t == Transport::wss;
}
// RFC 3261 §19.1.2, RFC 7118 §5.3.
constexpr std::uint16_t default_port(Transport t) {
  switch (t) {
    case Transport::udp:
    case Transport::tcp: return 5060;
    case Transport::tls: return 5061;
    case Transport::ws: return 80;
    case Transport::wss: return 443;
  }
  return 5060;
}

// A host and perhaps a port, as in an `advertise`: "203.0.113.5", "edge.example.com:5070",
// "[2001:db8::1]:5060", "2001:db8::1".
struct HostPort {
  std::string host;  // lower case; an address in its canonical text, without brackets
  std::optional<IpAddress> address;   // absent for a host name
  std::optional<std::uint16_t> port;  // never 0
  std::string uri_host() const { return address ? address->uri_host() : host; }
  static Result<HostPort> parse(std::string_view text);
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// Where a backend is: what an operator wrote, understood once. The spellings `10.0.1.100`,
// `10.0.1.100:5060`, `sip:10.0.1.100`, `sip:10.0.1.100:5060`, `sip:10.0.1.100;transport=tcp`,
// `sip:user@10.0.1.100` (the user is refused) and IPv6 in brackets give equal values.
// With a host name, a port or transport that is not written is not the default one but any: DNS
// says which (RFC 3263 §4). `sips:10.0.1.100` is `sip:10.0.1.100;transport=tls`, with port 5061.
// WebSocket is refused with Errc::unsupported: it is for phones, which make the connection.
struct Destination {
  std::string host;                  // lower case; an address in its canonical text
  std::optional<IpAddress> address;  // absent for a host name
  std::uint16_t port = 5060;
  Transport transport = Transport::udp;
  // Of a host name without a port, and without a transport too: `port` and `transport` hold where
  // nothing else is known.
  bool any_port = false, any_transport = false;
  // Canonical: "sip:10.0.1.100:5060", ";transport=tcp" when not UDP; "sip:pbx.example.com",
  // "sip:pbx.example.com;transport=udp" for names without a port.
  std::string text() const;
  static Result<Destination> parse(std::string_view text);
  friend bool operator==(const Destination&, const Destination&) = default;
};

}  // namespace usher::net

template <>
struct std::hash<usher::net::IpAddress> {
  std::size_t operator()(const usher::net::IpAddress& a) const;
};
template <>
struct std::hash<usher::net::Endpoint> {
  std::size_t operator()(const usher::net::Endpoint& e) const;
};
