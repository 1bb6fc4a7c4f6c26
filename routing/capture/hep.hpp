// HEP version 3, in which a capture server (Homer) is sent what was on the wire: one packet for one
// SIP message, a list of chunks. All numbers are big endian; vendor 0 are the protocol's own
// chunks. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/net/address.hpp"
#include "core/time.hpp"

namespace usher::routing {

// Who sends the packets.
struct HepAgent {
  std::uint32_t id = 2001;  // chunk 12
  std::string password{};   // chunk 14, at most 255 bytes; empty: none
};

struct HepMessage {
  net::Transport transport = net::Transport::udp;
  net::Endpoint source, destination;  // of the same IP version
  Duration since_1970{};
  std::string_view correlation{};  // chunk 17; empty: none
  // As it was on the wire, secrets hidden; the end of what makes the packet longer than
  // limits::kHepBytes is cut off.
  std::string_view payload{};
};

std::string hep_packet(const HepAgent& agent, const HepMessage& message);

}  // namespace usher::routing
