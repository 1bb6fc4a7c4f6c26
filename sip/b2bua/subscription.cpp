#include "sip/b2bua/subscription.hpp"

namespace usher::sip {
namespace {

using Does = SubscriptionAction;
using Is = SubscriptionState;

SubscriptionStep subscription_asked(SubscriptionEvent event, const SubscriptionFacts& facts) {
  switch (event) {
    case SubscriptionEvent::granted: return {Is::accepted, {Does::wait_for_notify}};
    case SubscriptionEvent::granted_no_time: return {Is::leaving, {Does::wait_for_notify}};
    // RFC 6665 §4.4.1: the NOTIFY may come before the 2xx, and it is what makes the dialog.
    case SubscriptionEvent::notified: return {Is::live, {Does::keep_until_expiry}};
    case SubscriptionEvent::notify_refused:
      if (!facts.fatal) return {Is::asked, {}};
      return {Is::ended, {Does::finish}};
    case SubscriptionEvent::none_made:
    case SubscriptionEvent::refused:
    case SubscriptionEvent::terminated:
    case SubscriptionEvent::expired: return {Is::ended, {Does::finish}};
  }
  return {Is::asked, {}};
}

// A subscription that is there: what comes is a refresh, a NOTIFY, or its end.
SubscriptionStep subscription_made(SubscriptionState state, SubscriptionEvent event,
                                   const SubscriptionFacts& facts) {
  switch (event) {
    case SubscriptionEvent::granted:
      if (state == Is::accepted) return {Is::accepted, {Does::wait_for_notify}};
      return {Is::live, {Does::keep_until_expiry}};
    case SubscriptionEvent::granted_no_time: return {Is::leaving, {Does::wait_for_notify}};
    case SubscriptionEvent::notified:
      // One that crossed the end of it gives it no more time.
      if (state == Is::leaving) return {Is::leaving, {}};
      return {Is::live, {Does::keep_until_expiry}};
    case SubscriptionEvent::refused:
    case SubscriptionEvent::notify_refused:
      if (!facts.fatal) return {state, {}};
      return {Is::ended, {Does::finish}};
    case SubscriptionEvent::none_made:
    case SubscriptionEvent::terminated:
    case SubscriptionEvent::expired: return {Is::ended, {Does::finish}};
  }
  return {state, {}};
}

}  // namespace

SubscriptionStep step(SubscriptionState state, SubscriptionEvent event,
                      const SubscriptionFacts& facts) {
  switch (state) {
    case SubscriptionState::asked: return subscription_asked(event, facts);
    case SubscriptionState::accepted:
    case SubscriptionState::live:
    case SubscriptionState::leaving: return subscription_made(state, event, facts);
    case SubscriptionState::ended: return {Is::ended, {}};
  }
  return {Is::ended, {}};
}

FailureEffect effect_of_failure(int status) {
  switch (status) {
    case 405:
    case 480:
    case 481:
    case 489:
    case 501: return FailureEffect::usage;
    case 404:
    case 410:
    case 416:
    case 482:
    case 483:
    case 484:
    case 485:
    case 502:
    case 604: return FailureEffect::dialog;
    default: return FailureEffect::transaction;
  }
}

std::string_view state_name(SubscriptionState s) {
  switch (s) {
    case SubscriptionState::asked: return "asked";
    case SubscriptionState::accepted: return "accepted";
    case SubscriptionState::live: return "live";
    case SubscriptionState::leaving: return "leaving";
    case SubscriptionState::ended: return "ended";
  }
  return "";
}

std::string_view event_name(SubscriptionEvent e) {
  switch (e) {
    case SubscriptionEvent::granted: return "granted";
    case SubscriptionEvent::granted_no_time: return "granted_no_time";
    case SubscriptionEvent::none_made: return "none_made";
    case SubscriptionEvent::refused: return "refused";
    case SubscriptionEvent::notified: return "notified";
    case SubscriptionEvent::notify_refused: return "notify_refused";
    case SubscriptionEvent::terminated: return "terminated";
    case SubscriptionEvent::expired: return "expired";
  }
  return "";
}

std::string_view action_name(SubscriptionAction a) {
  switch (a) {
    case SubscriptionAction::wait_for_notify: return "wait_for_notify";
    case SubscriptionAction::keep_until_expiry: return "keep_until_expiry";
    case SubscriptionAction::finish: return "finish";
  }
  return "";
}

}  // namespace usher::sip
