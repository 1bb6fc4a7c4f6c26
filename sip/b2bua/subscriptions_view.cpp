// The live subscriptions as they can be shown. A leg may be gone while its subscription is still
// there, or not be there yet.
#include <utility>

#include "sip/b2bua/subscriptions.hpp"

namespace usher::sip {

SubscriptionView Subscriptions::view(SubscriptionId id, const Subscription& subscription) const {
  SubscriptionView view;
  view.id = id;
  view.state = state_name(subscription.state);
  view.package = subscription.package;
  view.refer = subscription.refer;
  view.expires = subscription.expires;
  const Leg* subscriber = legs_.find(subscription.subscriber);
  const Leg* notifier = legs_.find(subscription.notifier);
  if (subscriber != nullptr) {
    view.subscriber_call_id = subscriber->dialog.call_id;
    view.subscriber_at = subscriber->flow.remote;
    view.subscriber_side = subscriber->side;
  }
  if (notifier != nullptr) {
    view.notifier_call_id = notifier->dialog.call_id;
    view.notifier_at = notifier->flow.remote;
    if (subscriber == nullptr)
      view.subscriber_side = notifier->side == Side::phone ? Side::backend : Side::phone;
  }
  if (const Leg* either = subscriber != nullptr ? subscriber : notifier) {
    view.in_call = !either->made_by_subscription;
    if (either->context) {
      view.key = either->context->key;
      view.domain = either->context->domain;
    }
  }
  const bool phone_asks = view.subscriber_side == Side::phone;
  const Leg* phone = phone_asks ? subscriber : notifier;
  const Leg* backend = phone_asks ? notifier : subscriber;
  if (backend != nullptr) view.attempt = backend->attempt;
  if (const Leg* known = phone != nullptr ? phone : backend) {
    view.subscriber = party_uri(known->dialog.remote_party);
    view.notifier = party_uri(known->dialog.local_party);
    if (known == notifier) std::swap(view.subscriber, view.notifier);
  }
  return view;
}

std::optional<SubscriptionView> Subscriptions::view(SubscriptionId id) const {
  const Subscription* subscription = subscriptions_.find(id);
  return subscription ? std::optional{view(id, *subscription)} : std::nullopt;
}

void Subscriptions::each(SubscriptionId after,
                         const std::function<bool(const SubscriptionView&)>& visit) const {
  subscriptions_.visit(after.index, [&](SubscriptionId id, const Subscription& subscription) {
    return !(after < id) || visit(view(id, subscription));
  });
}

std::size_t Subscriptions::count_of(std::string_view domain) const {
  std::size_t out = 0;
  subscriptions_.visit(0, [&](SubscriptionId, const Subscription& subscription) {
    const Leg* leg = legs_.find(subscription.subscriber);
    if (leg == nullptr) leg = legs_.find(subscription.notifier);
    out += leg != nullptr && leg->context && leg->context->domain == domain ? 1 : 0;
    return true;
  });
  return out;
}

}  // namespace usher::sip
