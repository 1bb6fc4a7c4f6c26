// A flow: the way a packet came, and so the way an answer goes back (RFC 5626 §2).
#pragma once

#include <cstdint>
#include <functional>

#include "core/bytes.hpp"
#include "core/net/address.hpp"
#include "core/strong.hpp"

namespace usher::net {

// Which of the configured listeners, in the order of the configuration file, from 0.
using ListenerId = Strong<struct ListenerTag, std::uint16_t>;
// A stream connection of this process; never reused. 0: none yet.
using ConnectionId = Strong<struct ConnectionTag, std::uint64_t>;

// One that an earlier process had: what is sent on it fails at once.
inline constexpr ConnectionId kGoneConnection{~std::uint64_t{0}};

// UDP: (listener, remote). Streams: the connection; with connection 0, "whatever connection to
// `remote` there is, or a new one".
struct Flow {
  Transport transport = Transport::udp;
  ListenerId listener;
  ConnectionId connection;
  Endpoint remote;
  friend auto operator<=>(const Flow&, const Flow&) = default;
};

struct Packet {
  Bytes data;
  Flow flow;
};

}  // namespace usher::net

template <>
struct std::hash<usher::net::Flow> {
  std::size_t operator()(const usher::net::Flow& f) const {
    std::size_t h = std::hash<usher::net::Endpoint>{}(f.remote);
    h ^= std::hash<std::uint64_t>{}(f.connection.value) * 0x9E3779B97F4A7C15ULL;
    return h ^ (std::size_t{f.listener.value} << 8) ^ static_cast<std::size_t>(f.transport);
  }
};
