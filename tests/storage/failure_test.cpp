// A disk that fails for real: the kernel refuses writes beyond RLIMIT_FSIZE, as a full disk would.

#include <csignal>

#include "core/limits.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

// Waits for a change of health that no answer announces. The writer's own pause is what is waited
// for.
bool recovered(const Store& store) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  for (int i = 0; i < 6000; ++i) {
    if (store.health().ok && store.health().queued == 0) return true;
    never.wait_for(lock, std::chrono::milliseconds(10));
  }
  return false;
}

std::vector<std::string> tokens(const Snapshot& s) {
  std::vector<std::string> all;
  for (const Binding& b : s.bindings) all.push_back(b.token);
  return all;  // in the order of the key
}

}  // namespace

TEST_CASE(
    "a required batch that failed never appears; an eventual one appears when the disk is back") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  REQUIRE(f.apply({PutSet{sample_set(10)}}));
  std::vector<Result<void>> answers;
  const auto keep = [&answers](Result<void> r) { answers.push_back(std::move(r)); };
  StoreHealth broken;
  bool answered = false;
  {
    const FullDisk full;
    f.store->apply({PutBinding{sample_binding("a")}}, Durability::eventual, keep);
    f.store->apply({PutDomain{sample_domain("a.test", 10)}}, Durability::required, keep);
    f.store->apply({PutBinding{sample_binding("b")}, DeleteBinding{"zz"}}, Durability::eventual,
                   keep);
    f.store->apply({PutDoorKnock{sample_knock(1)}}, Durability::eventual, keep);
    answered = f.posts.run_until([&] { return answers.size() == 4; });
    broken = f.store->health();
  }
  REQUIRE(answered);
  for (const auto& answer : answers) {
    REQUIRE(!answer);
    CHECK(answer.error().code == Errc::io);
  }
  CHECK(!broken.ok);
  CHECK(!broken.reason.empty());
  CHECK(broken.failed_batches == 4);
  CHECK(broken.queued == 4);  // the changes of the eventual ones
  CHECK(broken.dropped == 0);
  MESSAGE("the reason given: " << broken.reason);

  // The next write comes after what was kept, and is not refused for it.
  CHECK(f.apply({PutBinding{sample_binding("c")}}));
  CHECK(answers.size() == 4);  // each answered once
  const StoreHealth healthy = f.store->health();
  CHECK(healthy.ok);
  CHECK(healthy.reason.empty());
  CHECK(healthy.queued == 0);
  const Snapshot s = f.reopen();
  CHECK(tokens(s) == std::vector<std::string>{"a", "b", "c"});
  CHECK(s.domains.empty());
  CHECK(s.door_knocks == std::vector{sample_knock(1)});
}

TEST_CASE("a disk that recovers is found without a further write") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  std::size_t answers = 0;
  const auto count = [&answers](Result<void> r) { answers += r ? 0 : 1; };
  bool answered = false;
  SUBCASE("with changes kept") {
    {
      const FullDisk full;
      f.store->apply({PutBinding{sample_binding("a")}}, Durability::eventual, count);
      answered = f.posts.run_until([&] { return answers == 1; });
    }
    CHECK(answered);
    CHECK(recovered(*f.store));
    CHECK(f.reopen().bindings.size() == 1);
  }
  SUBCASE("with nothing to write") {
    {
      const FullDisk full;
      f.store->apply({PutBinding{sample_binding("a")}}, Durability::required, count);
      answered = f.posts.run_until([&] { return answers == 1; });
    }
    CHECK(answered);
    CHECK(recovered(*f.store));
    CHECK(f.reopen().bindings.empty());
  }
}

TEST_CASE("kept changes keep their order, across many failures") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  std::size_t answers = 0;
  bool answered = true;
  {
    const FullDisk full;
    for (int i = 0; i < 6; ++i) {
      Binding b = sample_binding("a");
      b.contact = "sip:" + std::to_string(i) + "@192.0.2.1";
      f.store->apply({DeleteBinding{"gone"}, PutBinding{b}, PutBinding{sample_binding("gone")}},
                     Durability::eventual, nullptr);
      // A required one asks for a try at once.
      f.store->apply({PutSet{sample_set(i + 1)}}, Durability::required,
                     [&answers](Result<void> r) { answers += r ? 0 : 1; });
      const std::size_t want = static_cast<std::size_t>(i) + 1;
      answered = answered && f.posts.run_until([&] { return answers == want; });
    }
  }
  REQUIRE(answered);
  REQUIRE(f.apply({DeleteBinding{"gone"}}));
  const Snapshot s = f.reopen();
  REQUIRE(s.bindings.size() == 1);
  CHECK(s.bindings.front().contact == "sip:5@192.0.2.1");
  CHECK(s.sets.empty());
}

TEST_CASE("a failure in the middle of a large transaction leaves nothing of it") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  std::vector<Change> large;
  for (int i = 0; i < 60'000; ++i)
    large.push_back(PutBinding{sample_binding("t" + std::to_string(i))});
  std::optional<Result<void>> answer;
  bool answered = false;
  {
    const FullDisk full(1 << 20);
    f.store->apply(large, Durability::required, [&](Result<void> r) { answer = std::move(r); });
    answered = f.posts.run_until([&] { return answer.has_value(); });
  }
  REQUIRE(answered);
  REQUIRE(!*answer);
  CHECK(answer->error().code == Errc::io);
  CHECK(f.apply({PutBinding{sample_binding("after")}}));
  CHECK(tokens(f.reopen()) == std::vector<std::string>{"after"});
}

TEST_CASE("a batch refused by the schema is not kept, even when the disk failed first") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  std::size_t answers = 0;
  bool answered = false;
  {
    const FullDisk full;
    const auto count = [&answers](Result<void>) { ++answers; };
    f.store->apply({PutBinding{sample_binding("a")}}, Durability::eventual, count);
    f.store->apply({PutDomain{sample_domain("a.test", 99)}}, Durability::eventual, count);
    answered = f.posts.run_until([&] { return answers == 2; });
  }
  REQUIRE(answered);
  CHECK(recovered(*f.store));
  CHECK(answers == 2);
  CHECK(f.store->health().queued == 0);
  const Snapshot s = f.reopen();
  CHECK(tokens(s) == std::vector<std::string>{"a"});
  CHECK(s.domains.empty());
}

TEST_CASE(
    "what is kept is bounded: the newest state of each binding first, and losses are counted") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  constexpr int kPhones = 10'000;
  constexpr int kRounds = 17;  // 170,000 changes: more than is kept
  std::size_t answers = 0;
  bool answered = true;
  StoreHealth broken;
  {
    const FullDisk full;
    for (int round = 0; round < kRounds; ++round) {
      std::vector<Change> batch;
      for (int i = 0; i < kPhones; ++i) {
        Binding b = sample_binding("t" + std::to_string(i));
        b.contact = "sip:round-" + std::to_string(round) + "@192.0.2.1";
        batch.push_back(PutBinding{std::move(b)});
      }
      f.store->apply(std::move(batch), Durability::eventual,
                     [&answers](Result<void>) { ++answers; });
      f.store->apply({PutSet{sample_set(1)}}, Durability::required,
                     [&answers](Result<void>) { ++answers; });
      const std::size_t want = 2 * static_cast<std::size_t>(round + 1);
      answered = answered && f.posts.run_until([&] { return answers == want; });
    }
    broken = f.store->health();
  }
  REQUIRE(answered);
  CHECK(broken.dropped == 0);
  CHECK(broken.queued <= limits::kStoreQueue);
  REQUIRE(f.apply({}));
  const Snapshot s = f.reopen();
  REQUIRE(s.bindings.size() == kPhones);
  for (const Binding& b : s.bindings) REQUIRE(b.contact == "sip:round-16@192.0.2.1");
}

TEST_CASE("more than the queue takes is refused and counted, and what comes after it is taken") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const std::vector<Change> flood(limits::kStoreQueue + 1, PutSet{sample_set(1)});
  for (const Durability durability : {Durability::required, Durability::eventual}) {
    const auto refused = f.apply(flood, durability);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::limit);
    CHECK(refused.error().message.find("the storage queue is full") != std::string::npos);
  }
  CHECK(f.store->health().failed_batches == 2);
  CHECK(f.store->health().dropped == limits::kStoreQueue + 1);
  CHECK(f.store->health().ok);
  REQUIRE(f.apply({PutSet{sample_set(2)}}));
  const Snapshot s = f.reopen();
  REQUIRE(s.sets.size() == 1);
  CHECK(s.sets[0].setid == 2);
}

TEST_CASE("closing on a failing disk ends, and counts what is lost") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  std::size_t answers = 0;
  bool answered = false;
  {
    const FullDisk full;
    f.store->apply({PutBinding{sample_binding("a")}, PutBinding{sample_binding("b")}},
                   Durability::eventual, [&answers](Result<void> r) { answers += r ? 0 : 1; });
    f.store->close();
    answered = f.posts.run_until([&] { return answers == 1; });
  }
  REQUIRE(answered);
  CHECK(f.store->health().dropped == 2);
  CHECK(f.store->health().queued == 0);
  CHECK(!f.store->health().ok);
  CHECK(f.reopen().bindings.empty());
}

TEST_CASE("a start on a disk that takes no writes is refused") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  { Fixture f(path); }
  const std::string before = bytes_of(path);
  std::optional<Errc> code;
  {
    const FullDisk full;
    auto opened = open_sqlite({path, [](std::function<void()>) {}});
    if (!opened) code = opened.error().code;
  }
  CHECK(code == Errc::io);
  CHECK(bytes_of(path) == before);
}

}  // namespace usher::storage
