// "What happened to this call, and why?" A verdict in plain words over what the recorder found:
// a pure function, so that each answer can be tested.
#pragma once

#include <string>
#include <vector>

#include "routing/recorder/recorder.hpp"

namespace usher::routing {

// The deaths that calls and registrations are known to die, as they are named.
namespace death {
inline constexpr std::string_view kNoAck = "no-ack";
inline constexpr std::string_view kByeUndeliverable = "bye-undeliverable";
inline constexpr std::string_view kNonce = "nonce-met-another-backend";
inline constexpr std::string_view kRingLimit = "ring-limit";
inline constexpr std::string_view kAmbiguousUser = "ambiguous-user";
inline constexpr std::string_view kSilentTargets = "silent-targets";
}  // namespace death

// What a call may suffer from, and need not: whether audio arrives is the ends' doing.
namespace hint {
inline constexpr std::string_view kPrivateMedia = "private-sdp-address";
}  // namespace hint

struct Verdict {
  std::string text;              // plain words
  std::string_view known_death;  // of the list above; empty: none
  std::string_view hint{};       // the same
};

struct Explanation {
  std::string_view kind = "request";  // "call", "registration", "request", "drop"
  Verdict verdict;
  std::vector<Record> steps;  // of the traces, oldest first
};

// `now`: since when a call that goes on rings or is up. Nothing was found: the verdict says so, and
// there are no steps.
Explanation explain(const Records& records, Instant now);

}  // namespace usher::routing
