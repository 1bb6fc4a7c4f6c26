// A 2xx to an INVITE is the transaction user's to repeat until its ACK (RFC 3261 §13.3.1.4, RFC
// 6026), over every transport.
#include <fmt/format.h>

#include <algorithm>

#include "sip/b2bua/calls.hpp"
#include "sip/dialog/session_timer.hpp"

namespace usher::sip {

void Calls::answer(Now now, InviteExchangeId id, const Message& response) {
  InviteExchange& exchange = *invites_.find(id);
  stop_ring_limit(exchange);
  Leg& from = *legs_.find(exchange.from);
  from.dialog.confirmed = true;
  exchange.answer =
      make_response(from, env_.listener(from.flow), *exchange.request, exchange.source,
                    {.status = response.status(),
                     .reason = response.reason_phrase(),
                     .contact = true,
                     .source = &response});
  env_.layer.respond(now.mono, exchange.server, response.status(), exchange.answer, env_.out);
  watch_session(now, exchange.from, response);
  exchange.request.reset();
  exchange.interval = env_.config.timers.t1;
  exchange.retransmit = env_.timers.arm(now.mono, exchange.interval,
                                        {UserTimer::Kind::answer_retransmit, id.packed()});
  exchange.timeout = env_.timers.arm(now.mono, env_.config.timers.timeout(),
                                     {UserTimer::Kind::answer_timeout, id.packed()});
  env_.note_armed(from.context->key, timer_label::kAck, env_.config.timers.timeout(),
                  "64*T1: the call is ended when the 2xx has no ACK by then", from.flow.remote);
}

// The ends hang up by themselves when the refresher has died (RFC 4028 §10), shortly before this.
void Calls::watch_session(Now now, LegId leg_id, const Message& response) {
  const CallId id = legs_.find(leg_id)->call;
  Call* call = calls_.find(id);
  if (call == nullptr) return;
  env_.timers.cancel(call->session);
  const auto interval = session_interval(response);
  call->session_interval = interval.value_or(Duration{});
  call->session = {};
  if (!interval) return;
  call->session = env_.timers.arm(now.mono, *interval, {UserTimer::Kind::session, id.packed()});
  env_.note_armed(call->context->key, timer_label::kSession, *interval,
                  "Session-Expires: the call is ended when nobody refreshes it by then");
}

void Calls::stop_answer(InviteExchange& exchange) {
  env_.timers.cancel(exchange.retransmit);
  env_.timers.cancel(exchange.timeout);
  stop_ring_limit(exchange);
}

// It runs only while the peer has given a provisional response, so that there is something to
// CANCEL (§9.1) when it runs out.
void Calls::start_ring_limit(Now now, InviteExchangeId id) {
  InviteExchange* exchange = invites_.find(id);
  if (exchange == nullptr || exchange->ring_limit) return;
  exchange->ring_limit =
      env_.timers.arm(now.mono, env_.config.ring_limit, {UserTimer::Kind::ring_limit, id.packed()});
  const Call* call = calls_.find(exchange->call);
  if (call != nullptr)
    env_.note_armed(call->context->key, timer_label::kRingLimit, env_.config.ring_limit,
                    "a response has come, which disarms timer B; the call is cancelled when nobody "
                    "answers by then");
}

void Calls::stop_ring_limit(InviteExchange& exchange) {
  env_.timers.cancel(exchange.ring_limit);
  exchange.ring_limit = {};
}

void Calls::drop_invite(InviteExchangeId id) {
  InviteExchange* exchange = invites_.find(id);
  if (exchange == nullptr) return;
  stop_answer(*exchange);
  invites_.erase(id);
}

// One ACK per 2xx: sent from the dialog's state, kept, and sent again for each repeated 2xx
// (§13.2.2.4).
void Calls::ack_leg(Leg& leg, const Message* ack) {
  constexpr std::size_t kKept = 4;  // re-INVITEs whose 2xx may still come again
  net::Flow flow = request_flow(leg, env_.config.listeners);
  const std::string branch = env_.layer.new_branch();
  LegRequest what{.method = "ACK",
                  .cseq = leg.invite_cseq,
                  .branch = branch,
                  .max_forwards = ack ? next_max_forwards(*ack) : 70,
                  .source = ack};
  const Listener& listener = env_.listener(flow);
  Bytes bytes = make_request(leg, listener, what);
  if (LargeRequests::concerns(bytes, flow)) {
    if (const auto stream = env_.large.way_of_ack(flow, leg.side)) {
      flow = *stream;
      what.via = &env_.listener(flow);
      bytes = make_request(leg, listener, what);
    }
  }
  if (leg.acks.size() == kKept) leg.acks.erase(leg.acks.begin());
  leg.acks.push_back({leg.invite_cseq, flow, bytes});
  env_.send(flow, bytes);
}

bool Calls::repeat_ack(const Leg& leg, std::uint32_t cseq) {
  const auto kept = std::find_if(leg.acks.begin(), leg.acks.end(),
                                 [&](const KeptAck& a) { return a.cseq == cseq; });
  if (kept == leg.acks.end()) return false;
  // A phone may have moved since.
  const bool stream = kept->flow.transport == net::Transport::tcp && leg.side == Side::backend;
  env_.send(stream ? kept->flow : request_flow(leg, env_.config.listeners), kept->bytes);
  return true;
}

// In an established call the first ACK has been sent; one that an earlier process sent is made
// anew.
void Calls::ack_again(Leg& leg, const Message& response) {
  if (repeat_ack(leg, response.cseq().number)) return;
  const Call* call = calls_.find(leg.call);
  if (call != nullptr && call->state == CallState::established && !call->pending &&
      response.cseq().number == leg.invite_cseq)
    ack_leg(leg, nullptr);
}

void Calls::ack(Now now, const AckReceived& received) {
  const Message& ack = *received.request;
  const LegId leg_id = legs_.find_dialog(ack.call_id(), ack.to_tag());
  const Leg* leg = legs_.find(leg_id);
  Call* call = leg ? calls_.find(leg->call) : nullptr;
  InviteExchange* exchange = call ? invites_.find(call->pending) : nullptr;
  if (exchange == nullptr || exchange->from != leg_id || exchange->cseq_in != ack.cseq().number ||
      exchange->answer.empty()) {
    ++stray_acks_;
    return;
  }
  legs_.touch(leg_id);  // the call is established, or a 2xx may have moved its remote target
  if (exchange->initial) {
    return apply(now, leg->call, CallEvent::origin_ack, {}, {.message = &ack, .leg = leg_id});
  }
  const LegId to = exchange->to;
  drop_invite(call->pending);
  call->pending = {};
  ack_leg(*legs_.find(to), &ack);
}

void Calls::timer(Now now, const UserTimer& timer) {
  switch (timer.kind) {
    case UserTimer::Kind::flow_recovery: return waited_for_phone(now, CallId::unpack(timer.object));
    case UserTimer::Kind::attempt: return attempt_time_over(now, CallId::unpack(timer.object));
    case UserTimer::Kind::ring_limit: {
      const InviteExchangeId id = InviteExchangeId::unpack(timer.object);
      InviteExchange* exchange = invites_.find(id);
      if (exchange == nullptr) return;
      exchange->ring_limit = {};
      const std::string why = fmt::format(
          "the ring limit of {} s ran out without a final response",
          std::chrono::duration_cast<std::chrono::seconds>(env_.config.ring_limit).count());
      const Call& call = *calls_.find(exchange->call);
      env_.note_fired(call.context->key, timer_label::kRingLimit, env_.config.ring_limit,
                      "no final response has come");
      if (exchange->initial) {
        // A backend's target has rung the callee already; one of his devices has not.
        const bool left = call.hunt && call.hunt->plan.exhaustive &&
                          target_left(*call.hunt, env_.config.hunt_limit);
        return apply(
            now, exchange->call, CallEvent::ring_limit,
            {.target_left = left, .goes_on = !call.hunt || goes_on_unanswered(*call.hunt, left)},
            {.why = why});
      }
      env_.layer.cancel(now.mono, exchange->client, reason_value(408, why), env_.out);
      return;
    }
    case UserTimer::Kind::answer_retransmit: {
      const InviteExchangeId id = InviteExchangeId::unpack(timer.object);
      InviteExchange* exchange = invites_.find(id);
      if (exchange == nullptr) return;
      env_.layer.respond(now.mono, exchange->server, 200, exchange->answer, env_.out);
      exchange->interval = std::min(2 * exchange->interval, env_.config.timers.t2);
      exchange->retransmit = env_.timers.arm(now.mono, exchange->interval,
                                             {UserTimer::Kind::answer_retransmit, id.packed()});
      return;
    }
    case UserTimer::Kind::answer_timeout: {
      const InviteExchangeId id = InviteExchangeId::unpack(timer.object);
      InviteExchange* exchange = invites_.find(id);
      if (exchange == nullptr) return;
      const std::string why = "no ACK came for the 2xx within 64*T1";
      const CallId call_id = exchange->call;
      env_.note_fired(calls_.find(call_id)->context->key, timer_label::kAck,
                      env_.config.timers.timeout(), "no ACK has come for the 2xx",
                      legs_.find(exchange->from)->flow.remote);
      if (exchange->initial) return apply(now, call_id, CallEvent::ack_timeout, {}, {.why = why});
      Leg& to = *legs_.find(exchange->to);
      ack_leg(to, nullptr);
      Call& call = *calls_.find(call_id);
      drop_invite(call.pending);
      call.pending = {};
      return apply(now, call_id, CallEvent::edge_ends, {}, {.why = why});
    }
    case UserTimer::Kind::session: {
      const CallId id = CallId::unpack(timer.object);
      if (const Call* call = calls_.find(id))
        env_.note_fired(call->context->key, timer_label::kSession, call->session_interval,
                        "nobody has refreshed the session");
      return apply(now, id, CallEvent::edge_ends, {},
                   {.why = "the session expired: nobody refreshed it (RFC 4028)"});
    }
    case UserTimer::Kind::liveness: return ask_whether_alive(now, CallId::unpack(timer.object));
    case UserTimer::Kind::leg_linger: return legs_.let_go(LegId::unpack(timer.object));
    case UserTimer::Kind::none:
    case UserTimer::Kind::bye_wait:
    case UserTimer::Kind::relay_attempt:
    case UserTimer::Kind::probe_timeout: return;
  }
}

}  // namespace usher::sip
