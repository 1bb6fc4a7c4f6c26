#include <doctest/doctest.h>

#include "core/log_watch.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

House with_set_and_domain() {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  return House(std::move(s));
}

}  // namespace

TEST_CASE("a target is added, its set made with it in one batch, and is live at once") {
  House house;
  const auto answer =
      house.start("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.100"})");
  CHECK_FALSE(answer->has_value());                 // not before it is durable
  CHECK(house.edge.directory().targets().empty());  // and not live before
  REQUIRE(house.store.waiting.size() == 1);
  CHECK(house.store.waiting.front().changes.size() == 2);
  house.store.answer_all();
  REQUIRE(answer->has_value());
  const Reply made = reply_of(**answer);
  CHECK(made.status == 201);
  CHECK(made.header("Location") ==
        "/v1/dispatcher/sets/10/targets/" + std::to_string(*made["id"].integer()));
  CHECK(*made["destination"].text() == "sip:10.0.1.100:5060");
  CHECK(*made["state"].text() == "active");
  CHECK(*made["weight"].integer() == 1);
  CHECK(*made["live_calls"].integer() == 0);
  CHECK(house.edge.directory().set(10) != nullptr);
  CHECK(house.ask("GET", made.header("Location")).json == made.json);
}

TEST_CASE("the same backend in another spelling is a duplicate") {
  House house;
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.100"})")
              .status == 201);
  const auto written = house.store.written.size();
  for (const char* text : {"10.0.1.100", "10.0.1.100:5060", "sip:10.0.1.100", "sip:10.0.1.100:5060",
                           "SIP:10.0.1.100;transport=UDP"}) {
    CAPTURE(text);
    const Reply reply = house.ask("POST", "/v1/dispatcher/sets/10/targets",
                                  std::string(R"({"destination": ")") + text + "\"}");
    CHECK(reply.status == 409);
    CHECK(reply.type == "application/problem+json");
    CHECK(reply.field() == "destination");
  }
  CHECK(house.store.written.size() == written);
  CHECK(house.ask("POST", "/v1/dispatcher/sets/20/targets", R"({"destination": "10.0.1.100"})")
            .status == 201);
}

TEST_CASE("bad targets are refused with the field's name and change nothing") {
  House house;
  struct Bad {
    const char* body;
    const char* field;
  };
  const Bad all[] = {
      {R"({})", "destination"},
      {R"({"destination": ""})", "destination"},
      {R"({"destination": 5})", "destination"},
      {R"({"destination": "10.0.1.300"})", "destination"},
      {R"({"destination": "sip:u@10.0.1.1"})", "destination"},
      {R"({"destination": "10.0.1.1:0"})", "destination"},
      {R"({"destination": "10.0.1.1:70000"})", "destination"},
      {R"({"destination": "10.0.1.1", "weight": 0})", "weight"},
      {R"({"destination": "10.0.1.1", "weight": 1001})", "weight"},
      {R"({"destination": "10.0.1.1", "weight": "1"})", "weight"},
      {R"({"destination": "10.0.1.1", "weight": 1.5})", "weight"},
      {R"({"destination": "10.0.1.1", "weight": null})", "weight"},
      {R"({"destination": "10.0.1.1", "priority": -1})", "priority"},
      {R"({"destination": "10.0.1.1", "wieght": 1})", "wieght"},
      {R"({"destination": "10.0.1.1", "state": "up"})", "state"},
      {R"({"destination": "10.0.1.1", "health": "up"})", "health"},
      {R"({"destination": "10.0.1.1", "id": 7})", "id"},
      {R"({"destination": "10.0.1.1", "setid": 11})", "setid"},
      {R"({"destination": "10.0.1.1", "sources": "10.0.0.0/8"})", "sources"},
      {R"({"destination": "10.0.1.1", "sources": ["10.0.0.0/8", "10.0.1.1/8"]})", "sources[1]"},
      {R"({"destination": "10.0.1.1", "sources": ["0.0.0.0/0"]})", "sources[0]"},
      {R"({"destination": "10.0.1.1", "comment": "a\nb"})", "comment"},
  };
  for (const Bad& bad : all) {
    CAPTURE(bad.body);
    const Reply reply = house.ask("POST", "/v1/dispatcher/sets/10/targets", bad.body);
    CHECK(reply.status == 422);
    CHECK(reply.type == "application/problem+json");
    CHECK(reply.field() == bad.field);
    CHECK_FALSE(reply.detail().empty());
  }
  CHECK(house.store.written.empty());
  CHECK(house.edge.directory().sets().empty());
  const Reply near = house.ask("POST", "/v1/dispatcher/sets/10/targets",
                               R"({"destination": "10.0.1.1", "wieght": 1})");
  CHECK(near.detail().find("\"weight\"") != std::string::npos);
}

TEST_CASE("a body must be one JSON object") {
  House house;
  for (const char* body : {"", "{", "[]", "5", "null", "{\"a\":1,\"a\":2}", "{} {}", "\xff"}) {
    CAPTURE(body);
    const Reply reply = house.ask("POST", "/v1/dispatcher/sets/10/targets", body);
    CHECK(reply.status == 400);
    CHECK(reply.type == "application/problem+json");
  }
  CHECK(house.ask("GET", "/v1/domains", "{}").status == 400);
  CHECK(house.ask("PUT", "/v1/domains/a.test", "<a/>", {{"Content-Type", "application/xml"}})
            .status == 415);
  CHECK(house.ask("PUT", "/v1/domains/a.test", "{}", {{"Content-Encoding", "gzip"}}).status == 415);
  // What curl -d says by itself is let pass: the body decides.
  CHECK(house
            .ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})",
                 {{"Content-Type", "application/x-www-form-urlencoded"}})
            .status == 201);
}

TEST_CASE("a target is replaced, merged, drained and deleted") {
  House house;
  const Reply made = house.ask(
      "POST", "/v1/dispatcher/sets/10/targets",
      R"({"destination": "10.0.1.100", "weight": 5, "sources": ["10.0.1.0/28"], "comment": "a"})");
  const std::string at = made.header("Location");
  const Reply draining = house.ask("PATCH", at, R"({"state": "draining"})",
                                   {{"Content-Type", "application/merge-patch+json"}});
  CHECK(draining.status == 200);
  CHECK(*draining["state"].text() == "draining");
  CHECK(*draining["weight"].integer() == 5);
  CHECK(draining["sources"].array()->size() == 1);
  const Reply plain = house.ask("PATCH", at, R"({"comment": null, "sources": null})");
  CHECK(plain["comment"].text()->empty());
  CHECK(plain["sources"].array()->empty());
  const Reply put = house.ask("PUT", at, R"({"destination": "10.0.1.101"})");
  CHECK(put.status == 200);
  CHECK(*put["weight"].integer() == 1);  // PUT replaces
  CHECK(*put["state"].text() == "active");
  const auto written = house.store.written.size();
  CHECK(house.ask("PUT", at, R"({"destination": "sip:10.0.1.101:5060"})").status == 200);
  CHECK(house.store.written.size() == written);  // nothing changed, nothing written
  CHECK(house.ask("PUT", "/v1/dispatcher/sets/10/targets/999", R"({"destination": "10.0.1.102"})")
            .status == 404);
  CHECK(house.ask("GET", "/v1/dispatcher/sets/20/targets/" + std::to_string(*made["id"].integer()))
            .status == 404);
  CHECK(house.ask("DELETE", at).status == 204);
  CHECK(house.ask("DELETE", at).status == 404);
  CHECK(house.ask("GET", at).status == 404);
}

TEST_CASE("a domain is made, read in any case, replaced and deleted") {
  House house = with_set_and_domain();
  const Reply made = house.ask("PUT", "/v1/domains/B.Test.", R"({"setid": 10})");
  CHECK(made.status == 201);
  CHECK(made.header("Location") == "/v1/domains/b.test");
  CHECK(*made["domain"].text() == "b.test");
  CHECK(*made["enabled"].flag());
  CHECK(house.ask("PUT", "/v1/domains/b.test", R"({"setid": 10, "domain": "B.TEST"})").status ==
        200);
  CHECK(house.ask("GET", "/v1/domains/B.test").json == made.json);
  const Reply off = house.ask("PATCH", "/v1/domains/b.test", R"({"enabled": false})");
  CHECK(off.status == 200);
  CHECK_FALSE(*off["enabled"].flag());
  CHECK(*off["setid"].integer() == 10);
  CHECK(house.ask("PATCH", "/v1/domains/c.test", R"({"enabled": false})").status == 404);
  CHECK(house.ask("DELETE", "/v1/domains/B.TEST").status == 204);
  CHECK(house.ask("GET", "/v1/domains/b.test").status == 404);
}

TEST_CASE("bad domains are refused with the field's name") {
  House house = with_set_and_domain();
  const Reply reference = house.ask("PUT", "/v1/domains/b.test", R"({"setid": 11})");
  CHECK(reference.status == 422);
  CHECK(reference.field() == "setid");
  CHECK(house.ask("PUT", "/v1/domains/b.test", "{}").field() == "setid");
  CHECK(house.ask("PUT", "/v1/domains/b.test", R"({"setid": 0})").field() == "setid");
  CHECK(house.ask("PUT", "/v1/domains/b.test", R"({"setid": 10, "enabled": "yes"})").field() ==
        "enabled");
  CHECK(house.ask("PUT", "/v1/domains/b.test", R"({"setid": 10, "domain": "c.test"})").field() ==
        "domain");
  for (const char* name :
       {"a_b..test", "-a.test", "a-.test", "a%20b", "10.0.0.300", "a%2Fb", "%22", "1.2"}) {
    CAPTURE(name);
    const Reply reply = house.ask("PUT", std::string("/v1/domains/") + name, R"({"setid": 10})");
    CHECK(reply.status == 400);
    CHECK(reply.field() == "domain");
  }
  CHECK(house.ask("PUT", "/v1/domains/192.0.2.1", R"({"setid": 10})").status == 201);
  CHECK(*house.ask("PUT", "/v1/domains/%5B2001:DB8::1%5D", R"({"setid": 10})")["domain"].text() ==
        "[2001:db8::1]");
  CHECK(house.edge.directory().domains().size() == 3);
}

TEST_CASE("a set is made, replaced, merged, and not deleted while it is used") {
  House house = with_set_and_domain();
  const Reply made = house.ask(
      "PUT", "/v1/dispatcher/sets/20",
      R"({"algorithm": "weighted", "health": {"interval": "5s", "timeout": "1s"}, "failover": {"codes": [503, 500, 503], "follow_redirects": true}})");
  CHECK(made.status == 201);
  CHECK(*made["algorithm"].text() == "weighted");
  CHECK(*made["health"].find("interval")->text() == "5s");
  CHECK(made["failover"].find("codes")->array()->size() == 2);
  CHECK(*made["failover"].find("follow_redirects")->flag());
  CHECK(house.ask("PUT", "/v1/dispatcher/sets/20", R"({})").status == 200);
  const Reply merged =
      house.ask("PATCH", "/v1/dispatcher/sets/20", R"({"health": {"interval": "30s"}})");
  CHECK(*merged["health"].find("interval")->text() == "30s");
  CHECK(*merged["health"].find("timeout")->text() == "4s");

  CHECK(house.ask("DELETE", "/v1/dispatcher/sets/10").status == 409);  // a domain
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/20/targets", R"({"destination": "10.0.1.1"})")
              .status == 201);
  CHECK(house.ask("DELETE", "/v1/dispatcher/sets/20").status == 409);  // a target
  CHECK(house.ask("DELETE", "/v1/dispatcher/sets/30").status == 404);
  REQUIRE(house.ask("DELETE", "/v1/domains/a.test").status == 204);
  CHECK(house.ask("DELETE", "/v1/dispatcher/sets/10").status == 204);
}

TEST_CASE("bad sets are refused with the field's name") {
  House house;
  struct Bad {
    const char* body;
    const char* field;
  };
  const Bad all[] = {
      {R"({"algorithm": "random"})", "algorithm"},
      {R"({"algorithm": 1})", "algorithm"},
      {R"({"health": 5})", "health"},
      {R"({"health": {"interval": 10}})", "health.interval"},
      {R"({"health": {"interval": "10"}})", "health.interval"},
      {R"({"health": {"interval": "500ms"}})", "health.interval"},
      {R"({"health": {"interval": "4s"}})", "health.timeout"},
      {R"({"health": {"down_after": 0}})", "health.down_after"},
      {R"({"health": {"downafter": 2}})", "health.downafter"},
      {R"({"failover": {"codes": [399]}})", "failover.codes[0]"},
      {R"({"failover": {"codes": [503, 486]}})", "failover.codes[1]"},
      {R"({"failover": {"codes": [603]}})", "failover.codes[0]"},
      {R"({"failover": {"max_attempts": 9}})", "failover.max_attempts"},
      {R"({"targets": {}})", "targets"},
      {R"({"setid": 11})", "setid"},
  };
  for (const Bad& bad : all) {
    CAPTURE(bad.body);
    const Reply reply = house.ask("PUT", "/v1/dispatcher/sets/10", bad.body);
    CHECK(reply.status == 422);
    CHECK(reply.field() == bad.field);
  }
  CHECK(house.ask("PUT", "/v1/dispatcher/sets/10", R"({"health": {"interval": "10"}})")
            .detail()
            .find("10s or 10ms") != std::string::npos);
  const Reply two = house.ask("PUT", "/v1/dispatcher/sets/10", R"({"algorithm": 1, "comment": 2})");
  CHECK(two["errors"].array()->size() == 2);
  for (const char* id : {"0", "-1", "x", "1x", "01", "4294967296"}) {
    CAPTURE(id);
    CHECK(house.ask("PUT", std::string("/v1/dispatcher/sets/") + id, "{}").field() == "setid");
  }
  CHECK(house.store.written.empty());
}

TEST_CASE("a store that refuses leaves memory as it was") {
  House house = with_set_and_domain();
  const auto answer = house.start("PUT", "/v1/domains/b.test", R"({"setid": 10})");
  house.store.answer_one(fail(Errc::io, "the disk is full"));
  REQUIRE(answer->has_value());
  const Reply reply = reply_of(**answer);
  CHECK(reply.status == 503);
  CHECK(reply.detail().find("the disk is full") != std::string::npos);
  CHECK(house.edge.directory().domain("b.test") == nullptr);
  CHECK(house.ask("PUT", "/v1/domains/b.test", R"({"setid": 10})").status ==
        201);  // and the next one works
}

TEST_CASE(
    "writes wait for each other, so that each is checked against what the ones before it left") {
  House house;
  const auto first =
      house.start("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})");
  const auto second =
      house.start("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1:5060"})");
  const auto third = house.start("PUT", "/v1/domains/a.test", R"({"setid": 10})");
  CHECK(house.store.waiting.size() == 1);
  house.store.answer_all();
  CHECK((*first)->status == 201);
  CHECK((*second)->status == 409);
  CHECK((*third)->status == 201);
}

TEST_CASE("writes that are owed an answer get one when the process ends") {
  House house;
  const auto first =
      house.start("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})");
  const auto second =
      house.start("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.2"})");
  house.api.reset();
  REQUIRE(first->has_value());
  REQUIRE(second->has_value());
  CHECK((*first)->status == 503);
  CHECK((*second)->status == 503);
  house.store.answer_all();  // the late answer finds nobody
}

TEST_CASE("lists come in pages that neither repeat nor lose an item") {
  House house;
  for (int i = 1; i <= 25; ++i)
    REQUIRE(house.ask("PUT", "/v1/dispatcher/sets/" + std::to_string(i), "{}").status == 201);
  std::vector<std::int64_t> seen;
  std::string cursor;
  int pages = 0;
  do {
    const Reply page = house.ask(
        "GET", "/v1/dispatcher/sets?limit=10" + (cursor.empty() ? "" : "&cursor=" + cursor));
    REQUIRE(page.status == 200);
    for (const Json& item : *page["items"].array()) seen.push_back(*item.find("setid")->integer());
    cursor = page["next"].text() ? *page["next"].text() : "";
    ++pages;
  } while (!cursor.empty());
  CHECK(pages == 3);
  REQUIRE(seen.size() == 25);
  for (std::size_t i = 0; i < 25; ++i) CHECK(seen[i] == static_cast<std::int64_t>(i + 1));

  for (const char* query : {"limit=0", "limit=1001", "limit=x", "limit=", "cursor=x", "page=2",
                            "limit=1&limit=2", "limit=%zz"}) {
    CAPTURE(query);
    const Reply reply = house.ask("GET", std::string("/v1/dispatcher/sets?") + query);
    CHECK(reply.status == 400);
    CHECK_FALSE(reply.field().empty());
  }
}

TEST_CASE("scanner patterns are one pattern in any case") {
  House house;
  CHECK(house.ask("PUT", "/v1/scanners/Friendly-Scanner", R"({"comment": "x"})").status == 201);
  CHECK(house.ask("PUT", "/v1/scanners/friendly-scanner", R"({"comment": "x"})").status == 200);
  CHECK(house.ask("PUT", "/v1/scanners/a%20b%2Fc", "{}").status == 201);
  CHECK(house.ask("GET", "/v1/scanners")["items"].array()->size() == 2);
  CHECK(*house.ask("GET", "/v1/scanners/a%20b%2Fc")["pattern"].text() == "a b/c");
  CHECK(house.ask("PUT", "/v1/scanners/ab", "{}").field() == "pattern");
  CHECK(house.ask("PUT", "/v1/scanners/abc", R"({"pattern": "abd"})").field() == "pattern");
  CHECK(house.ask("DELETE", "/v1/scanners/FRIENDLY-SCANNER").status == 204);
  CHECK(house.ask("DELETE", "/v1/scanners/FRIENDLY-SCANNER").status == 404);
}

namespace {

House with_bindings() {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  s.domains.push_back({"b.test", 10, true, ""});
  const char* rows[][3] = {{"tok1", "401@a.test", "192.0.2.1:5060"},
                           {"tok2", "401@b.test", "192.0.2.2:5060"},
                           {"tok3", "402@a.test", "192.0.2.1:5061"}};
  for (const auto& row : rows) {
    storage::Binding b;
    b.token = row[0];
    b.aor = row[1];
    b.contact = "sip:x@192.0.2.9:5060;line=1";
    b.flow.remote = *net::Endpoint::parse(row[2]);
    b.registered = WallTime{std::chrono::milliseconds(1'735'122'000'000)};
    b.expires = WallTime{std::chrono::milliseconds(1'735'126'200'123)};
    s.bindings.push_back(std::move(b));
  }
  for (int i = 0; i < 5; ++i) {
    s.door_knocks.push_back(
        {.when = WallTime{std::chrono::milliseconds(1000 - i / 2)},
         .domain = std::to_string(i) + ".test",
         .source = *net::Endpoint::parse("198.51.100." + std::to_string(i) + ":5060"),
         .method = "INVITE",
         .reason = "not found",
         .user_agent = ""});
  }
  return House(std::move(s));
}

}  // namespace

TEST_CASE("registrations are filtered, shown and forgotten") {
  House house = with_bindings();
  CHECK(house.ask("GET", "/v1/registrations")["items"].array()->size() == 3);
  CHECK(house.ask("GET", "/v1/registrations?domain=A.test")["items"].array()->size() == 2);
  CHECK(house.ask("GET", "/v1/registrations?user=401")["items"].array()->size() == 2);
  CHECK(house.ask("GET", "/v1/registrations?source=192.0.2.1&user=402")["items"].array()->size() ==
        1);
  CHECK(house.ask("GET", "/v1/registrations?source=nowhere").field() == "source");
  const Reply page = house.ask("GET", "/v1/registrations?limit=2");
  CHECK(page["items"].array()->size() == 2);
  REQUIRE(page["next"].text());
  CHECK(house
            .ask("GET", "/v1/registrations?limit=2&cursor=" +
                            percent_encode(*page["next"].text()))["items"]
            .array()
            ->size() == 1);

  const Reply one = house.ask("GET", "/v1/registrations?user=402");
  const Json& shown = one["items"].array()->front();
  CHECK(*shown.find("contact")->text() == "sip:x@192.0.2.9:5060;line=1");
  CHECK(*shown.find("domain")->text() == "a.test");
  CHECK(*shown.find("source")->text() == "192.0.2.1:5061");
  CHECK(*shown.find("expires_in_s")->integer() == 3600);
  CHECK(*shown.find("expires")->text() == "2024-12-25T11:30:00.123Z");

  CHECK(house.ask("DELETE", "/v1/registrations/tok3").status == 204);
  CHECK(house.ask("DELETE", "/v1/registrations/tok3").status == 404);
  CHECK(house.ask("GET", "/v1/registrations?user=402")["items"].array()->empty());
}

TEST_CASE("door-knocks come newest first, in pages that hold at equal times") {
  House house = with_bindings();
  std::vector<std::string> seen;
  std::string cursor;
  for (int pages = 0; pages < 10; ++pages) {
    const Reply page =
        house.ask("GET", "/v1/door-knocks?limit=1" + (cursor.empty() ? "" : "&cursor=" + cursor));
    REQUIRE(page.status == 200);
    for (const Json& item : *page["items"].array()) seen.push_back(*item.find("domain")->text());
    if (page["next"].null()) break;
    cursor = *page["next"].text();
  }
  CHECK(seen == std::vector<std::string>{"0.test", "1.test", "2.test", "3.test", "4.test"});
  CHECK(house.ask("GET", "/v1/door-knocks?cursor=1").field() == "cursor");
  const Reply same = house.ask("GET", "/v1/door-knocks?reason=not%20found&limit=2");
  CHECK(same["items"].array()->size() == 2);
  CHECK(house
            .ask("GET", "/v1/door-knocks?reason=not%20found&cursor=" +
                            percent_encode(*same["next"].text()))["items"]
            .array()
            ->size() == 3);
  CHECK(house.ask("GET", "/v1/door-knocks?reason=scanner")["items"].array()->empty());
  CHECK(house.ask("GET", "/v1/door-knocks?reason=" + std::string(300, 'x')).field() == "reason");
}

TEST_CASE("health tells live from ready from degraded") {
  House house = with_set_and_domain();
  CHECK(*house.ask("GET", "/healthz")["status"].text() == "ok");
  const Reply ready = house.ask("GET", "/readyz");
  CHECK(ready.status == 503);  // a.test's set has no target
  CHECK_FALSE(ready["reasons"].array()->empty());
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})")
              .status == 201);
  CHECK(house.ask("GET", "/readyz").status == 200);
  house.store.state.ok = false;
  house.store.state.reason = "read-only file system";
  const Reply degraded = house.ask("GET", "/healthz");
  CHECK(degraded.status == 200);
  CHECK(*degraded["status"].text() == "degraded");
  CHECK(degraded.text.find("read-only file system") != std::string::npos);
  CHECK(house.ask("GET", "/readyz").status == 200);
}

TEST_CASE("timers and status say what is, with units") {
  House house;
  house.config.timers.ring_limit = std::chrono::seconds(30);
  const Reply timers = house.ask("GET", "/v1/timers");
  CHECK(*timers["ring_limit"].find("value")->text() == "30s");
  CHECK(std::get<double>(timers["ring_limit"].find("ms")->value) == 30000);
  CHECK(*timers["timer_b"].find("value")->text() == "32s");
  house.now.mono += std::chrono::seconds(90);
  house.now.wall += std::chrono::seconds(90);
  const Reply status = house.ask("GET", "/v1/status");
  CHECK(*status["version"].text() == "9.9.9");
  CHECK(*status["uptime"].text() == "90s");
  CHECK(*status["counts"].find("calls")->integer() == 0);
  CHECK(*status["started"].text() == "2024-12-25T10:30:00.123Z");
}

TEST_CASE("log levels change at run time, all or none") {
  House house;
  CHECK(*house.ask("GET", "/v1/log")["sip"].text() == "info");
  const Reply bad = house.ask("PUT", "/v1/log", R"({"sip": "debug", "gate": "loud"})");
  CHECK(bad.status == 422);
  CHECK(bad.field() == "gate");
  CHECK(house.log.level(LogCategory::sip) == LogLevel::info);
  CHECK(house.ask("PUT", "/v1/log", R"({"spi": "debug"})").field() == "spi");
  CHECK(house.ask("PUT", "/v1/log", R"({"sip": "debug"})").status == 200);
  CHECK(house.log.level(LogCategory::sip) == LogLevel::debug);
}

TEST_CASE("users, domains and addresses have levels of their own until they are taken away") {
  House house;
  const auto watch = [&](const std::string& names) {
    return house.ask("PUT", "/v1/log", R"({"watch": )" + names + "}");
  };
  CHECK(watch(R"({"401@a.test": "debug", "192.0.2.1": "error"})").status == 200);
  CHECK(*house.ask("GET", "/v1/log")["watch"].find("192.0.2.1")->text() == "error");
  CHECK(watch(R"({"": "debug"})").field() == "watch");
  CHECK(watch(R"({"a.test": 7})").field() == "watch.a.test");
  CHECK(watch(R"({"a.test": 7})").detail() ==
        "watch.a.test: expected a level such as \"debug\", found a whole number");
  CHECK(watch(R"({"401@a.test 192.0.2.1": "debug"})").field() == "watch");
  CHECK(watch(R"({")" + std::string(257, 'a') + R"(": "debug"})").field() == "watch");
  CHECK(watch(R"({"a.test": "loud"})").field() == "watch.a.test");
  CHECK(watch(R"(["a.test"])").status == 422);
  CHECK(watch(R"(["a.test"])").field() == "watch");
  std::string many;
  for (std::size_t i = 0; i <= LogWatch::kNames; ++i)
    many += (many.empty() ? "" : ", ") + ("\"u" + std::to_string(i)) + "\": \"debug\"";
  CHECK(watch("{" + many + "}").field() == "watch");
  CHECK(house.log.watch()->names().size() == 2);
  CHECK(watch("{}").status == 200);
  CHECK(house.log.watch() == nullptr);
}

TEST_CASE("calls that are not there are not found") {
  House house;
  CHECK(house.ask("GET", "/v1/calls")["items"].array()->empty());
  for (const char* id : {"1-0", "x", "0-0", "99999999999-1", "-"}) {
    CAPTURE(id);
    CHECK(house.ask("GET", std::string("/v1/calls/") + id).status == 404);
    CHECK(house.ask("DELETE", std::string("/v1/calls/") + id).status == 404);
  }
  CHECK(house.ask("GET", "/v1/calls?cursor=x").field() == "cursor");
}

TEST_CASE(
    "live calls are shown page by page, and those that come and go meanwhile disturb no other") {
  House house = with_set_and_domain();
  house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.100"})");
  for (int i = 0; i < 7; ++i) house.place_call("call-" + std::to_string(i));
  const auto read = [&](const std::string& query, std::vector<std::string>& seen) {
    const Reply page = house.ask("GET", "/v1/calls?limit=3" + query);
    REQUIRE(page.status == 200);
    for (const Json& call : *page["items"].array())
      seen.push_back(*call.find("origin_call_id")->text());
    return page["next"].text() ? *page["next"].text() : std::string{};
  };
  std::vector<std::string> seen;
  const std::string second = read("", seen);
  REQUIRE(seen.size() == 3);
  REQUIRE(
      house.edge.end_call(house.now, house.edge.calls().front().call, "it is over").has_value());
  const std::string third = read("&cursor=" + second, seen);
  CHECK(read("&cursor=" + third, seen).empty());
  CHECK(seen == std::vector<std::string>{"call-0", "call-1", "call-2", "call-3", "call-4", "call-5",
                                         "call-6"});
  seen.clear();
  CHECK(read("&call_id=call-5", seen).empty());
  CHECK(seen == std::vector<std::string>{"call-5"});
  seen.clear();
  CHECK(read("&user=400", seen).empty());
  CHECK(seen.empty());
  CHECK_FALSE(read("&aor=402@A.TEST", seen).empty());
}

TEST_CASE("a live call is shown, keeps its target from being deleted, and is ended") {
  House house = with_set_and_domain();
  const Reply made =
      house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.100"})");
  const std::string target = made.header("Location");
  house.place_call();

  const Reply calls = house.ask("GET", "/v1/calls");
  REQUIRE(calls["items"].array()->size() == 1);
  const Json& call = calls["items"].array()->front();
  // Passed on as the stack shows it.
  CHECK(*call.find("from")->text() == house.edge.calls().front().from);
  CHECK(call.find("from")->text()->find("sip:401@a.test") != std::string::npos);
  CHECK(*call.find("origin")->text() == "192.0.2.1:5060");
  CHECK(*call.find("target")->integer() == *made["id"].integer());
  CHECK(call.find("answered")->null());
  const std::string at = "/v1/calls/" + *call.find("id")->text();
  CHECK(house.ask("GET", at).json == call);

  CHECK(*house.ask("GET", target)["live_calls"].integer() == 1);
  const Reply used = house.ask("DELETE", target);
  CHECK(used.status == 409);
  CHECK(used.detail().find("draining") != std::string::npos);
  REQUIRE(house.ask("PATCH", target, R"({"state": "draining"})").status == 200);
  CHECK(house.ask("DELETE", target).status == 409);
  CHECK(house.edge.directory().targets().size() == 1);

  CHECK(house.ask("DELETE", at).status == 204);
}
