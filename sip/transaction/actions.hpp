// What the four transaction machines can ask for: a closed list. A machine only names its actions;
// the layer, which holds bytes, flows and timers, carries them out in the order given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "core/check.hpp"
#include "sip/transaction/events.hpp"

namespace usher::sip {

enum class Act : std::uint8_t {
  // Requests of ours.
  send_request,    // for the first time
  resend_request,  // the stored bytes once more
  send_ack,        // made from the request and the response at hand, and kept (§17.1.1.3)
  resend_ack,      // the stored one
  send_cancel,     // made from the request, in a transaction of its own (§9.1)
  // Responses of ours.
  send_response,    // the one the user has just passed
  keep_response,    // ... and it is the one to repeat from now on
  repeat_response,  // the kept one once more
  send_own_100,     // made here, without a To tag, and kept to repeat
  answer_cancel,    // 200 to the CANCEL at hand, stateless, with the INVITE's local tag
  // Memory.
  forget_request,
  forget_response,
  // Timers.
  start,          // with the timer's first value
  restart,        // with the next one: doubled; E and G not beyond T2
  restart_at_t2,  // with T2
  clear,
  // To the user.
  response_to_user,
  stray_to_user,
  cancel_to_user,  // the first time only
  ack_to_user,
  report_timeout,  // names the timer that fired
  report_failure,
  report_no_ack,
  // A retransmission that ends here.
  absorb,
};

struct Action {
  Act act = Act::absorb;
  TimerLetter timer = TimerLetter::none;  // of start, restart, restart_at_t2, clear
  friend bool operator==(const Action&, const Action&) = default;
};

constexpr Action start(TimerLetter t) {
  return {Act::start, t};
}
constexpr Action restart(TimerLetter t) {
  return {Act::restart, t};
}
constexpr Action restart_at_t2(TimerLetter t) {
  return {Act::restart_at_t2, t};
}
constexpr Action clear(TimerLetter t) {
  return {Act::clear, t};
}

// A few actions without an allocation.
class Actions {
 public:
  static constexpr std::size_t kCapacity = 8;

  Actions() = default;
  Actions(std::initializer_list<Act> acts) {
    for (const Act a : acts) add({a, TimerLetter::none});
  }
  Actions& add(Action a) {
    USHER_CHECK(size_ < kCapacity);
    items_[size_++] = a;
    return *this;
  }
  Actions& add(Act a) { return add(Action{a, TimerLetter::none}); }

  const Action* begin() const { return items_.data(); }
  const Action* end() const { return items_.data() + size_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<Action, kCapacity> items_{};
  std::size_t size_ = 0;
};

// The outcome of one input.
template <class State>
struct Step {
  State next;
  Actions actions;
};

// As the specification writes them (docs/specs/sip-transaction.md): "resend request", "start A".
std::string action_text(const Action& action);

}  // namespace usher::sip
