// Copies of a store at work, and the way back.
#include "storage/backup.hpp"

#include <sys/stat.h>

#include "support.hpp"

namespace usher::storage {

namespace {

struct Open {
  explicit Open(const std::string& path) {
    auto opened = open_sqlite({path, posts.door()});
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    store = std::move(*opened);
    const auto loaded = store->load(WallTime{});
    REQUIRE(loaded.has_value());
    for (const Domain& d : loaded->domains) domains += d.domain + " ";
  }
  void add(SetId setid, const std::string& domain) {
    std::optional<Result<void>> answer;
    DispatcherSet set;
    set.setid = setid;
    store->apply({PutSet{set}, PutDomain{{domain, setid, true, ""}}}, Durability::required,
                 [&](const Result<void>& result) { answer = result; });
    REQUIRE(posts.run_until([&] { return answer.has_value(); }));
    REQUIRE(answer->has_value());
  }
  Posts posts;
  std::unique_ptr<Store> store;
  std::string domains;
};

std::string domains_of(const std::string& path) {
  Open open(path);
  open.store->close();
  return open.domains;
}

}  // namespace

TEST_CASE("a store at work is copied, and the copy is put back") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), copy = dir.file("copy.db");
  {
    Open open(path);
    open.add(10, "a.test");
    REQUIRE(back_up(path, copy));
    open.add(20, "b.test");
    const auto refused = restore(path, copy);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::unavailable);
    open.store->close();
  }
  struct stat state {};
  REQUIRE(::stat(copy.c_str(), &state) == 0);
  CHECK((state.st_mode & 0777) == 0600);
  REQUIRE(restore(path, copy));
  CHECK(domains_of(path) == "a.test ");
  CHECK(domains_of(path + ".before-restore") == "a.test b.test ");
  CHECK(domains_of(copy) == "a.test ");
}

TEST_CASE("a damaged store gives way to its backup and is kept") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), copy = dir.file("copy.db");
  {
    Open open(path);
    open.add(10, "a.test");
    open.store->close();
  }
  REQUIRE(back_up(path, copy));
  write_bytes(path,
              "not a database, and longer than a header of one is, to be sure of that: "
              "0123456789012345678901234567890123456789");
  REQUIRE(restore(path, copy));
  CHECK(domains_of(path) == "a.test ");
  CHECK(bytes_of(path + ".before-restore").starts_with("not a database"));
}

TEST_CASE("the log of a store that was moved away does not become the backup's") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), copy = dir.file("copy.db");
  {
    Open open(path);
    open.add(10, "a.test");
    REQUIRE(back_up(path, copy));
    open.add(20, "b.test");
    // As after a crash: the log is there, and the database has gone.
    write_bytes(dir.file("log"), bytes_of(path + "-wal"));
    open.store->close();
  }
  std::filesystem::remove(path);
  std::filesystem::rename(dir.file("log"), path + "-wal");
  REQUIRE(std::filesystem::file_size(path + "-wal") > 0);
  REQUIRE(restore(path, copy));
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
  CHECK(domains_of(path) == "a.test ");
}

TEST_CASE("a restore where there is nothing yet makes a store") {
  const TempDir dir;
  {
    Open open(dir.file("one.db"));
    open.add(10, "a.test");
    open.store->close();
  }
  REQUIRE(restore(dir.file("two.db"), dir.file("one.db")));
  CHECK(domains_of(dir.file("two.db")) == "a.test ");
}

TEST_CASE("a backup is read without being touched") {
  const TempDir dir;
  const std::string copy = dir.file("copy.db");
  {
    Open open(dir.file("one.db"));
    open.add(10, "a.test");
    REQUIRE(back_up(dir.file("one.db"), copy));
    open.store->close();
  }
  const std::string before = bytes_of(copy);
  const auto read = read_backup(copy, kNow);
  REQUIRE(read.has_value());
  REQUIRE(read->domains.size() == 1);
  CHECK(read->domains[0].domain == "a.test");
  CHECK(bytes_of(copy) == before);
  CHECK_FALSE(std::filesystem::exists(copy + ".lock"));
  CHECK_FALSE(read_backup(dir.file("none"), kNow).has_value());
}

TEST_CASE("what is no store, and a name that is taken, are refused and nothing changes") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    Open open(path);
    open.add(10, "a.test");
    open.store->close();
  }
  write_bytes(dir.file("junk"), std::string(5000, 'x'));
  write_bytes(dir.file("empty"), "");
  CHECK(back_up(path, dir.file("junk")).error().code == Errc::conflict);
  CHECK(back_up(path, dir.file("none/copy")).error().code == Errc::io);
  CHECK_FALSE(back_up(dir.file("none"), dir.file("copy")));
  CHECK(restore(path, dir.file("junk")).error().code == Errc::syntax);
  CHECK(restore(path, dir.file("empty")).error().code == Errc::syntax);
  CHECK_FALSE(restore(path, dir.file("none")));
  CHECK(domains_of(path) == "a.test ");
}

}  // namespace usher::storage
