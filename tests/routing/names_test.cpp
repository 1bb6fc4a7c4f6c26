// When names are asked for, and what becomes of answers and failures.
#include "routing/names.hpp"

#include <doctest/doctest.h>

#include "routing/place_health.hpp"
#include "routing/probe_rounds.hpp"

using namespace std::chrono_literals;

namespace usher::routing {
namespace {

storage::Target target(storage::TargetId id, const std::string& destination) {
  storage::Target t;
  t.id = id;
  t.setid = 1;
  t.destination = *net::Destination::parse(destination);
  return t;
}

const std::string kName = "sip:a.test";
const net::Endpoint kOne = *net::Endpoint::parse("10.0.0.1:5060");
const net::Endpoint kTwo = *net::Endpoint::parse("10.0.0.2:5060");

net::Located good(Duration ttl) {
  return {{{kOne, net::Transport::udp, 0, 0, "a.test"}}, ttl, "", {}};
}
const net::Located kFailed{{}, {}, "DNS: timeout", {}};

struct Asker {
  DirectoryRef directory = Directory::make({}, {}, {target(1, "a.test"), target(2, "10.0.0.1")});
  Now now{Instant{1h}, WallTime{1s}};
  Names names;

  Asker() { CHECK(names.due(now.mono, *directory).size() == 1); }
  // How long until the name is asked for again.
  Duration wait() const { return *names.next_deadline() - now.mono; }
  Names::Outcome answered(const net::Located& located, bool has_places) {
    return names.answered(now, kName, located, has_places);
  }
};

TEST_CASE("each name is asked for once, an address never, and none that no target has") {
  Names names;
  const auto two = Directory::make(
      {}, {},
      {target(1, "a.test"), target(2, "a.test"), target(3, "10.0.0.1"), target(4, "b.test")});
  CHECK(names.due(Instant{1h}, *two).size() == 2);
  CHECK(names.due(Instant{1h}, *two).empty());
  CHECK(names.state(kName)->problem == "it has not been answered yet");
  CHECK(names.due(Instant{1h}, *Directory::make({}, {}, {target(3, "10.0.0.1")})).empty());
  CHECK(names.state(kName) == nullptr);
  CHECK_FALSE(names.next_deadline().has_value());
}

TEST_CASE("a good answer holds for its TTL, 5 seconds at least and an hour at most") {
  for (const auto& [ttl, kept] : {std::pair<Duration, Duration>{60s, 60s}, {0s, 5s}, {24h, 1h}}) {
    Asker a;
    const auto outcome = a.answered(good(ttl), false);
    CHECK(outcome.take);
    CHECK_FALSE(outcome.say.has_value());
    CHECK(a.wait() == kept);
    CHECK(a.names.state(kName)->until ==
          a.now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(kept));
    CHECK(a.names.state(kName)->problem.empty());
  }
}

TEST_CASE(
    "a failing name keeps its last answer, says so once, and is asked for less and less often") {
  Asker a;
  a.answered(good(60s), false);
  auto outcome = a.answered(kFailed, true);
  CHECK_FALSE(outcome.take);
  CHECK(outcome.bad);
  CHECK(*outcome.say == "sip:a.test: DNS: timeout; its last addresses stay in use");
  CHECK(a.names.state(kName)->kept);
  CHECK(a.names.state(kName)->problem == "DNS: timeout");
  for (const Duration wait : {5s, 10s, 20s, 40s, 60s, 60s}) {
    CHECK(a.wait() == wait);
    CHECK_FALSE(a.answered(kFailed, true).say.has_value());
  }
  outcome = a.answered(good(30s), true);
  CHECK(outcome.take);
  CHECK_FALSE(outcome.bad);
  CHECK(*outcome.say == "sip:a.test resolves again");
  CHECK_FALSE(a.names.state(kName)->kept);
  CHECK(a.wait() == 30s);
}

TEST_CASE("what is second best is taken for want of better, and does not replace a good answer") {
  net::Located second = good(60s);
  second.problem = "DNS: no server has an answer";
  Asker a;
  CHECK(a.answered(second, false).take);
  CHECK(a.wait() == 5s);
  CHECK_MESSAGE(a.answered(second, true).take, "of two second bests the newer one");
  CHECK(a.answered(good(60s), true).take);
  CHECK_FALSE(a.answered(second, true).take);
  CHECK(a.names.state(kName)->kept);
}

TEST_CASE("an answer for a name that no target has any more changes nothing") {
  Asker a;
  CHECK_FALSE(a.names.answered(a.now, "sip:b.test", good(60s), false).take);
}

TEST_CASE("a target fails when each of its places does") {
  const std::vector<net::Place> places{{kOne, net::Transport::udp, 0, 0, {}},
                                       {kTwo, net::Transport::udp, 0, 0, {}}};
  PlaceHealth health;
  CHECK_FALSE(health.all_fail(1, places));
  health.failed(1, kOne, "connection refused");
  CHECK_FALSE(health.all_fail(1, places));
  CHECK(health.problem(1, kOne) == "connection refused");
  CHECK_MESSAGE(health.problem(2, kOne).empty(), "another target there is another service");
  health.failed(1, kTwo, "no answer");
  CHECK(health.all_fail(1, places));
  health.answered(1, kOne);
  CHECK_FALSE(health.all_fail(1, places));
  health.keep(1, {places[0]});
  CHECK(health.problem(1, kTwo).empty());
}

TEST_CASE("the longest wish of a place to be left alone holds, five minutes at most") {
  PlaceHealth health;
  const Instant now{1h};
  health.leave_alone(now, 1, kOne, 20s);
  health.leave_alone(now, 1, kOne, 5s);
  health.answered(1, kOne);
  CHECK(health.alone(now + 19s, 1, kOne) == now + 20s);
  CHECK_FALSE(health.alone(now + 20s, 1, kOne).has_value());
  health.leave_alone(now, 1, kTwo, 24h);
  CHECK(health.alone(now, 1, kTwo) == now + 5min);
}

TEST_CASE(
    "the first place that answers a probe well answers for the target, or the last that fails") {
  ProbeRounds rounds;
  auto marks = rounds.begin(1, {kOne, kTwo});
  CHECK_FALSE(rounds.ended(marks[1], 503)->decides);
  CHECK(rounds.ended(marks[0], 200)->decides);
  CHECK_MESSAGE(!rounds.ended(marks[0], 200), "each once");
  marks = rounds.begin(1, {kOne, kTwo});
  CHECK(rounds.ended(marks[0], 404)->decides);
  const auto late = rounds.ended(marks[1], 0);
  CHECK_FALSE(late->well);
  CHECK(late->place == kTwo);
  CHECK_FALSE(late->decides);
  marks = rounds.begin(1, {kOne, kTwo});
  CHECK_FALSE(rounds.ended(marks[0], 0)->decides);
  const auto last = rounds.ended(marks[1], 408);
  CHECK(last->decides);
  CHECK_FALSE(last->well);
}

}  // namespace
}  // namespace usher::routing
