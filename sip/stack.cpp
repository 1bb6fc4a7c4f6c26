#include "sip/stack.hpp"

#include "core/limits.hpp"
#include "sip/b2bua/calls.hpp"
#include "sip/b2bua/dialog_requests.hpp"
#include "sip/b2bua/environment.hpp"
#include "sip/b2bua/probes.hpp"
#include "sip/b2bua/relays.hpp"
#include "sip/b2bua/subscriptions.hpp"

namespace usher::sip {
namespace {

using Kind = TransactionUser::Kind;

}  // namespace

struct Stack::Impl {
  Impl(StackConfig config, const Log& log)
      : env(std::move(config), log),
        legs(env),
        exchanges(env, legs),
        calls(env, legs, exchanges),
        subscriptions(env, legs, exchanges),
        dialog_requests(env, legs, calls, exchanges, subscriptions),
        relays(env, legs, subscriptions),
        probes(env) {}

  // Works off what the transaction layer has to say, in order. Users may make the layer say more
  // meanwhile.
  void drain(Now now) {
    for (std::size_t i = 0; i < env.out.events.size(); ++i) {
      const TransactionEvent event = std::move(env.out.events[i]);
      std::visit([&](const auto& e) { on(now, e); }, event);
    }
    env.out.events.clear();
    calls.tell_changes(now);
    subscriptions.tell_changes(now);
    legs.clear_touched();
  }

  TransactionUser user_of(Cookie cookie) {
    const TransactionUser* user = env.users.find(UserId::unpack(cookie));
    return user ? *user : TransactionUser{};
  }

  void on(Now now, const RequestReceived& e) {
    if (env.config.correlation.session_id) legs.hear(*e.request);
    if (!dialog_requests.receive(now, e)) env.emit(RouteNeeded{e.request, e.flow});
  }
  void on(Now now, const CancelReceived& e) {
    const TransactionUser user = user_of(e.cookie);
    if (user.kind == Kind::invite_server) calls.cancel(now, user, *e.request);
  }
  void on(Now now, const AckReceived& e) {
    if (env.config.correlation.session_id) legs.hear(*e.request);
    calls.ack(now, e);
  }
  void on(Now now, const ResponseReceived& e) {
    if (env.config.correlation.session_id) legs.hear(*e.response);
    env.large.answered(now.mono, e.cookie);
    if (e.response->status() >= 200) env.answered(now, e.cookie);
    const TransactionUser user = user_of(e.cookie);
    if (user.kind == Kind::relay_client) {
      relays.response(now, user, e);
    } else if (user.kind == Kind::probe) {
      probes.response(now, user, *e.response);
    } else if (user.kind == Kind::client) {
      ended(now, exchanges.response(now, ExchangeId::unpack(user.object), e.response));
    } else {
      calls.response(now, user, e);
    }
  }
  void on(Now, const RequestMerged& e) {
    const TransactionUser user = user_of(e.cookie);
    const Leg* leg = legs.find(LegId::unpack(user.leg));
    const std::string* key = user.kind == Kind::relay_server
                                 ? relays.key(RelayId::unpack(user.object))
                             : leg ? &leg->context->key
                                   : nullptr;
    if (key)
      env.note_reply(*key, {.status = 482,
                            .why = "to a second copy of the request, which came another way (RFC "
                                   "3261 8.2.2.2), over " +
                                   e.flow.remote.text()});
  }
  void on(Now now, const StrayResponse& e) { calls.stray(now, e); }
  void on(Now now, const ClientTimedOut& e) {
    unanswered(now, e.cookie, e.transaction, e.timer, timer_name(e.timer));
  }
  void on(Now now, const ClientFailed& e) {
    if (sent_otherwise(now, e)) return;
    unanswered(now, e.cookie, e.transaction, TimerLetter::none, e.reason);
  }
  void on(Now, const AsymmetricPeerFound& e) {
    env.log.write(LogCategory::sip, LogLevel::info, {},
                  e.source.text() +
                      " does not hear the responses to its port, and gets them at port " +
                      std::to_string(e.port) + " of its Via as well");
  }
  void on(Now, const AckMissing&) {
  }  // timer H: the transaction is over, and the call was refused already
  void on(Now, const ClientEnded& e) {
    if (std::exchange(replaced, {}) == e.transaction) return;
    env.large.forget(e.cookie);
    ended(e.cookie);
  }
  void on(Now, const ServerEnded& e) { ended(e.cookie); }

  // §18.1.1: a request that was on TCP for its size alone is tried over UDP when that failed. Its
  // user hears nothing of it.
  bool sent_otherwise(Now now, const ClientFailed& e) {
    const auto spare = env.large.failed(now.mono, e.cookie, e.reason);
    if (!spare) return false;
    const TransactionUser user = user_of(e.cookie);
    const bool relayed = user.kind == Kind::relay_client;
    if (!(relayed ? relays.waits_for(user, e.transaction) : calls.waits_for(user, e.transaction)))
      return false;
    const ClientTxId other = env.layer.send(now.mono, spare->method, spare->branch, spare->bytes,
                                            spare->flow, e.cookie, env.out);
    if (!other) return false;
    if (relayed) {
      relays.take_over(user, other);
    } else {
      calls.take_over(user, other);
    }
    replaced = e.transaction;
    return true;
  }

  void unanswered(Now now, Cookie cookie, ClientTxId transaction, TimerLetter timer,
                  std::string_view why) {
    const TransactionUser user = user_of(cookie);
    const bool bye =
        user.kind == Kind::own_bye ||
        (user.kind == Kind::client && exchanges.is_bye(ExchangeId::unpack(user.object)));
    if (bye)
      legs.note_lost_bye(LegId::unpack(user.leg),
                         (timer == TimerLetter::none ? "" : "timer ") + std::string(why));
    if (user.kind == Kind::relay_client) {
      relays.unanswered(now, user, transaction, timer, why);
    } else if (user.kind == Kind::probe) {
      probes.unanswered(now, user, why);
    } else if (user.kind == Kind::client) {
      ended(now, exchanges.unanswered(now, ExchangeId::unpack(user.object), timer));
    } else {
      calls.unanswered(now, user, timer, why);
    }
  }

  void ended(Now now, const std::optional<ExchangeEnded>& e) {
    if (!e) return;
    const Method method = e->request->method();
    if (method == Method::bye) calls.bye_ended(now, *e);
    if (method == Method::update && e->status >= 200 && e->status < 300)
      calls.watch_session(now, e->from, *e->response);
    subscriptions.exchange_ended(now, *e);
  }

  void ended(Cookie cookie) {
    const TransactionUser user = user_of(cookie);
    env.users.erase(UserId::unpack(cookie));
    calls.transaction_ended(user);
  }

  Environment env;
  Legs legs;
  Exchanges exchanges;
  Calls calls;
  Subscriptions subscriptions;
  DialogRequests dialog_requests;
  Relays relays;
  Probes probes;
  ClientTxId replaced;  // its end, which follows, is nobody's
  std::uint64_t messages_in = 0, messages_out = 0, malformed = 0;
};

Stack::Stack(StackConfig config, const Log& log)
    : impl_(std::make_unique<Impl>(std::move(config), log)) {}
Stack::~Stack() = default;

void Stack::receive(Now now, const net::Packet& packet, Side from) {
  ++impl_->messages_in;
  Parsed parsed = parse_datagram(packet.data);
  if (auto* message = std::get_if<MessageRef>(&parsed)) {
    impl_->env.traffic.received(**message, from);
    impl_->env.layer.receive(now.mono, *message, packet.flow, impl_->env.out);
    return impl_->drain(now);
  }
  ++impl_->malformed;
  impl_->env.emit(MalformedReceived{std::move(std::get<Malformed>(parsed)), packet.flow});
}

void Stack::on_time(Now now) {
  Environment& env = impl_->env;
  env.layer.on_time(now.mono, env.out);
  impl_->drain(now);
  for (int fired = 0; fired < 1000; ++fired) {
    const auto timer = env.timers.pop(now.mono);
    if (!timer) break;
    switch (timer->kind) {
      case UserTimer::Kind::relay_attempt: impl_->relays.timer(now, *timer); break;
      case UserTimer::Kind::probe_timeout: impl_->probes.timer(now, *timer); break;
      case UserTimer::Kind::attempt:
      case UserTimer::Kind::ring_limit:
      case UserTimer::Kind::answer_retransmit:
      case UserTimer::Kind::answer_timeout:
      case UserTimer::Kind::session:
      case UserTimer::Kind::liveness:
      case UserTimer::Kind::flow_recovery:
      case UserTimer::Kind::leg_linger: impl_->calls.timer(now, *timer); break;
      case UserTimer::Kind::bye_wait:
        impl_->ended(now, impl_->exchanges.bye_wait_over(now, ExchangeId::unpack(timer->object)));
        break;
      case UserTimer::Kind::none: break;
    }
    impl_->drain(now);
  }
  impl_->subscriptions.on_time(now);
}

void Stack::flow_failed(Now now, const net::Flow& flow, std::string_view reason) {
  impl_->env.layer.flow_failed(now.mono, flow, reason, impl_->env.out);
  if (net::is_reliable(flow.transport)) impl_->calls.connection_lost(now, flow.connection);
  impl_->drain(now);
}

bool Stack::route(Now now, const RouteNeeded& need, Plan plan) {
  USHER_CHECK(!plan.attempts.empty() && plan.attempts.size() <= limits::kAttemptsPerRequest);
  if (need.request->method() ==
      Method::cancel) {  // §9.2: its INVITE is not known, so it leads nowhere
    const Reply unknown{.status = 481, .why = "there is no such INVITE"};
    impl_->env.note_reply(plan.key, unknown);
    impl_->env.reply(now, {need.request, need.flow}, unknown);
    return false;
  }
  const bool taken = need.request->method() == Method::invite
                         ? impl_->calls.start(now, need, std::move(plan))
                         : impl_->relays.start(now, need, std::move(plan));
  impl_->drain(now);
  return taken;
}

void Stack::reply(Now now, const RouteNeeded& need, const Reply& reply) {
  if (need.waiting) {
    impl_->relays.reply(now, need.waiting, reply);
  } else {
    impl_->env.reply(now, {need.request, need.flow}, reply);
  }
  impl_->drain(now);
}

bool Stack::wait(Now now, RouteNeeded& need, const std::string& key) {
  const Method method = need.request->method();
  USHER_CHECK(!need.waiting && method != Method::invite && method != Method::cancel);
  need.waiting = impl_->relays.wait(now, need, key);
  impl_->drain(now);
  return static_cast<bool>(need.waiting);
}

void Stack::reply_stateless(Now, const RouteNeeded& need, const Reply& reply) {
  impl_->env.reply_stateless({need.request, need.flow}, reply);
}

void Stack::reply_malformed(Now now, const MalformedReceived& malformed) {
  if (!malformed.what.request) return;
  impl_->env.layer.reply_stateless(*malformed.what.request, malformed.flow, malformed.what.status,
                                   malformed.what.reason, impl_->env.out);
  impl_->drain(now);
}

void Stack::release(Now now, RelayId relay, const std::vector<std::string>* contacts,
                    const std::vector<HeaderLine>& headers) {
  impl_->relays.release(now, relay, contacts, headers);
  impl_->drain(now);
}

void Stack::probe(Now now, const Attempt& attempt, Duration timeout, Cookie mark) {
  impl_->probes.start(now, attempt, timeout, mark);
  impl_->drain(now);
}

Result<void> Stack::end_call(Now now, CallId call, std::string_view why) {
  auto result = impl_->calls.end(now, call, why);
  impl_->drain(now);
  return result;
}

Result<CallId> Stack::restore(Now now, RestoredCall call) {
  return impl_->calls.restore(now, std::move(call));
}

Result<void> Stack::restore(Now now, RestoredSubscription subscription) {
  return impl_->subscriptions.restore(now, std::move(subscription));
}

std::size_t Stack::rebind(Now now, const std::string& device, const net::Flow& flow,
                          const std::optional<net::Flow>& was) {
  const std::size_t moved = impl_->legs.rebind(device, flow, was);
  if (moved > 0) impl_->drain(now);
  return moved;
}

std::optional<net::Endpoint> Stack::holder(const Message& request, Side towards) const {
  return impl_->legs.holder(request, towards);
}

void Stack::set_times(const CallTimes& times) {
  impl_->env.config.attempt = times.attempt;
  impl_->env.config.hunt_limit = times.hunt_limit;
  impl_->env.config.ring_limit = times.ring_limit;
  impl_->env.config.flow_recovery = times.flow_recovery;
}

void Stack::set_notes(bool on) {
  impl_->env.config.notes = on;
}

std::vector<Send> Stack::take_sends() {
  std::vector<Send> sends = std::exchange(impl_->env.out.sends, {});
  // Responses go both ways where their transaction says so.
  const std::size_t own = sends.size();
  for (std::size_t i = 0; i < own; ++i) {
    if (sends[i].bytes.view().starts_with("SIP/")) continue;
    if (const auto other = impl_->env.layer.listening_end(sends[i].flow))
      sends.push_back({*other, sends[i].bytes});
  }
  impl_->messages_out += sends.size();
  return sends;
}

std::vector<StackEvent> Stack::take_events() {
  return std::exchange(impl_->env.events, {});
}

std::optional<Instant> Stack::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& due : {impl_->env.layer.next_deadline(), impl_->env.timers.next(),
                          impl_->subscriptions.next_deadline()}) {
    if (due && (!next || *due < *next)) next = due;
  }
  return next;
}

std::optional<CallView> Stack::call(CallId id) const {
  return impl_->calls.view(id);
}

void Stack::each_call(CallId after, const std::function<bool(const CallView&)>& visit) const {
  impl_->calls.each(after, visit);
}

std::vector<CallView> Stack::calls() const {
  std::vector<CallView> out;
  each_call({}, [&](const CallView& call) {
    out.push_back(call);
    return true;
  });
  return out;
}

std::optional<SubscriptionView> Stack::subscription(SubscriptionId id) const {
  return impl_->subscriptions.view(id);
}

void Stack::each_subscription(SubscriptionId after,
                              const std::function<bool(const SubscriptionView&)>& visit) const {
  impl_->subscriptions.each(after, visit);
}

std::size_t Stack::subscriptions_of(std::string_view domain) const {
  return impl_->subscriptions.count_of(domain);
}

const Traffic& Stack::traffic() const {
  return impl_->env.traffic;
}

void Stack::count_sent(const Send& send, Side to) {
  impl_->env.traffic.sent(send.bytes.view(), to);
}

StackCounts Stack::counts() const {
  StackCounts c;
  c.transactions = impl_->env.layer.counts();
  c.calls = impl_->calls.call_count();
  c.legs = impl_->legs.size();
  c.subscriptions = impl_->subscriptions.count();
  c.relays = impl_->relays.count();
  c.probes = impl_->probes.count();
  c.exchanges = impl_->calls.invite_count() + impl_->exchanges.size();
  c.users = impl_->env.users.size();
  c.timers = impl_->env.timers.size() + impl_->subscriptions.timer_count() + c.transactions.timers;
  c.messages_in = impl_->messages_in;
  c.messages_out = impl_->messages_out;
  c.malformed = impl_->malformed;
  c.stray_acks = impl_->calls.stray_acks();
  return c;
}

}  // namespace usher::sip
