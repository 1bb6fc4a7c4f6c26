#include "routing/origin.hpp"

#include <algorithm>

namespace usher::routing {

bool Origin::speaks_for(storage::SetId set) const {
  return std::find(sets.begin(), sets.end(), set) != sets.end();
}

bool Origin::is(storage::TargetId target) const {
  return std::any_of(backends.begin(), backends.end(),
                     [&](const storage::Target* t) { return t->id == target; });
}

Origin origin_of(const Directory& directory, const net::Endpoint& source) {
  Origin origin;
  origin.backends = directory.backends_at(source.address);
  if (origin.backends.empty()) return origin;
  origin.side = sip::Side::backend;
  std::stable_partition(
      origin.backends.begin(), origin.backends.end(), [&](const storage::Target* t) {
        const auto& places = directory.places_of(*t);
        return std::any_of(places.begin(), places.end(),
                           [&](const net::Place& p) { return p.endpoint.port == source.port; });
      });
  for (const storage::Target* t : origin.backends) {
    if (!origin.speaks_for(t->setid)) origin.sets.push_back(t->setid);
  }
  return origin;
}

}  // namespace usher::routing
