#include "sip/b2bua/relays.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.hpp"
#include "sip/b2bua/header_policy.hpp"
#include "sip/b2bua/last_word.hpp"
#include "sip/b2bua/leg_messages.hpp"
#include "sip/dialog/dialog.hpp"
#include "sip/message/status.hpp"

namespace usher::sip {
namespace {

Side opposite(Side side) {
  return side == Side::phone ? Side::backend : Side::phone;
}

// A name of the other side for a name of this one: the same each time, not to be traced back
// without the key.
std::string derive(const HashKey& key, std::string_view kind, std::string_view name) {
  std::string text(kind);
  text.append("\n").append(name);
  std::string out = base32(siphash(key, text));
  text += "\n2";
  return out + base32(siphash(key, text));
}

}  // namespace

RelayId Relays::wait(Now now, const RouteNeeded& need, const std::string& key) {
  const auto turn_away = [&](std::string_view limit) {
    env_.note_reply(key, no_room(limit));
    env_.reply(now, {need.request, need.flow}, no_room(limit));
    return RelayId{};
  };
  if (relays_.size() >= limits::kRelays) return turn_away("relayed requests");
  const RelayId id = relays_.emplace().first;
  const Cookie cookie = env_.user({TransactionUser::Kind::relay_server, id.packed(), 0});
  const ServerTxId server = env_.layer.accept(now.mono, need.request, need.flow, cookie, env_.out);
  if (!server) {
    env_.users.erase(UserId::unpack(cookie));
    relays_.erase(id);
    return turn_away("transactions");
  }
  Relay& relay = *relays_.find(id);
  relay.server = server;
  relay.user = cookie;
  relay.request = need.request;
  relay.flow = need.flow;
  relay.plan.key = key;
  return id;
}

bool Relays::start(Now now, const RouteNeeded& need, Plan plan) {
  const bool makes_dialog = Subscriptions::makes_dialog(*need.request);
  if (makes_dialog && subscriptions_.full()) {
    env_.note_reply(plan.key, no_room("subscriptions"));
    env_.reply(now, {need.request, need.flow}, no_room("subscriptions"));
    return false;
  }
  const RelayId id = need.waiting ? need.waiting : wait(now, need, plan.key);
  if (!id) return false;
  Relay& relay = *relays_.find(id);
  // It has waited for longer than its sender does.
  if (!env_.layer.request(relay.server)) {
    relays_.erase(id);
    return false;
  }
  relay.plan = std::move(plan);
  if (makes_dialog) {
    relay.subscription =
        subscriptions_.open(now, need, relay.plan, env_.layer.local_tag(relay.server));
    relay.subscriber = subscriptions_.subscriber_of(relay.subscription);
    env_.users.find(UserId::unpack(relay.user))->leg = relay.subscriber.packed();
    legs_.hold(relay.subscriber);
  }
  attempt(now, id);
  return true;
}

void Relays::reply(Now now, RelayId waiting, const Reply& reply) {
  respond(now, *relays_.find(waiting), reply);
  relays_.erase(waiting);
}

bool Relays::may_go_on(const Relay& relay) const {
  return relay.made < relay.plan.attempts.size() &&
         (!relay.subscriber || subscriptions_.undecided(relay.subscription));
}

Bytes Relays::relayed(const Relay& relay, const Attempt& attempt, const Listener& via,
                      std::string_view branch) const {
  const Plan& plan = relay.plan;
  const Message& request = *relay.request;
  const Presentation presentation{plan.towards, plan.hidden.get(), plan.domain, &legs_,
                                  env_.config.correlation.x_cid};
  const Listener& listener = env_.listener(attempt.flow);
  const std::string_view target =
      attempt.request_uri.empty() ? request.request_uri() : attempt.request_uri;
  MessageBuilder out =
      MessageBuilder::request(request.method_name(), target, request.text().size() + 400);
  write_via(out, via, branch);
  out.header("Max-Forwards", next_max_forwards(request));
  out.open("From") << present_addresses(party_of(request.from_value()), presentation) << ";tag="
                   << derive(
                          env_.config.names, "tag",
                          std::string(request.call_id()) + '\n' + std::string(request.from_tag()));
  out.close();
  out.open("To") << (plan.to_uri.empty()
                         ? present_addresses(party_of(request.to_value()), presentation)
                         : '<' + plan.to_uri + '>');
  out.close();
  out.header("Call-ID", derive(env_.config.names, "call-id", request.call_id()));
  out.open("CSeq") << std::uint64_t{request.cseq().number} << " " << request.method_name();
  out.close();
  if (plan.replace_contacts) {
    for (const std::string& contact : plan.contacts) out.header("Contact", contact);
  } else if (request.count(HeaderId::contact) > 0) {
    write_contact(out, listener, plan.contact_user_new);
  }
  return pass_message(request, {.presentation = presentation}, out);
}

void Relays::attempt(Now now, RelayId id) {
  Relay& relay = *relays_.find(id);
  const Plan& plan = relay.plan;
  relay.flows = 0;
  send_to(now, id, plan.attempts[relay.made++]);
  if (relays_.find(id) == nullptr) return;  // it was refused
  env_.timers.cancel(relay.attempt_timer);
  if (relay.made < plan.attempts.size()) {
    relay.attempt_timer = env_.timers.arm(now.mono, env_.config.attempt,
                                          {UserTimer::Kind::relay_attempt, id.packed()});
    env_.note_armed(plan.key, timer_label::kAttempt, env_.config.attempt,
                    "the next target is tried when nothing has come by then");
  }
}

bool Relays::another_flow(Now now, RelayId id) {
  Relay& relay = *relays_.find(id);
  const Attempt& present = relay.plan.attempts[relay.made - 1];
  if (relay.flows >= present.others.size()) return false;
  if (relay.subscriber && !subscriptions_.undecided(relay.subscription)) return false;
  send_to(now, id, present.others[relay.flows++]);
  return true;
}

void Relays::send_to(Now now, RelayId id, const Attempt& attempt) {
  Relay& relay = *relays_.find(id);
  const Plan& plan = relay.plan;
  const Message& request = *relay.request;
  LegId leg;
  if (relay.subscriber)
    leg = subscriptions_.attempt(now, relay.subscription, plan, attempt, request);

  relay.started = now.mono;
  relay.had_provisional = false;
  const Cookie cookie = env_.user({TransactionUser::Kind::relay_client, id.packed(), leg.packed()});
  relay.client = env_.start(now, request.method(), attempt.flow, plan.towards, cookie,
                            [&](const Listener& via, std::string_view branch) {
                              if (!leg) return relayed(relay, attempt, via, branch);
                              return make_request(*legs_.find(leg), env_.listener(attempt.flow),
                                                  {.method = request.method_name(),
                                                   .cseq = legs_.find(leg)->dialog.local_cseq,
                                                   .branch = branch,
                                                   .max_forwards = next_max_forwards(request),
                                                   .contact = true,
                                                   .source = &request,
                                                   .via = &via});
                            });
  if (!relay.client) {
    env_.users.erase(UserId::unpack(cookie));
    return refuse(now, id, 503, "the limit of transactions is reached");
  }
  if (env_.config.notes)
    env_.emit(Noted{.key = plan.key,
                    .kind = NoteKind::attempt,
                    .text = fmt::format("{}, {} of {}", request.method_name(), relay.made,
                                        plan.attempts.size()),
                    .peer = attempt.flow.remote,
                    .transport = attempt.flow.transport,
                    .call_id = std::string(request.call_id()),
                    .new_call_id = leg ? legs_.find(leg)->dialog.call_id
                                       : derive(env_.config.names, "call-id", request.call_id())});
  env_.note_armed(plan.key, timer_label::kF, env_.config.timers.timeout(),
                  "64*T1: the attempt is given up when no final response has come by then",
                  attempt.flow.remote);
  legs_.hold(leg);
}

const Attempt& Relays::present(const Relay& relay) {
  const Attempt& attempt = relay.plan.attempts[relay.made - 1];
  return relay.flows == 0 ? attempt : attempt.others[relay.flows - 1];
}

void Relays::report(Now now, const Relay& relay, AttemptEnded outcome) {
  outcome.mark = relay.plan.mark;
  outcome.attempt = relay.plan.attempts[relay.made - 1].mark;
  outcome.place = present(relay).flow.remote;
  outcome.had_provisional = relay.had_provisional;
  outcome.took = now.mono - relay.started;
  env_.emit(std::move(outcome));
}

void Relays::response(Now now, const TransactionUser& user, const ResponseReceived& received) {
  const RelayId id = RelayId::unpack(user.object);
  Relay* relay = relays_.find(id);
  if (relay == nullptr || relay->held || relay->client != received.transaction) return;
  const Message& response = *received.response;
  const int status = response.status();
  env_.timers.cancel(relay->attempt_timer);
  if (status < 200) {
    // RFC 4320 §4.1: a provisional response to a non-INVITE is not passed on; it shows that the
    // target lives.
    relay->had_provisional = true;
    return;
  }
  report(
      now, *relay,
      {.status = status, .retry_after = wait_asked_for(response), .response = received.response});
  if (status == kFlowFailed && another_flow(now, id)) return;
  const auto& codes = relay->plan.failover_codes;
  const bool listed = std::find(codes.begin(), codes.end(), status) != codes.end();
  if (!is_last_word(status) && listed && may_go_on(*relay)) return attempt(now, id);
  if (!relay->plan.hold_final) return forward(now, id, response, nullptr, {});
  relay->held = received.response;
  env_.emit(ResponseHeld{id, relay->plan.mark, relay->plan.attempts[relay->made - 1].mark,
                         received.response});
}

void Relays::release(Now now, RelayId id, const std::vector<std::string>* contacts,
                     const std::vector<HeaderLine>& headers) {
  Relay* relay = relays_.find(id);
  if (relay == nullptr || !relay->held) return;
  const MessageRef held = relay->held;
  forward(now, id, *held, contacts, headers);
}

void Relays::forward(Now now, RelayId id, const Message& response,
                     const std::vector<std::string>* contacts,
                     const std::vector<HeaderLine>& headers) {
  Relay& relay = *relays_.find(id);
  const int status = response.status();
  if (relay.subscriber) {
    legs_.respond(now, relay.server, relay.subscriber, *relay.request, relay.flow.remote,
                  {.status = status,
                   .reason = response.reason_phrase(),
                   .contact = status < 300,
                   .source = &response});
    return end(now, id, status != 408 ? status : 0, &response);
  }
  const Presentation presentation{opposite(relay.plan.towards), relay.plan.hidden.get(),
                                  relay.plan.domain, &legs_, env_.config.correlation.x_cid};
  MessageBuilder out = start_response(*relay.request, relay.flow.remote, status,
                                      response.reason_phrase(), env_.layer.local_tag(relay.server));
  const bool redirect = status >= 300 && status < 400;
  if (contacts != nullptr) {
    for (const std::string& contact : *contacts) out.header("Contact", contact);
  } else if (response.count(HeaderId::contact) > 0 && !redirect) {
    write_contact(out, env_.listener(relay.flow), relay.plan.contact_user_origin);
  }
  for (const auto& [name, value] : headers) out.header(name, value);
  const bool sent = env_.layer.respond(
      now.mono, relay.server, status,
      pass_message(response, {.presentation = presentation, .contacts = redirect}, out), env_.out);
  // RFC 4320 §4.2: the layer passes no 408 on; nor is there anyone to answer after the sender's own
  // timer F.
  end(now, id, sent && status != 408 ? status : 0, &response);
}

void Relays::refuse(Now now, RelayId id, int status, std::string_view why) {
  Reply reply{.status = status, .why = std::string(why)};
  if (status == 503) reply.headers.emplace_back("Retry-After", "10");
  env_.note_reply(relays_.find(id)->plan.key, reply);
  respond(now, *relays_.find(id), reply);
  end(now, id, status, nullptr);
}

void Relays::respond(Now now, const Relay& relay, const Reply& reply) {
  const std::string_view phrase =
      reply.reason.empty() ? reason_phrase(reply.status) : std::string_view(reply.reason);
  MessageBuilder out = start_response(*relay.request, relay.flow.remote, reply.status, phrase,
                                      env_.layer.local_tag(relay.server));
  for (const auto& [name, value] : reply.headers) out.header(name, value);
  if (!reply.why.empty()) out.header("Reason", reason_value(reply.status, reply.why));
  env_.layer.respond(now.mono, relay.server, reply.status, out.finish(), env_.out);
}

// RFC 4320 §4.2 (no 408 to a non-INVITE) and the rule of presence: a phone's silence stays silence.
void Relays::go_silent(Now now, RelayId id, bool forget) {
  if (forget) env_.layer.abandon(relays_.find(id)->server, env_.out);
  end(now, id, 0, nullptr);
}

void Relays::end(Now now, RelayId id, int status, const Message* response) {
  Relay& relay = *relays_.find(id);
  env_.timers.cancel(relay.attempt_timer);
  if (relay.subscriber) subscriptions_.opened(now, relay.subscription, *relay.request, response);
  env_.emit(RelayEnded{relay.plan.mark, status, response == nullptr});
  relays_.erase(id);
}

void Relays::unanswered(Now now, const TransactionUser& user, ClientTxId transaction,
                        TimerLetter timer, std::string_view why) {
  const RelayId id = RelayId::unpack(user.object);
  Relay* relay = relays_.find(id);
  if (relay == nullptr || relay->held || relay->client != transaction) return;
  if (timer != TimerLetter::none)
    env_.note_fired(relay->plan.key, timer_label::kF, now.mono - relay->started,
                    "no final response has come",
                    relay->plan.attempts[relay->made - 1].flow.remote);
  report(now, *relay, {.timed_out = timer != TimerLetter::none, .reason = std::string(why)});
  env_.timers.cancel(relay->attempt_timer);
  if (timer == TimerLetter::none && another_flow(now, id)) return;
  if (may_go_on(*relay)) return attempt(now, id);
  const Method method = relay->request->method();
  const bool presence =
      relay->plan.towards == Side::phone && (method == Method::options || method == Method::notify);
  // After a timeout the transaction stays to its own end and absorbs the request when it is
  // repeated; after a flow's failure a repeated request is a new try.
  if (timer != TimerLetter::none || presence) return go_silent(now, id, timer == TimerLetter::none);
  refuse(now, id, 503, fmt::format("no target can be reached: {}", why));
}

const std::string* Relays::key(RelayId id) const {
  const Relay* relay = relays_.find(id);
  return relay ? &relay->plan.key : nullptr;
}

bool Relays::waits_for(const TransactionUser& user, ClientTxId transaction) const {
  const Relay* relay = relays_.find(RelayId::unpack(user.object));
  return relay != nullptr && !relay->held && relay->client == transaction;
}

void Relays::take_over(const TransactionUser& user, ClientTxId other) {
  relays_.find(RelayId::unpack(user.object))->client = other;
}

void Relays::timer(Now now, const UserTimer& timer) {
  const RelayId id = RelayId::unpack(timer.object);
  Relay* relay = relays_.find(id);
  if (relay == nullptr || relay->held || !may_go_on(*relay)) return;
  env_.note_fired(relay->plan.key, timer_label::kAttempt, env_.config.attempt, "nothing has come");
  report(now, *relay, {.timed_out = true, .reason = "no response within the attempt time"});
  attempt(now, id);
}

}  // namespace usher::sip
