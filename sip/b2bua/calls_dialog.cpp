// Within an answered call: a re-INVITE and its CANCEL, and BYE.
#include <fmt/format.h>

#include <algorithm>

#include "sip/b2bua/calls.hpp"

namespace usher::sip {

void Calls::reinvite(Now now, LegId leg_id, const RequestReceived& received) {
  const CallId call_id = legs_.find(leg_id)->call;
  Call& call = *calls_.find(call_id);
  const LegId to = legs_.find(leg_id)->peer;
  if (const InviteExchange* pending = invites_.find(call.pending)) {
    if (pending->from == leg_id && pending->answer.empty()) {
      // §14.2: a second INVITE before the final response to the first.
      return legs_.answer_here(now, leg_id, received,
                               {.status = 500,
                                .why = "an INVITE of this side is still open",
                                .headers = {{"Retry-After", std::to_string(env_.rng.below(11))}}});
    }
    return legs_.answer_here(now, leg_id, received,
                             {.status = 491, .why = "an INVITE is still open on this call"});
  }
  if (legs_.find(to)->byed || legs_.find(leg_id)->byed) {
    return legs_.answer_here(now, leg_id, received, {.status = 481, .why = "the call is ending"});
  }

  const InviteExchangeId id = invites_.emplace().first;
  const ServerTxId server =
      legs_.accept(now, leg_id, received, {TransactionUser::Kind::invite_server, id.packed(), 0});
  if (!server) {
    invites_.erase(id);
    return;
  }
  InviteExchange& exchange = *invites_.find(id);
  exchange.call = call_id;
  exchange.from = leg_id;
  exchange.to = to;
  exchange.server = server;
  exchange.request = received.request;
  exchange.source = received.flow.remote;
  exchange.cseq_in = received.request->cseq().number;
  refresh_target(legs_.find(leg_id)->dialog, *received.request);
  Leg& other = *legs_.find(to);
  other.invite_cseq = ++other.dialog.local_cseq;
  exchange.client = legs_.send_request(now, to, Method::invite, "INVITE",
                                       {.cseq = other.invite_cseq,
                                        .max_forwards = next_max_forwards(*received.request),
                                        .contact = true,
                                        .source = received.request.get()},
                                       {TransactionUser::Kind::reinvite_client, id.packed(), 0});
  if (!exchange.client) {
    legs_.respond(now, server, leg_id, *exchange.request, exchange.source,
                  {.status = 503,
                   .why = "the limit of transactions is reached",
                   .headers = {{"Retry-After", "10"}}});
    return drop_invite(id);
  }
  ++other.invite_transactions;
  call.pending = id;
  env_.note_armed(
      call.context->key, timer_label::kB, env_.config.timers.timeout(),
      "64*T1: the call is ended when no response at all has come to a re-INVITE by then",
      other.flow.remote);
}

void Calls::reinvite_response(Now now, const TransactionUser& user,
                              const ResponseReceived& received) {
  const InviteExchangeId id = InviteExchangeId::unpack(user.object);
  const LegId to = LegId::unpack(user.leg);
  const Message& response = *received.response;
  const int status = response.status();
  InviteExchange* exchange = invites_.find(id);
  Leg* leg = legs_.find(to);
  if (leg == nullptr) return;
  const bool success = status >= 200 && status < 300;
  if (exchange == nullptr || !exchange->answer.empty()) {
    // The 2xx again: ACKed already, still waiting for the other side's ACK, or nobody wants it any
    // more.
    if (!success || exchange != nullptr || repeat_ack(*leg, response.cseq().number)) return;
    if (response.cseq().number == leg->invite_cseq) ack_leg(*leg, nullptr);
    return;
  }
  if (status < 200) {
    if (status > 100) stop_ring_limit(*exchange);
    start_ring_limit(now, id);
    if (status == 100) {
      if (exchange->trying_forwarded) return;
      exchange->trying_forwarded = true;
      return legs_.respond(now, exchange->server, exchange->from, *exchange->request,
                           exchange->source, {.status = 100});
    }
    return legs_.respond(now, exchange->server, exchange->from, *exchange->request,
                         exchange->source,
                         {.status = status,
                          .reason = response.reason_phrase(),
                          .contact = true,
                          .source = &response});
  }
  if (success) {
    refresh_target(leg->dialog, response);
    return answer(now, id, response);
  }
  const CallId call_id = exchange->call;
  legs_.respond(now, exchange->server, exchange->from, *exchange->request, exchange->source,
                {.status = status, .reason = response.reason_phrase(), .source = &response});
  drop_invite(id);
  calls_.find(call_id)->pending = {};
  // §12.2.1.2: these two say that the dialog is gone.
  if (status == 481 || status == 408) {
    apply(now, call_id, CallEvent::edge_ends, {},
          {.why = fmt::format("a re-INVITE got {}", status)});
  }
}

void Calls::reinvite_unanswered(Now now, const TransactionUser& user, TimerLetter timer) {
  const InviteExchangeId id = InviteExchangeId::unpack(user.object);
  InviteExchange* exchange = invites_.find(id);
  if (exchange == nullptr || !exchange->answer.empty()) return;
  const CallId call_id = exchange->call;
  const bool silent = timer == TimerLetter::B;
  const bool cancelled = exchange->cancelled;
  const std::string why = silent      ? "Timer B fired: a re-INVITE got no response in 64*T1"
                          : cancelled ? "cancelled, and no final response came"
                                      : "the other leg cannot be reached";
  if (silent)
    env_.note_fired(calls_.find(call_id)->context->key, timer_label::kB,
                    env_.config.timers.timeout(), "no response at all has come to a re-INVITE",
                    legs_.find(exchange->to)->flow.remote);
  legs_.respond(now, exchange->server, exchange->from, *exchange->request, exchange->source,
                {.status = cancelled                    ? 487
                           : timer == TimerLetter::none ? 503
                                                        : 408,
                 .why = why});
  drop_invite(id);
  calls_.find(call_id)->pending = {};
  if (!cancelled) apply(now, call_id, CallEvent::edge_ends, {}, {.why = why});
}

void Calls::cancel(Now now, const TransactionUser& user, const Message& request) {
  InviteExchange* exchange = invites_.find(InviteExchangeId::unpack(user.object));
  if (exchange == nullptr || !exchange->answer.empty()) return;
  if (exchange->initial) {
    return apply(now, exchange->call, CallEvent::origin_cancel, {},
                 {.message = &request, .leg = exchange->from, .why = "CANCEL"});
  }
  // A re-INVITE: the other side decides; its 2xx may cross, and then both sides have changed the
  // session.
  exchange->cancelled = true;
  env_.layer.cancel(now.mono, exchange->client, request.header(HeaderId::reason), env_.out);
}

void Calls::bye(Now now, LegId leg_id, const RequestReceived& received) {
  const Leg& leg = *legs_.find(leg_id);
  const CallId id = leg.call;
  Call& call = *calls_.find(id);
  if (call.state != CallState::hunting && call.bye_came == Instant{}) call.bye_came = now.mono;
  apply(now, id, leg.is_uac ? CallEvent::answerer_bye : CallEvent::origin_bye,
        {.others = other_dialogs(call, leg_id)},
        {.message = received.request.get(), .received = &received, .leg = leg_id, .why = "BYE"});
}

void Calls::bye_ended(Now now, const ExchangeEnded& bye) {
  const Leg* from = legs_.find(bye.from);
  Call* call = from ? calls_.find(from->call) : nullptr;
  if (call == nullptr) return;
  if (bye.status == 401 || bye.status == 407 || bye.status == 503) {
    call->bye_came = {};  // it goes on
    return;
  }
  const CallId id = from->call;
  call->ended_by = bye.from == call->origin ? Ender::originator : Ender::answerer;
  call->why = "BYE";
  call->state = CallState::ended;
  finish(now, id);
}

void Calls::response(Now now, const TransactionUser& user, const ResponseReceived& received) {
  switch (user.kind) {
    case TransactionUser::Kind::attempt:
      return attempt_response(now, LegId::unpack(user.leg), received);
    case TransactionUser::Kind::reinvite_client: return reinvite_response(now, user, received);
    case TransactionUser::Kind::liveness:
      if (received.response->status() >= 200)
        liveness_answer(now, LegId::unpack(user.leg), received.response->status());
      return;
    case TransactionUser::Kind::client:
    case TransactionUser::Kind::own_bye:
    case TransactionUser::Kind::none:
    case TransactionUser::Kind::invite_server:
    case TransactionUser::Kind::server:
    case TransactionUser::Kind::relay_server:
    case TransactionUser::Kind::relay_client:
    case TransactionUser::Kind::probe: return;
  }
}

bool Calls::waits_for(const TransactionUser& user, ClientTxId transaction) const {
  if (user.kind == TransactionUser::Kind::reinvite_client) {
    const InviteExchange* exchange = invites_.find(InviteExchangeId::unpack(user.object));
    return exchange != nullptr && exchange->client == transaction && !exchange->cancelled;
  }
  const Leg* leg = legs_.find(LegId::unpack(user.leg));
  if (user.kind != TransactionUser::Kind::attempt) return leg != nullptr;
  return leg != nullptr && leg->invite == transaction && !leg->attempt_over;
}

void Calls::take_over(const TransactionUser& user, ClientTxId other) {
  if (user.kind == TransactionUser::Kind::reinvite_client)
    invites_.find(InviteExchangeId::unpack(user.object))->client = other;
  if (user.kind == TransactionUser::Kind::attempt)
    legs_.find(LegId::unpack(user.leg))->invite = other;
}

void Calls::transaction_ended(const TransactionUser& user) {
  const LegId leg_id = LegId::unpack(user.leg);
  const bool attempt = user.kind == TransactionUser::Kind::attempt;
  Leg* leg = legs_.find(leg_id);
  if (leg != nullptr && (attempt || user.kind == TransactionUser::Kind::reinvite_client)) {
    if (attempt) leg->invite = {};
    if (--leg->invite_transactions == 0) {
      leg->acks.clear();
      for (const LegId fork : leg->forks) {
        if (Leg* other = legs_.find(fork)) other->acks.clear();
      }
    }
  }
  if (attempt) legs_.let_forks_go(leg_id);
  legs_.let_go(leg_id);
}

}  // namespace usher::sip
