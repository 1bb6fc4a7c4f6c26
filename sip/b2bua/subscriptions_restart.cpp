// Checkpoints of the subscriptions that live in dialogs of their own: when they have changed, and
// how a later process goes on from them. Those in the dialog of a call need none: their NOTIFYs
// cross it.
#include <utility>

#include "core/limits.hpp"
#include "sip/b2bua/leg_checkpoint.hpp"
#include "sip/b2bua/subscriptions.hpp"

namespace usher::sip {
namespace {

// A NOTIFY that repeats the time left, rounded to seconds, says nothing new.
constexpr std::chrono::seconds kSameExpiry{10};

}  // namespace

bool Subscriptions::is_told(const Subscription& subscription) const {
  const Duration shift = subscription.expires - subscription.told;
  return !subscription.saved.empty() && shift < kSameExpiry && -shift < kSameExpiry &&
         same_as_told(*legs_.find(subscription.subscriber)) &&
         same_as_told(*legs_.find(subscription.notifier));
}

void Subscriptions::tell_changes(Now now) {
  for (const LegId leg_id : legs_.touched()) {
    const Leg* leg = legs_.find(leg_id);
    if (leg == nullptr || !leg->made_by_subscription) continue;
    // Subscriptions of one dialog share its legs, so that one's checkpoint would hide the change
    // from the others: all of them are told.
    const auto ids = leg->subscriptions;
    const auto is_live = [&](SubscriptionId id) {
      return subscriptions_.find(id)->state == SubscriptionState::live;
    };
    const bool changed = std::any_of(ids.begin(), ids.end(), [&](SubscriptionId id) {
      return is_live(id) && !is_told(*subscriptions_.find(id));
    });
    if (!changed) continue;
    for (const SubscriptionId id : ids) {
      if (is_live(id)) tell(now, id, subscriptions_.find(id)->saved.empty());
    }
  }
}

void Subscriptions::tell(Now now, SubscriptionId id, bool first) {
  Subscription& subscription = *subscriptions_.find(id);
  Leg& subscriber = *legs_.find(subscription.subscriber);
  Leg& notifier = *legs_.find(subscription.notifier);
  if (subscription.saved.empty()) subscription.saved = env_.rng.token(24);
  subscription.told = subscription.expires;
  env_.emit(SubscriptionChanged{{.id = subscription.saved,
                                 .key = subscriber.context->key,
                                 .domain = subscriber.context->domain,
                                 .package = subscription.package,
                                 .subscriber_id = subscription.subscriber_id,
                                 .notifier_id = subscription.notifier_id,
                                 .refer = subscription.refer,
                                 .expires = wall_of(now, subscription.expires),
                                 .subscriber = sip::tell(subscriber),
                                 .notifier = sip::tell(notifier)},
                                first});
}

// The leg of this dialog: a new one, that of another subscription which shares it, or a fork of
// `root`, which is set to the leg that it is found through.
Result<LegId> Subscriptions::restored_leg(LegCheckpoint checkpoint,
                                          const std::shared_ptr<CallContext>& context,
                                          LegId& root) {
  const Dialog& dialog = checkpoint.dialog;
  const LegId known = legs_.find_dialog(dialog.call_id, dialog.local_tag);
  if (const Leg* leg = legs_.find(known); leg != nullptr && !leg->made_by_subscription)
    return fail(Errc::conflict, "its dialog " + dialog.call_id + " is there already");
  if (const LegId same = legs_.find_fork(known, dialog.remote_tag)) return same;
  const std::string remote_tag = dialog.remote_tag;
  Leg leg = leg_of(std::move(checkpoint));
  leg.context = context;
  leg.made_by_subscription = true;
  if (!known) return legs_.add(std::move(leg));
  const LegId fork = legs_.add_fork(known, remote_tag);
  if (!fork) return fail(Errc::limit, "its SUBSCRIBE has too many notifiers");
  leg.names = legs_.find(fork)->names;
  *legs_.find(fork) =
      std::move(leg);  // no connection, and its root's device: it is found as before
  root = known;
  return fork;
}

Result<void> Subscriptions::restore(Now now, RestoredSubscription restored) {
  SubscriptionCheckpoint& checkpoint = restored.checkpoint;
  if (full()) return fail(Errc::limit, "the limit of subscriptions is reached");
  if (checkpoint.expires <= now.wall) return fail(Errc::not_found, "it has expired");
  for (const LegCheckpoint* leg : {&checkpoint.subscriber, &checkpoint.notifier}) {
    if (auto r = can_go_on(*leg); !r) return r;
  }
  const auto context = std::make_shared<CallContext>();
  context->key = checkpoint.key;
  context->domain = checkpoint.domain;
  context->hidden = std::move(restored.hidden);
  context->x_cid = env_.config.correlation.x_cid;

  Subscription subscription;
  subscription.state = SubscriptionState::live;
  LegId none;
  const auto subscriber = restored_leg(std::move(checkpoint.subscriber), context, none);
  if (!subscriber) return subscriber.error();
  const auto notifier = restored_leg(std::move(checkpoint.notifier), context, subscription.root);
  if (!notifier) {
    legs_.erase_if_done(*subscriber);
    return notifier.error();
  }
  subscription.subscriber = *subscriber;
  subscription.notifier = *notifier;
  legs_.find(*subscriber)->peer = *notifier;
  legs_.find(*notifier)->peer = *subscriber;
  if (subscription.root) legs_.hold(subscription.root);
  subscription.package = std::move(checkpoint.package);
  subscription.subscriber_id = std::move(checkpoint.subscriber_id);
  subscription.notifier_id = std::move(checkpoint.notifier_id);
  subscription.refer = checkpoint.refer;
  subscription.expires = now.mono + (checkpoint.expires - now.wall);
  subscription.saved = std::move(checkpoint.id);
  const SubscriptionId id = add(std::move(subscription));
  Subscription& added = *subscriptions_.find(id);
  added.timer = timers_.arm(now.mono, added.expires - now.mono + env_.config.timers.timeout(), id);
  tell(now, id, false);
  log(added, LogLevel::debug, "goes on after a restart");
  return {};
}

}  // namespace usher::sip
