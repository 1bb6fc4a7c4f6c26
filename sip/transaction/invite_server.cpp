#include "sip/transaction/invite_server.hpp"

namespace usher::sip::invite_server {

std::string_view name(State state) {
  switch (state) {
    case State::received: return "Received";
    case State::trying: return "Trying";
    case State::proceeding: return "Proceeding";
    case State::completed: return "Completed";
    case State::confirmed: return "Confirmed";
    case State::accepted: return "Accepted";
    case State::terminated: return "Terminated";
  }
  return "?";
}

std::string_view name(Input input) {
  switch (input) {
    case Input::request: return "INVITE";
    case Input::ack: return "ACK";
    case Input::cancel: return "CANCEL";
    case Input::user_100: return "user 100";
    case Input::user_1xx: return "user 101-199";
    case Input::user_2xx: return "user 2xx";
    case Input::user_3xx_6xx: return "user 3xx-6xx";
    case Input::user_abandon: return "user abandons";
    case Input::timer_trying: return "timer trying";
    case Input::timer_g: return "timer G";
    case Input::timer_h: return "timer H";
    case Input::timer_i: return "timer I";
    case Input::timer_l: return "timer L";
    case Input::transport_error: return "transport error";
  }
  return "?";
}

Step<State> begin(bool) {
  // §17.2.1: "MUST generate a 100 (Trying) response unless it knows that the TU will generate a
  // provisional or final response within 200 ms".
  return {State::received, Actions{}.add(start(TimerLetter::trying))};
}

namespace {

Step<State> stay(State state) {
  return {state, {}};
}

// Received, Trying and Proceeding: the RFC's "Proceeding".
Step<State> unanswered(State state, Input input, bool reliable) {
  Actions actions;
  switch (input) {
    case Input::request:
      // §17.2.1: "the most recent provisional response that was received from the TU MUST be passed
      // to the transport layer". Before the first one there is nothing to repeat.
      if (state == State::received) return {state, {Act::absorb}};
      return {state, {Act::repeat_response}};
    case Input::ack:
      // Acknowledges nothing that was sent.
      return {state, {Act::absorb}};
    case Input::cancel:
      // §9.2: "the UAS answers the CANCEL request itself with a 200 (OK) response"; "SHOULD
      // immediately respond to the INVITE with a 487", which is the user's.
      return {state, {Act::answer_cancel, Act::cancel_to_user}};
    case Input::user_100:
      // §17.2.1: "each of these MUST be passed to the transport layer". After a 101-199 it goes
      // out, but what an INVITE that comes again is answered with stays the more telling response.
      if (state == State::proceeding) return {state, {Act::send_response}};
      if (state == State::received) actions.add(clear(TimerLetter::trying));
      return {State::trying, actions.add(Act::send_response).add(Act::keep_response)};
    case Input::user_1xx:
      if (state == State::received) actions.add(clear(TimerLetter::trying));
      return {State::proceeding, actions.add(Act::send_response).add(Act::keep_response)};
    case Input::user_2xx:
      // RFC 6026 §7.1: "MUST transition to the "Accepted" state and set Timer L to 64*T1". "The
      // server transaction MUST NOT generate 2xx retransmissions on its own": the bytes are not
      // kept.
      if (state == State::received) actions.add(clear(TimerLetter::trying));
      actions.add(Act::send_response).add(Act::forget_request).add(Act::forget_response);
      return {State::accepted, actions.add(start(TimerLetter::L))};
    case Input::user_3xx_6xx:
      // §17.2.1: "the state machine MUST enter the "Completed" state. For unreliable transports,
      // timer G is set to fire in T1 seconds [...] timer H MUST be set to fire in 64*T1 seconds for
      // all transports."
      if (state == State::received) actions.add(clear(TimerLetter::trying));
      actions.add(Act::send_response).add(Act::keep_response).add(Act::forget_request);
      actions.add(start(TimerLetter::H));
      if (!reliable) actions.add(start(TimerLetter::G));
      return {State::completed, actions};
    case Input::user_abandon: return stay(State::terminated);
    case Input::timer_trying:
      // §17.2.1: the 100 that quenches retransmissions.
      if (state != State::received) break;
      return {State::trying, {Act::send_own_100}};
    case Input::transport_error:
      // RFC 6026 §7.1: "MUST NOT discard transaction state based only on encountering a
      // non-recoverable transport error".
    case Input::timer_g:
    case Input::timer_h:
    case Input::timer_i:
    case Input::timer_l: break;
  }
  return stay(state);
}

Step<State> in_completed(Input input, bool reliable) {
  switch (input) {
    case Input::request:
      // §17.2.1: "if a request retransmission is received, the server SHOULD pass the response to
      // the transport".
      return {State::completed, {Act::repeat_response}};
    case Input::ack: {
      // §17.2.1: "MUST transition to the "Confirmed" state"; "timer I is set to fire in T4 seconds
      // for unreliable transports, and zero seconds for reliable transports": over at once.
      if (reliable) return stay(State::terminated);
      Actions actions;
      actions.add(clear(TimerLetter::G)).add(clear(TimerLetter::H)).add(Act::forget_response);
      return {State::confirmed, actions.add(start(TimerLetter::I))};
    }
    case Input::cancel:
      // §9.2: "no effect on the processing of the original request".
      return {State::completed, {Act::answer_cancel}};
    case Input::user_abandon: return stay(State::terminated);
    case Input::timer_g:
      // §17.2.1: "the response is passed to the transport layer once more for retransmission, and
      // timer G is set to fire in MIN(2*T1, T2) seconds."
      if (reliable) break;
      return {State::completed, Actions{Act::repeat_response}.add(restart(TimerLetter::G))};
    case Input::timer_h:
      // §17.2.1: "MUST transition to the "Terminated" state, and MUST indicate to the TU that a
      // transaction failure has occurred."
      return {State::terminated, {Act::report_no_ack}};
    case Input::user_100:  // there is one final response, and it was given
    case Input::user_1xx:
    case Input::user_2xx:
    case Input::user_3xx_6xx:
    case Input::timer_trying:
    case Input::timer_i:
    case Input::timer_l:
    case Input::transport_error: break;  // RFC 6026 §7.1
  }
  return stay(State::completed);
}

Step<State> in_confirmed(Input input) {
  switch (input) {
    case Input::request:
    case Input::ack:
      // §17.2.1: "The purpose of the "Confirmed" state is to absorb any additional ACK messages
      // that arrive".
      return {State::confirmed, {Act::absorb}};
    case Input::cancel: return {State::confirmed, {Act::answer_cancel}};  // §9.2
    case Input::timer_i:
      // §17.2.1: "Once timer I fires, the server MUST transition to the "Terminated" state."
    case Input::user_abandon: return stay(State::terminated);
    case Input::user_100:
    case Input::user_1xx:
    case Input::user_2xx:
    case Input::user_3xx_6xx:
    case Input::timer_trying:
    case Input::timer_g:
    case Input::timer_h:
    case Input::timer_l:
    case Input::transport_error: break;
  }
  return stay(State::confirmed);
}

Step<State> in_accepted(Input input) {
  switch (input) {
    case Input::request:
      // RFC 6026 §7.1: "any retransmissions of the INVITE received will [...] be absorbed by the
      // machine without changing its state. These retransmissions are not passed onto the TU."
      return {State::accepted, {Act::absorb}};
    case Input::ack:
      // RFC 6026 §7.1: "Any ACKs received from the network while in the "Accepted" state MUST be
      // passed directly to the TU".
      return {State::accepted, {Act::ack_to_user}};
    case Input::cancel: return {State::accepted, {Act::answer_cancel}};  // §9.2
    case Input::user_2xx:
      // RFC 6026 §7.1: "Any retransmission of the 2xx response passed from the TU [...] MUST be
      // passed to the transport layer".
      return {State::accepted, {Act::send_response}};
    case Input::timer_l:
      // RFC 6026 §7.1: "When Timer L fires [...] the machine MUST transition to the "Terminated"
      // state."
    case Input::user_abandon: return stay(State::terminated);
    case Input::user_100:
    case Input::user_1xx:
    case Input::user_3xx_6xx:
    case Input::timer_trying:
    case Input::timer_g:
    case Input::timer_h:
    case Input::timer_i:
    case Input::transport_error: break;  // RFC 6026 §7.1
  }
  return stay(State::accepted);
}

}  // namespace

Step<State> step(State state, Input input, bool reliable) {
  switch (state) {
    case State::received:
    case State::trying:
    case State::proceeding: return unanswered(state, input, reliable);
    case State::completed: return in_completed(input, reliable);
    case State::confirmed: return in_confirmed(input);
    case State::accepted: return in_accepted(input);
    case State::terminated: break;  // "it MUST be destroyed immediately": nothing reaches it
  }
  return stay(State::terminated);
}

}  // namespace usher::sip::invite_server
