// RFC 3261 §18.1.1: a request above 1300 bytes "MUST be sent using an RFC 2914 congestion
// controlled transport protocol, such as TCP": by TCP to the same address and port where we have a
// listener for it. A target that turns out to have no TCP gets the request in UDP fragments, in a
// transaction of its own, and so do the next ones for a while. Towards phones there is no way but
// their own flow. Pure: which way a request takes and what is known of each target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/bytes.hpp"
#include "sip/message/method.hpp"
#include "sip/plan.hpp"
#include "sip/stack.hpp"

namespace usher::sip {

class LargeRequests {
 public:
  // What went by TCP because of its size, as it goes over UDP when that fails.
  struct Spare {
    Method method = Method::other;
    std::string branch;
    Bytes bytes;
    net::Flow flow;
  };

  // Both outlive it. What goes in fragments is told there.
  LargeRequests(const std::vector<Listener>& listeners, std::vector<StackEvent>& events)
      : listeners_(listeners), events_(events) {}

  static bool concerns(const Bytes& request, const net::Flow& flow);
  // The stream to send such a request on; nothing: it goes as it is, in fragments.
  std::optional<net::Flow> way(Instant now, const net::Flow& flow, Side towards, Method method,
                               std::size_t bytes);
  // The same for an ACK, which nobody would send again if TCP failed: only where TCP has
  // worked.
  std::optional<net::Flow> way_of_ack(const net::Flow& flow, Side towards) const;

  void keep(Cookie cookie, Spare spare) { spares_.insert_or_assign(cookie, std::move(spare)); }
  // It was answered, or is over: TCP works there, or its failure has been told.
  void answered(Instant now, Cookie cookie);
  void forget(Cookie cookie) { spares_.erase(cookie); }
  // The transaction's flow failed. When it was on TCP because of its size: what to send instead;
  // its target has no TCP from now on.
  std::optional<Spare> failed(Instant now, Cookie cookie, std::string_view why);

 private:
  struct Known {
    bool has_tcp = false;
    Instant until{};
  };
  std::optional<net::Flow> stream_to(const net::Flow& flow) const;
  void learn(Instant now, const net::Endpoint& target, bool has_tcp);
  // True or false while it is known.
  std::optional<bool> has_tcp(Instant now, const net::Endpoint& target) const;

  const std::vector<Listener>& listeners_;
  std::vector<StackEvent>& events_;
  std::unordered_map<Cookie, Spare> spares_;  // of transactions without an answer
  std::unordered_map<net::Endpoint, Known> targets_;
};

}  // namespace usher::sip
