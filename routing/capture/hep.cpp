#include "routing/capture/hep.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "core/limits.hpp"

namespace usher::routing {

namespace {

enum class Chunk : std::uint16_t {
  ip_family = 1,
  protocol = 2,
  source_v4 = 3,
  destination_v4 = 4,
  source_v6 = 5,
  destination_v6 = 6,
  source_port = 7,
  destination_port = 8,
  seconds = 9,
  microseconds = 10,
  payload_kind = 11,
  agent = 12,
  password = 14,
  payload = 15,
  correlation = 17,
};

// As the operating systems number them: the protocol's AF_INET and AF_INET6 are Linux's.
constexpr std::uint8_t kInet = 2, kInet6 = 10;
constexpr std::uint8_t kTcp = 6, kUdp = 17;
constexpr std::uint8_t kSip = 1;
constexpr std::size_t kChunkHead = 6;        // vendor, type, length
constexpr std::size_t kLengthAt = 4;         // of the packet, after "HEP3"
constexpr std::size_t kLongestName = 1'024;  // of a correlation id

void put16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

std::string number32(std::uint32_t value) {
  std::string out;
  put16(out, value >> 16);
  put16(out, value & 0xffff);
  return out;
}

void put_chunk(std::string& out, Chunk type, std::string_view value) {
  put16(out, 0);
  put16(out, static_cast<std::size_t>(type));
  put16(out, kChunkHead + value.size());
  out += value;
}

void put_byte(std::string& out, Chunk type, std::uint8_t value) {
  const char byte = static_cast<char>(value);
  put_chunk(out, type, {&byte, 1});
}

void put_port(std::string& out, Chunk type, std::uint16_t port) {
  std::string value;
  put16(value, port);
  put_chunk(out, type, value);
}

void put_address(std::string& out, Chunk v4, Chunk v6, const net::IpAddress& address) {
  const auto& bytes = address.bytes();
  put_chunk(out, address.is_v4() ? v4 : v6,
            {reinterpret_cast<const char*>(bytes.data()), address.is_v4() ? std::size_t{4} : 16});
}

}  // namespace

std::string hep_packet(const HepAgent& agent, const HepMessage& message) {
  using std::chrono::duration_cast;
  using std::chrono::seconds;
  const Duration since_1970 = std::max(message.since_1970, Duration{});
  const auto whole = duration_cast<seconds>(since_1970);

  std::string out;
  out.reserve(200 + message.payload.size());
  out += "HEP3";
  put16(out, 0);  // below
  put_byte(out, Chunk::ip_family, message.source.address.is_v4() ? kInet : kInet6);
  put_byte(out, Chunk::protocol, net::is_reliable(message.transport) ? kTcp : kUdp);
  put_address(out, Chunk::source_v4, Chunk::source_v6, message.source.address);
  put_address(out, Chunk::destination_v4, Chunk::destination_v6, message.destination.address);
  put_port(out, Chunk::source_port, message.source.port);
  put_port(out, Chunk::destination_port, message.destination.port);
  put_chunk(out, Chunk::seconds, number32(static_cast<std::uint32_t>(whole.count())));
  put_chunk(out, Chunk::microseconds,
            number32(static_cast<std::uint32_t>((since_1970 - whole).count())));
  put_byte(out, Chunk::payload_kind, kSip);
  put_chunk(out, Chunk::agent, number32(agent.id));
  if (!agent.password.empty()) put_chunk(out, Chunk::password, agent.password);
  if (!message.correlation.empty())
    put_chunk(out, Chunk::correlation, message.correlation.substr(0, kLongestName));
  put_chunk(out, Chunk::payload,
            message.payload.substr(0, limits::kHepBytes - out.size() - kChunkHead));
  out[kLengthAt] = static_cast<char>(out.size() >> 8 & 0xff);
  out[kLengthAt + 1] = static_cast<char>(out.size() & 0xff);
  return out;
}

}  // namespace usher::routing
