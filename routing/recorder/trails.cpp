// The recorder's requests, one after the other from the newest on.
#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>

#include "routing/recorder/recorder.hpp"

namespace usher::routing {

Trails Recorder::trails(std::uint64_t before, std::size_t most,
                        const std::optional<net::Cidr>& source) const {
  Trails out;
  if (!ring_) return out;
  const std::array rings{&*ring_, &*strangers_};
  std::array<std::size_t, 2> left{rings[0]->size(), rings[1]->size()};
  const auto newest = [&](std::size_t r) -> const RingEntry* {
    for (; left[r] > 0; --left[r]) {
      const RingEntry& e = (*rings[r])[left[r] - 1];
      if (e.kind == RecordKind::begin && e.trace != 0 && e.sequence < before &&
          (!source || source->contains(e.remote.address)))
        return &e;
    }
    return nullptr;
  };
  boost::unordered_flat_map<TraceId, std::size_t> places;
  std::uint64_t last = before;
  for (std::size_t looked = 0;; ++looked) {
    const RingEntry* const a = newest(0);
    const RingEntry* const b = newest(1);
    if (!a && !b) break;
    if (looked == most) {
      out.older = last;
      break;
    }
    const bool first = !b || (a && a->sequence > b->sequence);
    const RingEntry* const begin = first ? a : b;
    last = begin->sequence;
    --left[first ? 0 : 1];
    if (places.emplace(begin->trace, out.items.size()).second) out.items.push_back({begin, {}});
  }

  for (const RecordRing* ring : rings) {
    for (std::size_t i = 0; i < ring->size(); ++i) {
      const RingEntry& e = (*ring)[i];
      if (is_message(e.kind) || e.sequence < last) continue;
      const auto found = places.find(e.trace);
      if (found == places.end()) continue;
      Trail& trail = out.items[found->second];
      if (!trail.begin || e.sequence < trail.begin->sequence) continue;
      if (e.kind == RecordKind::begin && &e != trail.begin) {
        trail.begin = nullptr;  // a challenged call has come again since then: it is told of there
      } else {
        trail.steps.emplace_back(&e, ring->text(e));
      }
    }
  }
  std::erase_if(out.items, [](const Trail& trail) { return !trail.begin; });
  for (Trail& trail : out.items) {
    // One trace may lie in both rings.
    std::sort(trail.steps.begin(), trail.steps.end(),
              [](const auto& x, const auto& y) { return x.first->sequence < y.first->sequence; });
  }
  return out;
}

}  // namespace usher::routing
