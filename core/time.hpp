// Time is an argument. Pure code is given `Now`; only core/reactor and main read a clock.
#pragma once

#include <chrono>
#include <cstdlib>

namespace usher {

using Duration = std::chrono::microseconds;

// Monotonic time. The clock cannot be read: its now() aborts, so a reader by accident is found at
// once.
struct MonotonicClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonotonicClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { std::abort(); }
};

using Instant = MonotonicClock::time_point;

// Calendar time (UTC, Unix epoch), for what is stored, logged and shown; never for timers.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

// Both, sampled once per wake-up of the reactor.
struct Now {
  Instant mono{};
  WallTime wall{};
};

}  // namespace usher
