// Hunting: one group of attempts after the other, and what each attempt says. The early dialogs are
// calls_forks.cpp's.
#include <fmt/format.h>

#include <algorithm>

#include "sip/b2bua/calls.hpp"
#include "sip/b2bua/session_uuid.hpp"

namespace usher::sip {

void Calls::next_attempt(Now now, CallId id) {
  Call& call = *calls_.find(id);
  Hunt& hunt = *call.hunt;
  stop_ring_limit(*invites_.find(call.pending));  // the new targets have not rung yet
  env_.timers.cancel(hunt.attempt_timer);
  hunt.attempt_timer = {};
  ++hunt.group;
  const std::size_t end = group_end(hunt.plan, hunt.made);
  const bool alone = end == hunt.made + 1;
  LegId failed;
  while (hunt.made < end && !failed) {
    const Attempt attempt = hunt.plan.attempts[hunt.made++];
    const LegId leg_id = start_attempt(now, id, attempt);
    Leg& leg = *legs_.find(leg_id);
    if (!leg.invite) {
      failed = leg_id;
      hunt.made = hunt.plan.attempts.size();
    } else if (const Leg& origin = *legs_.find(call.origin);
               alone && !origin.peer && !origin.has_early_dialog) {
      join(now, call, leg_id);  // so that a request may overtake its first response
    }
  }
  // The attempt's time runs only while another target is left; the last ones have their full 64·T1.
  if (!failed && hunt.made < hunt.plan.attempts.size() &&
      hunt.silence + env_.config.attempt < env_.config.hunt_limit) {
    hunt.attempt_timer =
        env_.timers.arm(now.mono, env_.config.attempt, {UserTimer::Kind::attempt, id.packed()});
    env_.note_armed(call.context->key, timer_label::kAttempt, env_.config.attempt,
                    "the next target is tried when nothing has come by then");
  }
  if (!failed) return;
  hunt.last_failure = "the limit of transactions is reached";
  attempt_over(now, *legs_.find(failed), call, {.cancelled = true, .reason = hunt.last_failure});
  group_event(now, id, CallEvent::attempt_unanswered, failed, hunt.last_failure);
}

// INVITE to one target. Its leg has no transaction when the limit of these is reached.
LegId Calls::start_attempt(Now now, CallId id, const Attempt& attempt) {
  Call& call = *calls_.find(id);
  Hunt& hunt = *call.hunt;
  const InviteExchange& invite = *invites_.find(call.pending);
  const Leg& origin = *legs_.find(call.origin);
  Leg leg = legs_.towards(origin, hunt.plan, attempt, invite.request->request_uri());
  leg.call = id;
  leg.peer_contact_user = attempt.contact_user_origin;
  if (env_.config.correlation.session_id && leg.side == Side::backend) {
    const bool says_one = invite.request->count(HeaderId::session_id) > 0;
    leg.session_uuid = says_one
                           ? local_uuid(invite.request->header(HeaderId::session_id)).value_or("")
                           : session_uuid(env_.config.names, invite.request->call_id());
  }
  leg.others = attempt.others;
  leg.started = now.mono;
  leg.invite_cseq = leg.dialog.local_cseq;
  const std::string call_id_header = leg.dialog.call_id;
  const LegId leg_id = legs_.add(std::move(leg));
  call.answerer = leg_id;
  call.attempt = attempt.mark;
  ++call.attempts;
  hunt.legs.push_back(leg_id);
  log(call, LogLevel::info,
      fmt::format("attempt {} of {} to {} ({})", hunt.made, hunt.plan.attempts.size(),
                  attempt.flow.remote.text(), call_id_header));

  // The request goes to the chosen flow itself: the dialog has no route set and its target is not
  // yet the peer's.
  const Cookie cookie = env_.user({TransactionUser::Kind::attempt, 0, leg_id.packed()});
  const Leg& made = *legs_.find(leg_id);
  const ClientTxId transaction =
      env_.start(now, Method::invite, attempt.flow, made.side, cookie,
                 [&](const Listener& via, std::string_view branch) {
                   return make_request(made, env_.listener(attempt.flow),
                                       {.method = "INVITE",
                                        .cseq = made.invite_cseq,
                                        .branch = branch,
                                        .max_forwards = next_max_forwards(*invite.request),
                                        .contact = true,
                                        .source = invite.request.get(),
                                        .via = &via});
                 });
  if (!transaction) {
    env_.users.erase(UserId::unpack(cookie));
    return leg_id;
  }
  if (env_.config.notes)
    env_.emit(Noted{.key = made.context->key,
                    .kind = NoteKind::attempt,
                    .text = fmt::format("INVITE, {} of {}", hunt.made, hunt.plan.attempts.size()),
                    .peer = attempt.flow.remote,
                    .transport = attempt.flow.transport,
                    .call_id = std::string(invite.request->call_id()),
                    .new_call_id = call_id_header});
  env_.note_armed(made.context->key, timer_label::kB, env_.config.timers.timeout(),
                  "64*T1: the attempt is given up when no response at all has come by then",
                  attempt.flow.remote);
  legs_.hold(leg_id);
  legs_.find(leg_id)->invite = transaction;
  ++legs_.find(leg_id)->invite_transactions;
  return leg_id;
}

// RFC 5626 §5.3: the flow of an attempt has failed, and there is another one to the same device.
bool Calls::another_flow(Now now, CallId id, LegId failed) {
  Leg& leg = *legs_.find(failed);
  Call& call = *calls_.find(id);
  if (leg.others.empty() || call.hunt->decided) return false;
  Attempt next = std::move(leg.others.front());
  next.others.assign(std::make_move_iterator(leg.others.begin() + 1),
                     std::make_move_iterator(leg.others.end()));
  leg.others.clear();
  log(call, LogLevel::info,
      fmt::format("the flow to {} has failed, the device has another one", leg.flow.remote.text()));
  const LegId leg_id = start_attempt(now, id, next);
  if (!legs_.find(leg_id)->invite) {
    attempt_over(now, *legs_.find(leg_id), call, {.cancelled = true});
    return false;
  }
  join_if_alone(now, call, leg_id);
  return true;
}

// So that a request may overtake its first response.
void Calls::join_if_alone(Now now, Call& call, LegId leg_id) {
  const Leg& origin = *legs_.find(call.origin);
  const bool alone = std::none_of(call.hunt->legs.begin(), call.hunt->legs.end(), [&](LegId other) {
    return other != leg_id && !legs_.find(other)->attempt_over;
  });
  if (alone && !origin.peer && !origin.has_early_dialog) join(now, call, leg_id);
}

// What the table may look at when this attempt is over.
CallFacts Calls::facts_without(const Call& call, LegId leg_id) const {
  const Hunt& hunt = *call.hunt;
  CallFacts facts;
  facts.target_left = target_left(hunt, env_.config.hunt_limit);
  facts.goes_on = goes_on(hunt, facts.target_left);
  facts.decisive = hunt.decided;
  facts.others = std::any_of(hunt.legs.begin(), hunt.legs.end(), [&](LegId other) {
    return other != leg_id && !legs_.find(other)->attempt_over;
  });
  return facts;
}

// An attempt is over. When the call ends by it, the caller is told of the best refusal, which may
// be another's.
void Calls::group_event(Now now, CallId id, CallEvent event, LegId leg_id, std::string why) {
  const Call& call = *calls_.find(id);
  const CallFacts facts = facts_without(call, leg_id);
  const Refusal* best = best_refusal(*call.hunt);
  if (best == nullptr || facts.others || facts.goes_on)
    return apply(
        now, id, event, facts,
        {.message = best ? best->response.get() : nullptr, .leg = leg_id, .why = std::move(why)});
  const Message& response = *best->response;
  apply(now, id, event, facts,
        {.message = &response,
         .leg = leg_id,
         .why = fmt::format("{} refused with {} {}{}", best->from, response.status(),
                            response.reason_phrase(),
                            response.status() == 408 ? " (upstream's, not made here)" : "")});
}

void Calls::attempt_response(Now now, LegId leg_id, const ResponseReceived& received) {
  Leg* leg = legs_.find(leg_id);
  if (leg == nullptr) return;
  const Message& response = *received.response;
  const int status = response.status();
  if (status >= 200 && status < 300) return attempt_answered(now, leg_id, response);

  Call* call = calls_.find(leg->call);
  const bool hunting = call != nullptr && call->state == CallState::hunting;
  if (hunting) call->hunt->any_response = true;
  if (!hunting || leg->attempt_over) {
    // It lost or was given up. What a 503 asks for is about its server, not this call (§21.5.4).
    if (const Duration wait = wait_asked_for(response); wait > Duration{}) {
      env_.emit(AttemptEnded{.attempt = leg->attempt,
                             .place = leg->flow.remote,
                             .status = status,
                             .cancelled = true,
                             .retry_after = wait});
    }
    return;
  }
  Hunt& hunt = *call->hunt;
  if (status >= 300) return attempt_refused(now, leg_id, received.response);
  leg->had_provisional = true;
  if (hunt.decided) return;  // it is being cancelled
  const bool silent = std::any_of(hunt.legs.begin(), hunt.legs.end(), [&](LegId other) {
    const Leg& o = *legs_.find(other);
    return !o.attempt_over && !o.had_provisional;
  });
  if (!silent) env_.timers.cancel(hunt.attempt_timer);
  const CallId id = leg->call;
  if (status == 100) {
    const bool forwarded = invites_.find(call->pending)->trying_forwarded || call->ringing;
    return apply(now, id, CallEvent::attempt_trying, {.trying_forwarded = forwarded},
                 {.message = &response, .leg = leg_id});
  }
  const LegId dialog_id = dialog_of(leg_id, response);
  Leg* dialog = legs_.find(dialog_id);
  // Too many, or the caller has ended this one.
  if (dialog == nullptr || (dialog->byed && !dialog->peer)) return;
  if (!response.to_tag().empty()) {
    learn_from_response(dialog->dialog, response);
    dialog->has_early_dialog = true;
  }
  call->answerer = dialog_id;
  apply(now, id, CallEvent::attempt_progress, {}, {.message = &response, .leg = dialog_id});
}

void Calls::attempt_refused(Now now, LegId leg_id, const MessageRef& response) {
  Leg& leg = *legs_.find(leg_id);
  const CallId id = leg.call;
  Call& call = *calls_.find(id);
  Hunt& hunt = *call.hunt;
  const int status = response->status();
  attempt_over(now, leg, call,
               {.status = status, .retry_after = wait_asked_for(*response), .response = response});
  end_dialogs(call, leg_id);
  if (status == kFlowFailed && another_flow(now, id, leg_id)) return;
  hunt.last_failure = fmt::format("the target answered {}", status);
  log(call, LogLevel::info, fmt::format("{} answered {}", leg.flow.remote.text(), status));
  const bool followed =
      status < 400 &&
      follow_redirect(hunt, *response, invites_.find(call.pending)->request->request_uri());
  if (!followed) hunt.refusals.push_back({response, leg_id, leg.flow.remote.text(), hunt.group});
  if (status >= 600 && !hunt.decided) {
    hunt.decided = true;
    // Who has not even shown that he lives is not waited for.
    for (const LegId other : std::vector<LegId>(hunt.legs)) {
      if (!legs_.find(other)->had_provisional)
        give_up(now, call, other, {.cancelled = true, .reason = hunt.last_failure},
                reason_value(status, hunt.last_failure));
    }
  }
  group_event(now, id, CallEvent::attempt_refused, leg_id, hunt.last_failure);
}

void Calls::attempt_answered(Now now, LegId leg_id, const Message& response) {
  const LegId dialog_id = dialog_of(leg_id, response);
  Leg* dialog = legs_.find(dialog_id);
  if (dialog == nullptr) return;
  if (dialog->dialog.confirmed) {
    // A 2xx again: our ACK was lost, or has not been made yet because the origin's has not come.
    return ack_again(*dialog, response);
  }
  learn_from_response(dialog->dialog, response);
  Leg& leg = *legs_.find(leg_id);
  Call* call = calls_.find(leg.call);
  // The caller's BYE has ended this early dialog already; the callee's own BYE has not.
  const bool dropped = dialog->byed && !dialog->peer;
  if (call != nullptr && call->state == CallState::hunting && !leg.attempt_over && !dropped) {
    attempt_over(now, leg, *call, {.status = response.status()});
    const CallId id = leg.call;
    const bool hung_up = dialog->byed;
    apply(now, id, CallEvent::attempt_answered, {}, {.message = &response, .leg = dialog_id});
    call = calls_.find(id);
    if (!hung_up || call == nullptr) return;
    // Its BYE overtook this 2xx and is confirmed already: nobody is left for the origin to talk to.
    call->ended_by = Ender::answerer;
    return apply(now, id, CallEvent::edge_ends, {}, {.why = "BYE"});
  }
  // A 2xx that crossed a CANCEL, a timeout or a failover, or another fork's (§13.2.2.4): ACKed and
  // BYEd. It was a response all the same (the 408 rule).
  if (call != nullptr && call->hunt) call->hunt->any_response = true;
  if (dialog_id != leg_id) dialog->call = {};
  ack_and_bye(now, dialog_id,
              dialog_id == leg_id ? "answered too late" : "another fork has answered");
}

void Calls::attempt_over(Now now, Leg& leg, const Call& call, AttemptEnded outcome) {
  if (leg.attempt_over) return;
  leg.attempt_over = true;
  outcome.mark = call.mark;
  outcome.attempt = leg.attempt;
  outcome.place = leg.flow.remote;
  outcome.had_provisional = leg.had_provisional;
  outcome.took = now.mono - leg.started;
  env_.emit(std::move(outcome));
}

// CANCEL; a 2xx that comes all the same is ACKed and BYEd.
void Calls::give_up(Now now, Call& call, LegId leg_id, AttemptEnded outcome,
                    std::string_view reason) {
  Leg& leg = *legs_.find(leg_id);
  end_dialogs(call, leg_id);
  attempt_over(now, leg, call, std::move(outcome));
  env_.layer.cancel(now.mono, leg.invite, reason, env_.out);
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

// The attempts' time, or after a 6xx the time that the others have to take note of their CANCEL.
void Calls::attempt_time_over(Now now, CallId id) {
  Call* call = calls_.find(id);
  if (call == nullptr || !call->hunt) return;
  Hunt& hunt = *call->hunt;
  hunt.attempt_timer = {};
  if (!hunt.decided) {
    env_.note_fired(call->context->key, timer_label::kAttempt, env_.config.attempt,
                    "somebody who was asked has said nothing");
    hunt.silence += env_.config.attempt;
    hunt.last_failure = fmt::format(
        "no response within the attempt time of {} ms",
        std::chrono::duration_cast<std::chrono::milliseconds>(env_.config.attempt).count());
  }
  const std::string why = hunt.last_failure;
  const std::size_t group = hunt.group;
  for (const LegId leg_id : std::vector<LegId>(hunt.legs)) {
    call = calls_.find(id);
    if (call == nullptr || call->state != CallState::hunting || call->hunt->group != group) return;
    const Leg& leg = *legs_.find(leg_id);
    if (leg.attempt_over || (leg.had_provisional && !call->hunt->decided)) continue;
    group_event(now, id, CallEvent::attempt_unanswered, leg_id, why);
  }
}

void Calls::attempt_unanswered(Now now, LegId leg_id, TimerLetter timer, std::string_view why) {
  Leg* leg = legs_.find(leg_id);
  if (leg == nullptr) return;
  // The peer may have got it and answered all the same, over a new connection when this one was
  // lost (§18.2.2): its 2xx is expected as long as it would repeat it.
  legs_.hold(leg_id);
  env_.timers.arm(now.mono, env_.config.timers.timeout(),
                  {UserTimer::Kind::leg_linger, leg_id.packed()});
  Call* call = calls_.find(leg->call);
  if (call == nullptr || call->state != CallState::hunting || leg->attempt_over) return;
  Hunt& hunt = *call->hunt;
  const Duration took = now.mono - leg->started;
  if (timer == TimerLetter::B) {
    env_.note_fired(call->context->key, timer_label::kB, took, "no response at all has come",
                    leg->flow.remote);
    hunt.any_timeout = true;
    hunt.silence += took;
  }
  hunt.last_failure =
      timer == TimerLetter::B
          ? fmt::format("Timer B fired in Calling: no response in {} ms",
                        std::chrono::duration_cast<std::chrono::milliseconds>(took).count())
          : std::string(why);
  log(*call, LogLevel::info, fmt::format("{}: {}", leg->flow.remote.text(), hunt.last_failure));
  attempt_over(now, *leg, *call,
               {.timed_out = timer != TimerLetter::none, .reason = hunt.last_failure});
  end_dialogs(*call, leg_id);
  if (timer == TimerLetter::none && another_flow(now, leg->call, leg_id)) return;
  group_event(now, leg->call, CallEvent::attempt_unanswered, leg_id, hunt.last_failure);
}

void Calls::unanswered(Now now, const TransactionUser& user, TimerLetter timer,
                       std::string_view why) {
  switch (user.kind) {
    case TransactionUser::Kind::attempt:
      return attempt_unanswered(now, LegId::unpack(user.leg), timer, why);
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
