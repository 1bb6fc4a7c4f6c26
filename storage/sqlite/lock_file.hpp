// One usher per database: an advisory lock on a file beside it. SQLite's own exclusive locking
// would do as well, but would also keep an operator's `sqlite3 usher.db` from reading beside a
// running process.
#pragma once

#include <string>

#include "core/result.hpp"

namespace usher::storage {

class LockFile {
 public:
  LockFile() = default;
  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();  // unlocks; so does the death of the process, however it dies

  // Locks "<path>.lock", made if absent and never removed: a removed lock file can be locked twice.
  // Errc::unavailable: held by a live process, named in the message; Errc::io.
  static Result<LockFile> take(const std::string& path);

 private:
  int fd_ = -1;
};

}  // namespace usher::storage
