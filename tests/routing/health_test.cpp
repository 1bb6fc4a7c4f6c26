#include "routing/health.hpp"

#include <doctest/doctest.h>

namespace usher::routing {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  std::vector<std::string> lines;
  Log log{[this](const LogLine& l) { lines.emplace_back(l.text); }};
  EventLog events{0, 100};
  Health health{log, 1, events};
  Now now{Instant{100s}, WallTime{1000s}};
  storage::HealthPolicy policy;
  storage::Target target;

  Fixture() {
    target.id = 1;
    target.setid = 10;
    target.destination = *net::Destination::parse("10.0.0.1");
    health.track(now, target, policy);
  }
  // The next probe, at its time; how long that took.
  Duration next_probe() {
    const auto due = health.next_deadline();
    REQUIRE(due.has_value());
    const Duration waited = *due - now.mono;
    now.mono = *due;
    REQUIRE(health.due(now) == std::vector<storage::TargetId>{1});
    return waited;
  }
  HealthState probe(int status) {
    next_probe();
    health.probed(now, 1, status, "timer F", 5ms);
    return health.state(1);
  }
};

TEST_CASE("an unknown target is probed at once and one answer makes it up") {
  Fixture f;
  CHECK(f.health.state(1) == HealthState::unknown);
  CHECK(f.next_probe() == Duration{0});
  f.health.probed(f.now, 1, 404, "", 5ms);
  CHECK(f.health.state(1) == HealthState::up);
  CHECK(f.health.status(1).rtt == 5ms);
  CHECK(f.health.status(1).changed == f.now.wall);
}

TEST_CASE(
    "down after the set's failures in a row, up after its successes in a row, and both are "
    "logged") {
  Fixture f;
  CHECK(f.probe(200) == HealthState::up);
  CHECK(f.probe(0) == HealthState::up);
  CHECK(f.probe(200) == HealthState::up);
  CHECK(f.probe(0) == HealthState::up);
  CHECK(f.probe(0) == HealthState::down);
  CHECK(f.health.status(1).reason == "OPTIONS unanswered: timer F");
  CHECK(f.probe(200) == HealthState::down);
  CHECK(f.probe(503) == HealthState::down);
  CHECK(f.probe(200) == HealthState::down);
  CHECK(f.probe(200) == HealthState::up);
  CHECK(f.health.status(1).reason.empty());
  CHECK(f.lines.size() == 3);
}

TEST_CASE("503 and 408 to a probe are failures, any other answer is life") {
  for (const int status : {200, 404, 401, 486, 500, 603}) {
    Fixture f;
    CHECK(f.probe(status) == HealthState::up);
  }
  for (const int status : {503, 408}) {
    Fixture f;
    CHECK(f.probe(status) == HealthState::unknown);
    CHECK(f.probe(status) == HealthState::down);
  }
}

TEST_CASE("probes keep their interval, moved by no more than a tenth") {
  Fixture f;
  f.probe(200);
  Duration least = 1h, most{};
  for (int i = 0; i < 200; ++i) {
    const Duration waited = f.next_probe() + 5ms;
    f.health.probed(f.now, 1, 200, "", 5ms);
    least = std::min(least, waited);
    most = std::max(most, waited);
  }
  CHECK(least >= 9s);
  CHECK(most <= 11s);
  CHECK_MESSAGE(most - least > 1s, "they do not march in step");
}

TEST_CASE(
    "what requests meet counts: failures in a row make down, an answer in between ends the row") {
  Fixture f;
  f.probe(200);
  f.health.request_failed(f.now, 1, "no answer to INVITE");
  f.health.request_answered(1);
  f.health.request_failed(f.now, 1, "no answer to INVITE");
  CHECK(f.health.state(1) == HealthState::up);
  f.health.request_failed(f.now, 1, "connection refused");
  CHECK(f.health.state(1) == HealthState::down);
  CHECK(f.health.status(1).reason == "connection refused");
  f.health.request_answered(1);
  CHECK_MESSAGE(f.health.state(1) == HealthState::down, "only probes bring it back");
  CHECK(f.health.status(1).failures == 3);
}

TEST_CASE("a disabled target is not probed; enabled again it starts as unknown") {
  Fixture f;
  f.probe(200);
  f.target.state = storage::TargetState::disabled;
  f.health.track(f.now, f.target, f.policy);
  CHECK_FALSE(f.health.next_deadline());
  f.target.state = storage::TargetState::active;
  f.health.track(f.now, f.target, f.policy);
  CHECK(f.health.state(1) == HealthState::unknown);
  CHECK(f.next_probe() == Duration{0});
  f.health.forget(1);
  f.health.probed(f.now, 1, 200, "", 1ms);
  CHECK_FALSE(f.health.next_deadline());
}

TEST_CASE("a shorter interval takes hold at once") {
  Fixture f;
  f.policy.interval = 1h;
  f.health.track(f.now, f.target, f.policy);
  f.probe(200);
  f.policy.interval = 1s;
  f.policy.timeout = 500ms;
  f.health.track(f.now, f.target, f.policy);
  CHECK(f.next_probe() <= 1100ms);
}

}  // namespace
}  // namespace usher::routing
