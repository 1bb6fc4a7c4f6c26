#include "routing/dispatcher.hpp"

#include <doctest/doctest.h>

#include <map>

#include "routing/affinity.hpp"

namespace usher::routing {
namespace {

using namespace std::chrono_literals;
using storage::Algorithm;

struct Fixture {
  std::vector<storage::Target> targets;
  storage::DispatcherSet set;
  Dispatcher dispatcher{HashKey{7, 8}};

  Fixture(Algorithm a, int count) {
    set.setid = 1;
    set.algorithm = a;
    for (int i = 1; i <= count; ++i) {
      storage::Target t;
      t.id = i;
      t.setid = 1;
      targets.push_back(t);
    }
  }
  TargetOrder usable(storage::TargetId without = 0) const {
    TargetOrder out;
    for (const storage::Target& t : targets) {
      if (t.id != without) out.push_back(&t);
    }
    return out;
  }
  std::vector<storage::TargetId> next(std::string_view aor = "401@a.test",
                                      storage::TargetId without = 0) {
    std::vector<storage::TargetId> ids;
    for (const auto* t : dispatcher.order(set, usable(without), aor)) ids.push_back(t->id);
    return ids;
  }
};
using Ids = std::vector<storage::TargetId>;

TEST_CASE("round robin gives each its turn, and the others follow for failover") {
  Fixture f(Algorithm::round_robin, 3);
  CHECK(f.next() == Ids{1, 2, 3});
  CHECK(f.next() == Ids{2, 3, 1});
  CHECK(f.next() == Ids{3, 1, 2});
  CHECK(f.next() == Ids{1, 2, 3});
}

TEST_CASE("weighted shares are exact over a round and evenly spread") {
  Fixture f(Algorithm::weighted, 3);
  f.targets[0].weight = 5;
  std::map<storage::TargetId, int> count;
  int row = 0, longest = 0;
  for (int i = 0; i < 70; ++i) {
    const auto order = f.next();
    CHECK(order.size() == 3);
    ++count[order[0]];
    row = order[0] == 1 ? row + 1 : 0;
    longest = std::max(longest, row);
  }
  CHECK(count[1] == 50);
  CHECK(count[2] == 10);
  CHECK(count[3] == 10);
  CHECK(longest <= 4);
}

TEST_CASE("priority uses the lowest number, round robin among equals, backups only after them") {
  Fixture f(Algorithm::priority, 4);
  f.targets[0].priority = 5;
  f.targets[3].priority = 9;
  CHECK(f.next() == Ids{2, 3, 1, 4});
  CHECK(f.next() == Ids{3, 2, 1, 4});
  CHECK(f.next("", 2) == Ids{3, 1, 4});
}

TEST_CASE("hash keeps an AoR on its target, and a lost target moves only its own share") {
  Fixture f(Algorithm::hash, 4);
  int moved = 0, lost = 0;
  std::map<storage::TargetId, int> share;
  for (int i = 0; i < 1000; ++i) {
    const std::string aor = std::to_string(i) + "@a.test";
    const auto before = f.next(aor);
    CHECK(before == f.next(aor));
    const auto after = f.next(aor, 3);
    ++share[before[0]];
    if (before[0] == 3) {
      ++lost;
      CHECK_MESSAGE(after[0] == before[1], "the failover order is what would be chosen without it");
    } else if (before[0] != after[0]) {
      ++moved;
    }
  }
  CHECK(moved == 0);
  CHECK(lost == share[3]);
  for (const auto& [id, n] : share) CHECK((n > 180 && n < 320));
}

TEST_CASE("a sticky choice comes first without taking anybody's turn") {
  Fixture f(Algorithm::round_robin, 3);
  const auto all = f.usable();
  REQUIRE(f.dispatcher.sticky(all, 2).size() == 3);
  CHECK(f.dispatcher.sticky(all, 2)[0]->id == 2);
  CHECK(f.dispatcher.sticky(all, 9).empty());
  CHECK(f.next() == Ids{1, 2, 3});
}

TEST_CASE("who challenged is remembered for a while, and only so many") {
  Affinity a(HashKey{1, 2}, 64s, 3);
  const Instant t0{};
  const auto key = a.key_of("call", "tag");
  const net::Endpoint place = *net::Endpoint::parse("10.0.0.1:5060");
  CHECK(key != a.key_of("call", "tag2"));
  a.set(t0, key, {5, place});
  REQUIRE(a.find(t0 + 63s, key));
  CHECK(a.find(t0 + 63s, key)->target == 5);
  CHECK(a.find(t0 + 63s, key)->place == place);
  CHECK_FALSE(a.find(t0 + 64s, key));
  a.set(t0 + 30s, key, {6, place});
  a.expire(t0 + 64s);
  REQUIRE(a.find(t0 + 64s, key));
  CHECK(a.find(t0 + 64s, key)->target == 6);
  a.expire(t0 + 94s);
  CHECK(a.size() == 0);
  CHECK_FALSE(a.next_expiry());
  for (int i = 0; i < 10; ++i) a.set(t0 + 100s, a.key_of("c" + std::to_string(i), ""), {i, place});
  CHECK(a.size() == 3);
  REQUIRE(a.find(t0 + 100s, a.key_of("c9", "")));
  CHECK(a.find(t0 + 100s, a.key_of("c9", ""))->target == 9);
  CHECK_FALSE(a.find(t0 + 100s, a.key_of("c0", "")));
}

}  // namespace
}  // namespace usher::routing
