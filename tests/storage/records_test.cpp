// Call records: made, filled in, looked up in pages, forgotten, and written to a file of lines.
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "core/limits.hpp"
#include "storage/records_csv.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/schema.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

RecordPage read(Fixture& f, const RecordFilter& filter = {}, std::size_t limit = 100,
                const std::optional<RecordPlace>& after = {}) {
  std::optional<Result<RecordPage>> answer;
  f.store->read({filter, limit, after}, [&](Result<RecordPage> page) { answer = std::move(page); });
  REQUIRE(!answer);
  REQUIRE(f.posts.run_until([&] { return answer.has_value(); }));
  REQUIRE_MESSAGE(answer->has_value(), answer->error().message);
  return std::move(**answer);
}

std::vector<std::string> ids(const RecordPage& page) {
  std::vector<std::string> out;
  for (const CallRecord& r : page.records) out.push_back(r.id);
  return out;
}

// What a look finds, page by page.
std::vector<std::string> all_ids(Fixture& f, const RecordFilter& filter = {},
                                 std::size_t limit = 2) {
  std::vector<std::string> out;
  std::optional<RecordPlace> after;
  do {
    const RecordPage page = read(f, filter, limit, after);
    CHECK(page.records.size() <= limit);
    for (const std::string& id : ids(page)) out.push_back(id);
    after = page.next;
  } while (after);
  return out;
}

using Ids = std::vector<std::string>;

// The lines of a file, without its header.
std::vector<std::string> lines_of(const std::string& path) {
  const std::string text = bytes_of(path);
  std::vector<std::string> out;
  for (std::size_t from = 0, to = 0; (to = text.find("\r\n", from)) != std::string::npos;
       from = to + 2)
    out.push_back(text.substr(from, to - from));
  if (!out.empty()) {
    CHECK(out.front() + "\r\n" == csv_header());
    out.erase(out.begin());
  }
  return out;
}

std::size_t line_count(const std::string& path) {
  std::error_code none;
  return std::filesystem::exists(path, none) ? lines_of(path).size() : 0;
}

// A store whose records go to a file as well.
std::unique_ptr<Store> filing_store(const std::string& path, const std::string& file,
                                    Posts& posts) {
  auto opened = open_sqlite({path, posts.door(), file});
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

// Puts records and waits until `filed` holds of what the writer does by itself afterwards.
void put_and_wait(Store& store, Posts& posts, std::vector<Change> changes,
                  const std::function<bool()>& filed) {
  bool answered = false;
  store.apply(std::move(changes), Durability::eventual, [&](const Result<void>& r) {
    CHECK(r);
    answered = true;
  });
  REQUIRE(posts.run_until([&] { return answered; }));
  // The writer works on the file by itself; each answered batch lets it come round.
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  while (!filed()) {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    std::optional<Result<void>> turn;
    store.apply({PutScanner{{"turn", ""}}}, Durability::eventual,
                [&](Result<void> r) { turn = std::move(r); });
    REQUIRE(posts.run_until([&] { return turn.has_value(); }));
  }
}

}  // namespace

TEST_CASE("a record of a call that is up waits for the next process, an ended one can be read") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  CallRecord up = open_record("aaaaaaaaaaaaa");
  REQUIRE(f.apply({PutRecord{up}}, Durability::eventual));
  CHECK(f.reopen().open_records == std::vector{up});
  CHECK(read(f).records.empty());
  up.answered = kNow + seconds(2);
  REQUIRE(f.apply({PutRecord{up}}, Durability::eventual));
  CHECK(f.reopen().open_records == std::vector{up});
  const CallRecord over = ended_record(up.id, 5000);
  REQUIRE(f.apply({PutRecord{over}}, Durability::eventual));
  CHECK(read(f).records == std::vector{over});
  CHECK(f.reopen().open_records.empty());
  // The same end again: still one.
  REQUIRE(f.apply({PutRecord{over}}, Durability::eventual));
  CHECK(read(f).records == std::vector{over});
}

TEST_CASE("a store of the version before gets the table of records and keeps what it has") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    std::string sql;
    for (const Migration& m : migrations()) {
      if (m.version <= 6) sql.append(m.sql).append(";");
    }
    run_sql(path, sql + "PRAGMA user_version = 6; PRAGMA application_id = " +
                      std::to_string(kApplicationId) +
                      "; INSERT INTO calls VALUES ('c1', 'k1', 'a.test', 0, 1, 2, 0);"
                      "INSERT INTO legs SELECT 'c1', p, 'phone', 0, '', 'udp', 0, '192.0.2.1', "
                      "5060, 'x', 'l', 'r', '<sip:a@a.test>', '<sip:b@a.test>', 'sip:b@192.0.2.1', "
                      "'', '', 1, 1, 1 FROM (SELECT 0 AS p UNION SELECT 1)");
  }
  Fixture f(path);
  const Snapshot s = f.load();
  REQUIRE(s.calls.size() == 1);
  CHECK(s.calls[0].key == "k1");
  CHECK(s.open_records.empty());
  REQUIRE(f.apply({PutRecord{ended_record("k1", 1)}}));
  CHECK(ids(read(f)) == Ids{"k1"});
}

TEST_CASE("records come newest first, in pages that neither skip nor repeat") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  // Three of them end in the same millisecond.
  std::vector<Change> batch;
  for (const auto& [id, at] : std::vector<std::pair<std::string, int>>{
           {"a", 10}, {"b", 20}, {"c", 20}, {"d", 20}, {"e", 30}, {"f", 5}})
    batch.emplace_back(PutRecord{ended_record(id, at)});
  REQUIRE(f.apply(batch));
  const Ids in_order{"e", "d", "c", "b", "a", "f"};
  for (const std::size_t limit : {1, 2, 3, 6, 100}) CHECK(all_ids(f, {}, limit) == in_order);
  // What comes meanwhile is newer and disturbs no page.
  const RecordPage first = read(f, {}, 2);
  REQUIRE(first.next);
  REQUIRE(f.apply({PutRecord{ended_record("g", 40)}}));
  CHECK(ids(read(f, {}, 10, first.next)) == Ids{"c", "b", "a", "f"});
}

TEST_CASE("each filter finds its records and no others, and they work together") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  CallRecord other = ended_record("other", 20, 486);
  other.domain = "b.test";
  other.from = "sip:901:secret@b.test";
  other.to = "tel:+4930123;phone-context=x";
  other.target = 9;
  REQUIRE(f.apply({PutRecord{ended_record("one", 10)}, PutRecord{other},
                   PutRecord{ended_record("two", 30)}, PutRecord{open_record("up")}}));
  const auto found = [&](const RecordFilter& filter) { return all_ids(f, filter); };
  CHECK(found({.id = "other"}) == Ids{"other"});
  CHECK(found({.id = "up"}).empty());
  CHECK(found({.from = kNow + milliseconds{20}}) == Ids{"two", "other"});
  CHECK(found({.to = kNow + milliseconds{20}}) == Ids{"one"});
  CHECK(found({.from = kNow + milliseconds{11}, .to = kNow + milliseconds{30}}) == Ids{"other"});
  CHECK(found({.domain = "a.test"}) == Ids{"two", "one"});
  CHECK(found({.domain = "c.test"}).empty());
  CHECK(found({.target = 9}) == Ids{"other"});
  CHECK(found({.status = 486}) == Ids{"other"});
  CHECK(found({.user = "402"}) == Ids{"two", "one"});
  CHECK(found({.user = "901"}) == Ids{"other"});
  CHECK(found({.user = "+4930123"}) == Ids{"other"});
  CHECK(found({.user = "40"}).empty());
  CHECK(found({.call_id = "in-one"}) == Ids{"one"});
  CHECK(found({.call_id = "out-two"}) == Ids{"two"});
  CHECK(found({.call_id = "out-up"}).empty());
  CHECK(found({.answered = true}) == Ids{"two", "one"});
  CHECK(found({.answered = false}) == Ids{"other"});
  CHECK(found({.status = 200, .answered = false}).empty());
  CHECK(found({.domain = "a.test", .status = 486}).empty());
  CHECK(found({.domain = "b.test", .target = 9, .status = 486, .user = "901"}) == Ids{"other"});
}

TEST_CASE("one look goes over a bounded number of rows and says where it stopped") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    Fixture f(path);
    REQUIRE(f.apply({PutRecord{ended_record("oldest", 0, 486)}, PutRecord{ended_record("x", 1)}}));
    f.store->close();
  }
  const std::string rows = std::to_string(limits::kRecordsPerLook + 10);
  run_sql(path, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + rows +
                    ") INSERT INTO cdrs SELECT 10 + i, 'many-' || i, from_uri, to_uri, domain, "
                    "origin_side, origin_ip, origin_port, target, destination, origin_call_id, "
                    "new_call_id, attempts, failovers, status, cause, ended_by, started, ringing, "
                    "answered, ended + i, 1 FROM cdrs, n WHERE id = 'x'");
  Fixture f(path);
  const RecordPage first = read(f, {.status = 486});
  CHECK(first.records.empty());
  REQUIRE(first.next);
  const RecordPage second = read(f, {.status = 486}, 100, first.next);
  CHECK(ids(second) == Ids{"oldest"});
  CHECK(!second.next);
}

TEST_CASE("old records are forgotten a few at a time, and so is what is too many") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    Fixture f(path);
    std::vector<Change> batch;
    for (int i = 0; i < 1500; ++i)
      batch.emplace_back(PutRecord{ended_record("r" + std::to_string(i), i)});
    batch.emplace_back(PutRecord{open_record("up")});
    REQUIRE(f.apply(batch));
    const PruneRecords prune{kNow + milliseconds{1200}};
    REQUIRE(f.apply({prune}));
    CHECK(all_ids(f, {}, 1000).size() == 1500 - limits::kPrunedRecords);
    REQUIRE(f.apply({prune}));
    const Ids left = all_ids(f, {}, 1000);
    CHECK(left.size() == 300);
    CHECK(left.back() == "r1200");
    f.store->close();
  }
  // As if so many had come since.
  run_sql(path, "UPDATE cdrs SET seq = seq + " + std::to_string(limits::kCallRecords) +
                    " WHERE id = 'r1499'");
  Fixture f(path);
  REQUIRE(f.apply({PruneRecords{kNow}}));
  CHECK(all_ids(f, {}, 1000) == Ids{"r1499"});
  CHECK(f.reopen().open_records.size() == 1);  // never of a call that is up
}

TEST_CASE("a row that was edited into nonsense is named, and the store goes on") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    Fixture f(path);
    REQUIRE(f.apply({PutRecord{ended_record("a", 1)}}));
    f.store->close();
  }
  run_sql(path, "UPDATE cdrs SET origin_ip = 'nowhere'");
  Fixture f(path);
  std::optional<Result<RecordPage>> answer;
  f.store->read({}, [&](Result<RecordPage> page) { answer = std::move(page); });
  REQUIRE(f.posts.run_until([&] { return answer.has_value(); }));
  REQUIRE(!answer->has_value());
  CHECK(answer->error().code == Errc::syntax);
  CHECK(answer->error().message.find("nowhere") != std::string::npos);
}

TEST_CASE("questions that wait when the store is closed are answered all the same") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  int answers = 0;
  for (int i = 0; i < 20; ++i) f.store->read({}, [&](const Result<RecordPage>&) { ++answers; });
  f.store->close();
  REQUIRE(f.posts.run_until([&] { return answers == 20; }));
}

TEST_CASE("a record as a line: quoted where it must be, and never a formula") {
  CallRecord r = ended_record("k1", 12'345);
  r.cause = "he said \"no, thanks\"";
  r.origin_call_id = "=HYPERLINK(\"http://x\")";
  r.new_call_id = "-1+2";
  CHECK(csv_line(r) ==
        "k1,sip:401@a.test,sip:402@a.test;user=phone,a.test,phone,[2001:db8::7]:45891,7,"
        "10.0.1.100:5060,\"'=HYPERLINK(\"\"http://x\"\")\",\"'-1+2\",2,1,200,"
        "\"he said \"\"no, thanks\"\"\",originator,2023-11-14T22:13:20.000Z,"
        "2023-11-14T22:13:20.100Z,2023-11-14T22:13:22.345Z,2023-11-14T22:13:32.345Z,2345,10.000"
        "\r\n");
  CallRecord refused = open_record("k2");
  refused.status = 404;
  refused.ended = refused.started;
  CHECK(csv_line(refused) ==
        "k2,sip:401@a.test,sip:402@a.test;user=phone,a.test,phone,[2001:db8::7]:45891,,,out-k2,,"
        "0,0,404,,edge,2023-11-14T22:13:20.000Z,,,2023-11-14T22:13:20.000Z,,\r\n");
}

TEST_CASE("the file of records gets one line for each call that has ended") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), file = dir.file("cdr.csv");
  Posts posts;
  auto store = filing_store(path, file, posts);
  REQUIRE(store->load(kNow).has_value());
  put_and_wait(*store, posts, {PutRecord{open_record("a")}, PutRecord{ended_record("b", 1)}},
               [&] { return line_count(file) == 1; });
  put_and_wait(*store, posts, {PutRecord{ended_record("a", 2)}},
               [&] { return line_count(file) == 2; });
  CHECK(lines_of(file)[0] + "\r\n" == csv_line(ended_record("b", 1)));
  CHECK(lines_of(file)[1] + "\r\n" == csv_line(ended_record("a", 2)));
  // Moved away, as logrotate does: the next line makes a new one.
  std::filesystem::rename(file, file + ".1");
  put_and_wait(*store, posts, {PutRecord{ended_record("c", 3)}},
               [&] { return line_count(file) == 1; });
  CHECK(line_count(file + ".1") == 2);
  store->close();
  // Nothing is written twice by the next process.
  store = filing_store(path, file, posts);
  REQUIRE(store->load(kNow).has_value());
  put_and_wait(*store, posts, {PutRecord{ended_record("d", 4)}},
               [&] { return line_count(file) == 2; });
}

TEST_CASE("lines that a killed process has written and not marked are not written again") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), file = dir.file("cdr.csv");
  Posts posts;
  const auto put = [&](std::vector<Change> changes, std::size_t lines) {
    auto store = filing_store(path, file, posts);
    REQUIRE(store->load(kNow).has_value());
    put_and_wait(*store, posts, std::move(changes), [&] { return line_count(file) == lines; });
    store->close();
  };
  // More than are written at a time, and some of long before.
  constexpr int kOld = 1500, kUnmarked = 1200;
  std::vector<Change> first;
  for (int i = 0; i < kOld + kUnmarked; ++i)
    first.emplace_back(PutRecord{ended_record("id" + std::to_string(i), i)});
  put(std::move(first), kOld + kUnmarked);
  const auto unmark = [&](const std::string& which) {
    auto database = Database::open(path, OpenMode::read_write);
    REQUIRE(database.has_value());
    REQUIRE(database->execute(("UPDATE cdrs SET filed = 0 WHERE " + which).c_str()));
  };
  unmark("seq > " + std::to_string(kOld));
  put({PutRecord{ended_record("new", 1)}}, kOld + kUnmarked + 1);
  const auto lines = lines_of(file);
  CHECK(std::set<std::string>(lines.begin(), lines.end()).size() == lines.size());
  CHECK(lines.back() + "\r\n" == csv_line(ended_record("new", 1)));
  // Of an unfinished group the rest follows.
  const std::string text = bytes_of(file);
  unmark("seq > 5");
  std::ofstream(file) << text.substr(0, text.find("id10,") + 20);
  put({PutRecord{ended_record("last", 2)}}, kOld + kUnmarked + 2);
  const auto again = lines_of(file);
  CHECK(std::set<std::string>(again.begin(), again.end()).size() == again.size());
}

TEST_CASE("a line that a killed process has not finished is no part of the file") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), file = dir.file("cdr.csv");
  Posts posts;
  auto store = filing_store(path, file, posts);
  REQUIRE(store->load(kNow).has_value());
  put_and_wait(*store, posts, {PutRecord{ended_record("a", 1)}},
               [&] { return line_count(file) == 1; });
  store->close();
  std::ofstream(file, std::ios::app) << "b,\"half a li";
  store = filing_store(path, file, posts);
  REQUIRE(store->load(kNow).has_value());
  put_and_wait(*store, posts, {PutRecord{ended_record("b", 2)}},
               [&] { return line_count(file) == 2; });
  CHECK(lines_of(file)[0] + "\r\n" == csv_line(ended_record("a", 1)));
  CHECK(lines_of(file)[1] + "\r\n" == csv_line(ended_record("b", 2)));
  store->close();
  // What is no line of ours is left as it is.
  const std::string foreign(40'000, 'x');
  std::ofstream(file) << csv_header() << foreign;
  store = filing_store(path, file, posts);
  REQUIRE(store->load(kNow).has_value());
  put_and_wait(*store, posts, {PutRecord{ended_record("c", 3)}},
               [&] { return line_count(file) == 2; });
  CHECK(lines_of(file)[0] == foreign);
  CHECK(lines_of(file)[1] + "\r\n" == csv_line(ended_record("c", 3)));
  store->close();
}

TEST_CASE("a file that cannot be written shows in health, keeps no batch, and gets all its lines") {
  const TempDir dir;
  const std::string path = dir.file("usher.db"), file = dir.file("gone/cdr.csv");
  Posts posts;
  auto store = filing_store(path, file, posts);
  REQUIRE(store->load(kNow).has_value());
  put_and_wait(*store, posts, {PutRecord{ended_record("a", 1)}},
               [&] { return !store->health().record_file.empty(); });
  CHECK(store->health().ok);
  CHECK(store->health().record_file.find(file) != std::string::npos);
  put_and_wait(*store, posts, {PutRecord{ended_record("b", 2)}}, [] { return true; });
  std::filesystem::create_directory(dir.file("gone"));
  put_and_wait(*store, posts, {}, [&] { return line_count(file) == 2; });
  put_and_wait(*store, posts, {}, [&] { return store->health().record_file.empty(); });
  store->close();
}

}  // namespace usher::storage
