// Which targets are in a maintenance window, and when that changes next. Pure: it is asked to look,
// and says who has entered one and who has left one since the last look.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/time.hpp"
#include "routing/directory.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class MaintenanceWatch {
 public:
  struct Turn {
    storage::TargetId id = 0;
    bool began = false;           // else it has ended
    storage::Maintenance window;  // the one that is meant
  };

  // A target that is gone leaves without a turn; one that goes from a window straight into the next
  // one makes none either.
  std::vector<Turn> look(const Now& now, const Directory& directory);
  // When to look again: at the next begin or end. Windows are in calendar time, which can be set:
  // while there is one to come, at the latest after kRecheck.
  std::optional<Instant> next_deadline() const { return next_; }

  // The window that it is in; null: none.
  const storage::Maintenance* of(storage::TargetId id) const;

  static constexpr Duration kRecheck = std::chrono::minutes(1);

 private:
  std::map<storage::TargetId, storage::Maintenance> held_;
  std::optional<Instant> next_;
};

// The target without the windows that are over; nothing: it has none such.
std::optional<storage::Target> without_past(const storage::Target& target, WallTime now);

}  // namespace usher::routing
