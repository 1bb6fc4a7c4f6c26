#include "storage/backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <system_error>

#include "storage/files.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/lock_file.hpp"
#include "storage/sqlite/read_table.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace usher::storage {

namespace {

namespace fs = std::filesystem;

// Ours, whole, of this version or older; and not empty, as a file that never was a store is.
Result<void> is_store(const std::string& path) {
  if (auto seen = inspect(path); !seen) return seen;
  auto opened = Database::open(path, OpenMode::read_only);
  if (!opened) return opened.error();
  const auto version = opened->number("PRAGMA user_version");
  if (!version) return version.error();
  if (*version == 0) return fail(Errc::syntax, path + " holds nothing: it is no store");
  return {};
}

// What root restores belongs to whom the store belongs, or its folder: a service that runs as
// somebody else opens it.
Result<void> give_to_owner(const std::string& path, std::initializer_list<std::string> files) {
  struct stat owner {};
  if (::geteuid() != 0 ||
      (::stat(path.c_str(), &owner) != 0 && ::stat(folder_of(path).c_str(), &owner) != 0))
    return {};
  for (const std::string& file : files) {
    if (::lchown(file.c_str(), owner.st_uid, owner.st_gid) != 0)
      return file_error("cannot give " + file + " to its owner", last_error());
  }
  return {};
}

// What the log beside the database still holds goes into it, so that the file stands for itself.
Result<void> finish_log(const std::string& path) {
  auto opened = Database::open(path, OpenMode::read_write);
  if (!opened) return opened.error();
  if (!opened->execute("PRAGMA wal_checkpoint(TRUNCATE)") ||
      !opened->execute("PRAGMA journal_mode = DELETE"))
    return opened->error("cannot finish the log of " + path);
  return {};
}

}  // namespace

Result<void> back_up(const std::string& path, const std::string& to,
                     const std::atomic<bool>* give_up) {
  if (auto ours = is_store(path); !ours) return ours;
  std::error_code ec;
  if (fs::exists(to, ec)) return fail(Errc::conflict, to + " exists: name a new file");
  auto opened = Database::open(path, OpenMode::read_only);
  if (!opened) return opened.error();
  if (give_up) opened->give_up_when(*give_up);
  auto copy = Statement::prepare(*opened, "VACUUM INTO ?1");
  if (!copy) return copy.error();
  // Made before SQLite does, with the mode that it is to have.
  const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return file_error("cannot make " + to, last_error());
  ::close(fd);
  if (!copy->bind(1, to).run()) {
    Error error = opened->error("cannot write " + to);
    fs::remove(to, ec);
    return error;
  }
  if (auto synced = sync_file(to); !synced) return synced;
  return sync_folder(folder_of(to));
}

Result<void> restore(const std::string& path, const std::string& from) {
  if (auto ours = is_store(from); !ours) return ours;
  const auto lock = LockFile::take(path);
  if (!lock) return lock.error();
  const std::string coming = path + ".restoring";
  std::error_code ec;
  fs::remove(coming, ec);
  if (auto copied = back_up(from, coming); !copied) return copied;
  if (auto given = give_to_owner(path, {coming, path + ".lock"}); !given) return given;
  if (fs::exists(path, ec)) {
    const std::string old = path + ".before-restore";
    for (const char* part : {"", "-wal", "-shm", ".calls"}) fs::remove(old + part, ec);
    // What was remembered of its calls (record_journal.hpp) is no part of what comes.
    fs::rename(path + ".calls", old + ".calls", ec);
    // A damaged one is what a restore is for: then its log stays with it.
    if (!finish_log(path)) {
      for (const char* beside : {"-wal", "-shm"}) fs::rename(path + beside, old + beside, ec);
    }
    // At each moment there is a store at its path: the old one, then the other.
    fs::create_hard_link(path, old, ec);
    if (ec) return file_error("cannot keep " + path + " as " + old, ec);
  }
  // Nobody else's log may lie beside what comes.
  for (const char* beside : {"-wal", "-shm", ".calls"}) fs::remove(path + beside, ec);
  fs::rename(coming, path, ec);
  if (ec) return file_error("cannot put the backup at " + path, ec);
  return sync_folder(folder_of(path));
}

Result<Snapshot> read_backup(const std::string& from, WallTime now) {
  std::error_code ec;
  std::string folder = (fs::temp_directory_path(ec) / "usher-XXXXXX").string();
  if (ec || ::mkdtemp(folder.data()) == nullptr)
    return file_error("cannot make " + folder, last_error());
  const auto read = [&]() -> Result<Snapshot> {
    const std::string copy = folder + "/copy.db";
    if (auto copied = back_up(from, copy); !copied) return copied.error();
    auto opened = open_sqlite({copy, [](const std::function<void()>&) {}});
    if (!opened) return opened.error();
    return (*opened)->load(now);
  };
  Result<Snapshot> out = read();
  fs::remove_all(folder, ec);
  return out;
}

Result<Snapshot> read_configuration(const std::string& from, WallTime now) {
  if (auto ours = is_store(from); !ours) return ours.error();
  auto opened = Database::open(from, OpenMode::read_only);
  if (!opened) return opened.error();
  const auto version = opened->number("PRAGMA user_version");
  if (!version) return version.error();
  if (*version != static_cast<std::int64_t>(migrations().size())) return read_backup(from, now);
  Snapshot out;
  if (auto read = read_configuration(*opened, out); !read) return read.error();
  return out;
}

}  // namespace usher::storage
