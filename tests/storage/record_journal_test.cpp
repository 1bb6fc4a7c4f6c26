// Call records that are remembered before they are written: they survive kill -9.
#include "storage/sqlite/record_journal.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>

#include "core/limits.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

RecordJournal journal_at(const std::string& path) {
  auto opened = RecordJournal::open(path);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

std::set<std::string> ids(const std::vector<CallRecord>& records) {
  std::set<std::string> out;
  for (const CallRecord& r : records) out.insert(r.id);
  return out;
}

// All records of the database, ended or not.
std::string rows(const std::string& path) {
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
  std::string out;
  const auto add = [](void* to, int columns, char** values, char**) {
    for (int i = 0; i < columns; ++i)
      static_cast<std::string*>(to)->append(values[i] ? values[i] : "-").append(i ? ";" : " ");
    return 0;
  };
  REQUIRE(sqlite3_exec(db, "SELECT id, status FROM cdrs ORDER BY id", add, &out, nullptr) ==
          SQLITE_OK);
  REQUIRE(sqlite3_close(db) == SQLITE_OK);
  return out;
}

// What a process does that is killed in the middle of it: `work` is given the store and does not
// close it.
template <class Work>
void in_a_killed_process(const std::string& path, Work work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    Fixture f(path);
    f.load();
    work(f);
    ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

}  // namespace

TEST_CASE("a record is what it was before it was written down") {
  CallRecord strange = ended_record("0123456789abc", 77, 486);
  strange.from = std::string(limits::kRecordTextBytes, '\0') + "12:";
  strange.cause = "7:\r\n\xff";
  strange.origin_side = LegSide::backend;
  for (const CallRecord& r : {open_record("a"), ended_record("b", 5000), strange}) {
    const auto read = read_journal_text(journal_text(r));
    REQUIRE(read.has_value());
    CHECK(*read == r);
  }
  const std::string whole = journal_text(strange);
  for (std::size_t i = 0; i < whole.size(); ++i)
    CHECK_FALSE(read_journal_text(whole.substr(0, i)).has_value());
  CHECK_FALSE(read_journal_text(whole + "1:x").has_value());
}

TEST_CASE("what is in the journal is left to the next process, and each place is used again") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    RecordJournal journal = journal_at(path);
    CHECK(journal.left().empty());
    for (std::size_t i = 0; i < RecordJournal::kPlaces; ++i)
      REQUIRE(journal.put(open_record("call-" + std::to_string(i))));
    CHECK_FALSE(journal.put(open_record("one more")));
    CHECK(journal.put(ended_record("call-7", 5000)));
    journal.forget("call-9", journal.send("call-9"));
    journal.forget("nobody", 1);
    CHECK(journal.put(open_record("one more")));
  }
  RecordJournal journal = journal_at(path);
  const std::vector<CallRecord> left = journal.left();
  CHECK(left.size() == RecordJournal::kPlaces);
  CHECK(ids(left).count("call-9") == 0);
  CHECK(ids(left).count("one more") == 1);
  for (const CallRecord& r : left) CHECK(r.ended.has_value() == (r.id == "call-7"));
  journal.clear();
  CHECK(journal.left().empty());
  struct stat file {};
  REQUIRE(::stat((path + ".calls").c_str(), &file) == 0);
  CHECK((file.st_mode & 0777) == 0600);
  CHECK(file.st_size == RecordJournal::kPlaces * RecordJournal::kPlaceBytes);
}

TEST_CASE("what has been put again since is not forgotten") {
  const TempDir dir;
  RecordJournal journal = journal_at(dir.file("usher.db"));
  REQUIRE(journal.put(open_record("a")));
  const auto before = journal.send("a");
  REQUIRE(journal.put(ended_record("a", 5000)));
  journal.forget("a", before);
  REQUIRE(journal.left().size() == 1);
  CHECK(journal.left()[0].ended);
  journal.forget("a", journal.send("a"));
  CHECK(journal.left().empty());
  CHECK(journal.send("a") == 0);
}

TEST_CASE("an entry that is damaged is left out, the others are not") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    RecordJournal journal = journal_at(path);
    for (const char* id : {"a", "b", "c"}) REQUIRE(journal.put(open_record(id)));
  }
  std::string bytes = bytes_of(path + ".calls");
  bytes[RecordJournal::kPlaceBytes + 60] ^= 1;
  write_bytes(path + ".calls", bytes);
  CHECK(ids(journal_at(path).left()) == std::set<std::string>{"a", "c"});
}

TEST_CASE("a place on the disk is wanted at the start, not when a call comes") {
  const TempDir dir;
  const auto refused = [&] {
    const FullDisk full;
    return RecordJournal::open(dir.file("usher.db"));
  }();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::io);
  CHECK(refused.error().message ==
        "cannot reserve 8 MB for " + dir.file("usher.db.calls") + ": File too large");
  CHECK(RecordJournal::open(dir.file("usher.db")).has_value());
}

TEST_CASE("what a disk that failed has taken in the end is not remembered any longer") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    Fixture f(path);
    f.load();
    {
      const FullDisk full;
      for (const char* id : {"a", "b"}) {
        f.store->remember(ended_record(id, 5000));
        CHECK_FALSE(f.apply({PutRecord{ended_record(id, 5000)}}, Durability::eventual));
      }
    }
    REQUIRE(f.apply({}));
    CHECK(f.store->health().unremembered == 0);
    f.store->close();
  }
  CHECK(journal_at(path).left().empty());
  CHECK(rows(path) == "a 200;b 200;");
}

TEST_CASE("an end that has been written stays as it was") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  { Fixture made(path); }
  in_a_killed_process(path, [](Fixture& f) {
    CallRecord r = ended_record("a", 5000, 486);
    if (!f.apply({PutRecord{r}})) ::_exit(2);
    r.status = 603;
    f.store->remember(r);
  });
  Fixture f(path);
  f.load();
  f.store->close();
  CHECK(rows(path) == "a 486;");
}

TEST_CASE("kill -9 right after a record was remembered costs nothing of it") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  { Fixture made(path); }
  in_a_killed_process(path, [](Fixture& f) {
    f.store->remember(open_record("rings"));
    f.store->remember(open_record("over"));
    f.store->remember(ended_record("over", 5000, 486));
  });
  Fixture f(path);
  const Snapshot s = f.load();
  CHECK(ids(s.open_records) == std::set<std::string>{"rings"});
  CHECK(s.open_records.at(0) == open_record("rings"));
  f.store->close();
  CHECK(rows(path) == "over 486;rings 0;");
  CHECK(journal_at(path).left().empty());
}

TEST_CASE("a later state that was only remembered replaces the row") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  { Fixture made(path); }
  in_a_killed_process(path, [](Fixture& f) {
    f.store->remember(open_record("a"));
    const bool written = static_cast<bool>(f.apply({PutRecord{open_record("a")}}));
    f.store->remember(ended_record("a", 5000, 603));
    if (!written) ::_exit(2);
  });
  Fixture f(path);
  CHECK(f.load().open_records.empty());
  f.store->close();
  CHECK(rows(path) == "a 603;");
}

TEST_CASE("a call whose end was only remembered does not go on from its checkpoint") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  { Fixture made(path); }
  in_a_killed_process(path, [](Fixture& f) {
    if (!f.apply({PutCall{sample_call("1")}, PutCall{sample_call("2")},
                  PutRecord{open_record("k1")}, PutRecord{open_record("k2")}}))
      ::_exit(2);
    f.store->remember(ended_record("k1", 5000));
  });
  Fixture f(path);
  const Snapshot s = f.load();
  REQUIRE(s.calls.size() == 1);
  CHECK(s.calls[0].id == "2");
  CHECK(ids(s.open_records) == std::set<std::string>{"k2"});
}

TEST_CASE("a store that is closed leaves what nobody has written") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  Fixture f(path);
  f.load();
  f.store->remember(open_record("written"));
  f.store->apply({PutRecord{open_record("written")}}, Durability::eventual, {});
  f.store->remember(open_record("left"));
  f.store->close();
  CHECK(ids(journal_at(path).left()) == std::set<std::string>{"left"});
}

TEST_CASE("what has been written is not remembered any longer, and a full journal is counted") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  Fixture f(path);
  f.load();
  for (int round = 0; round < 3; ++round) {
    std::vector<Change> batch;
    for (std::size_t i = 0; i < RecordJournal::kPlaces; ++i) {
      const CallRecord r = open_record(std::to_string(round) + "-" + std::to_string(i));
      f.store->remember(r);
      batch.emplace_back(PutRecord{r});
    }
    REQUIRE(f.apply(std::move(batch)));
    CHECK(f.store->health().unremembered == 0);
  }
  for (std::size_t i = 0; i < RecordJournal::kPlaces + 2; ++i)
    f.store->remember(open_record("unwritten-" + std::to_string(i)));
  CHECK(f.store->health().unremembered == 2);
}

}  // namespace usher::storage
