#include "routing/names.hpp"

#include <algorithm>
#include <set>

#include "core/limits.hpp"

namespace usher::routing {

std::vector<net::Destination> Names::due(Instant now, const Directory& directory) {
  std::vector<net::Destination> out;
  std::set<std::string> wanted;
  for (const auto& [id, target] : directory.targets()) {
    if (target.destination.address) continue;
    std::string text = target.destination.text();
    const auto [entry, is_new] = entries_.try_emplace(text);
    wanted.insert(std::move(text));
    if (is_new) entry->second.state.problem = "it has not been answered yet";
    if (!is_new && entry->second.due > now) continue;
    entry->second.due = now + kPatience;
    out.push_back(target.destination);
  }
  std::erase_if(entries_, [&](const auto& entry) { return !wanted.contains(entry.first); });
  return out;
}

std::optional<Instant> Names::next_deadline() const {
  std::optional<Instant> next;
  for (const auto& [text, entry] : entries_) {
    if (!next || entry.due < *next) next = entry.due;
  }
  return next;
}

Names::Outcome Names::answered(Now now, const std::string& destination, const net::Located& located,
                               bool has_places) {
  const auto found = entries_.find(destination);
  if (found == entries_.end()) return {};
  Entry& entry = found->second;
  Outcome out;
  out.bad = !located.problem.empty();
  const bool failed = located.places.empty() || (out.bad && has_places && !entry.second_best);
  const bool failed_before = entry.retry > Duration{0};
  if (out.bad) {
    entry.retry = std::clamp<Duration>(2 * entry.retry, limits::kNameRetry, limits::kNameRetryMost);
    entry.due = now.mono + entry.retry;
  }
  if (failed) {
    if (!failed_before)
      out.say = destination + ": " + located.problem +
                (has_places ? "; its last addresses stay in use" : "; it can't be reached");
    entry.state.problem = located.problem;
    entry.state.kept = has_places;
    return out;
  }
  out.take = true;
  entry.second_best = out.bad;
  const Duration ttl = net::lifetime(located.ttl);
  if (!out.bad) {
    if (failed_before) out.say = destination + " resolves again";
    entry.retry = {};
    entry.due = now.mono + ttl;
  } else if (!failed_before) {
    out.say = destination + ": " + located.problem + "; its plain addresses are used";
  }
  entry.state = {now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(ttl), false,
                 located.problem};
  return out;
}

const Names::State* Names::state(const std::string& destination) const {
  const auto found = entries_.find(destination);
  return found == entries_.end() ? nullptr : &found->second.state;
}

}  // namespace usher::routing
