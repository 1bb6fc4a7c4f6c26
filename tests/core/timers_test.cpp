#include "core/timers.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/rng.hpp"

using namespace usher;
using namespace std::chrono_literals;

namespace {

Instant at(Duration since_start) {
  return Instant{since_start};
}

template <class Key>
std::vector<Key> expire(TimerQueue<Key>& timers, Instant now) {
  std::vector<Key> out;
  while (auto key = timers.pop(now)) out.push_back(std::move(*key));
  return out;
}

}  // namespace

TEST_CASE("a timer fires at its instant, not before, and once") {
  TimerQueue<int> timers;
  CHECK_FALSE(timers.next());
  CHECK_FALSE(timers.pop(at(1h)));
  timers.arm(at(1s), 500ms, 7);
  CHECK(timers.next() == at(1500ms));
  CHECK_FALSE(timers.pop(at(1500ms) - Duration{1}));
  CHECK(timers.pop(at(1500ms)) == 7);
  CHECK_FALSE(timers.pop(at(1h)));
  CHECK_FALSE(timers.next());
  CHECK(timers.size() == 0);
}

TEST_CASE("timers fire by due time, and in the order they were armed when due together") {
  TimerQueue<std::string> timers;
  timers.arm(at(0s), 32s, "B");
  timers.arm(at(0s), 500ms, "A1");
  timers.arm(at(0s), 500ms, "A2");
  timers.arm(at(300ms), 200ms, "100");
  timers.arm(at(0s), 400ms, "early");
  CHECK(expire(timers, at(500ms)) == std::vector<std::string>{"early", "A1", "A2", "100"});
  CHECK(timers.size() == 1);
  CHECK(timers.next() == at(32s));
}

TEST_CASE("zero and negative durations are due at once") {
  TimerQueue<int> timers;
  timers.arm(at(10s), 0s, 1);
  timers.arm(at(10s), -1s, 2);
  CHECK(expire(timers, at(10s)) == std::vector<int>{2, 1});
}

TEST_CASE("a cancelled timer does not fire, and can be cancelled once") {
  TimerQueue<int> timers;
  const TimerId first = timers.arm(at(0s), 1s, 1);
  const TimerId second = timers.arm(at(0s), 1s, 2);
  const TimerId third = timers.arm(at(0s), 1s, 3);
  CHECK(timers.cancel(second));
  CHECK_FALSE(timers.cancel(second));
  CHECK(timers.cancel(first));
  CHECK(expire(timers, at(1s)) == std::vector<int>{3});
  CHECK_FALSE(timers.cancel(third));
  CHECK_FALSE(timers.cancel(TimerId{}));
  CHECK_FALSE(timers.cancel(TimerId{999, 1}));
}

TEST_CASE("the id of a fired timer does not cancel the one that took its place") {
  TimerQueue<int> timers;
  const TimerId old = timers.arm(at(0s), 1s, 1);
  CHECK(timers.pop(at(1s)) == 1);
  const TimerId fresh = timers.arm(at(1s), 1s, 2);
  CHECK(fresh.index == old.index);
  CHECK_FALSE(timers.cancel(old));
  CHECK(timers.size() == 1);
  CHECK(timers.pop(at(2s)) == 2);
}

TEST_CASE("more distinct durations than lanes still fire exactly and in order") {
  TimerQueue<int> timers;
  std::vector<TimerId> ids;
  for (int i = 200; i > 0; --i) ids.push_back(timers.arm(at(0s), std::chrono::milliseconds(i), i));
  CHECK(timers.cancel(ids[0]));    // 200, in a lane
  CHECK(timers.cancel(ids[150]));  // 50, in the ordered set
  std::vector<int> expected;
  for (int i = 1; i < 200; ++i) {
    if (i != 50) expected.push_back(i);
  }
  CHECK(expire(timers, at(1s)) == expected);
  CHECK(timers.size() == 0);
}

TEST_CASE("a clock that goes backwards costs no order") {
  TimerQueue<int> timers;
  timers.arm(at(10s), 1s, 1);
  timers.arm(at(5s), 1s, 2);
  timers.arm(at(10s), 1s, 3);
  CHECK(timers.next() == at(6s));
  CHECK(expire(timers, at(11s)) == std::vector<int>{2, 1, 3});
}

TEST_CASE(
    "a hundred thousand timers of distinct durations are armed, cancelled and fired in order") {
  TimerQueue<std::uint32_t> timers;
  std::vector<TimerId> ids;
  // Shortest last: the worst case of a list that is sorted by insertion.
  for (std::uint32_t i = 100'000; i > 0; --i) ids.push_back(timers.arm(at(0s), Duration{i}, i));
  for (std::size_t i = 0; i < ids.size(); i += 2) REQUIRE(timers.cancel(ids[i]));
  const auto fired = expire(timers, at(1s));
  CHECK(fired.size() == 50'000);
  CHECK(std::is_sorted(fired.begin(), fired.end()));
}

TEST_CASE("the queue agrees with a sorted reference over random histories") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Rng rng{seed};
    TimerQueue<std::uint64_t> timers;
    std::map<std::pair<Instant, std::uint64_t>, TimerId> reference;  // (due, order)
    std::map<std::uint64_t, Instant> due_of;
    Instant now = at(0s);
    std::uint64_t order = 0;
    const std::uint64_t durations = 1 + rng.below(100);
    for (int step = 0; step < 3000; ++step) {
      const std::uint64_t what = rng.below(10);
      if (what < 5) {
        const Duration after{static_cast<std::int64_t>(rng.below(durations)) * 1000};
        ++order;
        reference[{now + after, order}] = timers.arm(now, after, order);
        due_of[order] = now + after;
      } else if (what < 7 && order > 0) {
        const std::uint64_t victim = 1 + rng.below(order);
        const auto known = reference.find({due_of[victim], victim});
        if (known != reference.end()) {
          REQUIRE(timers.cancel(known->second));
          REQUIRE_FALSE(timers.cancel(known->second));
          reference.erase(known);
        }
      } else {
        now += Duration{static_cast<std::int64_t>(rng.below(20'000))};
        while (const auto fired = timers.pop(now)) {
          REQUIRE_FALSE(reference.empty());
          REQUIRE(reference.begin()->first.second == *fired);
          REQUIRE(reference.begin()->first.first <= now);
          reference.erase(reference.begin());
        }
        REQUIRE((reference.empty() || reference.begin()->first.first > now));
      }
      REQUIRE(timers.size() == reference.size());
      REQUIRE(timers.next().has_value() == !reference.empty());
      if (!reference.empty()) REQUIRE(*timers.next() == reference.begin()->first.first);
    }
  }
}
