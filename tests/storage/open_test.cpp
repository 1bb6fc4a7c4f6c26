// What is refused at the door, and that a refused file stays as it was.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/schema.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

std::int64_t ask(const std::string& path, const char* sql) {
  auto db = Database::open(path, OpenMode::read_only);
  REQUIRE(db.has_value());
  const auto number = db->number(sql);
  REQUIRE_MESSAGE(number.has_value(), number.error().message);
  return *number;
}

Error refused(const std::string& path) {
  auto opened = open_sqlite({path, [](std::function<void()>) {}});
  REQUIRE(!opened.has_value());
  return opened.error();
}

// Refused with `code`, without a changed byte.
std::string refused_untouched(const std::string& path, Errc code) {
  const std::string before = bytes_of(path);
  const Error error = refused(path);
  CHECK(error.code == code);
  CHECK(bytes_of(path) == before);
  CHECK(error.message.find(path) != std::string::npos);
  return error.message;
}

// Do the parts between the asterisks stand in the message, in order?
bool says(const std::string& message, const std::string& parts) {
  std::size_t at = 0;
  for (std::size_t from = 0; from <= parts.size();) {
    const std::size_t end = std::min(parts.find('*', from), parts.size());
    const std::string part = parts.substr(from, end - from);
    at = message.find(part, at);
    if (at == std::string::npos) return false;
    at += part.size();
    from = end + 1;
  }
  return true;
}

void fill(const std::string& path, int bindings) {
  Fixture f(path);
  std::vector<Change> batch;
  for (int i = 0; i < bindings; ++i)
    batch.push_back(PutBinding{sample_binding("t" + std::to_string(i))});
  REQUIRE(f.apply(std::move(batch)));
}

enum class As { us, nobody };

// Runs `body` in a child, which as `nobody` is not root, so that permissions count; its answer
// comes back.
std::string in_child(As as, const std::function<std::string()>& body) {
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    if (as == As::nobody && ::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0))
      ::_exit(1);
    const std::string answer = body();
    const bool written =
        ::write(pipe[1], answer.data(), answer.size()) == static_cast<ssize_t>(answer.size());
    ::_exit(written ? 0 : 1);
  }
  ::close(pipe[1]);
  std::string answer;
  std::array<char, 512> buffer{};
  for (ssize_t n = 0; (n = ::read(pipe[0], buffer.data(), buffer.size())) > 0;) {
    answer.append(buffer.data(), static_cast<std::size_t>(n));
  }
  ::close(pipe[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return answer;
}

std::string try_open(const std::string& path) {
  auto opened = open_sqlite({path, [](std::function<void()>) {}});
  return opened ? "opened" : opened.error().message;
}

}  // namespace

TEST_CASE("the embedded migrations are numbered from 1 without gaps") {
  std::int64_t version = 0;
  for (const Migration& m : migrations()) {
    CHECK(m.version == ++version);
    CHECK(std::string(m.name).starts_with(version < 10 ? "000" + std::to_string(version) : "00"));
  }
  CHECK(version >= 2);
}

TEST_CASE("a new file gets the schema, our mark, the version, WAL, and its owner's eyes only") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  fill(path, 1);
  // Closed cleanly: everything is in the one file.
  CHECK(!std::filesystem::exists(path + "-wal"));
  CHECK(ask(path, "PRAGMA application_id") == kApplicationId);
  CHECK(ask(path, "PRAGMA user_version") == static_cast<std::int64_t>(migrations().size()));
  CHECK(ask(path, "SELECT count(*) FROM pragma_foreign_key_list('targets')") == 1);
  CHECK(bytes_of(path)[18] == 2);                         // the header's WAL mark
  CHECK(ask(path, "SELECT count(*) FROM secrets") == 0);  // the self-test leaves nothing
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("an empty file and an empty SQLite database count as new") {
  const TempDir dir;
  write_bytes(dir.file("empty"), "");
  fill(dir.file("empty"), 1);
  run_sql(dir.file("vacuumed"), "VACUUM");
  fill(dir.file("vacuumed"), 1);
}

TEST_CASE("an older version is brought up to date and keeps its data") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    const Migration& first = migrations().front();
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    const std::string sql =
        std::string(first.sql) +
        "; PRAGMA user_version = 1; PRAGMA application_id = " + std::to_string(kApplicationId) +
        "; INSERT INTO scanners VALUES ('mine', ''), ('sipcli', 'mine');";
    REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    REQUIRE(sqlite3_close(db) == SQLITE_OK);
  }
  Fixture f(path);
  const Snapshot s = f.load();
  CHECK(std::count(s.scanners.begin(), s.scanners.end(), ScannerPattern{"mine", ""}) == 1);
  CHECK(std::count(s.scanners.begin(), s.scanners.end(), ScannerPattern{"sipcli", "mine"}) ==
        1);  // not overwritten
  CHECK(s.scanners.size() > 2);
  f.store->close();
  CHECK(ask(path, "PRAGMA user_version") == static_cast<std::int64_t>(migrations().size()));
}

TEST_CASE("a newer version is refused and not touched") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  fill(path, 1);
  run_sql(path, "PRAGMA user_version = 9999");
  CHECK(says(refused_untouched(path, Errc::unsupported), "schema version 9999*newer usher"));
}

TEST_CASE("another program's database is refused and not touched") {
  const TempDir dir;
  run_sql(dir.file("plain.db"),
          "CREATE TABLE sip_domains (domain TEXT); INSERT INTO sip_domains VALUES ('a.test')");
  CHECK(says(refused_untouched(dir.file("plain.db"), Errc::conflict),
             "another program*usher import"));
  run_sql(dir.file("marked.db"), "PRAGMA application_id = 12345");
  refused_untouched(dir.file("marked.db"), Errc::conflict);
  run_sql(dir.file("versioned.db"), "PRAGMA user_version = 1");
  refused_untouched(dir.file("versioned.db"), Errc::conflict);
  run_sql(dir.file("wal.db"), "PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  refused_untouched(dir.file("wal.db"), Errc::conflict);
}

TEST_CASE("a foreign database whose log was not checkpointed is not checkpointed by us") {
  const TempDir dir;
  const std::string path = dir.file("foreign.db");
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  REQUIRE(sqlite3_exec(db,
                       "PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)",
                       nullptr, nullptr, nullptr) == SQLITE_OK);
  // As its crash would have left the files.
  const std::string copy = dir.file("copy.db");
  std::filesystem::copy_file(path, copy);
  std::filesystem::copy_file(path + "-wal", copy + "-wal");
  REQUIRE(sqlite3_close(db) == SQLITE_OK);
  const std::string log = bytes_of(copy + "-wal");
  refused_untouched(copy, Errc::conflict);
  CHECK(bytes_of(copy + "-wal") == log);
}

TEST_CASE("what is no database, or a broken one, is refused and not touched") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  write_bytes(path, "listen = \"0.0.0.0:5060\"\n" + std::string(4096, 'x'));
  CHECK(says(refused_untouched(path, Errc::syntax), "not an SQLite database"));

  const std::string whole_path = dir.file("whole.db");
  fill(whole_path, 2000);
  const std::string whole = bytes_of(whole_path);
  REQUIRE(whole.size() > 100'000);
  // Half of the file is gone; a page in the middle is garbage; the schema's own page is garbage.
  std::string broken = whole.substr(0, whole.size() / 8192 * 4096);
  write_bytes(path, broken);
  CHECK(says(refused_untouched(path, Errc::syntax), "corrupt*backup"));
  broken = whole;
  broken.replace(whole.size() / 8192 * 4096, 4096, std::string(4096, '\xa5'));
  write_bytes(path, broken);
  CHECK(says(refused_untouched(path, Errc::syntax), "corrupt"));
  broken = whole;
  broken.replace(100, 3000, std::string(3000, '\xa5'));
  write_bytes(path, broken);
  CHECK(says(refused_untouched(path, Errc::syntax), "corrupt"));
}

TEST_CASE("a place that cannot hold a database is refused in words") {
  const TempDir dir;
  CHECK(says(refused(dir.path()).message, "is not a file"));
  CHECK(says(refused(dir.file("missing/usher.db")).message, "missing is not a directory"));
  CHECK(says(refused("").message, "not a usable path"));
  CHECK(!std::filesystem::exists(dir.file("missing")));
}

TEST_CASE("a read-only file or directory is refused and not touched") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  fill(path, 1);
  const std::string before = bytes_of(path);
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  REQUIRE(::chmod(path.c_str(), 0444) == 0);
  CHECK(says(in_child(As::nobody, [&] { return try_open(path); }), "usher.db is read-only"));
  REQUIRE(::chmod(path.c_str(), 0666) == 0);
  REQUIRE(::chmod(dir.path().c_str(), 0555) == 0);
  CHECK(says(in_child(As::nobody, [&] { return try_open(path); }), "directory * is read-only"));
  CHECK(says(in_child(As::nobody, [&] { return try_open(dir.file("new.db")); }),
             "directory * is read-only"));
  REQUIRE(::chmod(dir.path().c_str(), 0777) == 0);
  CHECK(bytes_of(path) == before);
  CHECK(!std::filesystem::exists(dir.file("new.db")));
}

TEST_CASE(
    "a second usher is refused while the first one lives, whatever path it takes; a reader is "
    "not") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  Fixture f(path);
  REQUIRE(f.apply({PutSet{sample_set(10)}}));
  const Error error = refused(path);
  CHECK(error.code == Errc::unavailable);
  const std::string holder =
      "in use by another usher process (pid " + std::to_string(::getpid()) + ")";
  CHECK(says(error.message, holder));
  std::filesystem::create_symlink(path, dir.file("link.db"));
  CHECK(refused(dir.file("link.db")).code == Errc::unavailable);
  CHECK(says(in_child(As::us, [&] { return try_open(path); }), holder));
  // The operator looks into it with sqlite3.
  CHECK(ask(path, "SELECT count(*) FROM sets") == 1);
  CHECK(f.apply({PutSet{sample_set(11)}}));
  f.store->close();
  f.open();  // the lock went with it
  CHECK(f.load().sets.size() == 2);
}

TEST_CASE("a row that was edited into nonsense is named, not guessed at") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    Fixture f(path);
    REQUIRE(f.apply({PutSet{sample_set(10)}, PutTarget{sample_target(1, 10, "10.0.0.1")}}));
  }
  run_sql(path, "UPDATE targets SET destination = 'sip:a b'");
  Fixture f(path);
  const auto loaded = f.store->load(kNow);
  REQUIRE(!loaded.has_value());
  CHECK(loaded.error().code == Errc::syntax);
  CHECK(says(loaded.error().message, "table targets, row 1: destination \"sip:a b\""));
}

}  // namespace usher::storage
