// Hunting: one attempt after the other, what each says, and what becomes of those that lost.
#include <fmt/format.h>

#include <algorithm>

#include "sip/b2bua/calls.hpp"
#include "sip/b2bua/last_word.hpp"

namespace usher::sip {
void Calls::next_attempt(Now now, CallId id) {
  Call& call = *calls_.find(id);
  Hunt& hunt = *call.hunt;
  InviteExchange& invite = *invites_.find(call.pending);
  stop_ring_limit(invite);  // the new target has not rung yet
  const Leg& origin = *legs_.find(call.origin);
  const Attempt& attempt = hunt.plan.attempts[hunt.made++];
  const Side towards = hunt.plan.towards;
  const Presentation presentation{towards, call.context->hidden.get(), call.context->domain};

  Leg leg;
  leg.call = id;
  leg.side = towards;
  leg.is_uac = true;
  leg.flow = attempt.flow;
  leg.contact_user = hunt.plan.contact_user_new;
  leg.device = attempt.device;
  leg.context = call.context;
  leg.attempt = attempt.mark;
  leg.started = now.mono;
  leg.invite_cseq = static_cast<std::uint32_t>(1 + env_.rng.below(1 << 16));
  leg.dialog.call_id = env_.rng.token(24);
  leg.dialog.local_tag = env_.rng.token(12);
  leg.dialog.local_party = present_addresses(origin.dialog.remote_party, presentation);
  leg.dialog.remote_party = hunt.plan.to_uri.empty()
                                ? present_addresses(origin.dialog.local_party, presentation)
                                : '<' + hunt.plan.to_uri + '>';
  leg.dialog.remote_target = attempt.request_uri.empty()
                                 ? std::string(invite.request->request_uri())
                                 : attempt.request_uri;
  leg.dialog.local_cseq = leg.invite_cseq;
  const std::string call_id_header = leg.dialog.call_id;
  leg.peer = call.origin;
  const LegId leg_id = legs_.add(std::move(leg));
  if (Leg* given_up = legs_.find(call.answerer)) given_up->peer = {};
  legs_.find(call.origin)->peer = leg_id;
  call.answerer = leg_id;
  call.attempt = attempt.mark;
  hunt.legs.push_back(leg_id);
  log(call, LogLevel::info,
      fmt::format("attempt {} of {} to {} ({})", hunt.made, hunt.plan.attempts.size(),
                  attempt.flow.remote.text(), call_id_header));

  // The request goes to the chosen flow itself: the dialog has no route set and its target is not
  // yet the peer's.
  const std::string branch = env_.layer.new_branch();
  const Bytes bytes = make_request(*legs_.find(leg_id), env_.listener(attempt.flow),
                                   {.method = "INVITE",
                                    .cseq = legs_.find(leg_id)->invite_cseq,
                                    .branch = branch,
                                    .max_forwards = next_max_forwards(*invite.request),
                                    .contact = true,
                                    .source = invite.request.get()});
  const Cookie cookie = env_.user({TransactionUser::Kind::attempt, 0, leg_id.packed()});
  const ClientTxId transaction =
      env_.layer.send(now.mono, Method::invite, branch, bytes, attempt.flow, cookie, env_.out);
  if (!transaction) {
    env_.users.erase(UserId::unpack(cookie));
    hunt.made = hunt.plan.attempts.size();
    hunt.last_failure = "the limit of transactions is reached";
    return apply(now, id, CallEvent::attempt_unanswered, {},
                 {.leg = leg_id, .why = hunt.last_failure});
  }
  legs_.hold(leg_id);
  legs_.find(leg_id)->invite = transaction;
  ++legs_.find(leg_id)->invite_transactions;
  env_.timers.cancel(hunt.attempt_timer);
  // The attempt's time runs only while another target is left; the last one has its full 64·T1.
  hunt.attempt_timer =
      hunt.made < hunt.plan.attempts.size()
          ? env_.timers.arm(now.mono, env_.config.attempt, {UserTimer::Kind::attempt, id.packed()})
          : TimerId{};
}

void Calls::attempt_response(Now now, LegId leg_id, const ResponseReceived& received) {
  Leg* leg = legs_.find(leg_id);
  if (leg == nullptr) return;
  const Message& response = *received.response;
  const int status = response.status();
  if (status >= 200 && status < 300) return attempt_answered(now, leg_id, response);

  Call* call = calls_.find(leg->call);
  if (call == nullptr || call->state != CallState::hunting)
    return;  // it lost; its CANCEL is on the way
  Hunt& hunt = *call->hunt;
  hunt.any_response = true;
  if (call->answerer != leg_id || leg->attempt_over) return;  // given up for the next target
  const CallId id = leg->call;
  if (status < 200) {
    leg->had_provisional = true;
    env_.timers.cancel(hunt.attempt_timer);
    if (status == 100) {
      const bool forwarded = invites_.find(call->pending)->trying_forwarded || call->ringing;
      return apply(now, id, CallEvent::attempt_trying, {.trying_forwarded = forwarded},
                   {.message = &response, .leg = leg_id});
    }
    if (!response.to_tag().empty()) {
      learn_from_response(leg->dialog, response);
      leg->has_early_dialog = true;
    }
    return apply(now, id, CallEvent::attempt_progress, {}, {.message = &response, .leg = leg_id});
  }
  attempt_over(now, *leg, *call, {.status = status});
  const auto& codes = hunt.plan.failover_codes;
  const bool listed = std::find(codes.begin(), codes.end(), status) != codes.end();
  // A 503 that has nowhere to go is ours to tell, with a Retry-After (RFC 3261 §16.7 step 6 warns
  // of passing it on).
  const bool goes_on =
      !is_last_word(status) && (status == 503 || (listed && hunt.made < hunt.plan.attempts.size()));
  hunt.last_failure = fmt::format("the target answered {}", status);
  log(*call, LogLevel::info, fmt::format("{} answered {}", leg->flow.remote.text(), status));
  apply(now, id, CallEvent::attempt_refused,
        {.target_left = hunt.made < hunt.plan.attempts.size(), .goes_on = goes_on},
        {.message = &response,
         .leg = leg_id,
         .why = fmt::format("{} refused with {} {}{}", leg->flow.remote.text(), status,
                            response.reason_phrase(),
                            status == 408 ? " (upstream's, not made here)" : "")});
}

void Calls::attempt_answered(Now now, LegId leg_id, const Message& response) {
  Leg& leg = *legs_.find(leg_id);
  const bool same_dialog = leg.dialog.confirmed && leg.dialog.remote_tag == response.to_tag();
  if (same_dialog) {
    // A 2xx again: our ACK was lost, or has not been made yet because the origin's has not come.
    return ack_again(leg, response);
  }
  Call* call = calls_.find(leg.call);
  if (leg.dialog.confirmed) {
    // Another fork of the same INVITE answered as well (§13.2.2.4): a leg of its own that ends at
    // once.
    for (const LegId known : leg.forks) {
      const Leg* other = legs_.find(known);
      if (other != nullptr && other->dialog.remote_tag == response.to_tag()) {
        repeat_ack(*other, response.cseq().number);
        return;
      }
    }
    Leg fork = leg;
    fork.call = {};
    fork.transactions = 0;
    fork.invite = {};
    fork.acks.clear();
    fork.forks.clear();
    fork.byed = false;
    fork.dialog.confirmed = false;
    learn_from_response(fork.dialog, response);
    const LegId fork_id = legs_.add_fork(std::move(fork));
    leg.forks.push_back(fork_id);
    return ack_and_bye(now, fork_id, "another fork has answered");
  }
  learn_from_response(leg.dialog, response);
  if (call != nullptr && call->state == CallState::hunting && call->answerer == leg_id &&
      !leg.attempt_over) {
    env_.timers.cancel(call->hunt->attempt_timer);
    attempt_over(now, leg, *call, {.status = response.status()});
    const CallId id = leg.call;
    const bool hung_up = leg.byed;
    apply(now, id, CallEvent::attempt_answered, {}, {.message = &response, .leg = leg_id});
    call = calls_.find(id);
    if (!hung_up || call == nullptr) return;
    // Its BYE overtook this 2xx and is confirmed already: nobody is left for the origin to talk to.
    call->ended_by = Ender::answerer;
    return apply(now, id, CallEvent::edge_ends, {}, {.why = "BYE"});
  }
  // A 2xx that crossed a CANCEL, a timeout or a failover: ACKed and BYEd.
  // It was a response all the same (the 408 rule).
  if (call != nullptr && call->hunt) call->hunt->any_response = true;
  ack_and_bye(now, leg_id, "answered too late");
}

void Calls::attempt_over(Now now, Leg& leg, const Call& call, AttemptEnded outcome) {
  if (leg.attempt_over) return;
  leg.attempt_over = true;
  outcome.mark = call.mark;
  outcome.attempt = leg.attempt;
  outcome.had_provisional = leg.had_provisional;
  outcome.took = now.mono - leg.started;
  env_.emit(std::move(outcome));
}

void Calls::release_losers(Now now, Call& call) {
  if (!call.hunt) return;
  env_.timers.cancel(call.hunt->attempt_timer);
  if (InviteExchange* invite = invites_.find(call.pending)) stop_ring_limit(*invite);
  const bool answered = call.state == CallState::answered;
  for (const LegId leg_id : call.hunt->legs) {
    Leg* leg = legs_.find(leg_id);
    if (leg == nullptr || (answered && leg_id == call.answerer)) continue;
    attempt_over(now, *leg, call, {.cancelled = true, .reason = call.why});
    if (leg->invite) {
      const std::string reason = answered ? reason_value(200, "Call completed elsewhere")
                                 : !call.reason.empty()
                                     ? call.reason
                                     : reason_value(call.status == 0 ? 487 : call.status, call.why);
      env_.layer.cancel(now.mono, leg->invite, reason, env_.out);
    }
    if (answered) {
      legs_.leave_call(leg_id);
    }
  }
  if (answered) call.hunt.reset();
  // Otherwise finish() lets the present attempt's leg go; those given up before go now.
  if (!answered) {
    for (const LegId leg_id : call.hunt->legs) {
      if (leg_id == call.answerer) continue;
      legs_.leave_call(leg_id);
    }
  }
}

void Calls::ack_and_bye(Now now, LegId leg_id, std::string_view why) {
  ack_leg(*legs_.find(leg_id), nullptr);
  legs_.send_bye(now, leg_id, reason_value(487, why));
  legs_.erase_if_done(leg_id);
}

void Calls::stray(Now now, const StrayResponse& received) {
  const Message& response = *received.response;
  if (response.cseq().method != Method::invite || response.status() < 200 ||
      response.status() > 299)
    return;
  const LegId leg_id = legs_.find_dialog(response.call_id(), response.from_tag());
  Leg* leg = legs_.find(leg_id);
  if (leg == nullptr || response.cseq().number != leg->invite_cseq) return;
  if (!leg->is_uac) {
    if (leg->dialog.remote_tag == response.to_tag()) ack_again(*leg, response);
    return;
  }
  // While the INVITE waits for its final response, one with another branch is not its own
  // (§17.1.3); taken for the answer it would leave a transaction that never ends.
  if (leg->invite && !leg->attempt_over) return;
  attempt_answered(now, leg_id, response);
}

void Calls::unanswered(Now now, const TransactionUser& user, TimerLetter timer,
                       std::string_view why) {
  switch (user.kind) {
    case TransactionUser::Kind::attempt: {
      const LegId leg_id = LegId::unpack(user.leg);
      Leg* leg = legs_.find(leg_id);
      if (leg == nullptr) return;
      if (timer != TimerLetter::none) {
        // The peer may have answered all the same: its 2xx is expected as long as it would repeat
        // it.
        legs_.hold(leg_id);
        env_.timers.arm(now.mono, env_.config.timers.timeout(),
                        {UserTimer::Kind::leg_linger, leg_id.packed()});
      }
      Call* call = calls_.find(leg->call);
      if (call == nullptr || call->state != CallState::hunting || call->answerer != leg_id ||
          leg->attempt_over)
        return;
      Hunt& hunt = *call->hunt;
      hunt.any_timeout = hunt.any_timeout || timer == TimerLetter::B;
      hunt.last_failure =
          timer == TimerLetter::B
              ? fmt::format(
                    "Timer B fired in Calling: no response in {} ms",
                    std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - leg->started)
                        .count())
              : std::string(why);
      log(*call, LogLevel::info, fmt::format("{}: {}", leg->flow.remote.text(), hunt.last_failure));
      attempt_over(now, *leg, *call,
                   {.timed_out = timer != TimerLetter::none, .reason = hunt.last_failure});
      apply(now, leg->call, CallEvent::attempt_unanswered,
            {.target_left = hunt.made < hunt.plan.attempts.size()},
            {.leg = leg_id, .why = hunt.last_failure});
      return;
    }
    case TransactionUser::Kind::reinvite_client: return reinvite_unanswered(now, user, timer);
    case TransactionUser::Kind::liveness: return liveness_answer(now, LegId::unpack(user.leg), 0);
    case TransactionUser::Kind::client:
    case TransactionUser::Kind::own_bye:  // the dialog is over with or without its answer (§15.1.1)
    case TransactionUser::Kind::none:
    case TransactionUser::Kind::invite_server:
    case TransactionUser::Kind::server:
    case TransactionUser::Kind::relay_server:
    case TransactionUser::Kind::relay_client:
    case TransactionUser::Kind::probe: return;
  }
}

}  // namespace usher::sip
