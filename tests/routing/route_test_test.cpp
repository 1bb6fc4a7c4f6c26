// What would happen to a request, without anything happening.
#include "routing/route_test.hpp"

#include <doctest/doctest.h>

#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::RouteQuestion;
using routing::RouteTest;

RouteQuestion ask(const std::string& method, const std::string& uri, const std::string& from,
                  const std::string& source) {
  RouteQuestion q;
  q.method = method;
  q.request_uri = uri;
  q.from = from;
  q.source = *net::Endpoint::parse(source);
  return q;
}

RouteTest answer(World& w, const RouteQuestion& q) {
  const auto result = w.edge().test_route(w.now, q);
  REQUIRE(result.has_value());
  return *result;
}

TEST_CASE("an INVITE from a phone: where it would go, and that asking changes nothing") {
  World w([](storage::Snapshot& s) { s.targets.push_back(World::target(9, 10, "127.0.0.12")); });
  const RouteQuestion q = ask("INVITE", "sip:402@a.test", "sip:401@a.test", "127.0.0.21:5062");
  for (int i = 0; i < 3; ++i) {
    const RouteTest t = answer(w, q);
    CHECK(t.outcome == "relayed");
    CHECK(t.domain == "a.test");
    CHECK_FALSE(t.from_backend);
    REQUIRE(t.candidates.size() == 2);
    // Round robin would have moved on.
    CHECK(t.candidates[0].target == 1);
    CHECK(t.candidates[0].chosen);
    CHECK(t.candidates[1].order == 2);
    CHECK_FALSE(t.candidates[1].chosen);
  }
  w.nothing();
  CHECK(w.edge().counts().stack.calls == 0);
  CHECK(w.edge().counters().requests.empty());
  CHECK(w.edge().recorder().counts().steps == 0);
}

TEST_CASE("a REGISTER from a phone, and one from who has been banned") {
  World w;
  const RouteQuestion q = ask("REGISTER", "sip:a.test", "sip:401@a.test", "127.0.0.21:5062");
  RouteTest t = answer(w, q);
  CHECK(t.outcome == "relayed");
  CHECK(t.domain == "a.test");
  REQUIRE(t.candidates.size() == 1);
  CHECK(t.candidates[0].target == 1);
  CHECK(t.candidates[0].chosen);
  // It would bind nothing and offers nothing.
  CHECK(w.edge().counts().registrations == 0);
  w.nothing();

  storage::Ban ban;
  ban.network = *net::Cidr::parse("127.0.0.21");
  ban.enforced = true;
  w.apply(storage::PutBan{ban});
  t = answer(w, q);
  CHECK(t.outcome == "dropped");
  CHECK(t.reason.find("ban") != std::string::npos);
}

TEST_CASE("each outcome has its reason") {
  World w([](storage::Snapshot& s) { s.targets[1].state = storage::TargetState::draining; });
  const std::string phone = "127.0.0.21:5062";
  RouteTest t = answer(w, ask("INVITE", "sip:1@nowhere.test", "sip:2@nowhere.test", phone));
  CHECK(t.outcome == "dropped");
  CHECK(t.reason == "not found: nowhere.test");
  t = answer(w, ask("INVITE", "sip:1@off.test", "sip:2@off.test", phone));
  CHECK(t.outcome == "dropped");
  CHECK(t.reason == "disabled: off.test");
  t = answer(w, ask("INVITE", "sip:1@b.test", "sip:2@b.test", phone));
  CHECK(t.outcome == "refused");
  CHECK(t.status == 503);
  REQUIRE(t.candidates.size() == 1);
  CHECK(t.candidates[0].rejected == "draining");
  t = answer(w, ask("OPTIONS", "sip:a.test", "sip:2@a.test", phone));
  CHECK(t.outcome == "answered");
  CHECK(t.status == 200);
  t = answer(w, ask("REGISTER", "sip:a.test", "sip:2@a.test", kA1));
  CHECK(t.outcome == "refused");
  CHECK(t.status == 405);
  CHECK(t.from_backend);
  CHECK(t.origin_target == 1);
  w.nothing();
}

TEST_CASE("from a backend: which phone is meant") {
  World w;
  w.registered("401@a.test", "127.0.0.21:5060", kA1);
  RouteTest t = answer(w, ask("INVITE", "sip:401@a.test", "sip:402@a.test", kA1));
  CHECK(t.outcome == "relayed");
  REQUIRE(t.candidates.size() == 1);
  CHECK(t.candidates[0].destination == "sip:401@127.0.0.21:5060 at 127.0.0.21:5060");
  t = answer(w, ask("INVITE", "sip:409@a.test", "sip:402@a.test", kA1));
  CHECK(t.outcome == "refused");
  CHECK(t.status == 404);
}

TEST_CASE("what makes no SIP message is refused, not guessed at") {
  World w;
  const std::string phone = "127.0.0.21:5062";
  CHECK_FALSE(w.edge()
                  .test_route(w.now, ask("INVITE", "sip:a\r\nVia: x", "sip:b@a.test", phone))
                  .has_value());
  CHECK_FALSE(
      w.edge().test_route(w.now, ask("IN VITE", "sip:a", "sip:b@a.test", phone)).has_value());
}

}  // namespace
}  // namespace usher::test
