// What a target has been through, as far as this process has seen it: the newest of each kind, and
// no more of them than limits say. Pure.
#pragma once

#include <deque>
#include <string>

#include "core/time.hpp"
#include "routing/edge.hpp"

namespace usher::routing {

class TargetHistory {
 public:
  struct Change {
    WallTime at{};
    HealthState health = HealthState::unknown, was = HealthState::unknown;
    std::string reason;
  };
  struct Probe {
    WallTime at{};
    int status = 0;  // 0: no answer, `reason` says why
    Duration rtt{};  // of an answer
    bool failed = false;
    std::string reason;
  };
  // A request that it did not serve.
  struct Failure {
    WallTime at{};
    std::string reason;
  };

  // Reasons are cut at limits::kTargetReasonBytes.
  void changed(Change change);
  void probed(Probe probe);
  void request_failed(Failure failure);

  // Newest first.
  const std::deque<Change>& changes() const { return changes_; }
  const std::deque<Probe>& probes() const { return probes_; }
  const std::deque<Failure>& failures() const { return failures_; }

 private:
  std::deque<Change> changes_;
  std::deque<Probe> probes_;
  std::deque<Failure> failures_;
};

}  // namespace usher::routing
