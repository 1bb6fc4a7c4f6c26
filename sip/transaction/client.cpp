#include "sip/transaction/client.hpp"

namespace usher::sip::client {

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
    case Input::response_1xx: return "1xx";
    case Input::response_final: return "2xx-6xx";
    case Input::timer_e: return "timer E";
    case Input::timer_f: return "timer F";
    case Input::timer_k: return "timer K";
    case Input::transport_error: return "transport error";
    case Input::user_cancel: return "user cancels";
  }
  return "?";
}

Step<State> begin(bool reliable) {
  // §17.1.2.2: "SHOULD set timer F to fire in 64*T1 seconds. [...] If an unreliable transport is in
  // use, the client transaction MUST set timer E to fire in T1 seconds."
  Actions actions{Act::send_request};
  actions.add(start(TimerLetter::F));
  if (!reliable) actions.add(start(TimerLetter::E));
  return {State::trying, actions};
}

namespace {

Step<State> stay(State state) {
  return {state, {}};
}

// §17.1.2.2: "the response MUST be passed to the TU, and the client transaction MUST transition to
// the "Completed" state. [...] it MUST set Timer K to fire in T4 seconds for unreliable transports,
// and zero seconds for reliable transports": over at once.
Step<State> complete(bool reliable) {
  if (reliable) return {State::terminated, {Act::response_to_user}};
  Actions actions;
  actions.add(clear(TimerLetter::E)).add(clear(TimerLetter::F)).add(Act::forget_request);
  actions.add(start(TimerLetter::K)).add(Act::response_to_user);
  return {State::completed, actions};
}

Step<State> in_trying(Input input, bool reliable) {
  switch (input) {
    case Input::response_1xx:
      // §17.1.2.2: "the response MUST be passed to the TU, and then [...] move to the "Proceeding"
      // state." E and F go on.
      return {State::proceeding, {Act::response_to_user}};
    case Input::response_final: return complete(reliable);
    case Input::timer_e:
      // §17.1.2.2: "If timer E fires while still in this state, the timer is reset, but this time
      // with a value of MIN(2*T1, T2)."
      if (reliable) return stay(State::trying);
      return {State::trying, Actions{Act::resend_request}.add(restart(TimerLetter::E))};
    case Input::timer_f:
      // §17.1.2.2: "SHOULD inform the TU about the timeout, and then it SHOULD enter the
      // "Terminated" state."
      return {State::terminated, {Act::report_timeout}};
    case Input::transport_error:
      // §17.1.4: "SHOULD inform the TU that a transport failure has occurred".
      return {State::terminated, {Act::report_failure}};
    case Input::user_cancel:
      // §9.1: "A CANCEL request SHOULD NOT be sent to cancel a request other than INVITE."
    case Input::timer_k: break;
  }
  return stay(State::trying);
}

Step<State> in_proceeding(Input input, bool reliable) {
  switch (input) {
    case Input::response_1xx: return {State::proceeding, {Act::response_to_user}};
    case Input::response_final: return complete(reliable);
    case Input::timer_e:
      // §17.1.2.2: "If Timer E fires while in the "Proceeding" state, the request MUST be passed to
      // the transport layer for retransmission, and Timer E MUST be reset with a value of T2
      // seconds."
      if (reliable) return stay(State::proceeding);
      return {State::proceeding, Actions{Act::resend_request}.add(restart_at_t2(TimerLetter::E))};
    case Input::timer_f:
      // §17.1.2.2: "the TU MUST be informed of a timeout, and the client transaction MUST
      // transition to the terminated state."
      return {State::terminated, {Act::report_timeout}};
    case Input::transport_error:
      // The peer has the request and can still answer (§18.2.2); timer F bounds the wait.
    case Input::user_cancel:
    case Input::timer_k: break;
  }
  return stay(State::proceeding);
}

Step<State> in_completed(Input input) {
  switch (input) {
    case Input::response_1xx:
    case Input::response_final:
      // §17.1.2.2: "The "Completed" state exists to buffer any additional response
      // retransmissions".
      return {State::completed, {Act::absorb}};
    case Input::timer_k:
      // §17.1.2.2: "If Timer K fires while in this state, the client transaction MUST transition to
      // the "Terminated" state."
      return stay(State::terminated);
    case Input::timer_e:
    case Input::timer_f:
    case Input::transport_error:
    case Input::user_cancel: break;
  }
  return stay(State::completed);
}

}  // namespace

Step<State> step(State state, Input input, bool reliable) {
  switch (state) {
    case State::trying: return in_trying(input, reliable);
    case State::proceeding: return in_proceeding(input, reliable);
    case State::completed: return in_completed(input);
    case State::terminated: break;  // "it MUST be destroyed immediately": nothing reaches it
  }
  return stay(State::terminated);
}

}  // namespace usher::sip::client
