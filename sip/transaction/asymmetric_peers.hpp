// Who sends from one port and listens on another: without rport his responses belong to the port
// of his Via (RFC 3261 §18.2.2), while a phone behind NAT is only reached where its packets come
// from. Both are served: the answer goes to the packet's source, and to the Via's port too once a
// request that had its final response has come twice again. That is remembered for the source, and
// requests to it go both ways as well. Only the port is the peer's own word: the address is the
// packet's.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "core/net/flow.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

class AsymmetricPeers {
 public:
  static constexpr std::uint8_t kRepeats = 2;

  // The port that the sender of `request` may listen on instead of the one it came from; 0: none,
  // since they are the same, it wrote rport (RFC 3581), or came over a stream.
  static std::uint16_t other_port(const Message& request, const net::Flow& flow);

  bool knows(const net::Endpoint& source) const { return known_.contains(source); }
  // Where a known one listens; 0: it is not known.
  std::uint16_t port_of(const net::Endpoint& source) const;
  // The oldest gives way at the limit.
  void add(const net::Endpoint& source, std::uint16_t port);
  std::size_t size() const { return known_.size(); }

  static constexpr std::size_t kLimit = 4096;

 private:
  std::unordered_map<net::Endpoint, std::uint16_t> known_;
  std::deque<net::Endpoint> in_order_;
};

}  // namespace usher::sip
