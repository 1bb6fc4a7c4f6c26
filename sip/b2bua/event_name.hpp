// The Event header field (RFC 6665 §8.2.1): which subscription of a dialog a request is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/message/message.hpp"

namespace usher::sip {

// Views into the message; both are compared byte by byte.
struct EventName {
  std::string_view package;  // event type; empty: no Event, or a broken one
  std::string_view id;       // empty: none
};
EventName event_of(const Message& request);

// The value with its id parameter replaced by `id`; unchanged when there is none or it does not
// parse.
std::string with_event_id(std::string_view event_value, std::string_view id);

// Subscription-State (RFC 6665 §8.2.3).
struct NotifiedState {
  bool terminated = false;
  std::optional<std::uint32_t> expires;  // seconds
  std::string_view reason;               // a view into the message; empty: none
};
NotifiedState notified_state(const Message& notify);

}  // namespace usher::sip
