#include "sip/transaction/asymmetric_peers.hpp"

namespace usher::sip {

std::uint16_t AsymmetricPeers::other_port(const Message& request, const net::Flow& flow) {
  const Via& via = request.top_via();
  if (net::is_reliable(flow.transport) || find_param(via.params, "rport") != nullptr) return 0;
  const std::uint16_t port = via.port.value_or(net::default_port(flow.transport));
  return port == flow.remote.port ? std::uint16_t{0} : port;
}

std::uint16_t AsymmetricPeers::request_port(const Message& request, const net::Flow& flow) {
  const auto host = net::IpAddress::parse(request.top_via().host);
  return host && *host == flow.remote.address ? other_port(request, flow) : std::uint16_t{0};
}

void AsymmetricPeers::seen(const Message& request, const net::Flow& flow) {
  const auto found = known_.find(flow.remote);
  if (found == known_.end()) return;
  if (other_port(request, flow) == 0) {
    known_.erase(found);
  } else {
    found->second = request_port(request, flow);
  }
}

std::uint16_t AsymmetricPeers::port_of(const net::Endpoint& source) const {
  const auto found = known_.find(source);
  return found == known_.end() ? std::uint16_t{0} : found->second;
}

void AsymmetricPeers::add(const net::Endpoint& source, std::uint16_t port) {
  if (!known_.emplace(source, port).second) return;
  in_order_.push_back(source);
  if (in_order_.size() <= kLimit) return;
  known_.erase(in_order_.front());
  in_order_.pop_front();
}

}  // namespace usher::sip
