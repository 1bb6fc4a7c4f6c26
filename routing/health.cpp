#include "routing/health.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/limits.hpp"

namespace usher::routing {

std::string_view health_name(HealthState s) {
  switch (s) {
    case HealthState::unknown: return "unknown";
    case HealthState::up: return "up";
    case HealthState::down: return "down";
  }
  return "";
}

void Health::track(const Now& now, const storage::Target& target,
                   const storage::HealthPolicy& policy) {
  const auto [place, fresh] = entries_.try_emplace(target.id);
  Entry& e = place->second;
  const std::string name = "target " + std::to_string(target.id) + " (" +
                           target.destination.text() + ", set " + std::to_string(target.setid) +
                           ")";
  const bool enabled = target.state != storage::TargetState::disabled;
  const bool again = fresh || e.name != name || e.enabled != enabled;
  const bool sooner = policy.interval < e.policy.interval;
  e.policy = policy;
  e.name = name;
  e.enabled = enabled;
  e.status.id = target.id;
  if (again) {
    // Another address or a fresh start: what was known is void.
    if (e.status.health != HealthState::unknown)
      e.history.changed({now.wall, HealthState::unknown, e.status.health,
                         enabled ? "its destination was changed" : "it was disabled"});
    const std::uint64_t attempts = e.status.attempts;
    const std::uint64_t failures = e.status.failures;
    e.status = TargetStatus{};
    e.status.id = target.id;
    e.status.attempts = attempts;
    e.status.failures = failures;
    e.failures_in_row = e.successes_in_row = 0;
    alone_.cancel(e.alone);
    timers_.cancel(e.timer);
    if (enabled) arm(now, target.id, e, Duration{0});
  } else if (sooner && timers_.cancel(e.timer)) {
    arm(now, target.id, e, policy.interval);
  }
}

void Health::forget(storage::TargetId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  timers_.cancel(found->second.timer);
  alone_.cancel(found->second.alone);
  entries_.erase(found);
}

void Health::probe_soon(const Now& now, storage::TargetId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || !timers_.cancel(found->second.timer)) return;
  arm(now, id, found->second, Duration{0});
}

void Health::arm(const Now& now, storage::TargetId id, Entry& entry, Duration after) {
  // Each probe is moved by up to a tenth, so that many edges and many targets do not keep in step.
  if (after.count() > 0) {
    const std::int64_t tenth = after.count() / 10;
    after += Duration{
        static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(2 * tenth + 1))) - tenth};
  }
  entry.timer = timers_.arm(now.mono, after, id);
}

std::optional<Instant> Health::next_deadline() const {
  const auto probe = timers_.next();
  const auto alone = alone_.next();
  return probe && alone ? std::min(*probe, *alone) : probe ? probe : alone;
}

std::vector<storage::TargetId> Health::due(const Now& now) {
  while (const auto id = alone_.pop(now.mono)) {
    if (const auto found = entries_.find(*id); found != entries_.end())
      found->second.status.retry_after.reset();
  }
  std::vector<storage::TargetId> out;
  while (const auto id = timers_.pop(now.mono)) out.push_back(*id);
  return out;
}

Duration Health::timeout_of(storage::TargetId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? storage::HealthPolicy{}.timeout : found->second.policy.timeout;
}

void Health::probed(const Now& now, storage::TargetId id, int status, std::string_view reason,
                    Duration rtt) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || !found->second.enabled) return;
  Entry& e = found->second;
  // A probe's own time belongs to the interval, so that a dead target is not probed less often than
  // a live one.
  const Duration spent = std::min(status == 0 ? e.policy.timeout : rtt, e.policy.interval / 2);
  timers_.cancel(e.timer);
  arm(now, id, e, e.policy.interval - spent);
  const bool bad = status == 0 || status == 408 || status == 503;
  e.history.probed(
      {now.wall, status, rtt, bad, std::string{status == 0 ? reason : std::string_view{}}});
  if (bad) {
    failed(now, e,
           status == 0 ? std::string{"OPTIONS unanswered: "}.append(reason)
                       : "OPTIONS answered with " + std::to_string(status));
    return;
  }
  e.status.rtt = rtt;
  e.failures_in_row = 0;
  ++e.successes_in_row;
  if (e.status.health == HealthState::unknown ||
      (e.status.health == HealthState::down && e.successes_in_row >= e.policy.up_after)) {
    become(now, e, HealthState::up, "OPTIONS answered with " + std::to_string(status));
  }
}

void Health::request_failed(const Now& now, storage::TargetId id, std::string_view reason,
                            bool elsewhere) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  ++found->second.status.failures;
  found->second.history.request_failed({now.wall, std::string{reason}});
  if (elsewhere) return;
  failed(now, found->second, reason);
}

void Health::request_answered(storage::TargetId id) {
  if (const auto found = entries_.find(id); found != entries_.end())
    found->second.failures_in_row = 0;
}

void Health::attempted(storage::TargetId id) {
  if (const auto found = entries_.find(id); found != entries_.end())
    ++found->second.status.attempts;
}

void Health::failed(const Now& now, Entry& entry, std::string_view reason) {
  entry.successes_in_row = 0;
  ++entry.failures_in_row;
  if (!entry.enabled || entry.failures_in_row < entry.policy.down_after) return;
  if (entry.status.health != HealthState::down) {
    become(now, entry, HealthState::down, reason);
  }
  entry.status.reason = reason;
}

void Health::become(const Now& now, Entry& entry, HealthState state, std::string_view reason) {
  const bool down = state == HealthState::down;
  log_.write(LogCategory::health, down ? LogLevel::warning : LogLevel::info, {},
             entry.name + " is " + std::string{health_name(state)} + " (was " +
                 std::string{health_name(entry.status.health)} + "): " + std::string{reason});
  events_.add(now.wall, down ? EventKind::target_down : EventKind::target_up, entry.name,
              std::string{reason});
  entry.history.changed({now.wall, state, entry.status.health, std::string{reason}});
  entry.status.health = state;
  entry.status.changed = now.wall;
  entry.status.reason = down ? std::string{reason} : std::string{};
}

void Health::leave_alone(const Now& now, storage::TargetId id, Duration wait) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& e = found->second;
  wait = std::min<Duration>(wait, limits::kRetryAfter);
  const WallTime until = now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(wait);
  if (e.status.retry_after && *e.status.retry_after >= until) return;
  alone_.cancel(e.alone);
  e.alone = alone_.arm(now.mono, wait, id);
  e.status.retry_after = until;
  log_.write(LogCategory::health, LogLevel::warning, {},
             e.name + " asks to be left alone: nothing new for " + duration_text(wait));
}

bool Health::left_alone(storage::TargetId id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.status.retry_after.has_value();
}

HealthState Health::state(storage::TargetId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? HealthState::unknown : found->second.status.health;
}

TargetStatus Health::status(storage::TargetId id) const {
  const auto found = entries_.find(id);
  if (found != entries_.end()) return found->second.status;
  TargetStatus none;
  none.id = id;
  return none;
}

const TargetHistory* Health::history(storage::TargetId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second.history;
}

}  // namespace usher::routing
