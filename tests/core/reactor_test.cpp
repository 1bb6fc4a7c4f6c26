#include "core/reactor.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <thread>
#include <vector>

#include "tests/core/loop.hpp"

using namespace usher;
using namespace usher::test;
using namespace std::chrono_literals;

TEST_CASE("the deadline fires once, and not before its time") {
  Reactor reactor;
  std::vector<Instant> fired;
  reactor.on_deadline([&](Now now) { fired.push_back(now.mono); });
  const Instant due = Reactor::now().mono + 5ms;
  reactor.set_deadline(due);
  REQUIRE(run_until(reactor, [&] { return !fired.empty(); }));
  CHECK(fired[0] >= due);
  run_ready(reactor);
  CHECK(fired.size() == 1);
}

TEST_CASE("an earlier deadline wakes earlier") {
  Reactor reactor;
  bool fired = false;
  reactor.on_deadline([&](Now) { fired = true; });
  reactor.set_deadline(Reactor::now().mono + 1h);
  reactor.set_deadline(Reactor::now().mono + 1ms);
  CHECK(run_until(reactor, [&] { return fired; }));
}

TEST_CASE("a deadline that moved later does not fire at the earlier time") {
  Reactor reactor;
  std::vector<Instant> fired;
  reactor.on_deadline([&](Now now) { fired.push_back(now.mono); });
  const Instant start = Reactor::now().mono;
  reactor.set_deadline(start + 1ms);
  reactor.set_deadline(start + 20ms);
  REQUIRE(run_until(reactor, [&] { return !fired.empty(); }));
  CHECK(fired[0] >= start + 20ms);
}

TEST_CASE("a deadline already past fires soon, a cleared one never") {
  Reactor reactor;
  int fired = 0;
  reactor.on_deadline([&](Now) { ++fired; });
  reactor.set_deadline(Reactor::now().mono - 1h);
  reactor.clear_deadline();
  bool posted = false;
  reactor.post([&] { posted = true; });
  REQUIRE(run_until(reactor, [&] { return posted; }));
  run_ready(reactor);
  CHECK(fired == 0);
  reactor.set_deadline(Instant{});
  CHECK(run_until(reactor, [&] { return fired == 1; }));
}

TEST_CASE("a handler may set the next deadline") {
  Reactor reactor;
  int fired = 0;
  reactor.on_deadline([&](Now now) {
    if (++fired < 5) reactor.set_deadline(now.mono + Duration{100});
  });
  reactor.set_deadline(Reactor::now().mono);
  CHECK(run_until(reactor, [&] { return fired == 5; }));
}

TEST_CASE("tasks of each thread run in their order, on the reactor's thread") {
  Reactor reactor;
  std::vector<int> seen[2];
  std::thread::id ran_on;
  const auto post_all = [&](int which) {
    for (int i = 0; i < 1000; ++i) {
      reactor.post([&, which, i] {
        seen[which].push_back(i);
        ran_on = std::this_thread::get_id();
        if (seen[0].size() + seen[1].size() == 2000) reactor.stop();
      });
    }
  };
  std::thread first{post_all, 0};
  std::thread second{post_all, 1};
  reactor.run();
  first.join();
  second.join();
  CHECK(ran_on == std::this_thread::get_id());
  for (const auto& order : seen) {
    REQUIRE(order.size() == 1000);
    for (int i = 0; i < 1000; ++i) REQUIRE(order[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("a stop before run is honoured, and a later run starts afresh") {
  Reactor reactor;
  reactor.stop();
  reactor.run();
  bool ran = false;
  reactor.post([&] {
    ran = true;
    reactor.stop();
  });
  reactor.run();
  CHECK(ran);
}

TEST_CASE("signals arrive as numbers on the reactor's thread, each time") {
  Reactor reactor;
  std::vector<int> seen;
  reactor.on_signal([&](int number) { seen.push_back(number); });
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGHUP}) {
    const std::size_t before = seen.size();
    std::raise(number);
    REQUIRE(run_until(reactor, [&] { return seen.size() > before; }));
    CHECK(seen.back() == number);
  }
}

TEST_CASE("both clocks move forward and tell the same time twice in order") {
  const Now a = Reactor::now();
  const Now b = Reactor::now();
  CHECK(b.mono >= a.mono);
  CHECK(a.wall.time_since_epoch() > std::chrono::hours(24 * 365 * 50));
}
