// Our listeners as ways out: which of them reaches an address.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/net/flow.hpp"
#include "sip/stack.hpp"

namespace usher::routing {

class Outlets {
 public:
  explicit Outlets(const std::vector<sip::Listener>& listeners);

  // The listener to send from: of this transport, of the address's family as far as its own address
  // tells, on loopback for a loopback address if there is such a one, and among these the one
  // configured first, always the same one: a challenge and its answer leave from one local address
  // (rule 11).
  std::optional<net::ListenerId> towards(net::Transport transport,
                                         const net::IpAddress& address) const;
  // A stored flow's listener may have gone from the configuration.
  bool has(const net::Flow& flow) const;
  const std::string& sent_by(net::ListenerId id) const;
  std::size_t size() const { return listeners_.size(); }

 private:
  struct Outlet {
    net::Transport transport;
    std::string sent_by;
    std::optional<net::IpAddress> address;  // absent: a host name
  };
  std::vector<Outlet> listeners_;
};

}  // namespace usher::routing
