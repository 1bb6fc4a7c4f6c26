#include "sip/b2bua/large_requests.hpp"

#include <fmt/format.h>

#include "core/limits.hpp"

namespace usher::sip {
namespace {

// For how long a target is taken at what it has shown. TCP that was opened meanwhile is found then.
constexpr std::chrono::minutes kMemory{10};
constexpr std::size_t kTargets = 4096;

std::optional<net::IpAddress> address_of(const Listener& listener) {
  if (const auto endpoint = net::Endpoint::parse(listener.sent_by)) return endpoint->address;
  if (const auto address = net::IpAddress::parse(listener.sent_by)) return *address;
  return std::nullopt;
}

std::string_view host_of(std::string_view sent_by) {
  return sent_by.substr(0, sent_by.rfind(':'));
}

}  // namespace

bool LargeRequests::concerns(const Bytes& request, const net::Flow& flow) {
  return flow.transport == net::Transport::udp && request.size() > limits::kDatagramRequestBytes;
}

// The listener of the same host as the one in use, so that the target sees the address it knows;
// else the first of the target's family.
std::optional<net::Flow> LargeRequests::stream_to(const net::Flow& flow) const {
  const std::string_view host = host_of(listeners_.at(flow.listener.value).sent_by);
  std::optional<net::Flow> found;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    const Listener& listener = listeners_[i];
    if (listener.transport != net::Transport::tcp) continue;
    const auto address = address_of(listener);
    if (address && address->is_v4() != flow.remote.address.is_v4()) continue;
    const bool same = host_of(listener.sent_by) == host;
    if (found && !same) continue;
    found = net::Flow{
        net::Transport::tcp, net::ListenerId{static_cast<std::uint16_t>(i)}, {}, flow.remote};
    if (same) break;
  }
  return found;
}

std::optional<net::Flow> LargeRequests::way(Instant now, const net::Flow& flow, Side towards,
                                            Method method, std::size_t bytes) {
  const auto in_fragments = [&](std::string_view why) {
    events_.push_back(
        Fragmented{.target = flow.remote,
                   .text = fmt::format("{} to {}: {} bytes go over UDP in fragments, {}",
                                       method_text(method), flow.remote.text(), bytes, why)});
    return std::nullopt;
  };
  if (towards == Side::phone) return in_fragments("the only way to this phone");
  const auto stream = stream_to(flow);
  if (!stream) return in_fragments("since no TCP listener of ours reaches it");
  if (has_tcp(now, flow.remote) == false) return in_fragments("since it has no TCP");
  return stream;
}

std::optional<net::Flow> LargeRequests::way_of_ack(const net::Flow& flow, Side towards) const {
  const auto known = targets_.find(flow.remote);
  if (towards == Side::phone || known == targets_.end() || !known->second.has_tcp)
    return std::nullopt;
  return stream_to(flow);
}

void LargeRequests::answered(Instant now, Cookie cookie) {
  const auto spare = spares_.find(cookie);
  if (spare == spares_.end()) return;
  learn(now, spare->second.flow.remote, true);
  spares_.erase(spare);
}

std::optional<LargeRequests::Spare> LargeRequests::failed(Instant now, Cookie cookie,
                                                          std::string_view why) {
  const auto found = spares_.find(cookie);
  if (found == spares_.end()) return std::nullopt;
  Spare spare = std::move(found->second);
  spares_.erase(found);
  const net::Endpoint& target = spare.flow.remote;
  learn(now, target, false);
  events_.push_back(Fragmented{
      .target = target,
      .is_news = true,
      .text = fmt::format("{} has no TCP: {} bytes go over UDP in fragments ({}, {})",
                          target.text(), spare.bytes.size(), method_text(spare.method), why)});
  return spare;
}

void LargeRequests::learn(Instant now, const net::Endpoint& target, bool has_tcp) {
  if (targets_.size() >= kTargets && !targets_.contains(target)) {
    std::erase_if(targets_, [&](const auto& known) { return known.second.until <= now; });
    if (targets_.size() >= kTargets) targets_.erase(targets_.begin());
  }
  targets_[target] = {has_tcp, now + kMemory};
}

std::optional<bool> LargeRequests::has_tcp(Instant now, const net::Endpoint& target) const {
  const auto known = targets_.find(target);
  if (known == targets_.end() || known->second.until <= now) return std::nullopt;
  return known->second.has_tcp;
}

}  // namespace usher::sip
