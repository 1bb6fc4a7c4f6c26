#include "sip/transaction/server.hpp"

namespace usher::sip::server {

std::string_view name(State state) {
  switch (state) {
    case State::trying: return "Trying";
    case State::proceeding: return "Proceeding";
    case State::completed: return "Completed";
    case State::terminated: return "Terminated";
  }
  return "?";
}

std::string_view name(Input input) {
  switch (input) {
    case Input::request: return "request";
    case Input::user_100: return "user 100";
    case Input::user_1xx: return "user 101-199";
    case Input::user_408: return "user 408";
    case Input::user_final: return "user 2xx-6xx";
    case Input::user_abandon: return "user abandons";
    case Input::timer_trying: return "timer trying";
    case Input::timer_f: return "timer F";
    case Input::timer_j: return "timer J";
    case Input::transport_error: return "transport error";
  }
  return "?";
}

Step<State> begin(bool) {
  // RFC 4320 §4.1: "Without regard to transport, an SIP element MUST respond to a non-INVITE
  // request with a Status-Code of 100 if it has not otherwise responded after the amount of time it
  // takes a client transaction's Timer E to be reset to T2." §4.2: "an element that cannot respond
  // before the transaction expires will not send a final response at all": the client's timer F is
  // that end.
  return {State::trying, Actions{}.add(start(TimerLetter::F)).add(start(TimerLetter::trying))};
}

namespace {

Step<State> stay(State state) {
  return {state, {}};
}

Step<State> unanswered(State state, Input input, bool reliable) {
  switch (input) {
    case Input::request:
      // §17.2.2: "Once in the "Trying" state, any further request retransmissions are discarded."
      if (state == State::trying) return {state, {Act::absorb}};
      // §17.2.2: "the most recently sent provisional response MUST be passed to the transport layer
      // for retransmission."
      return {state, {Act::repeat_response}};
    case Input::user_100: {
      // RFC 4320 §4.1: "MUST NOT respond to a non-INVITE request with a Status-Code of 100 over any
      // unreliable transport [...] before the amount of time it takes a client transaction's Timer
      // E to be reset to T2"; then timer `trying` sends one. "MAY respond [...] with a Status-Code
      // of 100 over a reliable transport at any time."
      if (state == State::trying && !reliable) break;
      Actions actions;
      if (state == State::trying) actions.add(clear(TimerLetter::trying));
      return {State::proceeding, actions.add(Act::send_response).add(Act::keep_response)};
    }
    case Input::user_1xx:
      // RFC 4320 §4.1: "MUST NOT send any provisional response with a Status-Code other than 100 to
      // a non-INVITE request."
      break;
    case Input::user_408:
      // RFC 4320 §4.2: "MUST NOT send a response with Status-Code of 408 to a non-INVITE request."
      // The transaction stays until its end, so that the request is not taken for a new one.
      break;
    case Input::user_final: {
      // §17.2.2: "MUST enter the "Completed" state [...] MUST set Timer J to fire in 64*T1 seconds
      // for unreliable transports, and zero seconds for reliable transports": over at once.
      if (reliable) return {State::terminated, {Act::send_response}};
      Actions actions;
      if (state == State::trying) actions.add(clear(TimerLetter::trying));
      actions.add(clear(TimerLetter::F)).add(Act::send_response).add(Act::keep_response);
      return {State::completed, actions.add(Act::forget_request).add(start(TimerLetter::J))};
    }
    case Input::timer_trying:
      if (state != State::trying) break;
      return {State::proceeding, {Act::send_own_100}};  // RFC 4320 §4.1, as above
    case Input::timer_f:                                // RFC 4320 §4.2, as above
    case Input::user_abandon: return stay(State::terminated);
    case Input::timer_j:
    case Input::transport_error: break;  // RFC 6026 §8.8: "MUST remain in the current state"
  }
  return stay(state);
}

Step<State> in_completed(Input input) {
  switch (input) {
    case Input::request:
      // §17.2.2: "MUST pass the final response to the transport layer for retransmission whenever a
      // retransmission of the request is received."
      return {State::completed, {Act::repeat_response}};
    case Input::timer_j:
      // §17.2.2: "remains in this state until Timer J fires, at which point it MUST transition to
      // the "Terminated" state."
    case Input::user_abandon: return stay(State::terminated);
    case Input::user_100:
    case Input::user_1xx:
    case Input::user_408:
    case Input::user_final:
      // §17.2.2: "Any other final responses passed by the TU to the server transaction MUST be
      // discarded".
    case Input::timer_trying:
    case Input::timer_f:
    case Input::transport_error: break;  // RFC 6026 §8.8
  }
  return stay(State::completed);
}

}  // namespace

Step<State> step(State state, Input input, bool reliable) {
  switch (state) {
    case State::trying:
    case State::proceeding: return unanswered(state, input, reliable);
    case State::completed: return in_completed(input);
    case State::terminated: break;  // "MUST be destroyed the instant it enters": nothing reaches it
  }
  return stay(State::terminated);
}

}  // namespace usher::sip::server
