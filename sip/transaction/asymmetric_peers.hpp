// Who sends from one port and listens on another: without rport his responses belong to the port
// of his Via (RFC 3261 §18.2.2), while a phone behind NAT is only reached where its packets come
// from. Both are served: the answer goes to the packet's source, and to the Via's port too once a
// request that had its final response has come twice again. That is remembered for the source.
// Requests to it go both ways only where the Via's host is the packet's source: behind a NAT that
// port may be somebody else's, who would answer. Only the port is the peer's own word.
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

  // The same, if a request may be sent to it.
  static std::uint16_t request_port(const Message& request, const net::Flow& flow);

  bool knows(const net::Endpoint& source) const { return known_.contains(source); }
  // Where requests to a known one go as well; 0: nowhere.
  std::uint16_t port_of(const net::Endpoint& source) const;
  // `port`: of its requests, see request_port(). The oldest gives way at the limit.
  void add(const net::Endpoint& source, std::uint16_t port);
  // A request has come from there: what is known of a source changes with it, and ends when it asks
  // for its answers where it sends from.
  void seen(const Message& request, const net::Flow& flow);
  std::size_t size() const { return known_.size(); }

  static constexpr std::size_t kLimit = 4096;

 private:
  std::unordered_map<net::Endpoint, std::uint16_t> known_;
  std::deque<net::Endpoint> in_order_;
};

}  // namespace usher::sip
