// The folder of the backups that a store at work makes of itself (Store::backups()): names, and
// what is done with them.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"
#include "storage/store.hpp"

namespace usher::storage {

// "2026-11-23T20-15-03Z.db"
std::string backup_name(WallTime now);
// When a backup was made; nothing: it is no name of ours, nothing that leads elsewhere among them.
std::optional<WallTime> backup_made(std::string_view name);

// Answers a request about the backups in `folder` of the store at `path`; errors as
// Store::backups(). A copy that is made ends early when `give_up` becomes true. Blocks.
Result<BackupAnswer> serve_backups(const BackupRequest& request, const std::string& path,
                                   const std::string& folder, const std::atomic<bool>& give_up);

}  // namespace usher::storage
