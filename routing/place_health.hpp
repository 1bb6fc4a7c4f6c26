// Which places of a target fail. A target written as a name may be at several; while one of them
// serves, the target does. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/net/places.hpp"
#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class PlaceHealth {
 public:
  // A probe or a request met no answer there, or 503.
  void failed(storage::TargetId id, const net::Endpoint& place, std::string_view reason);
  // It answered: what was held against it is void. A wish to be left alone holds on.
  void answered(storage::TargetId id, const net::Endpoint& place);
  // RFC 3261 §21.5.4: nothing new for `wait`, at most limits::kRetryAfter; the longest wish holds.
  void leave_alone(Instant now, storage::TargetId id, const net::Endpoint& place, Duration wait);

  // Why it fails, in words; empty: it does not.
  std::string problem(storage::TargetId id, const net::Endpoint& place) const;
  // Until when; nothing when that has passed.
  std::optional<Instant> alone(Instant now, storage::TargetId id, const net::Endpoint& place) const;

  // Whether each of these fails; true when there is none.
  bool all_fail(storage::TargetId id, const std::vector<net::Place>& places) const;

  // Forgets what is none of the target's places.
  void keep(storage::TargetId id, const std::vector<net::Place>& places);

 private:
  struct Entry {
    std::string problem;
    Instant alone_until{};
  };
  const Entry* find(storage::TargetId id, const net::Endpoint& place) const;
  std::map<std::pair<storage::TargetId, net::Endpoint>, Entry> entries_;  // only of bad ones
};

}  // namespace usher::routing
