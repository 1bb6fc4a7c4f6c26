// Calls and subscriptions that are up: what is put is what the next process loads, and what was
// edited into nonsense is refused by its name.

#include "storage/sqlite/batch.hpp"
#include "storage/sqlite/schema.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

std::string refusal(const std::string& path) {
  Fixture f(path);
  const auto loaded = f.store->load(kNow);
  REQUIRE(!loaded.has_value());
  CHECK(loaded.error().code == Errc::syntax);
  return loaded.error().message;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a call comes back as it was put, changes in place, and goes with both its legs") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  SavedCall one = sample_call("aaa");
  const SavedCall two = sample_call("bbb");
  REQUIRE(f.apply({PutCall{two}, PutCall{one}}, Durability::eventual));
  CHECK(f.reopen().calls == std::vector{one, two});
  one.origin.flow.remote = endpoint("192.0.2.8:5062");
  one.answerer.remote_target = "sip:moved@10.0.1.100";
  one.answerer.local_cseq = 17;
  REQUIRE(f.apply({PutCall{one}}, Durability::eventual));
  CHECK(f.reopen().calls == std::vector{one, two});
  for (int i = 0; i < 2; ++i) REQUIRE(f.apply({DeleteCall{"aaa"}}, Durability::eventual));
  CHECK(f.reopen().calls == std::vector{two});
  REQUIRE(f.apply({DeleteCall{"bbb"}}, Durability::eventual));
  CHECK(f.reopen().calls.empty());
}

TEST_CASE("a subscription comes back as it was put, and goes with both its legs") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const SavedCall call = sample_call("bbb");
  SavedSubscription one;
  one.id = "aaa";
  one.key = "kaaa";
  one.domain = "a.test";
  one.package = "refer";
  one.subscriber_id = "17";
  one.notifier_id = "4711";
  one.refer = true;
  one.expires = kNow + std::chrono::milliseconds(3'600'001);
  one.subscriber = call.origin;
  one.notifier = call.answerer;
  SavedSubscription two = one;
  two.id = "ccc";
  two.refer = false;
  REQUIRE(
      f.apply({PutSubscription{one}, PutCall{call}, PutSubscription{two}}, Durability::eventual));
  Snapshot s = f.reopen();
  CHECK(s.subscriptions == std::vector{one, two});
  CHECK(s.calls == std::vector{call});
  one.expires += std::chrono::hours(1);
  one.notifier.local_cseq = 18;
  REQUIRE(f.apply({PutSubscription{one}, DeleteSubscription{"ccc"}}, Durability::eventual));
  s = f.reopen();
  CHECK(s.subscriptions == std::vector{one});
  CHECK(s.calls == std::vector{call});
}

TEST_CASE("the connection of a leg is not kept") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  SavedCall call = sample_call("aaa");
  call.origin.flow.connection.value = 99;
  REQUIRE(f.apply({PutCall{call}}, Durability::eventual));
  call.origin.flow.connection.value = 0;
  CHECK(f.reopen().calls == std::vector{call});
}

TEST_CASE("a database of version 2 gets the tables of calls and keeps its data") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  std::string sql;
  for (const Migration& m : migrations().first(2)) sql += std::string(m.sql) + ";";
  sql += "PRAGMA user_version = 2; PRAGMA application_id = " + std::to_string(kApplicationId) +
         "; INSERT INTO bindings VALUES ('t1', '401@a.test', 'sip:401@192.0.2.7', '', 1000, 'udp', "
         "0, '192.0.2.7', 5060, 1, '', 0, 9999999999999);";
  run_sql(path, sql);
  Fixture f(path);
  Snapshot s = f.load();
  CHECK(s.bindings.size() == 1);
  CHECK(s.calls.empty());
  const SavedCall call = sample_call("aaa");
  REQUIRE(f.apply({PutCall{call}}, Durability::eventual));
  s = f.reopen();
  CHECK(s.calls == std::vector{call});
  CHECK(s.bindings.size() == 1);
}

TEST_CASE("a call or leg that was edited into nonsense is refused by its name") {
  const auto after = [](const std::string& sql) {
    const TempDir dir;
    const std::string path = dir.file("usher.db");
    {
      Fixture f(path);
      REQUIRE(f.apply({PutCall{sample_call("aaa")}, PutCall{sample_call("bbb")}}));
    }
    run_sql(path, sql);
    return refusal(path);
  };
  CHECK(has(after("UPDATE legs SET remote_ip = 'nowhere' WHERE owner = 'bbb' AND place = 1"),
            "table legs, row 4: remote_ip \"nowhere\""));
  CHECK(has(after("DELETE FROM legs WHERE owner = 'aaa' AND place = 1"),
            "call \"aaa\" has no leg 1"));
  CHECK(has(after("DELETE FROM legs WHERE owner = 'bbb'"), "call \"bbb\" has no leg 0"));
  CHECK(has(after("DELETE FROM calls WHERE id = 'aaa'"), "leg 0 of \"aaa\" has no call"));
  CHECK(has(after("DELETE FROM calls WHERE id = 'bbb'"), "leg 0 of \"bbb\" has no call"));
}

TEST_CASE("what the schema does not take of a call is refused, its neighbours are not") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const auto refused = f.apply({PutCall{sample_call("")}}, Durability::eventual);
  REQUIRE(!refused);
  CHECK(refused.error().code == Errc::range);
  REQUIRE(f.apply({PutCall{sample_call("aaa")}}, Durability::eventual));
  CHECK(f.reopen().calls.size() == 1);
}

TEST_CASE("of a call that a failing disk keeps waiting only the last change is kept") {
  Backlog backlog;
  const auto push = [&](Change change) {
    std::vector<Change> changes;
    changes.push_back(std::move(change));
    backlog.push(Batch{std::move(changes), Durability::eventual, nullptr, true});
  };
  push(PutCall{sample_call("aaa")});
  push(PutCall{sample_call("bbb")});
  push(DeleteCall{"aaa"});
  CHECK(backlog.bound(2) == 0);
  CHECK(backlog.changes() == 2);
  CHECK(std::get_if<PutCall>(&backlog.batches()[0].changes[0])->call.id == "bbb");
  CHECK(std::get_if<DeleteCall>(&backlog.batches()[1].changes[0])->id == "aaa");
}

}  // namespace usher::storage
