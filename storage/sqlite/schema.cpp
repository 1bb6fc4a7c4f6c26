#include "storage/sqlite/schema.hpp"

#include <filesystem>

#include "core/check.hpp"

namespace usher::storage {

namespace {

// A check of every page takes about 10 ms per 5 MB; beyond this it would hold up a start.
constexpr std::uintmax_t kCheckedBytes = 256u << 20;

// The statement's text goes to the engine as it stands, so it takes none but our own numbers.
bool set_pragma(Database& database, const char* name, std::int64_t value) {
  return database.execute((std::string{"PRAGMA "} + name + " = " + std::to_string(value)).c_str());
}

Error unreadable(const Database& database, const std::string& path) {
  switch (database.fault()) {
    case SqlFault::not_a_database:
      return fail(Errc::syntax,
                  path + " is not an SQLite database: name another file, or move this one away");
    case SqlFault::corrupt:
      return fail(Errc::syntax,
                  path + " is corrupt (" + database.message() +
                      "): restore it from a backup, or move it away to start with an empty one");
    case SqlFault::none:
    case SqlFault::reference:
    case SqlFault::duplicate:
    case SqlFault::value:
    case SqlFault::read_only:
    case SqlFault::busy:
    case SqlFault::other: break;
  }
  return database.error("cannot read " + path);
}

// On failure undoes the open transaction, keeping the reason.
Error undone(Database& database, std::string_view doing) {
  Error error = database.error(doing);
  if (database.in_transaction()) database.execute("ROLLBACK");
  return error;
}

}  // namespace

Result<void> inspect(const std::string& path) {
  auto opened = Database::open(path, OpenMode::read_only);
  if (!opened) return opened.error();
  Database& database = *opened;

  const auto owner = database.number("PRAGMA application_id");
  if (!owner) return unreadable(database, path);
  const auto version = database.number("PRAGMA user_version");
  if (!version) return unreadable(database, path);
  const auto objects = database.number("SELECT count(*) FROM sqlite_master");
  if (!objects) return unreadable(database, path);

  if (*owner == 0 && *version == 0 && *objects == 0) return {};  // as new
  if (*owner != kApplicationId) {
    return fail(Errc::conflict,
                path + " is an SQLite database of another program: name another file (its " +
                    "data may be taken over with `usher import`, if it is Kamailio's)");
  }
  const auto newest = static_cast<std::int64_t>(migrations().size());
  if (*version > newest) {
    return fail(Errc::unsupported, path + " has schema version " + std::to_string(*version) +
                                       ", made by a newer usher; this one knows versions up to " +
                                       std::to_string(newest) + ": install the newer one");
  }
  std::error_code ignored;
  const std::uintmax_t size = std::filesystem::file_size(path, ignored);
  if (!ignored && size > kCheckedBytes) return {};
  const auto verdict = database.text("PRAGMA quick_check(1)");
  if (!verdict) return unreadable(database, path);
  if (*verdict != "ok") {
    return fail(Errc::syntax,
                path + " is corrupt (" + *verdict +
                    "): restore it from a backup, or move it away to start with an empty one");
  }
  return {};
}

Result<void> migrate(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return version.error();
  for (const Migration& migration : migrations()) {
    if (migration.version <= *version) continue;
    // Both pragmas live in the file's header page and so belong to the transaction.
    const bool done = database.execute("BEGIN IMMEDIATE") && database.execute(migration.sql) &&
                      set_pragma(database, "user_version", migration.version) &&
                      set_pragma(database, "application_id", kApplicationId) &&
                      database.execute("COMMIT");
    if (!done) return undone(database, std::string{"schema "} + migration.name);
  }
  return {};
}

Result<void> self_test(Database& database) {
  constexpr std::int64_t kProbe = 0x5EED;
  auto write =
      Statement::prepare(database, "INSERT INTO secrets (name, value) VALUES ('self-test', ?1)");
  if (!write) return write.error();
  if (!database.execute("BEGIN IMMEDIATE"))
    return database.error("self-test: cannot begin to write");
  if (!write->bind_blob(1, std::to_string(kProbe)).run())
    return undone(database, "self-test: cannot write");
  const auto back =
      database.number("SELECT CAST(value AS TEXT) FROM secrets WHERE name = 'self-test'");
  if (!back) return undone(database, "self-test: cannot read back");
  if (!database.execute("ROLLBACK")) return database.error("self-test: cannot roll back");
  if (*back != kProbe) return fail(Errc::io, "self-test: what was written reads back differently");
  // What is rolled back need not reach the disk; this does.
  return touch(database);
}

Result<void> touch(Database& database) {
  const auto version = database.number("PRAGMA user_version");
  if (!version) return version.error();
  const bool done = database.execute("BEGIN IMMEDIATE") &&
                    set_pragma(database, "user_version", *version) && database.execute("COMMIT");
  if (!done) return undone(database, "cannot write");
  return {};
}

}  // namespace usher::storage
