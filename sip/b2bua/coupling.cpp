#include "sip/b2bua/coupling.hpp"

namespace usher::sip {
namespace {

using A = CallAction;
using S = CallState;

// The group's last attempt is over.
CallStep group_over(const CallFacts& facts, bool unanswered) {
  if (!facts.goes_on) return {S::ended, {A::forward_refusal, A::release_losers, A::finish}};
  // The 408 rule: no 408 while a target is left to try.
  if (!facts.target_left) return {S::ended, {A::refuse_exhausted, A::release_losers, A::finish}};
  if (unanswered) return {S::hunting, {A::give_up_attempt, A::next_attempt}};
  return {S::hunting, {A::next_attempt}};
}

CallStep hunting(CallEvent event, const CallFacts& facts) {
  switch (event) {
    case CallEvent::attempt_trying:
      // The 100 rule: the backend's first 100 shows on the phone's own transaction, a repeated one
      // never.
      if (facts.trying_forwarded) return {S::hunting, {A::start_ring_limit}};
      return {S::hunting, {A::start_ring_limit, A::forward_trying}};
    case CallEvent::attempt_progress:
      return {S::hunting, {A::restart_ring_limit, A::forward_progress}};
    case CallEvent::attempt_answered: return {S::answered, {A::forward_answer, A::release_losers}};
    case CallEvent::attempt_refused:
      // §16.7 step 5: a 6xx cancels the others, whose 2xx would still win; every other refusal
      // waits for them.
      if (facts.others && facts.decisive) return {S::hunting, {A::cancel_others}};
      if (facts.others) return {S::hunting, {}};
      return group_over(facts, false);
    case CallEvent::attempt_unanswered:
      if (facts.others) return {S::hunting, {A::give_up_attempt}};
      return group_over(facts, true);
    case CallEvent::ring_limit:
      if (facts.goes_on && facts.target_left)
        return {S::hunting, {A::give_up_group, A::next_attempt}};
      if (facts.goes_on) return {S::ended, {A::refuse_ring_limit, A::release_losers, A::finish}};
      return {S::ended, {A::forward_refusal, A::release_losers, A::finish}};
    case CallEvent::origin_cancel:
      return {S::ended, {A::refuse_cancelled, A::release_losers, A::finish}};
    case CallEvent::origin_bye:
      // §15: a caller may end an early dialog with BYE; when it was the only one, the INVITE is
      // answered 487.
      if (facts.others) return {S::hunting, {A::confirm_bye, A::drop_dialog}};
      return {S::ended, {A::confirm_bye, A::refuse_cancelled, A::release_losers, A::finish}};
    case CallEvent::answerer_bye:
      // §15 forbids a callee this on an early dialog; its INVITE transaction goes on to a final
      // response.
      return {S::hunting, {A::confirm_bye}};
    case CallEvent::edge_ends: return {S::ended, {A::refuse_ended, A::release_losers, A::finish}};
    case CallEvent::origin_ack:
    case CallEvent::ack_timeout: return {S::hunting, {}};
  }
  return {S::hunting, {}};
}

CallStep answered(CallEvent event) {
  switch (event) {
    case CallEvent::origin_ack: return {S::established, {A::stop_answer, A::ack_answerer}};
    case CallEvent::ack_timeout:
      // §13.3.1.4: no ACK ends the session; the answerer is owed its ACK before its BYE.
      return {S::ended,
              {A::stop_answer, A::ack_answerer, A::bye_answerer, A::bye_origin, A::finish}};
    case CallEvent::origin_bye:
      // A caller may send BYE without its ACK having arrived; the dialog is its to end.
      return {S::ended,
              {A::stop_answer, A::ack_answerer, A::bye_answerer, A::confirm_bye, A::finish}};
    case CallEvent::answerer_bye:
      // §15 forbids it before the ACK; whoever does it all the same repeats its 2xx until one
      // comes.
      return {S::hung_up, {A::ack_answerer, A::confirm_bye}};
    case CallEvent::edge_ends: return {S::hung_up, {A::ack_answerer, A::bye_answerer}};
    case CallEvent::attempt_trying:
    case CallEvent::attempt_progress:
    case CallEvent::attempt_answered:
    case CallEvent::attempt_refused:
    case CallEvent::attempt_unanswered:
    case CallEvent::ring_limit:
    case CallEvent::origin_cancel: return {S::answered, {}};
  }
  return {S::answered, {}};
}

// §15: the callee's side, which we are towards the origin, sends no BYE before the ACK or its time.
CallStep hung_up(CallEvent event) {
  switch (event) {
    case CallEvent::origin_ack:
    case CallEvent::ack_timeout: return {S::ended, {A::stop_answer, A::bye_origin, A::finish}};
    case CallEvent::origin_bye: return {S::ended, {A::stop_answer, A::confirm_bye, A::finish}};
    case CallEvent::answerer_bye: return {S::hung_up, {A::confirm_bye}};
    case CallEvent::edge_ends:
    case CallEvent::attempt_trying:
    case CallEvent::attempt_progress:
    case CallEvent::attempt_answered:
    case CallEvent::attempt_refused:
    case CallEvent::attempt_unanswered:
    case CallEvent::ring_limit:
    case CallEvent::origin_cancel: return {S::hung_up, {}};
  }
  return {S::hung_up, {}};
}

CallStep established(CallEvent event) {
  switch (event) {
    case CallEvent::origin_bye:
    case CallEvent::answerer_bye: return {S::established, {A::relay_bye}};
    case CallEvent::edge_ends: return {S::ended, {A::bye_answerer, A::bye_origin, A::finish}};
    case CallEvent::origin_ack:
    case CallEvent::ack_timeout:
    case CallEvent::attempt_trying:
    case CallEvent::attempt_progress:
    case CallEvent::attempt_answered:
    case CallEvent::attempt_refused:
    case CallEvent::attempt_unanswered:
    case CallEvent::ring_limit:
    case CallEvent::origin_cancel: return {S::established, {}};
  }
  return {S::established, {}};
}

}  // namespace

CallStep step(CallState state, CallEvent event, const CallFacts& facts) {
  switch (state) {
    case CallState::hunting: return hunting(event, facts);
    case CallState::answered: return answered(event);
    case CallState::hung_up: return hung_up(event);
    case CallState::established: return established(event);
    case CallState::ended: return {S::ended, {}};
  }
  return {S::ended, {}};
}

std::string_view state_name(CallState s) {
  switch (s) {
    case CallState::hunting: return "hunting";
    case CallState::answered: return "answered";
    case CallState::hung_up: return "hung_up";
    case CallState::established: return "established";
    case CallState::ended: return "ended";
  }
  return "";
}

std::string_view event_name(CallEvent e) {
  switch (e) {
    case CallEvent::attempt_trying: return "attempt_trying";
    case CallEvent::attempt_progress: return "attempt_progress";
    case CallEvent::attempt_answered: return "attempt_answered";
    case CallEvent::attempt_refused: return "attempt_refused";
    case CallEvent::attempt_unanswered: return "attempt_unanswered";
    case CallEvent::ring_limit: return "ring_limit";
    case CallEvent::origin_cancel: return "origin_cancel";
    case CallEvent::origin_bye: return "origin_bye";
    case CallEvent::answerer_bye: return "answerer_bye";
    case CallEvent::origin_ack: return "origin_ack";
    case CallEvent::ack_timeout: return "ack_timeout";
    case CallEvent::edge_ends: return "edge_ends";
  }
  return "";
}

std::string_view action_name(CallAction a) {
  switch (a) {
    case A::forward_trying: return "forward_trying";
    case A::forward_progress: return "forward_progress";
    case A::start_ring_limit: return "start_ring_limit";
    case A::restart_ring_limit: return "restart_ring_limit";
    case A::forward_answer: return "forward_answer";
    case A::release_losers: return "release_losers";
    case A::next_attempt: return "next_attempt";
    case A::give_up_attempt: return "give_up_attempt";
    case A::give_up_group: return "give_up_group";
    case A::cancel_others: return "cancel_others";
    case A::drop_dialog: return "drop_dialog";
    case A::forward_refusal: return "forward_refusal";
    case A::refuse_exhausted: return "refuse_exhausted";
    case A::refuse_ring_limit: return "refuse_ring_limit";
    case A::refuse_cancelled: return "refuse_cancelled";
    case A::refuse_ended: return "refuse_ended";
    case A::ack_answerer: return "ack_answerer";
    case A::relay_bye: return "relay_bye";
    case A::bye_answerer: return "bye_answerer";
    case A::bye_origin: return "bye_origin";
    case A::confirm_bye: return "confirm_bye";
    case A::stop_answer: return "stop_answer";
    case A::finish: return "finish";
  }
  return "";
}

}  // namespace usher::sip
