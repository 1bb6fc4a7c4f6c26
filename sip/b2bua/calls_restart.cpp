// Checkpoints of established calls: when they have changed, and how a later process goes on from
// them.
#include <fmt/format.h>

#include <functional>
#include <utility>

#include "core/limits.hpp"
#include "sip/b2bua/calls.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

constexpr std::uint32_t kLargestCSeq = 0x7fffffff;  // RFC 3261 §8.1.1.5

LegStamp stamp_of(const Leg& leg) {
  return {leg.flow, std::hash<std::string>{}(leg.dialog.remote_target), leg.invite_cseq,
          leg.dialog.local_cseq};
}

bool same_as_told(const Leg& leg) {
  const LegStamp now = stamp_of(leg);
  return now.flow == leg.told.flow && now.target == leg.told.target &&
         now.invite_cseq == leg.told.invite_cseq && now.cseq - leg.told.cseq < kCSeqTold;
}

LegCheckpoint checkpoint_of(const Leg& leg) {
  return {leg.side,         leg.is_uac, leg.flow,       leg.dialog,
          leg.contact_user, leg.device, leg.invite_cseq};
}

// The way to the peer when no connection of the earlier process is left.
net::Flow flow_now(const LegCheckpoint& leg) {
  net::Flow flow = leg.flow;
  if (!net::is_reliable(flow.transport)) return flow;
  if (leg.side == Side::phone) {
    // It cannot be connected to; it comes back by itself.
    flow.connection = net::kGoneConnection;
    return flow;
  }
  flow.connection = {};
  if (leg.is_uac) return flow;
  // It had connected to us: it listens where its Contact says.
  const auto uri = parse_uri(leg.dialog.remote_target);
  const auto address = uri && uri->is_sip ? net::IpAddress::parse(uri->host)
                                          : Result<net::IpAddress>{fail(Errc::syntax, "")};
  if (address) flow.remote = {*address, uri->port.value_or(net::default_port(flow.transport))};
  return flow;
}

Leg leg_of(LegCheckpoint checkpoint) {
  Leg leg;
  leg.side = checkpoint.side;
  leg.is_uac = checkpoint.is_uac;
  leg.flow = flow_now(checkpoint);
  leg.dialog = std::move(checkpoint.dialog);
  leg.dialog.local_cseq += kCSeqGap;
  leg.dialog.confirmed = true;
  leg.contact_user = std::move(checkpoint.contact_user);
  leg.device = std::move(checkpoint.device);
  leg.invite_cseq = checkpoint.invite_cseq;
  return leg;
}

WallTime wall_of(Now now, Instant when) {
  return now.wall - std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - when);
}

// A clock that was set back must not make it lie ahead.
Instant instant_of(Now now, WallTime when) {
  return now.mono - std::max<Duration>(now.wall - when, std::chrono::milliseconds(1));
}

}  // namespace

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
    if (!is_told(*call)) tell(now, leg->call);
  }
  legs_.clear_touched();
}

void Calls::tell(Now now, CallId id) {
  Call& call = *calls_.find(id);
  Leg& origin = *legs_.find(call.origin);
  Leg& answerer = *legs_.find(call.answerer);
  origin.told = stamp_of(origin);
  answerer.told = stamp_of(answerer);
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
                         .origin = checkpoint_of(origin),
                         .answerer = checkpoint_of(answerer)}});
}

Result<CallId> Calls::restore(Now now, RestoredCall restored) {
  CallCheckpoint& checkpoint = restored.checkpoint;
  if (calls_.size() >= limits::kCalls) return fail(Errc::limit, "the limit of calls is reached");
  for (const LegCheckpoint* leg : {&checkpoint.origin, &checkpoint.answerer}) {
    if (leg->dialog.local_cseq > kLargestCSeq - kCSeqGap)
      return fail(Errc::range, fmt::format("its CSeq {} is used up", leg->dialog.local_cseq));
    if (legs_.find_dialog(leg->dialog.call_id, leg->dialog.local_tag))
      return fail(Errc::conflict, "its dialog " + leg->dialog.call_id + " is there already");
  }
  auto context = std::make_shared<CallContext>();
  context->key = checkpoint.key;
  context->domain = checkpoint.domain;
  context->hidden = std::move(restored.hidden);

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
  tell(now, id);
  log(call, LogLevel::debug, "goes on after a restart");
  return id;
}

}  // namespace usher::sip
