// Recorded messages as a capture file that Wireshark opens.
#pragma once

#include <string>

#include "routing/ladder.hpp"

namespace usher::admin {

// pcapng (draft-ietf-opsawg-pcapng), link type RAW: each message as one UDP datagram with the
// addresses and ports it had, over IPv4 or IPv6. What went over TCP, TLS or WebSocket is written in
// the clear in the same way, with a comment that says so, and with port 5060 in place of our own
// one, by which readers know SIP. Credentials are redacted; a truncated message is marked as one.
// Notes are left out.
std::string ladder_pcap(const routing::Ladder& ladder);

}  // namespace usher::admin
