// Probes of all places of a target at once: the first that is well answers for the target, and only
// when each has failed has the target. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/net/address.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class ProbeRounds {
 public:
  using Mark = std::uint64_t;

  // The marks of the probes to send, one for each place; not empty.
  std::vector<Mark> begin(storage::TargetId target, const std::vector<net::Endpoint>& places);

  struct Ended {
    storage::TargetId target = 0;
    net::Endpoint place;
    bool well = false;     // a final response but 408 and 503
    bool decides = false;  // the target's probe is over, with this result
  };
  // Nothing: there is no such probe. status 0: no answer.
  std::optional<Ended> ended(Mark mark, int status);

 private:
  struct Probe {
    storage::TargetId target = 0;
    net::Endpoint place;
    std::uint64_t round = 0;
  };
  struct Round {
    std::size_t open = 0;
    bool decided = false;
  };
  std::unordered_map<Mark, Probe> probes_;
  std::unordered_map<std::uint64_t, Round> rounds_;
  Mark last_ = 0;
};

}  // namespace usher::routing
