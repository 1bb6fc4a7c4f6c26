// The engine of subscriptions: those that SUBSCRIBE and REFER make outside dialogs, with two legs
// of their own, and those that live in the dialogs of calls, REFER's implicit ones among them (RFC
// 6665, RFC 3515). Relays finds the target of the first kind's request; Exchanges carries the
// requests of every dialog across.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "sip/b2bua/environment.hpp"
#include "sip/b2bua/exchanges.hpp"
#include "sip/b2bua/legs.hpp"
#include "sip/b2bua/subscription.hpp"

namespace usher::sip {

class Subscriptions {
 public:
  Subscriptions(Environment& environment, Legs& legs, Exchanges& exchanges)
      : env_(environment), legs_(legs), exchanges_(exchanges) {}

  // Outside dialogs.
  // SUBSCRIBE and REFER that a dialog can be made of (exactly one Contact, Record-Route).
  static bool makes_dialog(const Message& request);
  bool full() const;
  // The subscriber's leg and the subscription, for a request that makes a dialog and has
  // `local_tag` in its responses.
  SubscriptionId open(Now now, const RouteNeeded& need, const Plan& plan,
                      std::string_view local_tag);
  // The notifier's leg for the next attempt; the one before is given up.
  LegId attempt(Now now, SubscriptionId id, const Plan& plan, const Attempt& attempt,
                const Message& request);
  // True while another target may be tried: no NOTIFY has come.
  bool undecided(SubscriptionId id) const;
  LegId subscriber_of(SubscriptionId id) const;
  // The final response to the request that opened it; null: there was none, or one of our own.
  void opened(Now now, SubscriptionId id, const Message& request, const Message* response);

  // Within dialogs: SUBSCRIBE, NOTIFY and REFER, in order, of a leg that has a peer.
  static bool concerns(Method method) {
    return method == Method::subscribe || method == Method::notify || method == Method::refer;
  }
  void forward(Now now, LegId from, const RequestReceived& received);
  // One of these that crossed has its response.
  void exchange_ended(Now now, const ExchangeEnded& exchange);
  // The leg of a further notifier of the SUBSCRIBE that `leg` was made for (RFC 6665 §4.4.1): made
  // by its first NOTIFY. Void: there is none.
  LegId fork(Now now, LegId leg, const RequestReceived& received);

  // Emits a SubscriptionChanged for each one in a dialog of its own whose checkpoint has become
  // another.
  void tell_changes(Now now);
  Result<void> restore(Now now, RestoredSubscription restored);

  void on_time(Now now);
  std::optional<Instant> next_deadline() const { return timers_.next(); }
  std::size_t count() const { return subscriptions_.size(); }
  std::size_t timer_count() const { return timers_.size(); }

  // subscriptions_view.cpp
  std::optional<SubscriptionView> view(SubscriptionId id) const;
  void each(SubscriptionId after, const std::function<bool(const SubscriptionView&)>& visit) const;
  std::size_t count_of(std::string_view domain) const;

 private:
  SubscriptionId add(Subscription subscription);
  // The one that a request of this leg is about; void: none.
  SubscriptionId match(LegId from, const Message& request) const;
  // What a final response to SUBSCRIBE or REFER means; null: there was none, or one of our own.
  void answered(Now now, SubscriptionId id, const Message& request, int status,
                const Message* response);
  void apply(Now now, SubscriptionId id, SubscriptionEvent event, const SubscriptionFacts& facts,
             std::string_view why);
  void finish(SubscriptionId id, std::string_view why);
  // Every subscription of this leg's dialog (RFC 5057: the dialog is gone).
  void finish_dialog(LegId leg, std::string_view why);

  SubscriptionView view(SubscriptionId id, const Subscription& subscription) const;

  // subscriptions_restart.cpp
  bool is_told(const Subscription& subscription) const;
  void tell(Now now, SubscriptionId id, bool first);
  Result<LegId> restored_leg(LegCheckpoint checkpoint, const std::shared_ptr<CallContext>& context,
                             LegId& root);

  void log(const Subscription& subscription, LogLevel level, std::string_view text) const;

  Environment& env_;
  Legs& legs_;
  Exchanges& exchanges_;
  Slab<Subscription, SubscriptionTag> subscriptions_;
  // Their own queue: expiries are of any length and would take the lanes of SIP's own durations.
  TimerQueue<SubscriptionId> timers_;
};

}  // namespace usher::sip
