// Changes of calls on their way to the store: gathered for a moment, so that many calls share one
// batch, and a call that is over before its first one never gets there.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class CallSaves {
 public:
  // What kill -9 may cost of the calls that have just been established.
  static constexpr Duration kGather = std::chrono::milliseconds(50);

  // `first`: the store has never been told of this call.
  void put(Instant now, storage::SavedCall call, bool first);
  void remove(Instant now, const std::string& id);

  std::size_t size() const { return waiting_.size(); }
  std::optional<Instant> due() const { return due_; }
  // All that waits.
  std::vector<storage::Change> take();

 private:
  struct Waiting {
    std::optional<storage::SavedCall> call;  // nothing: it is to be deleted
    bool first = false;
  };
  std::unordered_map<std::string, Waiting> waiting_;  // by the call's id
  std::optional<Instant> due_;
};

}  // namespace usher::routing
