// The gate over REST: its settings, bans, and what is exported.
#include <doctest/doctest.h>

#include <map>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

House with_backend() {
  storage::Snapshot s;
  s.gate.opened = WallTime{std::chrono::milliseconds(1'735'122'000'000)};
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  storage::Target t;
  t.id = 1;
  t.setid = 10;
  t.destination = *net::Destination::parse("10.0.1.100");
  t.sources = {*net::Cidr::parse("10.0.2.0/28")};
  s.targets.push_back(std::move(t));
  return House(std::move(s));
}

}  // namespace

TEST_CASE("a ban is made, shown, exported and lifted") {
  House house = with_backend();
  const Reply made = house.ask("POST", "/v1/bans",
                               R"({"network": "192.0.2.0/24", "ttl": "1h", "reason": "spite"})");
  CHECK(made.status == 201);
  CHECK(made.header("Location") == "/v1/bans/192.0.2.0%2F24");
  CHECK(*made["made_by"].text() == "operator");
  CHECK(*made["until"].text() == "2024-12-25T11:30:00.123Z");
  CHECK(*made["enforced"].flag());
  CHECK(house.ask("POST", "/v1/bans", R"({"network": "2001:db8::1"})")["until"].null());
  CHECK(house.ask("POST", "/v1/bans", R"({"network": "2001:db8::1", "ttl": "1m"})").status == 200);
  CHECK(house.ask("GET", made.header("Location")).text == made.text);
  CHECK(house.ask("GET", "/v1/bans?limit=1")["items"].array()->size() == 1);
  const std::string next = *house.ask("GET", "/v1/bans?limit=1")["next"].text();
  CHECK(house.ask("GET", "/v1/bans?limit=1&cursor=" + percent_encode(next))["next"].null());
  CHECK(house.ask("GET", "/v1/bans?cursor=x").field() == "cursor");
  CHECK(house.ask("GET", "/v1/bans?enforced=true&limit=1")["items"].array()->size() == 1);
  CHECK(house.ask("GET", "/v1/bans?enforced=true")["items"].array()->size() == 2);
  CHECK(house.ask("GET", "/v1/bans?enforced=false")["items"].array()->empty());
  CHECK(house.ask("GET", "/v1/bans?enforced=yes").field() == "enforced");

  CHECK(house.ask("GET", "/v1/bans/export").text == "2001:db8::1\n192.0.2.0/24\n");
  CHECK(house.ask("GET", "/v1/bans/export?format=fail2ban").text ==
        "fail2ban-client set usher banip 2001:db8::1\n"
        "fail2ban-client set usher banip 192.0.2.0/24\n");
  const std::string nft = house.ask("GET", "/v1/bans/export?format=nftables").text;
  // A table of its own: packaging/nftables has `inet usher`.
  CHECK(
      nft.starts_with("table inet usher_bans\ndelete table inet usher_bans\n"
                      "table inet usher_bans {\n"));
  CHECK(nft.find("elements = { 192.0.2.0/24 }") != std::string::npos);
  CHECK(nft.find("elements = { 2001:db8::1 }") != std::string::npos);
  CHECK(house.ask("GET", "/v1/bans/export?format=xml").field() == "format");

  CHECK(house.ask("DELETE", made.header("Location")).status == 204);
  CHECK(house.ask("DELETE", made.header("Location")).status == 404);
  CHECK(house.ask("GET", made.header("Location")).status == 404);
}

TEST_CASE("what is wrong with a ban is said by field") {
  House house = with_backend();
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"network": "192.0.2.1/24"})", "network"},
      {R"({"network": "example.com"})", "network"},
      {R"({"network": 7})", "network"},
      {R"({"reason": "x"})", "network"},
      {R"({"network": "192.0.2.1", "ttl": 60})", "ttl"},
      {R"({"network": "192.0.2.1", "ttl": "0s"})", "ttl"},
      {R"({"network": "192.0.2.1", "reason": "a\nb"})", "reason"},
      {R"({"network": "192.0.2.1", "until": "tomorrow"})", "until"}};
  for (const auto& [given, field] : wrong) {
    const std::string body{given};
    CAPTURE(body);
    const Reply reply = house.ask("POST", "/v1/bans", body);
    CHECK(reply.status == 422);
    CHECK(reply.field() == field);
  }
  CHECK(house.ask("GET", "/v1/bans/nobody").field() == "network");
  CHECK(house.ask("DELETE", "/v1/bans/nobody").status == 400);
}

TEST_CASE(
    "backends, their networks, ourselves and the trusted cannot be banned, and it says whose") {
  House house = with_backend();
  REQUIRE(house.ask("PUT", "/v1/gate", R"({"trusted": ["198.51.100.0/24"]})").status == 200);
  const std::pair<const char*, const char*> owners[] = {
      {"10.0.1.100", "the address 10.0.1.100 of target 1 (sip:10.0.1.100:5060, set 10)"},
      {"10.0.1.0/24", "the address 10.0.1.100 of target 1"},
      {"10.0.2.7", "the source network 10.0.2.0/28 of target 1"},
      {"127.0.0.1", "our own address 127.0.0.1"},
      {"198.51.0.0/16", "the trusted network 198.51.100.0/24"}};
  for (const auto& [given, owner] : owners) {
    const std::string network{given};
    CAPTURE(network);
    const Reply reply =
        house.ask("POST", "/v1/bans", std::string{R"({"network": ")"} + network + "\"}");
    CHECK(reply.status == 409);
    CHECK(reply.field() == "network");
    CHECK(reply.detail().find(owner) != std::string::npos);
  }
  REQUIRE(house.ask("POST", "/v1/bans", R"({"network": "10.0.3.0/24"})").status == 201);
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.3.3"})")
              .status == 201);
  CHECK(house.ask("GET", "/v1/bans")["items"].array()->empty());
}

TEST_CASE("the gate's settings are shown, replaced, merged and checked by field") {
  House house = with_backend();
  const Reply first = house.ask("GET", "/v1/gate");
  CHECK(*first["mode"].text() == "first-week");
  CHECK_FALSE(*first["enforcing"].flag());
  CHECK(*first["opened"].text() == "2024-12-25T10:20:00.000Z");
  CHECK(*first["enforces_from"].text() == "2025-01-01T10:20:00.000Z");
  const Reply merged = house.ask("PATCH", "/v1/gate",
                                 R"({"mode": "enforce", "bans": {"failures": 5},
                                     "limits": {"user": {"per_second": 3}}})");
  CHECK(merged.status == 200);
  CHECK(*merged["enforcing"].flag());
  CHECK(*merged["bans"].find("failures")->integer() == 5);
  CHECK(*merged["bans"].find("knocks")->integer() == 20);
  CHECK(*merged["limits"].find("user")->find("per_second")->integer() == 3);
  CHECK(*merged["limits"].find("user")->find("burst")->integer() == 200);
  CHECK(house.store.written.size() == 1);
  const Reply replaced = house.ask("PUT", "/v1/gate", R"({"mode": "dry-run"})");
  CHECK(*replaced["bans"].find("failures")->integer() == 10);
  CHECK(*replaced["opened"].text() == "2024-12-25T10:20:00.000Z");
  const std::pair<const char*, const char*> wrong[] = {
      {R"({"mode": "on"})", "mode"},
      {R"({"trusted": ["10.0.0.1/8"]})", "trusted[0]"},
      {R"({"trusted": ["10.0.0.0/8", 5]})", "trusted[1]"},
      {R"({"bans": {"failures": 1}})", "bans.failures"},
      {R"({"bans": {"window": "10"}})", "bans.window"},
      {R"({"bans": {"first": "2h", "longest": "1h"}})", "bans.longest"},
      {R"({"limits": {"source": {"per_second": -1}}})", "limits.source.per_second"},
      {R"({"limits": {"source": {"burst": 0}}})", "limits.source.burst"},
      {R"({"limits": {"sauce": {}}})", "limits.sauce"},
      {R"({"opened": "2024-12-25T10:20:00.000Z"})", "opened"}};
  for (const auto& [given, field] : wrong) {
    const std::string body{given};
    CAPTURE(body);
    const Reply reply = house.ask("PUT", "/v1/gate", body);
    CHECK(reply.status == 422);
    CHECK(reply.field() == field);
  }
}
