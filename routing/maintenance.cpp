#include "routing/maintenance.hpp"

#include <algorithm>

namespace usher::routing {

std::vector<MaintenanceWatch::Turn> MaintenanceWatch::look(const Now& now,
                                                           const Directory& directory) {
  std::map<storage::TargetId, storage::Maintenance> held;
  std::optional<WallTime> change;
  const auto at = [&](WallTime when) {
    if (when > now.wall && (!change || when < *change)) change = when;
  };
  for (const auto& [id, target] : directory.targets()) {
    for (const storage::Maintenance& window : target.maintenance) {
      at(window.from);
      at(window.until);
      if (window.from <= now.wall && now.wall < window.until) held.insert_or_assign(id, window);
    }
  }
  std::vector<Turn> out;
  for (const auto& [id, window] : held_) {
    if (!held.contains(id) && directory.target(id) != nullptr) out.push_back({id, false, window});
  }
  for (const auto& [id, window] : held) {
    if (!held_.contains(id)) out.push_back({id, true, window});
  }
  held_ = std::move(held);
  next_.reset();
  if (change) next_ = now.mono + std::min<Duration>(*change - now.wall, kRecheck);
  return out;
}

const storage::Maintenance* MaintenanceWatch::of(storage::TargetId id) const {
  const auto found = held_.find(id);
  return found == held_.end() ? nullptr : &found->second;
}

std::optional<storage::Target> without_past(const storage::Target& target, WallTime now) {
  const auto over = [&](const storage::Maintenance& window) { return window.until <= now; };
  if (std::none_of(target.maintenance.begin(), target.maintenance.end(), over)) return std::nullopt;
  storage::Target left = target;
  std::erase_if(left.maintenance, over);
  return left;
}

}  // namespace usher::routing
