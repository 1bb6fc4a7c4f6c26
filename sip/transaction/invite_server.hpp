// The INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1. Pure.
// The whole table stands in docs/specs/sip-transaction.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "sip/transaction/actions.hpp"

namespace usher::sip::invite_server {

// In order: a transaction only moves forward. The RFC's "Proceeding" is three states here, by what
// is repeated when the INVITE comes again.
enum class State : std::uint8_t {
  received,    // nothing sent; the trying timer runs
  trying,      // a 100 was sent
  proceeding,  // a 101-199 was sent
  completed,   // a final response other than 2xx was sent
  confirmed,   // ... and acknowledged
  accepted,    // a 2xx was sent
  terminated,
};
enum class Input : std::uint8_t {
  request,  // the INVITE again
  ack,
  cancel,  // a CANCEL that names this transaction
  user_100,
  user_1xx,
  user_2xx,
  user_3xx_6xx,  // user_1xx: 101-199
  user_abandon,
  timer_trying,
  timer_g,
  timer_h,
  timer_i,
  timer_l,
  transport_error,
};
inline constexpr int kStates = static_cast<int>(State::terminated) + 1;
inline constexpr int kInputs = static_cast<int>(Input::transport_error) + 1;

std::string_view name(State state);
std::string_view name(Input input);

// What happens when the user accepts the request.
Step<State> begin(bool reliable);
Step<State> step(State state, Input input, bool reliable);

}  // namespace usher::sip::invite_server
