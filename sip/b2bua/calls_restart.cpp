// Checkpoints of established calls: when they have changed, and how a later process goes on from
// them.
#include <utility>

#include "core/limits.hpp"
#include "sip/b2bua/calls.hpp"
#include "sip/b2bua/leg_checkpoint.hpp"

namespace usher::sip {

bool Calls::is_told(const Call& call) const {
  return call.told && call.session_interval == call.told_session &&
         same_as_told(*legs_.find(call.origin)) && same_as_told(*legs_.find(call.answerer));
}

void Calls::tell_changes(Now now) {
  for (const LegId id : legs_.touched()) {
    const Leg* leg = legs_.find(id);
    const Call* call = leg ? calls_.find(leg->call) : nullptr;
    // While a BYE crosses there is nothing worth keeping: its end follows.
    if (call == nullptr || call->state != CallState::established || leg->byed) continue;
    if (!is_told(*call)) tell(now, leg->call, !call->told);
  }
}

void Calls::tell(Now now, CallId id, bool first) {
  Call& call = *calls_.find(id);
  Leg& origin = *legs_.find(call.origin);
  Leg& answerer = *legs_.find(call.answerer);
  call.told = true;
  call.told_session = call.session_interval;
  env_.emit(CallChanged{id,
                        call.mark,
                        {.id = answerer.dialog.call_id,
                         .key = call.context->key,
                         .domain = call.context->domain,
                         .started = wall_of(now, call.started),
                         .answered = wall_of(now, call.answered_at),
                         .session = call.session_interval,
                         .origin = sip::tell(origin),
                         .answerer = sip::tell(answerer)},
                        first});
}

Result<CallId> Calls::restore(Now now, RestoredCall restored) {
  CallCheckpoint& checkpoint = restored.checkpoint;
  if (calls_.size() >= limits::kCalls) return fail(Errc::limit, "the limit of calls is reached");
  for (const LegCheckpoint* leg : {&checkpoint.origin, &checkpoint.answerer}) {
    if (auto r = can_go_on(*leg); !r) return r.error();
    if (legs_.find_dialog(leg->dialog.call_id, leg->dialog.local_tag))
      return fail(Errc::conflict, "its dialog " + leg->dialog.call_id + " is there already");
  }
  auto context = std::make_shared<CallContext>();
  context->key = checkpoint.key;
  context->domain = checkpoint.domain;
  context->hidden = std::move(restored.hidden);
  context->x_cid = env_.config.correlation.x_cid;

  const auto [id, call] = calls_.emplace();
  call.state = CallState::established;
  call.context = context;
  call.mark = restored.mark;
  call.attempt = restored.attempt;
  call.status = 200;
  call.started = instant_of(now, checkpoint.started);
  call.answered_at = instant_of(now, checkpoint.answered);
  call.session_interval = checkpoint.session;
  // Whether it was refreshed meanwhile nobody knows: it is given a whole interval.
  if (checkpoint.session > Duration{}) {
    call.session =
        env_.timers.arm(now.mono, checkpoint.session, {UserTimer::Kind::session, id.packed()});
  }
  const auto add = [&, call_id = id, started = call.started](LegCheckpoint& side) {
    Leg leg = leg_of(std::move(side));
    leg.call = call_id;
    leg.context = context;
    leg.attempt = restored.attempt;
    leg.started = started;
    if (!env_.config.correlation.session_id) leg.session_uuid.clear();
    return legs_.add(std::move(leg));
  };
  call.origin = add(checkpoint.origin);
  call.answerer = add(checkpoint.answerer);
  legs_.find(call.origin)->peer = call.answerer;
  legs_.find(call.answerer)->peer = call.origin;
  if (const Duration between = env_.config.call_probe; between > Duration{}) {
    // They would all be asked at the same instant; 16 steps are few enough for lanes of their own.
    call.liveness = env_.timers.arm(now.mono, between * (1 + id.index % 16) / 16,
                                    {UserTimer::Kind::liveness, id.packed()});
  }
  for (const LegId leg_id : {call.origin, call.answerer}) {
    const Leg& leg = *legs_.find(leg_id);
    if (!leg.device.empty() && leg.flow.connection == net::kGoneConnection) wait_for_phone(now, id);
  }
  tell(now, id, false);
  log(call, LogLevel::debug, "goes on after a restart");
  return id;
}

}  // namespace usher::sip
