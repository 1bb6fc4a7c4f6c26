// What is remembered of a target's health, and how much of it.
#include "routing/target_history.hpp"

#include <doctest/doctest.h>

#include "core/limits.hpp"
#include "routing/health.hpp"

namespace usher::routing {
namespace {

using namespace std::chrono_literals;

// Target 1, health-checked.
struct Watched {
  Log log;
  EventLog events{0, 100};
  Health health{log, 1, events};
  Now now{Instant{100s}, WallTime{1000s}};
  storage::HealthPolicy policy;
  storage::Target target;

  Watched() {
    target.id = 1;
    target.setid = 10;
    target.destination = *net::Destination::parse("10.0.0.1");
    track();
  }
  void track() { health.track(now, target, policy); }
  void probe(int status) {
    now.wall += 10s;
    health.probed(now, 1, status, "timer F", 5ms);
  }
  const TargetHistory& history() const { return *health.history(1); }
  // "down<up up<unknown"
  std::string changes() const {
    std::string out;
    for (const auto& c : history().changes())
      out.append(out.empty() ? "" : " ")
          .append(health_name(c.health))
          .append("<")
          .append(health_name(c.was));
    return out;
  }
};

TEST_CASE("each change of health is there with its reason, the newest first") {
  Watched w;
  CHECK(w.history().changes().empty());
  w.probe(200);
  w.probe(200);
  CHECK(w.changes() == "up<unknown");
  w.probe(0);
  w.probe(0);
  w.probe(0);
  CHECK(w.changes() == "down<up up<unknown");
  CHECK(w.history().changes().front().reason == "OPTIONS unanswered: timer F");
  CHECK(w.history().changes().front().at == WallTime{1040s});
  CHECK(w.history().changes().back().reason == "OPTIONS answered with 200");
}

TEST_CASE("each probe is there: its status and time, or why it has none") {
  Watched w;
  w.probe(404);
  w.probe(503);
  w.probe(0);
  const auto& probes = w.history().probes();
  REQUIRE(probes.size() == 3);
  CHECK(probes[0].status == 0);
  CHECK(probes[0].reason == "timer F");
  CHECK(probes[1].status == 503);
  CHECK(probes[1].reason.empty());
  CHECK(probes[1].rtt == 5ms);
  CHECK(probes[2].status == 404);
  CHECK(probes[2].at < probes[1].at);
}

TEST_CASE("each request that it did not serve is there, as it is counted") {
  Watched w;
  w.probe(200);
  w.health.request_failed(w.now, 1, "answered 503", true);
  w.health.request_answered(1);
  w.health.request_failed(w.now, 1, "no answer to INVITE");
  REQUIRE(w.history().failures().size() == 2);
  CHECK(w.history().failures()[0].reason == "no answer to INVITE");
  CHECK(w.history().failures()[1].reason == "answered 503");
  CHECK(w.health.status(1).failures == 2);
  CHECK(w.changes() == "up<unknown");
  w.health.request_failed(w.now, 2, "nobody");
  CHECK(w.health.history(2) == nullptr);
}

TEST_CASE("a changed policy, state or destination leaves it, and what they end is told") {
  Watched w;
  w.probe(200);
  w.policy.down_after = 1;
  w.track();
  CHECK(w.changes() == "up<unknown");
  w.target.state = storage::TargetState::draining;
  w.track();
  CHECK(w.changes() == "up<unknown");
  w.target.state = storage::TargetState::disabled;
  w.track();
  CHECK(w.changes() == "unknown<up up<unknown");
  CHECK(w.history().changes().front().reason == "it was disabled");
  w.probe(200);
  CHECK(w.history().probes().size() == 1);
  w.target.state = storage::TargetState::active;
  w.track();
  w.probe(0);
  w.target.destination = *net::Destination::parse("10.0.0.2");
  w.track();
  CHECK(w.changes() == "unknown<down down<unknown unknown<up up<unknown");
  CHECK(w.history().changes().front().reason == "its destination was changed");
  CHECK(w.history().probes().size() == 2);
}

TEST_CASE("it goes with its target") {
  Watched w;
  w.probe(200);
  w.health.forget(1);
  CHECK(w.health.history(1) == nullptr);
  w.track();
  CHECK(w.history().changes().empty());
  CHECK(w.history().probes().empty());
}

TEST_CASE("of each kind the newest are kept, and of a reason its beginning") {
  TargetHistory history;
  for (int i = 0; i < 1000; ++i) {
    const WallTime at{std::chrono::seconds{i}};
    history.changed({at, HealthState::up, HealthState::down, "r"});
    history.probed({at, 200, 1ms, false, ""});
    history.request_failed({at, "r"});
  }
  CHECK(history.changes().size() == limits::kTargetChanges);
  CHECK(history.probes().size() == limits::kTargetProbes);
  CHECK(history.failures().size() == limits::kTargetFailures);
  CHECK(history.changes().front().at == WallTime{999s});
  CHECK(history.probes().back().at == WallTime{900s});
  history.request_failed({{}, std::string(300, 'x')});
  CHECK(history.failures().front().reason == std::string(limits::kTargetReasonBytes, 'x'));
  // No character is cut in two.
  history.request_failed({{}, std::string(limits::kTargetReasonBytes - 1, 'x') + "\xc3\xa4"});
  CHECK(history.failures().front().reason == std::string(limits::kTargetReasonBytes - 1, 'x'));
}

}  // namespace
}  // namespace usher::routing
