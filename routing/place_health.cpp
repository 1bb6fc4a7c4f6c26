#include "routing/place_health.hpp"

#include <algorithm>

#include "core/limits.hpp"

namespace usher::routing {

void PlaceHealth::failed(storage::TargetId id, const net::Endpoint& place,
                         std::string_view reason) {
  entries_[{id, place}].problem = reason.empty() ? "it failed" : reason;
}

void PlaceHealth::answered(storage::TargetId id, const net::Endpoint& place) {
  const auto found = entries_.find({id, place});
  if (found == entries_.end()) return;
  found->second.problem.clear();
  if (found->second.alone_until == Instant{}) entries_.erase(found);
}

void PlaceHealth::leave_alone(Instant now, storage::TargetId id, const net::Endpoint& place,
                              Duration wait) {
  Entry& entry = entries_[{id, place}];
  entry.alone_until =
      std::max(entry.alone_until, now + std::min<Duration>(wait, limits::kRetryAfter));
}

const PlaceHealth::Entry* PlaceHealth::find(storage::TargetId id,
                                            const net::Endpoint& place) const {
  const auto found = entries_.find({id, place});
  return found == entries_.end() ? nullptr : &found->second;
}

std::string PlaceHealth::problem(storage::TargetId id, const net::Endpoint& place) const {
  const Entry* entry = find(id, place);
  return entry ? entry->problem : std::string{};
}

std::optional<Instant> PlaceHealth::alone(Instant now, storage::TargetId id,
                                          const net::Endpoint& place) const {
  const Entry* entry = find(id, place);
  if (!entry || entry->alone_until <= now) return std::nullopt;
  return entry->alone_until;
}

bool PlaceHealth::all_fail(storage::TargetId id, const std::vector<net::Place>& places) const {
  return std::all_of(places.begin(), places.end(), [&](const net::Place& place) {
    const Entry* entry = find(id, place.endpoint);
    return entry && !entry->problem.empty();
  });
}

void PlaceHealth::keep(storage::TargetId id, const std::vector<net::Place>& places) {
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.first.first == id &&
           std::none_of(places.begin(), places.end(), [&](const net::Place& place) {
             return place.endpoint == entry.first.second;
           });
  });
}

}  // namespace usher::routing
