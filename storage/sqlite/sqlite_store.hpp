// The embedded engine: one SQLite file in WAL mode, written by one thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "storage/store.hpp"

namespace usher::storage {

struct SqliteOptions {
  std::string path;
  // Leads a task to the thread that owns the answers (the reactor). Called from the writer thread,
  // and from within apply() when the queue is full; it queues the task and never runs it at once.
  std::function<void(std::function<void()>)> post;
  // Where a line for each call that has ended is appended; empty: nowhere. When it cannot be
  // written StoreHealth says so, and the lines follow.
  std::string record_file{};
  // The folder of the backups, made (0700) with the first; empty: "<path>.backups". No other store
  // has the same.
  std::string backups{};
};

// Opens or creates the database (mode 0600: it holds the key of the Contact tokens), brings its
// schema up to date from the numbered files in storage/schema, tests that it can be written, and
// starts the writer.
//
// Refused, with what to do, and without changing the file:
//   Errc::syntax       not an SQLite database, or corrupt
//   Errc::conflict     an SQLite database of another program
//   Errc::unsupported  made by a newer version
//   Errc::unavailable  in use by another usher process (a lock on "<path>.lock", which stays
//   behind, unlocked;
//                      `sqlite3 <path>` may read beside a running process)
//   Errc::io           read-only, no permission, no such directory, a disk that takes no writes
//
// What has been acknowledged survives the death of the process (kill -9). Loss of power may cost
// the transactions since the last checkpoint, never the consistency of the file: a commit is
// written, not fsynced (synchronous=NORMAL); a checkpoint, about every 4 MB of writes, is fsynced.
// What is remembered lies in "<path>.calls", see record_journal.hpp.
Result<std::unique_ptr<Store>> open_sqlite(SqliteOptions options);

}  // namespace usher::storage
