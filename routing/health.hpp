// Which targets are alive: by OPTIONS probes of our own, and by what calls and registrations meet.
// Pure: it says whom to probe and is told what came of it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "core/timers.hpp"
#include "routing/edge.hpp"
#include "routing/target_history.hpp"

namespace usher::routing {

// A target starts as unknown, which counts as usable, and is probed at once. `down_after` failures
// in a row make it down; from there only `up_after` answered probes in a row make it up; from
// unknown one answer does. An answered probe is one with any final response but 408 and 503. A
// request that fails (no answer in its time, transport failure, 503) counts like a failed probe;
// one that is answered ends the row of failures, and no more.
class Health {
 public:
  Health(const Log& log, std::uint64_t seed, EventLog& events)
      : log_(log), rng_(seed), events_(events) {}

  // A target is new, changed, or its set's policy did. A disabled target isn't probed and loses its
  // state.
  void track(const Now& now, const storage::Target& target, const storage::HealthPolicy& policy);
  void forget(storage::TargetId id);
  // Probes it at once, e.g. when its host name has got an address.
  void probe_soon(const Now& now, storage::TargetId id);

  std::optional<Instant> next_deadline() const;
  // Targets whose probe is due now. The next one is armed when its result is in.
  std::vector<storage::TargetId> due(const Now& now);
  Duration timeout_of(storage::TargetId id) const;

  // status 0: no answer, `reason` says why.
  void probed(const Now& now, storage::TargetId id, int status, std::string_view reason,
              Duration rtt);
  // `elsewhere`: another place of it may still serve: the failure is counted, and no more.
  void request_failed(const Now& now, storage::TargetId id, std::string_view reason,
                      bool elsewhere = false);
  void request_answered(storage::TargetId id);
  void attempted(storage::TargetId id);
  // RFC 3261 §21.5.4: no new requests for `wait`, at most limits::kRetryAfter; the longest wish
  // holds.
  void leave_alone(const Now& now, storage::TargetId id, Duration wait);
  bool left_alone(storage::TargetId id) const;

  HealthState state(storage::TargetId id) const;
  // All but addresses and live calls.
  TargetStatus status(storage::TargetId id) const;
  // Null: it is not tracked. What a target has been through outlives a change of it.
  const TargetHistory* history(storage::TargetId id) const;

 private:
  struct Entry {
    TargetStatus status;
    storage::HealthPolicy policy;
    std::string name;  // for the log
    TimerId alone;     // while it is to be left alone
    bool enabled = true;
    std::uint32_t failures_in_row = 0, successes_in_row = 0;
    TimerId timer;
    TargetHistory history;
  };
  void arm(const Now& now, storage::TargetId id, Entry& entry, Duration after);
  void failed(const Now& now, Entry& entry, std::string_view reason);
  void become(const Now& now, Entry& entry, HealthState state, std::string_view reason);

  const Log& log_;
  Rng rng_;
  EventLog& events_;
  std::map<storage::TargetId, Entry> entries_;
  TimerQueue<storage::TargetId> timers_;
  TimerQueue<storage::TargetId> alone_;
};

}  // namespace usher::routing
