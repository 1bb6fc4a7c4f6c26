// What the administration does for its own safety: the audit trail, and limits for each client.
#include "admin/audit.hpp"

#include <doctest/doctest.h>

#include "admin/throttle.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;
using namespace std::chrono_literals;

TEST_CASE("each write is recorded with who, what, before and after; reads are not") {
  House house;
  REQUIRE(house.ask("PUT", "/v1/dispatcher/sets/10", "{}").status == 201);
  REQUIRE(house.ask("PUT", "/v1/domains/a.test", R"({"setid": 10})").status == 201);
  house.peer = "192.0.2.1:5000";
  REQUIRE(house.ask("PATCH", "/v1/domains/a.test", R"({"enabled": false})").status == 200);
  CHECK(house.ask("PATCH", "/v1/domains/a.test", R"({"setid": 11})").status == 422);
  REQUIRE(house.ask("DELETE", "/v1/domains/a.test").status == 204);
  house.ask("GET", "/v1/domains");
  const Reply page = house.ask("GET", "/v1/audit");
  const Json::Array& items = *page["items"].array();
  REQUIRE(items.size() == 5);
  const auto text = [&](std::size_t i, const char* name) { return *items[i].find(name)->text(); };
  CHECK(text(0, "method") == "DELETE");
  CHECK_FALSE(*items[0].find("before")->find("enabled")->flag());
  CHECK(items[0].find("after")->null());
  CHECK(*items[1].find("status")->integer() == 422);
  CHECK(items[1].find("after")->null());
  CHECK(text(2, "client") == "192.0.2.1:5000");
  CHECK(text(2, "token") == "none");
  CHECK(*items[2].find("before")->find("enabled")->flag());
  CHECK_FALSE(*items[2].find("after")->find("enabled")->flag());
  CHECK(items[3].find("before")->null());
  CHECK(text(3, "path") == "/v1/domains/a.test");
  CHECK(house.store.audited.size() == 5);

  const Reply first = house.ask("GET", "/v1/audit?limit=3");
  const Reply rest = house.ask("GET", "/v1/audit?limit=3&cursor=" + *first["next"].text());
  CHECK(rest["items"].array()->size() == 2);
  CHECK(rest["next"].null());
  CHECK(house.ask("GET", "/v1/audit?cursor=x").field() == "cursor");
}

TEST_CASE("each entry of the trail has its own number, and settings show what they were before") {
  House before;
  before.ask("PUT", "/v1/dispatcher/sets/10", "{}");
  before.ask("PUT", "/v1/log", R"({"sip": "debug"})");
  REQUIRE(before.store.audited.size() == 2);
  CHECK(before.store.audited[1].id == 2);
  CHECK(before.store.audited[1].before.find("\"sip\"") != std::string::npos);
}

TEST_CASE(
    "a write to what the store reads later is answered now, and the late reading harms nobody") {
  House house;
  house.store.hold_reads = true;
  for (const char* method : {"PUT", "DELETE"})
    CHECK(house.ask(method, "/v1/cdrs/0123456789abc", "{}").status == 405);
  REQUIRE(house.store.held.size() == 2);
  for (const auto& answer : house.store.held) {
    storage::RecordPage page;
    page.records.resize(1);
    page.records[0].id = "0123456789abc";
    page.records[0].ended = page.records[0].started;
    answer(page);
  }
  REQUIRE(house.store.audited.size() == 2);
  CHECK(house.store.audited[0].before.empty());
}

TEST_CASE("what only asks is no write, though its method is one's") {
  House house;
  const std::uint64_t events = house.edge.events().last();
  const std::string document = R"({"format": 1, "sets": [{"setid": 10}]})";
  CHECK(house.ask("PUT", "/v1/configuration?preview=true", document).status == 200);
  CHECK(house.ask("PUT", "/v1/configuration?preview=true", "{}").status == 422);
  CHECK(house.ask("POST", "/v1/route-test", "{}").status == 422);
  CHECK(house.store.audited.empty());
  CHECK(house.edge.events().last() == events);
  CHECK(house.ask("PUT", "/v1/configuration", document).status == 200);
  CHECK(house.store.audited.size() == 1);
}

TEST_CASE("wrong tokens lock a client out for a while, and nobody else") {
  House house({}, "secret");
  house.peer = "192.0.2.1:5000";
  const auto with = [&](const std::string& token) {
    return house.ask("GET", "/v1/domains", {},
                     {{"Host", "x"}, {"Authorization", "Bearer " + token}});
  };
  for (int i = 0; i < 5; ++i) CHECK(with("guess" + std::to_string(i)).status == 401);
  const Reply locked = with("secret");
  CHECK(locked.status == 429);
  CHECK(locked.header("Retry-After") == "30");
  CHECK(house.ask("GET", "/healthz").status == 200);
  CHECK(house.store.audited.empty());
  house.peer = "192.0.2.2:5000";
  CHECK(with("secret").status == 200);
  house.peer = "192.0.2.1:5001";
  house.now.mono += 30s;
  CHECK(with("secret").status == 200);
  CHECK(with("guess").status == 401);
  CHECK(with("secret").status == 429);
}

TEST_CASE(
    "a client that asks too often is told to wait; loopback may ask a hundred times as much") {
  Throttle throttle{HashKey{1, 2}};
  const Instant now{1h};
  const auto passed = [&](const char* client) {
    int count = 0;
    while (count < 20'000 && !throttle.ask(now, *net::IpAddress::parse(client))) ++count;
    return count;
  };
  CHECK(passed("192.0.2.1") == 100);
  CHECK(passed("192.0.2.2") == 100);
  CHECK(passed("127.0.0.1") == 10'000);
  CHECK(passed("2001:db8::1") == 100);
  CHECK(passed("2001:db8::2") == 0);
  CHECK(throttle.ask(now, *net::IpAddress::parse("192.0.2.1")) == 1);
  CHECK_FALSE(throttle.ask(now + 50ms, *net::IpAddress::parse("192.0.2.1")));
}
