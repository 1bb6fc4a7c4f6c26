#include "core/config_overload.hpp"

#include "core/duration.hpp"

namespace usher {

void read_overload(ConfigSection section, OverloadConfig& overload) {
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  using std::chrono::seconds;
  section.expect(
      {"registers_in_flight", "register_queue", "register_wait", "max_lag", "retry_after"});
  const auto number = [&](const char* key, std::size_t& value, std::size_t least,
                          std::size_t most) {
    value = section.number(key, least, most).value_or(value);
  };
  const auto duration = [&](const char* key, Duration& value, Duration least, Duration most) {
    const auto found = section.duration(key);
    if (!found) return;
    if (*found < least || *found > most) {
      section.fault(key, duration_text(*found) +
                             (*found < least ? " is too short" : " is too long") + ": expected " +
                             duration_text(least) + " to " + duration_text(most));
      return;
    }
    value = *found;
  };
  number("registers_in_flight", overload.registers_in_flight, 1, 10'000);
  number("register_queue", overload.register_queue, 0, 50'000);
  // Well below the phone's timer F, 32 s: it must still be there to hear the answer.
  duration("register_wait", overload.register_wait, milliseconds(100), seconds(10));
  duration("max_lag", overload.max_lag, milliseconds(50), seconds(10));
  duration("retry_after", overload.retry_after, seconds(2), minutes(10));
}

}  // namespace usher
