// In which order the targets of a set are tried. Which of them may be tried at all is the caller's
// question (routing/candidates.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "core/rng.hpp"
#include "storage/records.hpp"

namespace usher::routing {

using TargetOrder = std::vector<const storage::Target*>;

class Dispatcher {
 public:
  // `key` should last over restarts: the hash algorithm then keeps its choices.
  explicit Dispatcher(const HashKey& key) : key_(key) {}

  // `usable` in the order of their ids. The first is the choice, the others are what is tried after
  // it.
  //   round robin: each in turn, the following ones after it
  //   weighted:    in proportion to the weights and evenly spread (smooth weighted round robin),
  //   then by weight priority:    the lowest number first, round robin among equals, then the next
  //   number hash:        by the AoR (rendezvous hashing): a target that comes or goes moves only
  //   its own share
  TargetOrder order(const storage::DispatcherSet& set, TargetOrder usable, std::string_view aor);

  // `first` in front when it is usable, without moving anybody's turn; empty when it isn't.
  TargetOrder sticky(const TargetOrder& usable, storage::TargetId first) const;

  void forget(storage::SetId set) { sets_.erase(set); }

 private:
  struct Turn {
    std::uint64_t next = 0;
    std::map<storage::TargetId, std::int64_t> credit;  // weighted
  };
  TargetOrder weighted(Turn& turn, TargetOrder usable);
  TargetOrder hashed(TargetOrder usable, std::string_view aor) const;

  HashKey key_;
  std::map<storage::SetId, Turn> sets_;
};

}  // namespace usher::routing
