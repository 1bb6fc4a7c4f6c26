#include "routing/keep_alive.hpp"

#include <algorithm>

#include "sip/grammar/grammar.hpp"

namespace usher::routing {

bool KeepAlive::behind_nat(const storage::Binding& binding) {
  if (binding.flow.transport != net::Transport::udp) return false;
  const auto uri = sip::parse_uri(binding.contact);
  if (!uri) return false;
  const auto address = net::IpAddress::parse(uri->host);
  return !address || *address != binding.flow.remote.address;
}

bool KeepAlive::watch(Instant now, const storage::Binding& binding, Duration first) {
  if (interval_ == Duration{} || !behind_nat(binding)) return false;
  if (!tokens_.insert(binding.token).second) return false;
  const Place place{now + first, binding.token};
  // At the end but for what a start spreads.
  row_.insert(std::upper_bound(row_.begin(), row_.end(), place,
                               [](const Place& a, const Place& b) { return a.due < b.due; }),
              place);
  return true;
}

std::vector<sip::Send> KeepAlive::due(Instant now, const Location& location) {
  static const Bytes kPing{"\r\n\r\n"};
  std::vector<sip::Send> out;
  for (std::size_t n = 0; n < kPerWakeUp && !row_.empty() && row_.front().due <= now; ++n) {
    Place place = std::move(row_.front());
    row_.pop_front();
    const auto binding = location.by_token(place.token);
    if (!binding || !behind_nat(*binding)) {
      tokens_.erase(place.token);
      continue;
    }
    out.push_back({binding->flow, kPing});
    place.due = now + interval_;
    row_.push_back(std::move(place));
  }
  return out;
}

std::optional<Instant> KeepAlive::next_deadline() const {
  if (row_.empty()) return std::nullopt;
  return row_.front().due;
}

}  // namespace usher::routing
