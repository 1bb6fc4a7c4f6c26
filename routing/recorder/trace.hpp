// The decision trace: what was decided about a request outside dialogs and what came of it, step by
// step. Its id is the call key of the log lines.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace usher::routing {

// All bits of a hash: a record of a call is found by it among those of years. 0: none.
using TraceId = std::uint64_t;

// 13 characters of [0-9a-v].
std::string trace_text(TraceId id);
std::optional<TraceId> parse_trace(std::string_view text);

// The steps there are. The names are shown.
namespace step {
inline constexpr std::string_view kReceived = "received";      // the request itself
inline constexpr std::string_view kOrigin = "origin";          // who sent it and how that is known
inline constexpr std::string_view kDomain = "domain";          // the tenant it counts for
inline constexpr std::string_view kCandidates = "candidates";  // targets, chosen and rejected
inline constexpr std::string_view kLookup = "lookup";          // which phone is meant
inline constexpr std::string_view kQueued = "queued";          // a REGISTER waits for its turn
inline constexpr std::string_view kAttempt = "attempt";        // sent to one place
inline constexpr std::string_view kAttemptEnded = "attempt-ended";
inline constexpr std::string_view kFailover = "failover";
inline constexpr std::string_view kTimerArmed = "timer-armed";
inline constexpr std::string_view kTimerFired = "timer-fired";
inline constexpr std::string_view kResponse = "local-response";  // made by ourselves
inline constexpr std::string_view kDropped = "dropped";          // silence
inline constexpr std::string_view kRinging = "ringing";          // the first 18x
inline constexpr std::string_view kAnswered = "answered";
inline constexpr std::string_view kRegistered = "registered";
inline constexpr std::string_view kByeLost = "bye-undeliverable";
inline constexpr std::string_view kEnded = "ended";
inline constexpr std::string_view kRestored = "restored";  // of the process before
}  // namespace step

using StepField = std::pair<std::string_view, std::string_view>;

struct Step {
  std::string what;  // of the list above
  std::string why;   // plain words
  std::vector<std::pair<std::string, std::string>> fields;

  // Empty: there is none.
  std::string_view field(std::string_view name) const;
};

// The bytes a step is kept as, appended to `out`. Values are cut at kStepValue bytes.
inline constexpr std::size_t kStepValue = 400;
void write_step(std::string& out, std::string_view what, std::string_view why,
                std::initializer_list<StepField> fields);
void write_field(std::string& out, std::string_view name, std::string_view value);
Step read_step(std::string_view bytes);

// A kept step without a copy of it, where many are looked at. Views into the bytes.
class StepView {
 public:
  explicit StepView(std::string_view bytes);
  std::string_view what() const { return what_; }
  std::string_view why() const { return why_; }
  std::string_view field(std::string_view name) const;  // empty: there is none
  // Takes the fields off, one by one; nothing: that was the last.
  std::optional<StepField> next();

 private:
  std::string_view what_, why_, fields_;
};

}  // namespace usher::routing
