// Copies of the store: one made while a process works on it, and one put in its place again.
#pragma once

#include <atomic>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::storage {

// Writes the database at `path`, as of now and without free pages, to the new file `to` (mode
// 0600: it holds keys). The process that uses the database goes on. Errors as open_sqlite(), and
// Errc::conflict: `to` exists. It ends early, with an error, when `give_up` becomes true.
Result<void> back_up(const std::string& path, const std::string& to,
                     const std::atomic<bool>* give_up = nullptr);

// Puts a copy of the backup `from` at `path`. What was there is kept as "<path>.before-restore",
// replacing an older one. All or nothing. Errors as open_sqlite(), Errc::unavailable among them: a
// process uses `path`.
Result<void> restore(const std::string& path, const std::string& from);

// What the backup `from` holds, as a start at `now` would read it. It is not touched: a copy of it,
// for its reader alone, lies in the system's folder for temporary files meanwhile. Errors as
// open_sqlite().
Result<Snapshot> read_backup(const std::string& from, WallTime now);

// Of it only what an operator makes: domains, sets, targets, scanners, the gate's settings. Read in
// place, however large it is, unless it is of an older version.
Result<Snapshot> read_configuration(const std::string& from, WallTime now);

}  // namespace usher::storage
