#include "routing/affinity.hpp"

#include <string>

namespace usher::routing {

Affinity::Key Affinity::key_of(std::string_view call_id, std::string_view from_tag) const {
  std::string text{call_id};
  text.append("\n").append(from_tag);
  return siphash(key_, text);
}

void Affinity::set(Instant now, Key key, const Challenger& challenger) {
  entries_[key] = Entry{challenger, now + lifetime_};
  order_.push_back(Due{now + lifetime_, key});
  while (order_.size() > capacity_) {
    const Due oldest = order_.front();
    order_.pop_front();
    if (const auto e = entries_.find(oldest.key);
        e != entries_.end() && e->second.due == oldest.due)
      entries_.erase(e);
  }
}

std::optional<Affinity::Challenger> Affinity::find(Instant now, Key key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end() || found->second.due <= now) return std::nullopt;
  return found->second.challenger;
}

std::optional<Instant> Affinity::next_expiry() const {
  if (order_.empty()) return std::nullopt;
  return order_.front().due;
}

void Affinity::expire(Instant now) {
  while (!order_.empty() && order_.front().due <= now) {
    const Due oldest = order_.front();
    order_.pop_front();
    if (const auto e = entries_.find(oldest.key); e != entries_.end() && e->second.due <= now)
      entries_.erase(e);
  }
}

}  // namespace usher::routing
