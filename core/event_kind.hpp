// The kinds of events that an operator can watch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace usher {

enum class EventKind : std::uint8_t {
  target_up,
  target_down,
  binding_added,
  binding_removed,
  call_started,
  call_answered,
  call_ended,
  ban_made,
  ban_lifted,
  storm,
  certificate,
  store_degraded,
  store_recovered,
  configuration,
  maintenance_began,
  maintenance_ended,
  request_fragmented,
};
inline constexpr std::size_t kEventKinds = 17;
std::string_view event_kind_name(EventKind kind);  // "target-up"
std::optional<EventKind> parse_event_kind(std::string_view text);

// Every name, separated by ", ".
std::string event_kind_names();

}  // namespace usher
