#include "routing/outlets.hpp"

#include "core/check.hpp"

namespace usher::routing {

Outlets::Outlets(const std::vector<sip::Listener>& listeners) {
  for (const sip::Listener& l : listeners) {
    Outlet outlet{l.transport, l.sent_by, std::nullopt};
    if (const auto endpoint = net::Endpoint::parse(l.sent_by)) {
      outlet.address = endpoint->address;
    } else if (const auto address = net::IpAddress::parse(l.sent_by)) {
      outlet.address = *address;
    }
    listeners_.push_back(std::move(outlet));
  }
}

std::optional<net::ListenerId> Outlets::towards(net::Transport transport,
                                                const net::IpAddress& address) const {
  std::optional<net::ListenerId> fits;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    const Outlet& o = listeners_[i];
    if (o.transport != transport || (o.address && o.address->is_v4() != address.is_v4())) continue;
    const net::ListenerId id{static_cast<std::uint16_t>(i)};
    if (o.address && o.address->is_loopback() == address.is_loopback()) return id;
    if (!fits) fits = id;
  }
  return fits;
}

bool Outlets::has(const net::Flow& flow) const {
  return flow.listener.value < listeners_.size() &&
         listeners_[flow.listener.value].transport == flow.transport;
}

const std::string& Outlets::sent_by(net::ListenerId id) const {
  USHER_CHECK(id.value < listeners_.size());
  return listeners_[id.value].sent_by;
}

}  // namespace usher::routing
