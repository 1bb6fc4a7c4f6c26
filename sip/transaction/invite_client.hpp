// The INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2 and the
// CANCEL of §9.1. Pure. The whole table stands in docs/specs/sip-transaction.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/transaction/actions.hpp"

namespace usher::sip::invite_client {

// In order: a transaction only moves forward.
enum class State : std::uint8_t {
  calling,         // no response yet
  cancel_waiting,  // no response yet, and the user wants it cancelled: CANCEL waits for a
                   // provisional response
  proceeding,      // a provisional response came
  cancelling,      // CANCEL was sent
  completed,       // a final response other than 2xx came
  accepted,        // a 2xx came
  terminated,
};
enum class Input : std::uint8_t {
  response_1xx,
  response_2xx,
  response_3xx_6xx,
  timer_a,
  timer_b,
  timer_d,
  timer_m,
  timer_cancel,
  transport_error,
  user_cancel,
};
inline constexpr int kStates = static_cast<int>(State::terminated) + 1;
inline constexpr int kInputs = static_cast<int>(Input::user_cancel) + 1;

std::string_view name(State state);
std::string_view name(Input input);

// What happens when the user starts the transaction.
Step<State> begin(bool reliable);
Step<State> step(State state, Input input, bool reliable);

}  // namespace usher::sip::invite_client
