#include "core/event_kind.hpp"

#include <algorithm>
#include <array>

namespace usher {

namespace {

constexpr std::array<std::string_view, kEventKinds> kNames{
    "target-up",         "target-down",   "binding-added",     "binding-removed",
    "call-started",      "call-answered", "call-ended",        "ban-made",
    "ban-lifted",        "storm",         "certificate",       "store-degraded",
    "store-recovered",   "configuration", "maintenance-began", "maintenance-ended",
    "request-fragmented"};

}  // namespace

std::string_view event_kind_name(EventKind kind) {
  return kNames[static_cast<std::size_t>(kind)];
}

std::optional<EventKind> parse_event_kind(std::string_view text) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<EventKind>(found - kNames.begin());
}

std::string event_kind_names() {
  std::string out;
  for (const std::string_view name : kNames) out.append(out.empty() ? "" : ", ").append(name);
  return out;
}

}  // namespace usher
