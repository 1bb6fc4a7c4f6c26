#include "routing/capture/correlation.hpp"

#include <utility>

namespace usher::routing {

void Correlation::learn(std::string_view call_id, TraceId trace) {
  if (call_id.empty() || trace == 0) return;
  const std::uint64_t key = siphash(key_, call_id);
  const auto call = calls_.find(trace);
  if (call == calls_.end()) {
    // A Call-ID that a live call holds stays with that call.
    if (!held_.contains(key)) recent_.obtain(key) = trace;
    return;
  }
  const auto [held, fresh] = held_.try_emplace(key, trace);
  if (!fresh) return;
  call->second.push_back(key);
  recent_.erase(key);
}

TraceId Correlation::find(std::string_view call_id) {
  if (call_id.empty()) return 0;
  const std::uint64_t key = siphash(key_, call_id);
  if (const auto held = held_.find(key); held != held_.end()) return held->second;
  const TraceId* known = recent_.find(key);
  return known ? *known : 0;
}

void Correlation::call_begun(TraceId trace) {
  if (trace != 0) calls_.try_emplace(trace);
}

void Correlation::call_ended(TraceId trace) {
  const auto call = calls_.find(trace);
  if (call == calls_.end()) return;
  for (const std::uint64_t key : std::exchange(call->second, {})) {
    held_.erase(key);
    recent_.obtain(key) = trace;
  }
  calls_.erase(call);
}

}  // namespace usher::routing
