#include "admin/ladder/pcap.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace usher::admin {

using routing::Ladder;
using routing::LadderItem;
using routing::LadderKind;

namespace {

constexpr std::uint16_t kLinkRaw = 101;
constexpr std::uint16_t kComment = 1;  // opt_comment
constexpr std::size_t kUdpHeader = 8, kV4Header = 20;
constexpr std::size_t kMostPayload = 65535 - kV4Header - kUdpHeader;
constexpr char kUdp = 17;

// The blocks of a pcapng file are in the byte order of their writer; this one writes the low byte
// first.
void little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

void network(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

void pad(std::string& out) {
  while (out.size() % 4 != 0) out.push_back('\0');
}

std::string block(std::uint32_t type, std::string body) {
  pad(body);
  std::string out;
  const std::uint64_t length = body.size() + 12;
  little(out, type, 4);
  little(out, length, 4);
  out += body;
  little(out, length, 4);
  return out;
}

// RFC 1071, not yet complemented.
std::uint32_t sum_of(std::string_view bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]));
    sum += i % 2 == 0 ? byte << 8 : byte;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return sum;
}

std::uint16_t checksum(std::uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

std::string address_bytes(const net::IpAddress& address, bool v4) {
  const auto& b = address.bytes();
  std::string out;
  if (!v4 && address.is_v4()) {  // the other end is IPv6: IPv4-mapped (RFC 4291 §2.5.5.2)
    out.assign(10, '\0');
    out += "\xff\xff";
  }
  for (std::size_t i = 0; i < (address.is_v4() ? 4U : 16U); ++i)
    out.push_back(static_cast<char>(b[i]));
  return out;
}

// What stands before the payload; `length` is the payload's on the wire.
std::string headers(const net::Endpoint& from, const net::Endpoint& to, std::size_t length,
                    std::string_view payload) {
  const bool v4 = from.address.is_v4() && to.address.is_v4();
  const std::string source = address_bytes(from.address, v4);
  const std::string target = address_bytes(to.address, v4);
  const std::size_t datagram = kUdpHeader + length;
  std::string udp;
  network(udp, from.port, 2);
  network(udp, to.port, 2);
  network(udp, datagram, 2);

  std::string out;
  if (v4) {
    out.append("\x45\x00", 2);
    network(out, kV4Header + datagram, 2);
    out.append("\x00\x00\x40\x00\x40", 5);  // identification, don't fragment, TTL 64
    out.push_back(kUdp);
    const std::uint16_t sum = checksum(sum_of(source + target, sum_of(out)));
    network(out, sum, 2);
    network(udp, 0, 2);  // RFC 768: none
  } else {
    out.append("\x60\x00\x00\x00", 4);
    network(out, datagram, 2);
    out.push_back(kUdp);
    out.push_back(64);
    // RFC 8200 §8.1: over a pseudo-header, and not 0. Of a truncated message it cannot be right.
    std::string pseudo = source + target;
    network(pseudo, datagram, 4);
    network(pseudo, kUdp, 4);
    const std::uint16_t sum =
        checksum(sum_of(payload, sum_of(udp + std::string(2, '\0'), sum_of(pseudo))));
    network(udp, sum == 0 ? 0xffffU : sum, 2);
  }
  return out + source + target + udp;
}

std::string packet(const LadderItem& item, std::uint64_t microseconds) {
  net::Endpoint local = item.local;
  std::string comment;
  if (item.transport != net::Transport::udp) {
    comment = "over " + std::string{net::transport_name(item.transport)} + ", our port " +
              std::to_string(local.port);
    local.port = 5060;
  }
  if (item.kind == LadderKind::dropped) comment += comment.empty() ? "dropped" : ", dropped";
  if (item.text.size() < item.bytes) comment += comment.empty() ? "truncated" : ", truncated";

  const std::string_view payload{item.text};
  const std::size_t length = std::min(item.bytes, kMostPayload);
  const std::string head = item.received ? headers(item.remote, local, length, payload)
                                         : headers(local, item.remote, length, payload);
  std::string body;
  little(body, 0, 4);  // the interface
  little(body, microseconds >> 32, 4);
  little(body, microseconds & 0xffffffff, 4);
  little(body, head.size() + payload.size(), 4);
  little(body, head.size() + length, 4);
  body += head;
  body += payload;
  pad(body);
  if (!comment.empty()) {
    little(body, kComment, 2);
    little(body, comment.size(), 2);
    body += comment;
    pad(body);
    little(body, 0, 4);  // opt_endofopt
  }
  return block(6, std::move(body));
}

}  // namespace

std::string ladder_pcap(const Ladder& ladder) {
  std::string section;
  little(section, 0x1a2b3c4d, 4);
  little(section, 1, 2);  // version 1.0
  little(section, 0, 2);
  little(section, ~std::uint64_t{0}, 8);  // the section's length is not told
  std::string out = block(0x0a0d0d0a, std::move(section));
  std::string interface;
  little(interface, kLinkRaw, 2);
  little(interface, 0, 2);
  little(interface, 0, 4);  // no limit of length; times in microseconds
  out += block(1, std::move(interface));
  for (const LadderItem& item : ladder.items) {
    if (item.kind == LadderKind::note) continue;
    const Duration when =
        std::chrono::duration_cast<Duration>(ladder.items.front().wall.time_since_epoch()) +
        item.offset;
    out += packet(item, static_cast<std::uint64_t>(when.count()));
  }
  return out;
}

}  // namespace usher::admin
