#include "sip/b2bua/subscriptions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "sip/b2bua/event_name.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/option_tags.hpp"

namespace usher::sip {
namespace {

// Event packages have defaults of their own, of an hour for the most part (RFC 6665 §5.4.4); what
// follows a REFER is over sooner.
constexpr std::chrono::seconds kDefaultExpiry{3600};
constexpr std::chrono::seconds kReferExpiry{600};

Duration time_granted(std::uint32_t seconds) {
  return std::min<Duration>(std::chrono::seconds(seconds), limits::kSubscriptionLifetime);
}

std::optional<std::uint32_t> expires_of(const Message& message) {
  const auto seconds = parse_delta_seconds(message.header(HeaderId::expires));
  return seconds ? std::optional(*seconds) : std::nullopt;
}

Duration time_asked(const Message& request) {
  if (request.method() == Method::refer) return kReferExpiry;
  const auto seconds = expires_of(request);
  return seconds ? time_granted(*seconds) : kDefaultExpiry;
}

// RFC 4488 §4: the recipient says so in its 2xx. RFC 7614: the sender demands it.
bool makes_none(const Message& refer, const Message& response) {
  const auto sub = parse_token_params(response.header(HeaderId::refer_sub));
  if (sub && equals_without_case(sub->token, "false")) return true;
  const auto required = option_tags(refer, HeaderId::require);
  return std::any_of(required.begin(), required.end(), [](std::string_view option) {
    return equals_without_case(option, "nosub") || equals_without_case(option, "explicitsub");
  });
}

Subscription asked_by(const Message& request) {
  Subscription subscription;
  subscription.refer = request.method() == Method::refer;
  const EventName event = event_of(request);
  subscription.package = subscription.refer ? "refer" : event.package;
  subscription.subscriber_id =
      subscription.refer ? std::to_string(request.cseq().number) : std::string(event.id);
  subscription.notifier_id = subscription.subscriber_id;
  return subscription;
}

}  // namespace

bool Subscriptions::makes_dialog(const Message& request) {
  return (request.method() == Method::subscribe || request.method() == Method::refer) &&
         uas_dialog(request, "").has_value();
}

bool Subscriptions::full() const {
  return subscriptions_.size() >= limits::kSubscriptions;
}

SubscriptionId Subscriptions::add(Subscription subscription) {
  const SubscriptionId id = subscriptions_.emplace(std::move(subscription)).first;
  const Subscription& added = *subscriptions_.find(id);
  for (const LegId leg_id : {added.subscriber, added.notifier}) {
    if (Leg* leg = legs_.find(leg_id)) {
      leg->subscriptions.push_back(id);
      legs_.hold(leg_id);
    }
  }
  return id;
}

SubscriptionId Subscriptions::open(Now now, const RouteNeeded& need, const Plan& plan,
                                   std::string_view local_tag) {
  Leg leg = legs_.from(now, need, plan, *uas_dialog(*need.request, local_tag));
  leg.dialog.confirmed = true;  // only NOTIFY is sent on it, and the first one makes it
  leg.made_by_subscription = true;
  Subscription subscription = asked_by(*need.request);
  subscription.subscriber = legs_.add(std::move(leg));
  subscription.expires = now.mono + time_asked(*need.request);
  return add(std::move(subscription));
}

LegId Subscriptions::attempt(Now now, SubscriptionId id, const Plan& plan, const Attempt& attempt,
                             const Message& request) {
  Subscription& subscription = *subscriptions_.find(id);
  if (Leg* given_up = legs_.find(subscription.notifier)) {
    given_up->peer = {};
    given_up->subscriptions.clear();
    legs_.let_go(subscription.notifier);
  }
  Leg& origin = *legs_.find(subscription.subscriber);
  Leg leg = legs_.towards(origin, plan, attempt, request.request_uri());
  leg.peer = subscription.subscriber;
  leg.made_by_subscription = true;
  leg.started = now.mono;
  leg.subscriptions.push_back(id);
  if (subscription.refer) subscription.notifier_id = std::to_string(leg.dialog.local_cseq);
  subscription.notifier = legs_.add(std::move(leg));
  legs_.hold(subscription.notifier);
  origin.peer = subscription.notifier;
  return subscription.notifier;
}

bool Subscriptions::undecided(SubscriptionId id) const {
  const Subscription* subscription = subscriptions_.find(id);
  return subscription != nullptr && subscription->state == SubscriptionState::asked;
}

LegId Subscriptions::subscriber_of(SubscriptionId id) const {
  const Subscription* subscription = subscriptions_.find(id);
  return subscription ? subscription->subscriber : LegId{};
}

void Subscriptions::opened(Now now, SubscriptionId id, const Message& request,
                           const Message* response) {
  const Subscription* subscription = subscriptions_.find(id);
  if (subscription == nullptr) return;
  const int status = response ? response->status() : 0;
  // A NOTIFY that came first has made the dialog, of another fork perhaps (RFC 6665 §4.4.1).
  if (status >= 200 && status < 300 && undecided(id))
    learn_from_response(legs_.find(subscription->notifier)->dialog, *response);
  answered(now, id, request, status, response);
}

SubscriptionId Subscriptions::match(LegId from, const Message& request) const {
  const EventName event = event_of(request);
  const bool notify = request.method() == Method::notify;
  SubscriptionId first_refer;
  for (const SubscriptionId id : legs_.find(from)->subscriptions) {
    const Subscription& subscription = *subscriptions_.find(id);
    if ((notify ? subscription.notifier : subscription.subscriber) != from ||
        subscription.package != event.package)
      continue;
    if ((notify ? subscription.notifier_id : subscription.subscriber_id) == event.id) return id;
    // RFC 3515 §2.4.6: the first REFER of a dialog needs no id.
    if (subscription.refer && event.id.empty() && !first_refer) first_refer = id;
  }
  return first_refer;
}

void Subscriptions::forward(Now now, LegId from, const RequestReceived& received) {
  const Message& request = *received.request;
  const bool notify = request.method() == Method::notify;
  SubscriptionId id = request.method() == Method::refer ? SubscriptionId{} : match(from, request);
  const LegId to = legs_.find(from)->peer;
  const bool alive = !legs_.find(from)->subscriptions.empty();
  const bool begins = !id && !notify;
  if (begins && legs_.find(to) != nullptr) {
    if (full()) {
      return legs_.answer_here(now, from, received,
                               {.status = 503,
                                .why = "the limit of subscriptions is reached",
                                .headers = {{"Retry-After", "10"}}});
    }
    if (legs_.find(from)->subscriptions.size() >= limits::kSubscriptionsPerDialog) {
      // RFC 6665 §4.5.2: a dialog need not be shared.
      return legs_.answer_here(now, from, received,
                               {.status = 403, .why = "too many subscriptions in one dialog"});
    }
    Subscription subscription = asked_by(request);
    subscription.subscriber = from;
    subscription.notifier = to;
    if (subscription.refer)
      subscription.notifier_id = std::to_string(legs_.find(to)->dialog.local_cseq + 1);
    subscription.expires = now.mono + time_asked(request);
    id = add(std::move(subscription));
  }

  std::string event;
  if (Subscription* subscription = subscriptions_.find(id)) {
    if (subscription->refer) {
      event = with_event_id(request.header(HeaderId::event),
                            notify ? subscription->subscriber_id : subscription->notifier_id);
    }
    Leg& leg = *legs_.find(from);
    if (notify && leg.made_by_subscription &&
        (subscription->state == SubscriptionState::asked ||
         subscription->state == SubscriptionState::accepted)) {
      learn_from_notify(leg.dialog, request);
    }
  }
  const bool crosses = exchanges_.forward(
      now, from, received, {.event = event, .outlives_call = alive, .mark = id.packed()});
  if (!crosses) {
    if (begins) finish(id, {});
    return;
  }
  Subscription* subscription = subscriptions_.find(id);
  if (!notify || subscription == nullptr) return;
  const NotifiedState state = notified_state(request);
  if (state.terminated) return;  // it ends with the response (RFC 6665 §4.4.1)
  if (state.expires && subscription->state != SubscriptionState::leaving)
    subscription->expires = now.mono + time_granted(*state.expires);
  apply(now, id, SubscriptionEvent::notified, {}, {});
}

void Subscriptions::exchange_ended(Now now, const ExchangeEnded& exchange) {
  const SubscriptionId id = SubscriptionId::unpack(exchange.mark);
  const Subscription* subscription = subscriptions_.find(id);
  if (subscription == nullptr) return;
  const Message& request = *exchange.request;
  const int status = exchange.status;
  const bool began = subscription->state == SubscriptionState::asked;
  if (request.method() != Method::notify) {
    answered(now, id, request, status, exchange.response.get());
  } else if (status == 401 || status == 407) {
    return;  // it comes again with credentials
  } else if (const NotifiedState state = notified_state(request); state.terminated) {
    apply(now, id, SubscriptionEvent::terminated, {},
          fmt::format("terminated by its notifier: {}", state.reason));
  } else if (status == 0 || status == 408) {
    // RFC 6665 §4.2.2: who does not answer is gone.
    apply(now, id, SubscriptionEvent::notify_refused, {.fatal = true}, "a NOTIFY got no answer");
  } else if (status >= 300) {
    apply(now, id, SubscriptionEvent::notify_refused,
          {.fatal = effect_of_failure(status) != FailureEffect::transaction},
          fmt::format("a NOTIFY got {}", status));
  }
  // What a request asked for that began nothing tells nothing of the dialog: 404 to a REFER is
  // about its Refer-To.
  if (!began && effect_of_failure(status) == FailureEffect::dialog)
    finish_dialog(exchange.from, fmt::format("{} got {}", request.method_name(), status));
}

void Subscriptions::answered(Now now, SubscriptionId id, const Message& request, int status,
                             const Message* response) {
  Subscription& subscription = *subscriptions_.find(id);
  if (response == nullptr || status < 200 || status >= 300) {
    const bool challenged = status == 401 || status == 407;  // it comes again, as a new one
    apply(now, id, SubscriptionEvent::refused,
          {.fatal = effect_of_failure(status) != FailureEffect::transaction},
          challenged    ? std::string()
          : status == 0 ? "no answer to " + std::string(request.method_name())
                        : fmt::format("{} refused with {}", request.method_name(), status));
    return;
  }
  if (request.method() == Method::refer) {
    const bool none = makes_none(request, *response);
    return apply(now, id, none ? SubscriptionEvent::none_made : SubscriptionEvent::granted, {},
                 "none was made");
  }
  const auto granted = expires_of(*response);
  const Duration time = granted ? time_granted(*granted) : time_asked(request);
  subscription.expires = now.mono + time;
  if (env_.log.wants(LogCategory::call, LogLevel::debug)) {
    log(subscription, LogLevel::debug,
        fmt::format("granted for {} s",
                    std::chrono::duration_cast<std::chrono::seconds>(time).count()));
  }
  apply(now, id,
        time > Duration::zero() ? SubscriptionEvent::granted : SubscriptionEvent::granted_no_time,
        {}, {});
}

void Subscriptions::apply(Now now, SubscriptionId id, SubscriptionEvent event,
                          const SubscriptionFacts& facts, std::string_view why) {
  Subscription* subscription = subscriptions_.find(id);
  if (subscription == nullptr) return;
  const SubscriptionStep s = step(subscription->state, event, facts);
  if (env_.log.wants(LogCategory::call, LogLevel::debug)) {
    log(*subscription, LogLevel::debug,
        fmt::format("{} in {} -> {}", event_name(event), state_name(subscription->state),
                    state_name(s.next)));
  }
  subscription->state = s.next;
  legs_.touch(subscription->subscriber);
  // The next process is not to go on with what has been given up.
  if (s.next == SubscriptionState::leaving && !subscription->saved.empty())
    env_.emit(SubscriptionEnded{std::exchange(subscription->saved, {})});
  for (const SubscriptionAction action : s.actions) {
    switch (action) {
      case SubscriptionAction::wait_for_notify:
        timers_.cancel(subscription->timer);
        subscription->timer = timers_.arm(now.mono, env_.config.timers.timeout(), id);
        break;
      case SubscriptionAction::keep_until_expiry:
        timers_.cancel(subscription->timer);
        subscription->timer = timers_.arm(
            now.mono, subscription->expires - now.mono + env_.config.timers.timeout(), id);
        break;
      case SubscriptionAction::finish: return finish(id, why);  // the last one of its row
    }
  }
}

void Subscriptions::finish(SubscriptionId id, std::string_view why) {
  const Subscription* found = subscriptions_.find(id);
  if (found == nullptr) return;
  const Subscription ended = *found;
  if (!why.empty()) log(ended, LogLevel::info, fmt::format("ended: {}", why));
  timers_.cancel(ended.timer);
  subscriptions_.erase(id);
  if (!ended.saved.empty()) env_.emit(SubscriptionEnded{ended.saved});
  for (const LegId leg_id : {ended.subscriber, ended.notifier}) {
    Leg* leg = legs_.find(leg_id);
    if (leg == nullptr) continue;
    auto& list = leg->subscriptions;
    list.erase(std::remove(list.begin(), list.end(), id), list.end());
    legs_.let_go(leg_id);
  }
  legs_.let_go(ended.root);
}

void Subscriptions::finish_dialog(LegId leg_id, std::string_view why) {
  while (const Leg* leg = legs_.find(leg_id)) {
    if (leg->subscriptions.empty()) return;
    finish(leg->subscriptions.front(), why);
  }
}

LegId Subscriptions::fork(Now now, LegId root, const RequestReceived& received) {
  const Message& request = *received.request;
  const Leg* first = legs_.find(root);
  if (first == nullptr || !first->made_by_subscription) return {};
  for (const LegId id : first->forks) {
    const Leg* leg = legs_.find(id);
    if (leg != nullptr && leg->dialog.remote_tag == request.from_tag()) return id;
  }
  const Leg* subscriber = legs_.find(first->peer);
  if (request.method() != Method::notify || !first->is_uac || first->subscriptions.empty() ||
      subscriber == nullptr || now.mono - first->started >= env_.config.timers.timeout() ||
      first->forks.size() >= limits::kSubscriptionsPerDialog || full())
    return {};

  const LegId notifier = legs_.add_fork(root, request.from_tag());
  if (!notifier) return {};
  Leg& leg = *legs_.find(notifier);
  leg.dialog.confirmed = first->dialog.confirmed;
  leg.dialog.local_cseq = first->dialog.local_cseq;
  leg.started = now.mono;
  Leg twin = *subscriber;
  twin.peer = notifier;
  twin.forks.clear();
  twin.subscriptions.clear();
  twin.transactions = 0;
  twin.dialog.local_tag = env_.rng.token(12);

  const Subscription& original = *subscriptions_.find(first->subscriptions.front());
  Subscription subscription;
  subscription.package = original.package;
  subscription.subscriber_id = original.subscriber_id;
  subscription.notifier_id = original.notifier_id;
  subscription.refer = original.refer;
  subscription.expires = original.expires;
  subscription.subscriber = legs_.add(std::move(twin));
  subscription.notifier = notifier;
  subscription.root = root;
  leg.peer = subscription.subscriber;
  legs_.hold(root);
  const SubscriptionId id = add(std::move(subscription));
  log(*subscriptions_.find(id), LogLevel::info,
      fmt::format("a further notifier at {}", received.flow.remote.text()));
  // It is no NOTIFY of ours until it crosses: wait no longer than for a first one.
  Subscription& added = *subscriptions_.find(id);
  added.timer = timers_.arm(now.mono, env_.config.timers.timeout(), id);
  return notifier;
}

void Subscriptions::on_time(Now now) {
  for (int fired = 0; fired < 1000; ++fired) {
    const auto id = timers_.pop(now.mono);
    if (!id) return;
    const Subscription* subscription = subscriptions_.find(*id);
    const bool waited = subscription != nullptr && subscription->state != SubscriptionState::live;
    apply(now, *id, SubscriptionEvent::expired, {},
          waited ? "no NOTIFY came within 64*T1" : "it was not refreshed");
  }
}

void Subscriptions::log(const Subscription& subscription, LogLevel level,
                        std::string_view text) const {
  const Leg* leg = legs_.find(subscription.subscriber);
  env_.log.write(LogCategory::call, level, leg ? leg->context->key : std::string(),
                 fmt::format("subscription to {}: {}", escaped(subscription.package), text));
}

}  // namespace usher::sip
