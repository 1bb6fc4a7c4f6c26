// /v1/requests, and the history of a target's health.
#include <doctest/doctest.h>

#include "core/time_text.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

storage::Snapshot with_target() {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  storage::Target target;
  target.id = 7;
  target.setid = 10;
  target.destination = *net::Destination::parse("10.0.1.100");
  s.targets.push_back(target);
  return s;
}

std::size_t found(House& house, const std::string& query) {
  const Reply reply = house.ask("GET", "/v1/requests?" + query);
  REQUIRE_MESSAGE(reply.status == 200, reply.text);
  return reply["items"].array()->size();
}

const std::string kHistory = "/v1/dispatcher/sets/10/targets/7/history";

}  // namespace

TEST_CASE("a request is shown with what came of it, by the key that explains it") {
  House house(with_target());
  CHECK(house.ask("GET", "/v1/requests")["items"].array()->empty());
  house.place_call();
  const Reply page = house.ask("GET", "/v1/requests");
  REQUIRE(page.status == 200);
  CHECK(page["next"].null());
  REQUIRE(page["items"].array()->size() == 1);
  const Json& item = page["items"].array()->front();
  CHECK(*item.find("kind") == Json{"call"});
  CHECK(*item.find("method") == Json{"INVITE"});
  CHECK(*item.find("from") == Json{"401@a.test"});
  CHECK(*item.find("to") == Json{"402@a.test"});
  CHECK(*item.find("source") == Json{"192.0.2.1:5060"});
  CHECK(item.find("status")->null());
  CHECK(item.find("known_death")->null());
  CHECK(*item.find("at") == Json{time_text(house.now.wall)});
  const Reply explained = house.ask("GET", "/v1/explain/" + *item.find("id")->text());
  REQUIRE(explained.status == 200);
  CHECK(*explained["verdict"].text() == *item.find("verdict")->text());
}

TEST_CASE("requests are filtered and come in pages") {
  House house(with_target());
  for (int i = 0; i < 3; ++i) house.place_call(std::to_string(i) + "@192.0.2.1");
  for (const char* query : {"kind=call", "method=INVITE", "domain=A.test", "status=0", "target=7",
                            "source=192.0.2.1", "kind=call&target=7&limit=3"}) {
    CAPTURE(query);
    CHECK(found(house, query) == 3);
  }
  for (const char* query : {"kind=drop", "method=REGISTER", "domain=b.test", "status=403",
                            "target=8", "source=192.0.2.2", "cursor=1"}) {
    CAPTURE(query);
    CHECK(found(house, query) == 0);
  }
  std::string cursor;
  std::vector<std::string> ids;
  for (int pages = 0; pages < 10; ++pages) {
    const Reply page = house.ask("GET", "/v1/requests?limit=1" + cursor);
    REQUIRE(page.status == 200);
    for (const Json& item : *page["items"].array()) ids.push_back(*item.find("id")->text());
    if (page["next"].null()) break;
    cursor = "&cursor=" + *page["next"].text();
  }
  REQUIRE(ids.size() == 3);
  CHECK(ids[0] != ids[1]);
  CHECK(ids[1] != ids[2]);
}

TEST_CASE("a filter of requests that cannot be meant is refused by its name") {
  House house(with_target());
  for (const auto& [query, field] : std::vector<std::pair<std::string, std::string>>{
           {"kind=calls", "kind"},
           {"method=" + std::string(33, 'x'), "method"},
           {"domain=a..test", "domain"},
           {"status=700", "status"},
           {"status=-1", "status"},
           {"status=4xx", "status"},
           {"target=0", "target"},
           {"target=seven", "target"},
           {"source=nowhere", "source"},
           {"source=192.0.2.1:5060", "source"},
           {"limit=1001", "limit"},
           {"cursor=0", "cursor"},
           {"cursor=-1", "cursor"},
           {"cursor=x", "cursor"},
           {"cursor=17.4", "cursor"},
           {"cursor=99999999999999999999", "cursor"},
           {"colour=red", "colour"},
           {"kind=call&kind=drop", "kind"}}) {
    CAPTURE(query);
    const Reply reply = house.ask("GET", "/v1/requests?" + query);
    CHECK(reply.status == 400);
    CHECK(reply.field() == field);
  }
}

TEST_CASE("there are no requests while the recorder is off") {
  House house(with_target());
  house.place_call();
  CHECK(found(house, "") == 1);
  REQUIRE(house.ask("PUT", "/v1/recorder", R"({"enabled": false})").status == 200);
  CHECK(found(house, "") == 0);
  REQUIRE(house.ask("PUT", "/v1/recorder", R"({"enabled": true})").status == 200);
  CHECK(found(house, "") == 0);
}

TEST_CASE("a target's history: each probe, each change of its health, each request it failed") {
  House house(with_target());
  const Reply before = house.ask("GET", kHistory);
  REQUIRE(before.status == 200);
  for (const char* part : {"changes", "probes", "failures"}) CHECK(before[part].array()->empty());

  // Nobody answers: the probe's timer F, then that of the call's INVITE.
  house.place_call();
  for (int i = 0; i < 200; ++i) {
    const auto next = house.edge.next_deadline();
    if (!next || *next > house.now.mono + std::chrono::minutes(1)) break;
    const Duration step = std::max<Duration>(*next - house.now.mono, Duration{0});
    house.now.mono += step;
    house.now.wall += std::chrono::ceil<std::chrono::milliseconds>(step);
    house.edge.on_time(house.now);
    house.drain();
  }
  const Reply after = house.ask("GET", kHistory);
  REQUIRE_FALSE(after["probes"].array()->empty());
  const Json& probe = after["probes"].array()->front();
  CHECK(probe.find("status")->null());
  CHECK(probe.find("rtt_ms")->null());
  CHECK_FALSE(probe.find("reason")->text()->empty());
  REQUIRE_FALSE(after["changes"].array()->empty());
  const Json& change = after["changes"].array()->front();
  CHECK(*change.find("health") == Json{"down"});
  CHECK(*change.find("was") == Json{"unknown"});
  CHECK_FALSE(change.find("reason")->text()->empty());
  REQUIRE_FALSE(after["failures"].array()->empty());
  const Json& failure = after["failures"].array()->front();
  CHECK(*failure.find("reason") == Json{"no answer to INVITE"});
  CHECK(failure.find("at")->text() != nullptr);
}

TEST_CASE("there is no history of a target that is not there") {
  House house(with_target());
  CHECK(house.ask("GET", "/v1/dispatcher/sets/10/targets/8/history").status == 404);
  CHECK(house.ask("GET", "/v1/dispatcher/sets/11/targets/7/history").status == 404);
  CHECK(house.ask("GET", "/v1/dispatcher/sets/10/targets/x/history").status == 400);
  CHECK(house.ask("GET", "/v1/dispatcher/sets/x/targets/7/history").status == 400);
  CHECK(house.ask("GET", kHistory + "?limit=1").status == 400);
  CHECK(house.ask("POST", kHistory, "{}").status == 405);
  REQUIRE(house.ask("DELETE", "/v1/dispatcher/sets/10/targets/7").status == 204);
  CHECK(house.ask("GET", kHistory).status == 404);
}
