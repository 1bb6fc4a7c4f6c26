// What a second reading of the configuration changes in a process that runs.
#pragma once

#include <string>
#include <vector>

#include "core/config.hpp"

namespace usher {

struct ConfigChanges {
  std::vector<std::string> live;     // "timers.attempt: 4s -> 2s": take effect at once
  std::vector<std::string> restart;  // "listen", "timers.t1": only the next process has them
};

// What of `fresh` differs from what is in force. A token's value is never told.
ConfigChanges compare(const Config& running, const Config& fresh);

// Takes over what may change at run time, and nothing else: the log's levels, and the timers
// attempt, ring_limit and drain. T1 and its kin are part of running transactions.
void take_over(Config& running, const Config& fresh);

}  // namespace usher
