// Requests within dialogs: a re-INVITE with its answer and ACK, everything else as request and
// response, and BYE.
#include <fmt/format.h>

#include <algorithm>

#include "sip/b2bua/calls.hpp"

namespace usher::sip {

bool Calls::request(Now now, const RequestReceived& received) {
  const Message& request = *received.request;
  if (request.to_tag().empty() || request.method() == Method::cancel) return false;
  LegId leg_id;
  Leg* leg = find_dialog(request.call_id(), request.to_tag(), &leg_id);
  if (leg == nullptr) return false;
  if (leg->dialog.remote_tag.empty() && leg->is_uac) {
    leg->dialog.remote_tag =
        request.from_tag();  // a request of the callee overtook its first response
  }
  if (leg->dialog.remote_tag != request.from_tag()) return false;
  if (request.method() == Method::cancel) {
    // Of a re-INVITE that never came or is over: the layer knows none, and a CANCEL has no
    // transaction of its own (§9.2).
    env_.refuse(received, 481, "there is no such INVITE");
    return true;
  }
  Call* call = calls_.find(leg->call);
  if (call == nullptr) {
    // The call is over and this leg is closing: a crossing BYE is confirmed, nothing else has a
    // place.
    if (request.method() == Method::bye) {
      answer_here(now, leg_id, received, {.status = 200});
    } else {
      env_.refuse(received, 481, "the call is over");
    }
    return true;
  }
  if (!accept_cseq(leg->dialog, request.cseq().number)) {
    answer_here(
        now, leg_id, received,
        {.status = 500, .why = "the CSeq is lower than one already seen (RFC 3261 12.2.2)"});
    return true;
  }
  if (request.max_forwards() == 0U) {
    answer_here(now, leg_id, received, {.status = 483, .why = "Max-Forwards is used up"});
    return true;
  }
  if (leg_id != call->origin && leg_id != call->answerer) {
    // A target that was given up: it has no peer any more.
    const bool bye = request.method() == Method::bye;
    answer_here(now, leg_id, received,
                bye ? LegResponse{.status = 200}
                    : LegResponse{.status = 481, .why = "given up for the next target"});
    return true;
  }
  // A NAT may have moved the phone: its packets show where it is now.
  if (leg->side == Side::phone) leg->flow = received.flow;
  switch (request.method()) {
    case Method::invite: reinvite(now, leg_id, received); break;
    case Method::bye:
      apply(now, leg->call,
            leg_id == call->origin ? CallEvent::origin_bye : CallEvent::answerer_bye, {},
            {.message = &request, .received = &received, .leg = leg_id, .why = "BYE"});
      break;
    case Method::ack:
    case Method::cancel:
    case Method::options:
    case Method::register_:
    case Method::prack:
    case Method::update:
    case Method::info:
    case Method::message:
    case Method::subscribe:
    case Method::notify:
    case Method::refer:
    case Method::publish:
    case Method::other: forward(now, leg_id, received); break;
  }
  return true;
}

void Calls::reinvite(Now now, LegId leg_id, const RequestReceived& received) {
  const CallId call_id = legs_.find(leg_id)->call;
  Call& call = *calls_.find(call_id);
  const LegId to = peer_of(call, leg_id);
  if (const InviteExchange* pending = invites_.find(call.pending)) {
    if (pending->from == leg_id && pending->answer.empty()) {
      // §14.2: a second INVITE before the final response to the first.
      return answer_here(now, leg_id, received,
                         {.status = 500,
                          .why = "an INVITE of this side is still open",
                          .headers = {{"Retry-After", std::to_string(env_.rng.below(11))}}});
    }
    return answer_here(now, leg_id, received,
                       {.status = 491, .why = "an INVITE is still open on this call"});
  }
  if (legs_.find(to)->byed || legs_.find(leg_id)->byed) {
    return answer_here(now, leg_id, received, {.status = 481, .why = "the call is ending"});
  }

  const InviteExchangeId id = invites_.emplace().first;
  const Cookie cookie =
      env_.user({TransactionUser::Kind::invite_server, id.packed(), leg_id.packed()});
  const ServerTxId server =
      env_.layer.accept(now.mono, received.request, received.flow, cookie, env_.out);
  InviteExchange& exchange = *invites_.find(id);
  exchange.call = call_id;
  exchange.from = leg_id;
  exchange.to = to;
  exchange.server = server;
  exchange.request = received.request;
  exchange.source = received.flow.remote;
  exchange.cseq_in = received.request->cseq().number;
  if (!server) {
    env_.users.erase(UserId::unpack(cookie));
    invites_.erase(id);
    return env_.refuse(received, 503, "the limit of transactions is reached",
                       "Retry-After: 10\r\n");
  }
  hold(leg_id);
  refresh_target(legs_.find(leg_id)->dialog, *received.request);
  Leg& other = *legs_.find(to);
  other.invite_cseq = ++other.dialog.local_cseq;
  exchange.client = send_request(now, to, Method::invite, "INVITE",
                                 {.cseq = other.invite_cseq,
                                  .max_forwards = next_max_forwards(*received.request),
                                  .contact = true,
                                  .source = received.request.get()},
                                 {TransactionUser::Kind::reinvite_client, id.packed(), 0});
  if (!exchange.client) {
    respond(now, server, leg_id, *exchange.request, exchange.source,
            {.status = 503,
             .why = "the limit of transactions is reached",
             .headers = {{"Retry-After", "10"}}});
    return drop_invite(id);
  }
  ++other.invite_transactions;
  call.pending = id;
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
      return respond(now, exchange->server, exchange->from, *exchange->request, exchange->source,
                     {.status = 100});
    }
    return respond(now, exchange->server, exchange->from, *exchange->request, exchange->source,
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
  respond(now, exchange->server, exchange->from, *exchange->request, exchange->source,
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
  respond(now, exchange->server, exchange->from, *exchange->request, exchange->source,
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

void Calls::forward(Now now, LegId leg_id, const RequestReceived& received) {
  const Message& request = *received.request;
  const CallId call_id = legs_.find(leg_id)->call;
  Call& call = *calls_.find(call_id);
  const LegId to = peer_of(call, leg_id);
  Leg* other = legs_.find(to);
  const bool reachable =
      other != nullptr && (other->dialog.confirmed || !other->is_uac || other->has_early_dialog);
  const bool bye = request.method() == Method::bye;
  if (!reachable)
    return answer_here(now, leg_id, received,
                       {.status = 481, .why = "the other leg has no dialog yet"});
  if (bye && other->byed)
    return answer_here(now, leg_id, received, {.status = 200});  // both hung up at once
  if (other->byed || legs_.find(leg_id)->byed) {
    return answer_here(now, leg_id, received, {.status = 481, .why = "the call is ending"});
  }

  const ExchangeId id = exchanges_.emplace().first;
  const Cookie cookie = env_.user({TransactionUser::Kind::server, id.packed(), leg_id.packed()});
  const ServerTxId server =
      env_.layer.accept(now.mono, received.request, received.flow, cookie, env_.out);
  if (!server) {
    env_.users.erase(UserId::unpack(cookie));
    exchanges_.erase(id);
    return env_.refuse(received, 503, "the limit of transactions is reached",
                       "Retry-After: 10\r\n");
  }
  hold(leg_id);
  Exchange& exchange = *exchanges_.find(id);
  exchange.call = call_id;
  exchange.from = leg_id;
  exchange.to = to;
  exchange.server = server;
  exchange.request = received.request;
  exchange.source = received.flow.remote;
  const bool refreshes = request.count(HeaderId::contact) > 0;
  if (request.method() == Method::update) refresh_target(legs_.find(leg_id)->dialog, request);
  const std::uint32_t cseq = ++other->dialog.local_cseq;
  const ClientTxId client = send_request(now, to, request.method(), request.method_name(),
                                         {.cseq = cseq,
                                          .max_forwards = next_max_forwards(request),
                                          .contact = refreshes,
                                          .source = &request,
                                          .invite_cseq = other->invite_cseq},
                                         {TransactionUser::Kind::client, id.packed(), 0});
  if (!client)
    return close_exchange(now, id, {.status = 503, .why = "the limit of transactions is reached"});
  if (bye) {
    legs_.find(leg_id)->byed = true;
    legs_.find(to)->byed = true;
    exchange.bye_wait =
        env_.timers.arm(now.mono, env_.config.attempt, {UserTimer::Kind::bye_wait, id.packed()});
  }
}

void Calls::exchange_response(Now now, ExchangeId id, const Message& response) {
  Exchange* exchange = exchanges_.find(id);
  const int status = response.status();
  if (exchange == nullptr || status < 200) return;
  if (exchange->request->method() == Method::bye) {
    if (status == 401 || status == 407) {
      // Challenged: the dialog lives until the BYE comes again with credentials.
      legs_.find(exchange->from)->byed = false;
      legs_.find(exchange->to)->byed = false;
    } else if (status >= 300) {
      return close_exchange(now, id, {.status = 200});  // the dialog is over all the same (§15.1.1)
    }
  }
  if (exchange->request->method() == Method::update && status < 300) {
    refresh_target(legs_.find(exchange->to)->dialog, response);
  }
  close_exchange(now, id,
                 {.status = status,
                  .reason = response.reason_phrase(),
                  .contact = response.count(HeaderId::contact) > 0 && status < 300,
                  .source = &response});
}

void Calls::exchange_unanswered(Now now, ExchangeId id, TimerLetter timer) {
  Exchange* exchange = exchanges_.find(id);
  if (exchange == nullptr) return;
  if (exchange->request->method() == Method::bye) return close_exchange(now, id, {.status = 200});
  if (timer == TimerLetter::none) {
    return close_exchange(now, id, {.status = 503, .why = "the other leg cannot be reached"});
  }
  // RFC 4320 §4.2: no 408 to a non-INVITE. Its transaction stays to its own end, so that a repeated
  // request is not taken for one with an old CSeq.
  exchanges_.erase(id);
}

void Calls::close_exchange(Now now, ExchangeId id, const LegResponse& response) {
  Exchange& exchange = *exchanges_.find(id);
  env_.timers.cancel(exchange.bye_wait);
  respond(now, exchange.server, exchange.from, *exchange.request, exchange.source, response);
  const CallId call_id = exchange.call;
  const LegId from = exchange.from;
  const bool over = exchange.request->method() == Method::bye && response.status != 401 &&
                    response.status != 407 && response.status != 503;
  exchanges_.erase(id);
  Call* call = calls_.find(call_id);
  if (!over || call == nullptr) return;
  call->ended_by = from == call->origin ? Ender::originator : Ender::answerer;
  call->why = "BYE";
  call->state = CallState::ended;
  finish(now, call_id);
}

void Calls::send_bye(Now now, LegId leg_id, std::string_view reason) {
  Leg* leg = legs_.find(leg_id);
  if (leg == nullptr || leg->byed) return;
  leg->byed = true;
  send_request(now, leg_id, Method::bye, "BYE",
               {.cseq = ++leg->dialog.local_cseq, .reason = reason},
               {TransactionUser::Kind::own_bye, 0, 0});
}

void Calls::answer_here(Now now, LegId leg_id, const RequestReceived& received,
                        const LegResponse& response) {
  const bool invite = received.request->method() == Method::invite;
  const Cookie cookie =
      env_.user({invite ? TransactionUser::Kind::invite_server : TransactionUser::Kind::server, 0,
                 leg_id.packed()});
  const ServerTxId server =
      env_.layer.accept(now.mono, received.request, received.flow, cookie, env_.out);
  if (!server) {
    env_.users.erase(UserId::unpack(cookie));
    return env_.refuse(received, response.status, response.why);
  }
  hold(leg_id);
  respond(now, server, leg_id, *received.request, received.flow.remote, response);
}

void Calls::response(Now now, const TransactionUser& user, const ResponseReceived& received) {
  switch (user.kind) {
    case TransactionUser::Kind::attempt:
      return attempt_response(now, LegId::unpack(user.leg), received);
    case TransactionUser::Kind::reinvite_client: return reinvite_response(now, user, received);
    case TransactionUser::Kind::client:
      return exchange_response(now, ExchangeId::unpack(user.object), *received.response);
    case TransactionUser::Kind::own_bye:
    case TransactionUser::Kind::none:
    case TransactionUser::Kind::invite_server:
    case TransactionUser::Kind::server:
    case TransactionUser::Kind::relay_server:
    case TransactionUser::Kind::relay_client:
    case TransactionUser::Kind::probe: return;
  }
}

void Calls::transaction_ended(const TransactionUser& user) {
  const LegId leg_id = LegId::unpack(user.leg);
  const bool attempt = user.kind == TransactionUser::Kind::attempt;
  Leg* leg = legs_.find(leg_id);
  if (leg != nullptr && (attempt || user.kind == TransactionUser::Kind::reinvite_client)) {
    if (attempt) leg->invite = {};
    if (--leg->invite_transactions == 0) leg->acks.clear();
  }
  let_go(leg_id);
}

}  // namespace usher::sip
