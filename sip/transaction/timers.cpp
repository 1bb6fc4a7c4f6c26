#include "sip/transaction/timers.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace usher::sip {

std::string_view timer_name(TimerLetter t) {
  switch (t) {
    case TimerLetter::none: return "none";
    case TimerLetter::A: return "A";
    case TimerLetter::B: return "B";
    case TimerLetter::D: return "D";
    case TimerLetter::E: return "E";
    case TimerLetter::F: return "F";
    case TimerLetter::G: return "G";
    case TimerLetter::H: return "H";
    case TimerLetter::I: return "I";
    case TimerLetter::J: return "J";
    case TimerLetter::K: return "K";
    case TimerLetter::L: return "L";
    case TimerLetter::M: return "M";
    case TimerLetter::trying: return "trying";
    case TimerLetter::cancel: return "cancel";
  }
  return "?";
}

namespace {

// "the client transaction does not know the value of T1 in use by the server transaction [...], so
// an absolute minimum of 32 s is used" (§17.1.1.2, of timer D). The same holds wherever the peer's
// 64*T1 is waited for.
Duration peers_timeout(const TransactionTimers& timers) {
  return std::max<Duration>(std::chrono::seconds(32), timers.timeout());
}

}  // namespace

Duration first_interval(Machine machine, TimerLetter timer, const TransactionTimers& timers) {
  switch (timer) {
    case TimerLetter::A:
    case TimerLetter::E:
    case TimerLetter::G: return timers.t1;
    case TimerLetter::F:
      // In the server machine it is the client's timer F that is waited for.
      return machine == Machine::server ? peers_timeout(timers) : timers.timeout();
    case TimerLetter::B:
    case TimerLetter::H:
    case TimerLetter::J:
    case TimerLetter::L:
    case TimerLetter::M:
    case TimerLetter::cancel: return timers.timeout();
    case TimerLetter::D: return peers_timeout(timers);
    case TimerLetter::I:
    case TimerLetter::K: return timers.t4;
    case TimerLetter::trying:
      return machine == Machine::invite_server ? timers.trying : time_until_t2(timers);
    case TimerLetter::none: break;
  }
  USHER_CHECK(timer != TimerLetter::none);
  return {};
}

Duration next_interval(TimerLetter timer, Duration previous, const TransactionTimers& timers) {
  if (timer == TimerLetter::A) return 2 * previous;
  return std::min(2 * previous, timers.t2);
}

Duration time_until_t2(const TransactionTimers& timers) {
  Duration passed = timers.t1;
  for (Duration interval = 2 * timers.t1; interval < timers.t2; interval *= 2) passed += interval;
  return passed;
}

}  // namespace usher::sip
