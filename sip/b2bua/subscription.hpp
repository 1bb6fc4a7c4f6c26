// One subscription through the edge, as a pure table (docs/specs/subscription.md): what its
// requests, their responses and time do to it (RFC 6665, RFC 3515). The engine (subscriptions.hpp)
// turns wire events into these and does the actions.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/time.hpp"
#include "core/timers.hpp"
#include "sip/b2bua/leg.hpp"

namespace usher::sip {

enum class SubscriptionState : std::uint8_t {
  asked,     // its SUBSCRIBE or REFER has neither a final response nor a NOTIFY
  accepted,  // 2xx; the NOTIFY that must follow has not come
  live,
  leaving,  // granted no time: only its last NOTIFY is waited for
  ended,
};

enum class SubscriptionEvent : std::uint8_t {
  granted,          // 2xx with time left
  granted_no_time,  // 2xx with Expires: 0, a fetch or the end of it (RFC 6665 §4.1.2.3, §4.4.3)
  none_made,        // 2xx to a REFER that makes no subscription (RFC 4488, RFC 7614)
  refused,          // any other final response to SUBSCRIBE or REFER, or none
  notified,         // a NOTIFY crosses that does not end it
  notify_refused,   // a NOTIFY's failure response, or none in 64·T1
  terminated,       // a NOTIFY that ends it has its response
  expired,          // its timer
};

struct SubscriptionFacts {
  bool fatal = false;  // the failure ends a subscription that is there (effect_of_failure)
};

enum class SubscriptionAction : std::uint8_t {
  wait_for_notify,    // for 64·T1 (timer N, RFC 6665 §4.1.2.4)
  keep_until_expiry,  // until the time that was granted is over, and 64·T1 more
  finish,             // forget it; a dialog without another use ends with it
};

std::string_view state_name(SubscriptionState s);
std::string_view event_name(SubscriptionEvent e);
std::string_view action_name(SubscriptionAction a);

struct SubscriptionStep {
  SubscriptionState next;
  boost::container::static_vector<SubscriptionAction, 2> actions;  // in order
};

SubscriptionStep step(SubscriptionState state, SubscriptionEvent event,
                      const SubscriptionFacts& facts);

// What a failure of NOTIFY or of a refreshing SUBSCRIBE takes with it (RFC 5057 §5.1, RFC 6665
// §4.1.2.2, §4.2.2).
enum class FailureEffect : std::uint8_t { transaction, usage, dialog };
FailureEffect effect_of_failure(int status);

// All that is to be known of one. The legs hold the dialogs.
struct Subscription {
  SubscriptionState state = SubscriptionState::asked;
  LegId subscriber, notifier;
  LegId root;           // of a fork: the leg that its notifier's leg is found through
  std::string package;  // the event type, byte for byte
  // The Event's id parameter as each leg writes it; empty: none. The same on both, but for REFER,
  // where it is the CSeq number that the REFER has on that leg (RFC 3515 §2.4.6).
  std::string subscriber_id, notifier_id;
  bool refer = false;  // made by REFER
  Instant expires{};   // as granted last
  std::string saved;   // SubscriptionCheckpoint::id; empty: there is no checkpoint
  Instant told{};      // `expires`, as the last checkpoint has it
  TimerId timer;
};

}  // namespace usher::sip
