#include "sip/transaction/invite_client.hpp"

namespace usher::sip::invite_client {

std::string_view name(State state) {
  switch (state) {
    case State::calling: return "Calling";
    case State::cancel_waiting: return "CancelWaiting";
    case State::proceeding: return "Proceeding";
    case State::cancelling: return "Cancelling";
    case State::completed: return "Completed";
    case State::accepted: return "Accepted";
    case State::terminated: return "Terminated";
  }
  return "?";
}

std::string_view name(Input input) {
  switch (input) {
    case Input::response_1xx: return "1xx";
    case Input::response_2xx: return "2xx";
    case Input::response_3xx_6xx: return "3xx-6xx";
    case Input::timer_a: return "timer A";
    case Input::timer_b: return "timer B";
    case Input::timer_d: return "timer D";
    case Input::timer_m: return "timer M";
    case Input::timer_cancel: return "timer cancel";
    case Input::transport_error: return "transport error";
    case Input::user_cancel: return "user cancels";
  }
  return "?";
}

Step<State> begin(bool reliable) {
  // §17.1.1.2: "For any transport, the client transaction MUST start timer B with a value of 64*T1
  // seconds"; "If an unreliable transport is being used, the client transaction MUST start timer A
  // with a value of T1."
  Actions actions{Act::send_request};
  actions.add(start(TimerLetter::B));
  if (!reliable) actions.add(start(TimerLetter::A));
  return {State::calling, actions};
}

namespace {

Step<State> stay(State state) {
  return {state, {}};
}

// RFC 6026 §8.4: "the client transaction MUST transition to the "Accepted" state, and Timer M MUST
// be started with a value of 64*T1. The 2xx response MUST be passed up to the TU. The client
// transaction MUST NOT generate an ACK".
Step<State> accept(Actions actions) {
  actions.add(Act::forget_request).add(start(TimerLetter::M)).add(Act::response_to_user);
  return {State::accepted, actions};
}

// §17.1.1.2: "MUST pass the received response up to the TU, and the client transaction MUST
// generate an ACK request, even if the transport is reliable"; "start timer D [...] a value of zero
// seconds for reliable transports": over at once.
Step<State> complete(Actions actions, bool reliable) {
  actions.add(Act::send_ack);
  if (reliable) return {State::terminated, actions.add(Act::response_to_user)};
  actions.add(Act::forget_request).add(start(TimerLetter::D)).add(Act::response_to_user);
  return {State::completed, actions};
}

// Calling, and CancelWaiting which differs only in what the first provisional response leads to.
Step<State> before_response(State state, Input input, bool reliable) {
  const Actions disarm = Actions{}.add(clear(TimerLetter::A)).add(clear(TimerLetter::B));
  switch (input) {
    case Input::response_1xx: {
      Actions actions = disarm;
      actions.add(Act::response_to_user);
      // §17.1.1.2: "it transitions to the "Proceeding" state. [...] the provisional response MUST
      // be passed to the TU".
      if (state == State::calling) return {State::proceeding, actions};
      // §9.1: "the client MUST wait for the arrival of a provisional response before sending the
      // request" – here it is. "If there is no final response for the original request in 64*T1
      // seconds [...] consider [it] cancelled".
      actions.add(Act::send_cancel).add(start(TimerLetter::cancel));
      return {State::cancelling, actions};
    }
    case Input::response_2xx: return accept(disarm);
    case Input::response_3xx_6xx: return complete(disarm, reliable);
    case Input::timer_a:
      // §17.1.1.2: "the client transaction MUST retransmit the request [...] with intervals that
      // double".
      if (reliable) return stay(state);
      return {state, Actions{Act::resend_request}.add(restart(TimerLetter::A))};
    case Input::timer_b:
      // §17.1.1.2: "SHOULD inform the TU that a timeout has occurred. The client transaction MUST
      // NOT generate an ACK."
      return {State::terminated, {Act::report_timeout}};
    case Input::transport_error:
      // §17.1.4: "SHOULD inform the TU that a transport failure has occurred, and [...] transition
      // [...] to "Terminated"".
      return {State::terminated, {Act::report_failure}};
    case Input::user_cancel:
      // §9.1: "If no provisional response has been received, the CANCEL request MUST NOT be sent".
      return stay(State::cancel_waiting);
    case Input::timer_d:
    case Input::timer_m:
    case Input::timer_cancel: break;
  }
  return stay(state);
}

Step<State> after_provisional(State state, Input input, bool reliable) {
  Actions disarm;
  if (state == State::cancelling) disarm.add(clear(TimerLetter::cancel));
  switch (input) {
    case Input::response_1xx:
      // §17.1.1.2: "Any further provisional responses MUST be passed up to the TU while in the
      // "Proceeding" state."
      return {state, {Act::response_to_user}};
    case Input::response_2xx: return accept(disarm);
    case Input::response_3xx_6xx: return complete(disarm, reliable);
    case Input::user_cancel:
      // §9.1; a second CANCEL would be a retransmission of the first, which has its own
      // transaction.
      if (state == State::cancelling) break;
      return {State::cancelling, Actions{Act::send_cancel}.add(start(TimerLetter::cancel))};
    case Input::timer_cancel:
      // §9.1: "If there is no final response for the original request in 64*T1 seconds [...] SHOULD
      // destroy the client transaction handling the original request."
      if (state == State::proceeding) break;
      return {State::terminated, {Act::report_timeout}};
    case Input::transport_error:
      // Nothing is sent on this flow any more, and the peer, which has the request, can still
      // answer (§18.2.2 lets it open a connection for that). How long to wait is the user's ring
      // limit.
    case Input::timer_a:
    case Input::timer_b:
    case Input::timer_d:
    case Input::timer_m: break;
  }
  return stay(state);
}

Step<State> in_completed(Input input) {
  switch (input) {
    case Input::response_3xx_6xx:
      // RFC 6026 §8.4: "MUST cause the ACK to be re-passed to the transport layer [...], but the
      // newly received response MUST NOT be passed up to the TU."
      return {State::completed, {Act::resend_ack}};
    case Input::response_2xx:
      // A fork that answered after another had refused. It isn't a retransmission (RFC 6026 §8.4
      // limits those to 300-699), and somebody has to ACK and BYE it: the UAC core's work, as for a
      // response that matches nothing.
      return {State::completed, {Act::stray_to_user}};
    case Input::response_1xx: return {State::completed, {Act::absorb}};
    case Input::timer_d:
      // §17.1.1.2: "If timer D fires [...] the client transaction MUST move to the terminated
      // state."
      return stay(State::terminated);
    case Input::transport_error:
      // The user has its final response; timer D still ends this (RFC 6026 §7.2: nothing need be
      // preserved, nothing is gained).
    case Input::user_cancel:
      // §9.1: "If the original request has generated a final response, the CANCEL SHOULD NOT be
      // sent".
    case Input::timer_a:
    case Input::timer_b:
    case Input::timer_m:
    case Input::timer_cancel: break;
  }
  return stay(State::completed);
}

Step<State> in_accepted(Input input) {
  switch (input) {
    case Input::response_2xx:
      // RFC 6026 §8.4: "Any 2xx responses that match this client transaction and that are received
      // while in the "Accepted" state MUST be passed up to the TU. The client transaction MUST NOT
      // generate an ACK".
      return {State::accepted, {Act::response_to_user}};
    case Input::response_1xx:
    case Input::response_3xx_6xx: return {State::accepted, {Act::absorb}};
    case Input::timer_m:
      // RFC 6026 §8.4: "If Timer M fires [...] the client transaction MUST move to the "Terminated"
      // state."
      return stay(State::terminated);
    case Input::transport_error:
    case Input::user_cancel:  // §9.1, as in Completed
    case Input::timer_a:
    case Input::timer_b:
    case Input::timer_d:
    case Input::timer_cancel: break;
  }
  return stay(State::accepted);
}

}  // namespace

Step<State> step(State state, Input input, bool reliable) {
  switch (state) {
    case State::calling:
    case State::cancel_waiting: return before_response(state, input, reliable);
    case State::proceeding:
    case State::cancelling: return after_provisional(state, input, reliable);
    case State::completed: return in_completed(input);
    case State::accepted: return in_accepted(input);
    case State::terminated: break;  // "MUST be destroyed the instant it enters": nothing reaches it
  }
  return stay(State::terminated);
}

}  // namespace usher::sip::invite_client
