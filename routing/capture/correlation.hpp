// Which trace a Call-ID belongs to, for as long as messages with it may come: both legs of a call,
// all attempts of it, and what is said in its dialogs have one. Pure.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/limits.hpp"
#include "core/rng.hpp"
#include "routing/recent.hpp"
#include "routing/recorder/trace.hpp"

namespace usher::routing {

// What belongs to a live call is held until that ends. All else (registrations, subscriptions,
// calls that were) lies in a table of limits::kCorrelations, where what was asked for longest ago
// gives way.
class Correlation {
 public:
  // `key` is of this process alone.
  explicit Correlation(const HashKey& key) : key_(key) {}

  // From now on the Call-ID belongs to `trace`. An empty one and trace 0 are passed over.
  void learn(std::string_view call_id, TraceId trace);
  // 0: unknown.
  TraceId find(std::string_view call_id);

  void call_begun(TraceId trace);  // its Call-IDs are held
  void call_ended(TraceId trace);  // and from now on remembered for a while

  std::size_t size() const { return held_.size() + recent_.size(); }

 private:
  HashKey key_;
  boost::unordered_flat_map<std::uint64_t, TraceId> held_;
  boost::unordered_flat_map<TraceId, std::vector<std::uint64_t>> calls_;  // keys of held_
  RecentTable<TraceId> recent_{limits::kCorrelations};
};

}  // namespace usher::routing
