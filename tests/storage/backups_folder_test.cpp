// Backups that a store at work makes of itself: whole, named, bounded, and never half there.
#include <sys/stat.h>

#include <atomic>

#include "core/limits.hpp"
#include "storage/backup.hpp"
#include "storage/backups.hpp"
#include "storage/sqlite/schema.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

using What = BackupRequest::What;

constexpr const char* kName = "2023-11-14T22-13-20Z.db";  // of kNow

struct Archive : Fixture {
  explicit Archive(const TempDir& dir) : Fixture(dir.file("usher.db")) { load(); }

  Result<BackupAnswer> ask(BackupRequest request) {
    std::optional<Result<BackupAnswer>> answer;
    store->backups(std::move(request), [&](Result<BackupAnswer> a) { answer = std::move(a); });
    REQUIRE(!answer);  // never before backups() returns
    REQUIRE(posts.run_until([&] { return answer.has_value(); }));
    return std::move(*answer);
  }
  Result<BackupAnswer> make(int second = 0) {
    return ask({What::make, {}, kNow + std::chrono::seconds(second)});
  }
  std::vector<std::string> listed() {
    const auto all = ask({What::list, {}, kNow});
    REQUIRE(all.has_value());
    std::vector<std::string> out;
    for (const Backup& b : all->backups) out.push_back(b.name);
    return out;
  }
  std::string held(const std::string& name) {
    const auto read = ask({What::read, name, kNow});
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message));
    std::string out;
    for (const Domain& d : read->held.domains) out += d.domain + " ";
    return out;
  }
  void add(const std::string& domain) {
    REQUIRE(apply({PutSet{sample_set(10)}, PutDomain{sample_domain(domain, 10)}}));
  }
};

unsigned mode_of(const std::string& path) {
  struct stat state {};
  REQUIRE(::stat(path.c_str(), &state) == 0);
  return state.st_mode & 0777;
}

}  // namespace

TEST_CASE("a backup's name is its second in UTC, and nothing else is one") {
  CHECK(backup_name(kNow) == kName);
  CHECK(backup_name(kNow + std::chrono::milliseconds(999)) == kName);
  CHECK(backup_made(kName) == kNow);
  for (const char* name :
       {"", "usher.db", "2023-11-14T22-13-20Z", "2023-11-14T22:13:20Z.db",
        "2023-11-31T22-13-20Z.db", "2023-11-14T22-13-60Z.db", "2023-11-14T24-13-20Z.db",
        "../2023-11-14T22-13Z.db", "2023-11-14T22-13-20Z.dB", "2023-11-14T22-13-20/.db",
        "2023-11-14t22-13-20Z.db", "2023-11-14T22-13-20Z.db "}) {
    CAPTURE(name);
    CHECK_FALSE(backup_made(name).has_value());
  }
}

TEST_CASE("a store at work makes, lists, reads and removes backups of itself") {
  const TempDir dir;
  Archive archive(dir);
  CHECK(archive.listed().empty());
  archive.add("a.test");
  const auto made = archive.make();
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
  REQUIRE(made->backups.size() == 1);
  const std::string folder = dir.file("usher.db.backups"), file = folder + "/" + kName;
  CHECK(made->backups[0] == Backup{kName, std::filesystem::file_size(file), kNow});
  CHECK(mode_of(folder) == 0700);
  CHECK(mode_of(file) == 0600);
  archive.add("b.test");
  REQUIRE(archive.make(1).has_value());
  CHECK(archive.listed() == std::vector<std::string>{"2023-11-14T22-13-21Z.db", kName});
  CHECK(archive.held(kName) == "a.test ");
  CHECK(archive.held("2023-11-14T22-13-21Z.db") == "a.test b.test ");
  CHECK(read_backup(file, kNow)->domains.size() == 1);  // as a store, too
  REQUIRE(archive.ask({What::remove, kName, kNow}).has_value());
  CHECK(archive.listed().size() == 1);
  for (const What what : {What::read, What::remove}) {
    CHECK(archive.ask({what, kName, kNow}).error().code == Errc::not_found);
    CHECK(archive.ask({what, "../usher.db", kNow}).error().code == Errc::not_found);
  }
  CHECK(std::filesystem::exists(dir.file("usher.db")));
}

TEST_CASE("a backup that is made while writes go on is of one moment") {
  const TempDir dir;
  Archive archive(dir);
  archive.add("a.test");
  // Each batch adds a binding and changes the domain's comment: a copy has both of each, or none.
  std::size_t answered = 0;
  const auto write = [&](int number) {
    Domain domain = sample_domain("a.test", 10);
    domain.comment = std::to_string(number);
    archive.store->apply(
        {PutBinding{sample_binding("t" + std::to_string(number))}, PutDomain{domain}},
        Durability::required, [&](const Result<void>& r) {
          CHECK(r);
          ++answered;
        });
  };
  constexpr int kWrites = 400, kCopies = 8;
  std::vector<std::string> names;
  int number = 0;
  for (int copy = 0; copy < kCopies; ++copy) {
    archive.store->backups({What::make, {}, kNow + std::chrono::seconds(copy)},
                           [&](const Result<BackupAnswer>& made) {
                             REQUIRE(made.has_value());
                             names.push_back(made->backups[0].name);
                           });
    for (int i = 0; i < kWrites / kCopies; ++i) write(++number);
    // The next is asked for amid the answers to the writes.
    REQUIRE(archive.posts.run_until(
        [&] { return names.size() == static_cast<std::size_t>(copy) + 1; }));
  }
  REQUIRE(archive.posts.run_until([&] { return answered == kWrites; }));
  for (const std::string& name : names) {
    const auto held = read_backup(dir.file("usher.db.backups/" + name), kNow);
    REQUIRE(held.has_value());
    REQUIRE(held->domains.size() == 1);
    const std::string& comment = held->domains[0].comment;
    CHECK(held->bindings.size() == (comment.empty() ? 0 : std::stoul(comment)));
  }
  CHECK(archive.reopen().bindings.size() == kWrites);
}

TEST_CASE("a second backup of one second is refused, and so is one too many") {
  const TempDir dir;
  Archive archive(dir);
  REQUIRE(archive.make().has_value());
  CHECK(archive.make().error().code == Errc::conflict);
  for (std::size_t i = 1; i < limits::kBackups; ++i)
    REQUIRE(archive.make(static_cast<int>(i)).has_value());
  const auto refused = archive.make(100);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::limit);
  CHECK(refused.error().message.find("remove one") != std::string::npos);
  CHECK(archive.listed().size() == limits::kBackups);
  REQUIRE(archive.ask({What::remove, kName, kNow}).has_value());
  CHECK(archive.make(100).has_value());
}

TEST_CASE("what a dead process left of a backup is not listed, and makes room for the next") {
  const TempDir dir;
  Archive archive(dir);
  std::filesystem::create_directory(dir.file("usher.db.backups"));
  write_bytes(dir.file("usher.db.backups/unfinished"), "half a copy");
  write_bytes(dir.file("usher.db.backups/notes.txt"), "an operator's");
  CHECK(archive.listed().empty());
  REQUIRE(archive.make().has_value());
  CHECK(archive.listed() == std::vector<std::string>{kName});
  CHECK_FALSE(std::filesystem::exists(dir.file("usher.db.backups/unfinished")));
  CHECK(std::filesystem::exists(dir.file("usher.db.backups/notes.txt")));
}

TEST_CASE("a full disk and a folder that cannot be are told by name, and the store works on") {
  const TempDir dir;
  Archive archive(dir);
  archive.add("a.test");
  {
    std::optional<Result<BackupAnswer>> full;
    {
      const FullDisk disk(4096);
      archive.store->backups({What::make, {}, kNow},
                             [&](Result<BackupAnswer> a) { full = std::move(a); });
      archive.posts.run_until([&] { return full.has_value(); });
    }
    REQUIRE(full.has_value());
    REQUIRE_FALSE((*full).has_value());
    CHECK(full->error().code == Errc::io);
    CHECK(full->error().message.find(dir.file("usher.db.backups")) != std::string::npos);
  }
  CHECK(archive.listed().empty());
  CHECK(std::filesystem::is_empty(dir.file("usher.db.backups")));
  std::filesystem::remove(dir.file("usher.db.backups"));
  write_bytes(dir.file("usher.db.backups"), "in the way");
  const auto refused = archive.make();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::io);
  CHECK(refused.error().message.find("usher.db.backups") != std::string::npos);
  archive.add("b.test");
  CHECK(archive.reopen().domains.size() == 2);
}

TEST_CASE("a damaged backup is told, and stays") {
  const TempDir dir;
  Archive archive(dir);
  std::filesystem::create_directory(dir.file("usher.db.backups"));
  write_bytes(dir.file("usher.db.backups/") + kName, std::string(5000, 'x'));
  CHECK(archive.ask({What::read, kName, kNow}).error().code == Errc::syntax);
  CHECK(archive.listed().size() == 1);
}

TEST_CASE("a backup's file is read piece by piece") {
  const TempDir dir;
  Archive archive(dir);
  std::vector<Change> many;
  for (int i = 0; i < 1000; ++i) many.emplace_back(PutBinding{sample_binding(std::to_string(i))});
  REQUIRE(archive.apply(std::move(many)));
  const auto made = archive.make();
  REQUIRE(made.has_value());
  const std::uint64_t size = made->backups.front().bytes;
  REQUIRE(size > 2 * kBackupPiece);
  std::string whole;
  while (whole.size() < size) {
    const auto read = archive.ask({What::piece, kName, {}, whole.size()});
    REQUIRE(read.has_value());
    REQUIRE_FALSE(read->piece.empty());
    whole += read->piece;
  }
  CHECK(whole == bytes_of(dir.file("usher.db.backups/") + kName));
  CHECK(archive.ask({What::piece, kName, {}, size}).error().code == Errc::io);
  CHECK(
      archive.ask({What::piece, backup_name(kNow + std::chrono::seconds(9)), {}, 0}).error().code ==
      Errc::not_found);
}

TEST_CASE("a copy is given up when its process ends, and leaves nothing") {
  const TempDir dir;
  Archive archive(dir);
  std::vector<Change> many;
  for (int i = 0; i < 3000; ++i) many.emplace_back(PutBinding{sample_binding(std::to_string(i))});
  REQUIRE(archive.apply(std::move(many)));
  const std::atomic<bool> ending{true};
  const auto given_up = back_up(dir.file("usher.db"), dir.file("copy"), &ending);
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().message.find("interrupted") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir.file("copy")));
}

TEST_CASE("what waits for its backup when the store is closed is answered") {
  const TempDir dir;
  Archive archive(dir);
  archive.add("a.test");
  std::size_t answers = 0;
  for (int i = 0; i < 5; ++i)
    archive.store->backups({What::make, {}, kNow + std::chrono::seconds(i)},
                           [&](const Result<BackupAnswer>&) { ++answers; });
  archive.store->close();
  CHECK(archive.posts.run_until([&] { return answers == 5; }));
  CHECK_FALSE(std::filesystem::exists(dir.file("usher.db-wal")));
}

TEST_CASE("a backup of an older version is read, and stays as it is") {
  const TempDir dir;
  Archive archive(dir);
  std::filesystem::create_directory(dir.file("usher.db.backups"));
  const std::string file = dir.file("usher.db.backups/") + kName;
  std::string sql;
  for (const Migration& m : migrations().first(7)) sql.append(m.sql).append(";");
  run_sql(file,
          sql +
              "PRAGMA user_version = 7; PRAGMA application_id = " + std::to_string(kApplicationId) +
              "; INSERT INTO sets VALUES (10, 'hash', 10000000, 4000000, 2, 2, '503', 4, '', 0);"
              "INSERT INTO domains (domain, setid, enabled, comment) VALUES ('old.test', 10, "
              "1, '')");
  const std::string before = bytes_of(file);
  CHECK(archive.held(kName) == "old.test ");
  CHECK(bytes_of(file) == before);
  CHECK(archive.listed().size() == 1);
}

TEST_CASE("a backup of a newer version is refused") {
  const TempDir dir;
  Archive archive(dir);
  archive.add("a.test");
  REQUIRE(archive.make().has_value());
  const std::string file = dir.file("usher.db.backups/") + kName;
  run_sql(file, "PRAGMA user_version = 999");
  CHECK(archive.ask({What::read, kName, kNow}).error().code == Errc::unsupported);
}

}  // namespace usher::storage
