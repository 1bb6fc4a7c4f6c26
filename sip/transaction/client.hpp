// The client transaction of all methods but INVITE and ACK: RFC 3261 §17.1.2. Pure.
// The whole table stands in docs/specs/sip-transaction.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/transaction/actions.hpp"

namespace usher::sip::client {

// In order: a transaction only moves forward.
enum class State : std::uint8_t {
  trying,      // no response yet
  proceeding,  // a provisional response came
  completed,   // a final response came
  terminated,
};
enum class Input : std::uint8_t {
  response_1xx,
  response_final,
  timer_e,
  timer_f,
  timer_k,
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

}  // namespace usher::sip::client
