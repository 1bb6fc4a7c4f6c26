#include "sip/b2bua/calls.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/limits.hpp"
#include "sip/b2bua/session_uuid.hpp"
#include "sip/sdp/media_address.hpp"

namespace usher::sip {
namespace {

// What a BYE of ours gives as its Reason: that of the message which ended the call, or our own.
std::string reason_of(const Call& call) {
  if (!call.reason.empty() || call.ended_by != Ender::edge || call.why.empty()) return call.reason;
  return reason_value(480, call.why);
}

}  // namespace

bool Calls::start(Now now, const RouteNeeded& need, Plan plan) {
  const Message& request = *need.request;
  const RequestReceived received{need.request, need.flow};
  const auto turn_away = [&](const Reply& reply) {
    env_.note_reply(plan.key, reply);
    env_.reply(now, received, reply);
    env_.emit(CallEnded{.call = {},
                        .mark = plan.mark,
                        .status = reply.status,
                        .why = reply.why,
                        .started = now.mono,
                        .ended = now.mono});
    return false;
  };
  if (calls_.size() >= limits::kCalls) return turn_away(no_room("calls"));
  auto dialog = uas_dialog(request, "");
  if (!dialog) return turn_away({.status = 400, .why = dialog.error().message});

  const InviteExchangeId exchange_id = invites_.emplace().first;
  const Cookie cookie = env_.user({TransactionUser::Kind::invite_server, exchange_id.packed(), 0});
  const ServerTxId server = env_.layer.accept(now.mono, need.request, need.flow, cookie, env_.out);
  if (!server) {
    env_.users.erase(UserId::unpack(cookie));
    invites_.erase(exchange_id);
    return turn_away(no_room("transactions"));
  }
  dialog->local_tag = env_.layer.local_tag(server);

  const auto [call_id, call] = calls_.emplace();
  Leg leg = legs_.from(now, need, plan, std::move(*dialog));
  leg.call = call_id;
  call.context = leg.context;
  call.origin = legs_.add(std::move(leg));
  legs_.hold(call.origin);
  env_.users.find(UserId::unpack(cookie))->leg = call.origin.packed();

  call.mark = plan.mark;
  call.pending = exchange_id;
  call.started = now.mono;
  call.hunt = std::make_unique<Hunt>();
  call.hunt->plan = std::move(plan);

  InviteExchange& exchange = *invites_.find(exchange_id);
  exchange.call = call_id;
  exchange.from = call.origin;
  exchange.initial = true;
  exchange.server = server;
  exchange.request = need.request;
  exchange.source = need.flow.remote;
  exchange.cseq_in = request.cseq().number;
  log(call, LogLevel::info,
      fmt::format("INVITE {} from {} ({})", request.request_uri(), need.flow.remote.text(),
                  request.call_id()));
  look_at_media(call, request, need.flow.remote);
  next_attempt(now, call_id);
  return true;
}

// Said once for each call: its offer or its answer.
void Calls::look_at_media(Call& call, const Message& message, const net::Endpoint& source) {
  if (!call.hint.empty()) return;
  const auto address = private_media_address(message, source.address);
  if (!address) return;
  call.hint = fmt::format(
      "SDP of {} asks for media at the private address {}: it hears nothing unless the other end "
      "sends media to where it comes from",
      source.text(), address->text());
  log(call, LogLevel::info, call.hint);
  env_.emit(PrivateMedia{call.mark, *address, source});
}

void Calls::apply(Now now, CallId id, CallEvent event, const CallFacts& facts, const Cause& cause) {
  Call* call = calls_.find(id);
  if (call == nullptr) return;
  const CallStep s = step(call->state, event, facts);
  if (env_.log.wants(LogCategory::call, LogLevel::debug)) {
    log(*call, LogLevel::debug,
        fmt::format("{} in {} -> {}", event_name(event), state_name(call->state),
                    state_name(s.next)));
  }
  // The first cause that ends the call is the one that is told.
  if (s.next != call->state && call->why.empty() && !cause.why.empty()) {
    call->why = cause.why;
    if (event == CallEvent::origin_cancel || event == CallEvent::origin_bye)
      call->ended_by = Ender::originator;
    const bool over = event == CallEvent::attempt_refused || event == CallEvent::attempt_unanswered;
    if (event == CallEvent::answerer_bye || (over && !facts.goes_on)) {
      call->ended_by = Ender::answerer;
    }
    if (cause.message != nullptr && cause.message->is_request())
      call->reason = cause.message->header(HeaderId::reason);
  }
  call->state = s.next;
  for (const CallAction action : s.actions) perform(now, id, action, cause);
}

void Calls::perform(Now now, CallId id, CallAction action, const Cause& cause) {
  Call& call = *calls_.find(id);  // only finish ends it, and finish is the last action of its row
  InviteExchange* invite = invites_.find(call.pending);
  switch (action) {
    case CallAction::forward_trying:
      if (invite == nullptr) return;
      invite->trying_forwarded = true;
      return legs_.respond(now, invite->server, call.origin, *invite->request, invite->source,
                           {.status = 100});
    case CallAction::forward_progress: {
      if (invite == nullptr) return;
      const int status = cause.message->status();
      const LegId origin = join(now, call, cause.leg);
      legs_.find(origin)->has_early_dialog = true;
      call.ringing = call.ringing || status == 180;
      if (status >= 180 && status < 190 && !std::exchange(call.told_ringing, true))
        env_.emit(CallRinging{id, call.mark, now.mono, legs_.find(cause.leg)->flow.remote});
      return legs_.respond(now, invite->server, origin, *invite->request, invite->source,
                           {.status = status,
                            .reason = cause.message->reason_phrase(),
                            .contact = true,
                            .source = cause.message});
    }
    case CallAction::start_ring_limit: return start_ring_limit(now, call.pending);
    case CallAction::restart_ring_limit:
      if (invite != nullptr) stop_ring_limit(*invite);
      return start_ring_limit(now, call.pending);
    case CallAction::forward_answer:
      call.status = cause.message->status();
      call.hunt->origins.push_back(call.origin);
      call.origin = join(now, call, cause.leg);
      call.answerer = cause.leg;
      call.attempt = legs_.find(cause.leg)->attempt;
      call.answered_at = now.mono;
      invite->from = call.origin;
      invite->to = cause.leg;
      answer(now, call.pending, *cause.message);
      look_at_media(call, *cause.message, legs_.find(cause.leg)->flow.remote);
      start_liveness(now, id);
      env_.emit(CallAnswered{id, call.mark, place_of(call), now.mono});
      return;
    case CallAction::release_losers: return release_losers(now, call);
    case CallAction::next_attempt: return next_attempt(now, id);
    case CallAction::give_up_attempt:
      return give_up(now, call, cause.leg, {.timed_out = true, .reason = cause.why},
                     reason_value(503, cause.why));
    case CallAction::give_up_group:
      for (const LegId leg : std::vector<LegId>(call.hunt->legs))
        give_up(now, call, leg, {.cancelled = true, .reason = cause.why},
                reason_value(408, cause.why));
      return;
    case CallAction::cancel_others: return cancel_others(now, call, cause);
    case CallAction::drop_dialog: return drop_dialog(now, call, cause.leg);
    case CallAction::forward_refusal: {
      const Refusal& best = *best_refusal(*call.hunt);
      call.status = best.response->status();
      return send_refusal(now, call,
                          {.status = call.status,
                           .reason = best.response->reason_phrase(),
                           .source = best.response.get(),
                           .headers = other_challenges(*call.hunt, best)});
    }
    case CallAction::refuse_exhausted: return refuse_exhausted(now, call);
    case CallAction::refuse_ring_limit: return refuse_origin(now, call, 408, cause.why);
    case CallAction::refuse_cancelled: return refuse_origin(now, call, 487, "the caller gave up");
    case CallAction::refuse_ended: return refuse_origin(now, call, 480, cause.why);
    case CallAction::ack_answerer:
      return ack_leg(
          *legs_.find(call.answerer),
          cause.message && cause.message->method() == Method::ack ? cause.message : nullptr);
    case CallAction::relay_bye:
      if (!exchanges_.forward(now, cause.leg, *cause.received) && !legs_.find(cause.leg)->byed)
        call.bye_came = {};  // there was no room for it: it goes on
      return;
    case CallAction::bye_answerer: return legs_.send_bye(now, call.answerer, reason_of(call));
    case CallAction::bye_origin: return legs_.send_bye(now, call.origin, reason_of(call));
    case CallAction::confirm_bye:
      legs_.find(cause.leg)->byed = true;
      return legs_.answer_here(now, cause.leg, *cause.received, {.status = 200});
    case CallAction::stop_answer:
      if (invite != nullptr) drop_invite(call.pending);
      call.pending = {};
      return;
    case CallAction::finish: return finish(now, id);
  }
}

void Calls::finish(Now now, CallId id) {
  Call& call = *calls_.find(id);
  env_.timers.cancel(call.session);
  env_.timers.cancel(call.liveness);
  env_.timers.cancel(call.flow_recovery);
  if (InviteExchange* invite = invites_.find(call.pending)) {
    if (!invite->initial && invite->answer.empty()) {
      // §15.1.2: a request that is still open when the dialog ends is answered, with 487.
      legs_.respond(now, invite->server, invite->from, *invite->request, invite->source,
                    {.status = 487, .why = "the call is over"});
      env_.layer.cancel(now.mono, invite->client, {}, env_.out);
    }
    drop_invite(call.pending);
  }
  CallEnded ended{.call = id,
                  .mark = call.mark,
                  .status = call.status,
                  .answered = call.answered_at != Instant{},
                  .ended_by = call.ended_by,
                  .why = call.why,
                  .started = call.started,
                  .answered_at = call.answered_at,
                  .ended = call.bye_came == Instant{} ? now.mono : call.bye_came,
                  .place = place_of(call)};
  log(call, LogLevel::info,
      fmt::format("ended: status={} answered={} by={} {}", call.status, ended.answered,
                  ender_name(call.ended_by), call.why));
  const LegId origin = call.origin;
  const LegId answerer = call.answerer;
  calls_.erase(id);
  legs_.leave_call(origin);
  legs_.leave_call(answerer);
  env_.emit(std::move(ended));
}

std::string_view ender_name(Ender ender) {
  switch (ender) {
    case Ender::originator: return "originator";
    case Ender::answerer: return "answerer";
    case Ender::edge: return "edge";
  }
  return "edge";
}

CallPlace Calls::place_of(const Call& call) const {
  CallPlace place{.attempt = call.attempt, .attempts = call.attempts};
  if (const Leg* answerer = legs_.find(call.answerer)) {
    place.call_id = answerer->dialog.call_id;
    place.destination = answerer->flow.remote;
  }
  return place;
}

void Calls::refuse_origin(Now now, Call& call, int status, std::string why,
                          std::vector<HeaderLine> headers) {
  call.status = status;
  if (call.why.empty()) call.why = why;
  log(call, LogLevel::info, fmt::format("local {}: {}", status, why));
  send_refusal(now, call, {.status = status, .why = why, .headers = std::move(headers)});
}

void Calls::send_refusal(Now now, const Call& call, LegResponse response) {
  // RFC 7989 §7: of which of several ends it speaks is not determined.
  Leg& origin = *legs_.find(call.origin);
  response.aggregated = call.attempts > 1 && env_.config.correlation.session_id;
  if (call.attempts > 1 && !origin.session_uuid.empty()) origin.session_uuid = kNilUuid;
  const InviteExchange& invite = *invites_.find(call.pending);
  legs_.respond(now, invite.server, call.origin, *invite.request, invite.source, response);
}

// The 408 rule: only when every target was tried, none gave any response, and the last one had its
// 64·T1. Everything else that leaves nothing to try is 503.
void Calls::refuse_exhausted(Now now, Call& call) {
  const Hunt& hunt = *call.hunt;
  const std::size_t untried = hunt.plan.attempts.size() - hunt.made;
  if (!hunt.any_response && hunt.any_timeout && untried == 0) {
    return refuse_origin(now, call, 408, hunt.last_failure);
  }
  const std::string why =
      untried == 0 ? "no target is left: " + hunt.last_failure
                   : fmt::format("the time for silent targets is used up, {} untried: {}", untried,
                                 hunt.last_failure);
  refuse_origin(now, call, 503, why, {{"Retry-After", "10"}});
}

void Calls::log(const Call& call, LogLevel level, std::string_view text) const {
  env_.log.write(LogCategory::call, level, call.context->key, text);
}

Result<void> Calls::end(Now now, CallId id, std::string_view why) {
  if (calls_.find(id) == nullptr) return fail(Errc::not_found, "no such call");
  apply(now, id, CallEvent::edge_ends, {}, {.why = std::string(why)});
  return {};
}

CallView Calls::view(CallId id, const Call& call) const {
  CallView view;
  view.call = id;
  view.key = call.context->key;
  view.domain = call.context->domain;
  view.mark = call.mark;
  view.attempt = call.attempt;
  view.state = call.state == CallState::hunting       ? (call.ringing ? "ringing" : "trying")
               : call.state == CallState::answered    ? "answered"
               : call.state == CallState::established ? "confirmed"
                                                      : "ending";
  view.started = call.started;
  view.answered_at = call.answered_at;
  view.hint = call.hint;
  if (const Leg* origin = legs_.find(call.origin)) {
    view.from = party_uri(origin->dialog.remote_party);
    view.to = party_uri(origin->dialog.local_party);
    view.origin_call_id = origin->dialog.call_id;
    view.origin = origin->flow.remote;
    view.origin_side = origin->side;
  }
  if (const Leg* answerer = legs_.find(call.answerer)) {
    view.new_call_id = answerer->dialog.call_id;
    view.destination = answerer->flow.remote;
  }
  return view;
}

std::optional<CallView> Calls::view(CallId id) const {
  const Call* call = calls_.find(id);
  return call ? std::optional{view(id, *call)} : std::nullopt;
}

void Calls::each(CallId after, const std::function<bool(const CallView&)>& visit) const {
  calls_.visit(after.index,
               [&](CallId id, const Call& call) { return !(after < id) || visit(view(id, call)); });
}

}  // namespace usher::sip
