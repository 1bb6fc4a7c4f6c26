// The server transaction of all methods but INVITE and ACK: RFC 3261 §17.2.2 as RFC 4320 corrects
// it. Pure. The whole table stands in docs/specs/sip-transaction.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/transaction/actions.hpp"

namespace usher::sip::server {

// In order: a transaction only moves forward.
enum class State : std::uint8_t {
  trying,      // nothing sent
  proceeding,  // a 100 was sent
  completed,   // a final response was sent
  terminated,
};
enum class Input : std::uint8_t {
  request,  // the request again
  user_100,
  user_1xx,
  user_408,
  user_final,  // user_1xx: 101-199; user_final: 200-699 but 408
  user_abandon,
  timer_trying,
  timer_f,
  timer_j,  // timer_f: the client's has fired, whatever happens now comes too late
  transport_error,
};
inline constexpr int kStates = static_cast<int>(State::terminated) + 1;
inline constexpr int kInputs = static_cast<int>(Input::transport_error) + 1;

std::string_view name(State state);
std::string_view name(Input input);

// What happens when the user accepts the request.
Step<State> begin(bool reliable);
Step<State> step(State state, Input input, bool reliable);

}  // namespace usher::sip::server
