// Changes of calls and subscriptions on their way to the store: gathered for a moment, so that many
// share one batch, and what is over before its first one never gets there.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class DialogSaves {
 public:
  // What kill -9 may cost of the calls that have just been established.
  static constexpr Duration kGather = std::chrono::milliseconds(50);

  // `id` names the record; `first`: the store has never been told of it.
  void put(Instant now, const std::string& id, storage::Change put, bool first);
  void remove(Instant now, const std::string& id, storage::Change removal);

  std::size_t size() const { return waiting_.size(); }
  std::optional<Instant> due() const { return due_; }
  // All that waits.
  std::vector<storage::Change> take();

 private:
  struct Waiting {
    storage::Change change;
    bool first = false;
  };
  std::unordered_map<std::string, Waiting> waiting_;
  std::optional<Instant> due_;
};

}  // namespace usher::routing
