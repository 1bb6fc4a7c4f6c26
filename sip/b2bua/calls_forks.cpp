// The early dialogs of a call: each dialog that an INVITE of ours makes downstream (§12.1.2, one
// per fork) has its own dialog on the origin's leg, with a To tag of its own (§12.1.1). What
// becomes of them when one has won.
#include <fmt/format.h>

#include <algorithm>

#include "sip/b2bua/calls.hpp"
#include "sip/b2bua/session_uuid.hpp"

namespace usher::sip {

// The dialog that `response` to the INVITE of `leg_id` belongs to; one that it makes is new. Void:
// there are too many.
LegId Calls::dialog_of(LegId leg_id, const Message& response) {
  const Leg& leg = *legs_.find(leg_id);
  const std::string_view tag = response.to_tag();
  if (tag.empty() || (!leg.has_early_dialog && !leg.dialog.confirmed)) return leg_id;
  if (const LegId known = legs_.find_fork(leg_id, tag)) return known;
  const LegId fork = legs_.add_fork(leg_id, tag);
  if (fork && env_.config.correlation.session_id) legs_.hear(response);  // its first word
  return fork;
}

// The origin's side of this dialog. The first one to be shown has the tag of the INVITE's
// transaction.
LegId Calls::join(Now now, Call& call, LegId leg_id) {
  Leg& leg = *legs_.find(leg_id);
  if (leg.peer) return leg.peer;
  LegId origin_id = call.origin;
  const Leg& first = *legs_.find(origin_id);
  if (first.peer || first.has_early_dialog) {
    const InviteExchange& invite = *invites_.find(call.pending);
    Leg next;
    next.call = leg.call;
    next.side = first.side;
    next.flow = first.flow;
    next.device = first.device;
    next.dialog = *uas_dialog(*invite.request, env_.rng.token(12));
    next.contact_user = first.contact_user;
    next.context = first.context;
    next.started = now.mono;
    origin_id = legs_.add(std::move(next));
    call.hunt->origins.push_back(origin_id);
  }
  Leg& origin = *legs_.find(origin_id);
  origin.peer = leg_id;
  stand_in(call, origin, leg);
  if (!leg.peer_contact_user.empty()) origin.contact_user = leg.peer_contact_user;
  leg.peer = origin_id;
  return origin_id;
}

// RFC 7989 §7: towards a backend on behalf of the phone that it calls. A UUID that the phone has
// not said itself is another one for each phone, and for each dialog of it.
void Calls::stand_in(const Call& call, Leg& origin, const Leg& phone) {
  if (!env_.config.correlation.session_id) return;
  if (origin.side != Side::backend || phone.side != Side::phone) return;
  origin.session_uuid = phone.peer_session_uuid;
  if (origin.session_uuid.empty())
    origin.session_uuid =
        session_uuid(env_.config.names, phone.dialog.call_id + '\n' + phone.dialog.remote_tag);
  const InviteExchange* invite = invites_.find(call.pending);
  if (invite == nullptr || !origin.peer_session_uuid.empty()) return;
  if (const auto uuid = local_uuid(invite->request->header(HeaderId::session_id)))
    origin.peer_session_uuid = *uuid;
}

void Calls::overtaken(Now now, LegId leg_id) {
  const Leg& leg = *legs_.find(leg_id);
  Call* call = calls_.find(leg.call);
  if (call != nullptr && call->state == CallState::hunting && !leg.attempt_over)
    join(now, *call, leg_id);
}

// §12.3: a final response or a CANCEL ends the early dialogs of an INVITE.
void Calls::end_dialogs(Call& call, LegId leg_id) {
  const std::vector<LegId> forks = legs_.find(leg_id)->forks;
  end_dialog(call, leg_id);
  for (const LegId fork : forks) end_dialog(call, fork);
}

void Calls::end_dialog(Call& call, LegId leg_id) {
  const Leg* leg = legs_.find(leg_id);
  if (leg == nullptr || !leg->peer) return;
  const LegId origin = leg->peer;
  legs_.part(leg_id);
  if (origin == call.origin) return;  // the INVITE's final response is owed on it
  std::erase(call.hunt->origins, origin);
  legs_.leave_call(origin);
}

// Whether the caller has been shown early dialogs beside the one of this leg.
bool Calls::other_dialogs(const Call& call, LegId origin) const {
  if (!call.hunt) return false;
  const auto shown = [&](LegId id) {
    const Leg* leg = legs_.find(id);
    return id != origin && leg != nullptr && leg->has_early_dialog && leg->peer;
  };
  return shown(call.origin) ||
         std::any_of(call.hunt->origins.begin(), call.hunt->origins.end(), shown);
}

// §15: the caller's BYE ends one early dialog. That one's INVITE is cancelled, unless it has made
// others.
void Calls::drop_dialog(Now now, Call& call, LegId origin) {
  const LegId dropped = legs_.find(origin)->peer;
  for (const LegId attempt : call.hunt->legs) {
    const Leg& leg = *legs_.find(attempt);
    if (attempt != dropped &&
        std::find(leg.forks.begin(), leg.forks.end(), dropped) == leg.forks.end())
      continue;
    const auto lives = [&](LegId id) {
      const Leg* other = legs_.find(id);
      return id != dropped && other != nullptr && other->peer;
    };
    if (lives(attempt) || std::any_of(leg.forks.begin(), leg.forks.end(), lives)) {
      legs_.send_bye(now, dropped, call.reason);
      return end_dialog(call, dropped);
    }
    return give_up(now, call, attempt, {.cancelled = true, .reason = "BYE"},
                   reason_value(487, "the caller ended this early dialog"));
  }
}

// §16.7 step 5: a 6xx. Whoever has shown that he lives may still answer 2xx, and wins then.
void Calls::cancel_others(Now now, Call& call, const Cause& cause) {
  if (std::exchange(call.hunt->waiting, true)) return;
  for (const LegId leg_id : call.hunt->legs) {
    const Leg& leg = *legs_.find(leg_id);
    if (leg_id != cause.leg && !leg.attempt_over)
      env_.layer.cancel(now.mono, leg.invite, reason_value(cause.message->status(), cause.why),
                        env_.out);
  }
  env_.timers.cancel(call.hunt->attempt_timer);
  call.hunt->attempt_timer =
      env_.timers.arm(now.mono, env_.config.attempt,
                      {UserTimer::Kind::attempt, legs_.find(cause.leg)->call.packed()});
}

void Calls::release_losers(Now now, Call& call) {
  if (!call.hunt) return;
  env_.timers.cancel(call.hunt->attempt_timer);
  if (InviteExchange* invite = invites_.find(call.pending)) stop_ring_limit(*invite);
  const bool answered = call.state == CallState::answered;
  const std::string reason = answered ? reason_value(200, "Call completed elsewhere")
                             : !call.reason.empty()
                                 ? call.reason
                                 : reason_value(call.status == 0 ? 487 : call.status, call.why);
  const auto lost = [&](LegId leg_id) {
    if (answered && (leg_id == call.answerer || leg_id == call.origin)) return;
    legs_.part(leg_id);
    legs_.leave_call(leg_id);
  };
  for (const LegId leg_id : call.hunt->legs) {
    Leg& leg = *legs_.find(leg_id);
    attempt_over(now, leg, call, {.cancelled = true, .reason = call.why});
    // The layer cancels what is open only: not the INVITE that was answered.
    if (leg.invite) env_.layer.cancel(now.mono, leg.invite, reason, env_.out);
    const std::vector<LegId> forks = leg.forks;
    lost(leg_id);
    for (const LegId fork : forks) lost(fork);
  }
  for (const LegId origin : call.hunt->origins) lost(origin);
  // Otherwise refusals of the hunt may still be told by what follows.
  if (answered) call.hunt.reset();
}

}  // namespace usher::sip
