#include "sip/b2bua/exchanges.hpp"

#include <utility>

namespace usher::sip {

bool Exchanges::forward(Now now, LegId from, const RequestReceived& received,
                        const Crossing& crossing) {
  const Message& request = *received.request;
  const bool bye = request.method() == Method::bye;
  const LegId to = legs_.find(from)->peer;
  const Leg* peer = legs_.find(to);
  const bool reachable =
      peer != nullptr && (peer->dialog.confirmed || !peer->is_uac || peer->has_early_dialog);
  const auto answered = [&](const LegResponse& response) {
    legs_.answer_here(now, from, received, response);
    return false;
  };
  if (!reachable) return answered({.status = 481, .why = "the other leg has no dialog yet"});
  if (bye && peer->byed) return answered({.status = 200});  // both hung up at once
  if ((peer->byed || legs_.find(from)->byed) && !crossing.outlives_call)
    return answered({.status = 481, .why = "the call is ending"});

  const ExchangeId id = exchanges_.emplace().first;
  const ServerTxId server =
      legs_.accept(now, from, received, {TransactionUser::Kind::server, id.packed(), 0});
  if (!server) {
    exchanges_.erase(id);
    return false;
  }
  *exchanges_.find(id) = {.from = from,
                          .to = to,
                          .server = server,
                          .request = received.request,
                          .source = received.flow.remote,
                          .bye_wait = {},
                          .mark = crossing.mark};
  if (refreshes_target(request.method())) refresh_target(legs_.find(from)->dialog, request);
  Leg& other = *legs_.find(to);
  const ClientTxId client = legs_.send_request(now, to, request.method(), request.method_name(),
                                               {.cseq = ++other.dialog.local_cseq,
                                                .max_forwards = next_max_forwards(request),
                                                .contact = request.count(HeaderId::contact) > 0,
                                                .source = &request,
                                                .invite_cseq = other.invite_cseq,
                                                .event = crossing.event},
                                               {TransactionUser::Kind::client, id.packed(), 0});
  if (!client) {
    close(now, id, {.status = 503, .why = "the limit of transactions is reached"});
    return false;
  }
  if (!bye) return true;
  legs_.find(from)->byed = true;
  legs_.find(to)->byed = true;
  exchanges_.find(id)->bye_wait =
      env_.timers.arm(now.mono, env_.config.attempt, {UserTimer::Kind::bye_wait, id.packed()});
  env_.note_armed(legs_.find(from)->context->key, timer_label::kBye, env_.config.attempt,
                  "the BYE is confirmed here when the other side has not answered it by then");
  return true;
}

std::optional<ExchangeEnded> Exchanges::response(Now now, ExchangeId id,
                                                 const MessageRef& response) {
  const Exchange* exchange = exchanges_.find(id);
  const int status = response->status();
  if (exchange == nullptr || status < 200) return std::nullopt;
  const Method method = exchange->request->method();
  if (method == Method::bye) {
    if (status == 401 || status == 407) {
      // Challenged: the dialog lives until the BYE comes again with credentials.
      legs_.find(exchange->from)->byed = false;
      legs_.find(exchange->to)->byed = false;
    } else if (status >= 300) {
      return close(now, id, {.status = 200});  // the dialog is over all the same (§15.1.1)
    }
  }
  if (refreshes_target(method) && status < 300) {
    refresh_target(legs_.find(exchange->to)->dialog, *response);
  }
  return close(now, id,
               {.status = status,
                .reason = response->reason_phrase(),
                .contact = response->count(HeaderId::contact) > 0 && status < 300,
                .source = response.get()},
               response);
}

std::optional<ExchangeEnded> Exchanges::unanswered(Now now, ExchangeId id, TimerLetter timer) {
  const Exchange* exchange = exchanges_.find(id);
  if (exchange == nullptr) return std::nullopt;
  if (exchange->request->method() == Method::bye) return close(now, id, {.status = 200});
  if (timer == TimerLetter::none) {
    return close(now, id, {.status = 503, .why = "the other leg cannot be reached"});
  }
  // RFC 4320 §4.2: no 408 to a non-INVITE. Its transaction stays to its own end, so that a repeated
  // request is not taken for one with an old CSeq.
  ExchangeEnded ended{.from = exchange->from,
                      .to = exchange->to,
                      .request = exchange->request,
                      .mark = exchange->mark};
  exchanges_.erase(id);
  return ended;
}

bool Exchanges::is_bye(ExchangeId id) const {
  const Exchange* exchange = exchanges_.find(id);
  return exchange == nullptr || exchange->request->method() == Method::bye;
}

std::optional<ExchangeEnded> Exchanges::bye_wait_over(Now now, ExchangeId id) {
  const Exchange* exchange = exchanges_.find(id);
  if (exchange == nullptr) return std::nullopt;
  if (const Leg* from = legs_.find(exchange->from))
    env_.note_fired(from->context->key, timer_label::kBye, env_.config.attempt,
                    "the other side has not answered the BYE yet: it is confirmed here, with 200");
  return close(now, id, {.status = 200});
}

ExchangeEnded Exchanges::close(Now now, ExchangeId id, const LegResponse& response,
                               MessageRef from_peer) {
  Exchange& exchange = *exchanges_.find(id);
  env_.timers.cancel(exchange.bye_wait);
  legs_.respond(now, exchange.server, exchange.from, *exchange.request, exchange.source, response);
  ExchangeEnded ended{exchange.from,   exchange.to,          exchange.request,
                      response.status, std::move(from_peer), exchange.mark};
  exchanges_.erase(id);
  return ended;
}

}  // namespace usher::sip
