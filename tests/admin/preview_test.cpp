// ?preview=true of domains, sets and targets: what a write would touch.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

storage::Target target(storage::TargetId id, storage::SetId setid, const std::string& destination) {
  storage::Target t;
  t.id = id;
  t.setid = setid;
  t.destination = *net::Destination::parse(destination);
  return t;
}

// a.test is served by set 10 and has two registrations and, with place_call(), a call. Set 20 has
// one target, set 30 none.
House with_tenant() {
  storage::Snapshot s;
  for (const int setid : {10, 20, 30})
    s.sets.push_back(
        {.setid = setid, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  s.targets = {target(1, 10, "10.0.1.100"), target(2, 20, "10.0.1.101")};
  s.last_target = 2;
  for (const char* aor : {"401@a.test", "402@a.test", "401@b.test"}) {
    storage::Binding b;
    b.token = aor;
    b.aor = aor;
    b.contact = "sip:x@192.0.2.9";
    b.flow.remote = *net::Endpoint::parse("192.0.2.9:5060");
    b.expires = WallTime{std::chrono::milliseconds(1'735'126'200'123)};
    s.bindings.push_back(std::move(b));
  }
  return House(std::move(s));
}

std::string lines(const Reply& reply, const char* member) {
  std::string out;
  REQUIRE_MESSAGE(reply.status == 200, reply.text);
  for (const Json& line : *reply[member].array()) out += *line.text() + "\n";
  return out;
}

bool says(const Reply& reply, const std::string& part) {
  return lines(reply, "warnings").find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("moving a domain tells what it would touch and changes nothing") {
  House house = with_tenant();
  house.place_call();
  const auto written = house.store.written.size();
  const Reply told = house.ask("PATCH", "/v1/domains/A.test?preview=true", R"({"setid": 20})");
  CHECK(lines(told, "changes") == "change domain a.test: from set 10 to set 20\n");
  CHECK(json_text(told["fields"]) ==
        json_text(*parse_json(R"([{"field": "setid", "before": 10, "after": 20}])")));
  CHECK(*told["touches"].find("registrations")->integer() == 2);
  CHECK(*told["touches"].find("live_calls")->integer() == 1);
  CHECK(*told["touches"].find("subscriptions")->integer() == 0);
  CHECK(*told["served_by"].find("setid")->integer() == 20);
  const Json::Array& by = *told["served_by"].find("targets")->array();
  REQUIRE(by.size() == 1);
  CHECK(*by[0].find("id")->integer() == 2);
  CHECK(*by[0].find("destination")->text() == "sip:10.0.1.101:5060");
  CHECK(*by[0].find("state")->text() == "active");
  CHECK(says(told, "no target of set 20 is known to be up"));
  CHECK(says(told, "learn of 2 registrations when each phone registers again"));
  CHECK(says(told, "1 live call and 0 subscriptions stay where they are"));

  CHECK(house.edge.directory().domain("a.test")->setid == 10);
  CHECK(house.store.written.size() == written);
  CHECK(house.store.audited.empty());  // a question is no change
  // PUT says the same, with its defaults.
  const Reply put = house.ask("PUT", "/v1/domains/a.test?preview=true", R"({"setid": 20})");
  CHECK(put.json == told.json);
  CHECK(house.ask("PATCH", "/v1/domains/a.test?preview=false", R"({"setid": 20})").status == 200);
  CHECK(house.edge.directory().domain("a.test")->setid == 20);
}

TEST_CASE("a set that would refuse is warned of") {
  House house = with_tenant();
  const std::string at = "/v1/domains/a.test?preview=true";
  CHECK(says(house.ask("PATCH", at, R"({"setid": 30})"),
             "no target of set 30 can be tried (it has none): new calls and registrations will be "
             "refused"));
  REQUIRE(
      house.ask("PATCH", "/v1/dispatcher/sets/20/targets/2", R"({"state": "draining"})").status ==
      200);
  CHECK(says(house.ask("PATCH", at, R"({"setid": 20})"), "1 draining or disabled"));
  const Reply silenced = house.ask("PATCH", at, R"({"enabled": false})");
  CHECK(says(silenced, "get silence"));
  CHECK_FALSE(says(silenced, "no target"));
  // Of a disabled one it is told where it would go when it is enabled again.
  REQUIRE(house.ask("PATCH", "/v1/domains/a.test", R"({"enabled": false})").status == 200);
  CHECK(says(house.ask("PATCH", at, R"({"setid": 30})"), "no target of set 30 can be tried"));
}

TEST_CASE("a preview is checked as the write is") {
  House house = with_tenant();
  const std::string at = "/v1/domains/a.test?preview=true";
  const Reply none = house.ask("PATCH", at, R"({"setid": 99})");
  CHECK(none.status == 422);
  CHECK(none.field() == "setid");
  CHECK(house.ask("PATCH", at, R"({"setid": "x"})").field() == "setid");
  CHECK(house.ask("PATCH", "/v1/domains/a.test?preview=yes", R"({})").field() == "preview");
  CHECK(house.ask("PATCH", "/v1/domains/x.test?preview=true", "{}").status == 404);
  CHECK(house.ask("DELETE", "/v1/domains/x.test?preview=true").status == 404);
  const Reply same = house.ask("PATCH", at, R"({"setid": 10})");
  CHECK(lines(same, "changes").empty());
  CHECK(lines(same, "warnings").empty());
  CHECK(same["fields"].array()->empty());
}

TEST_CASE("a new domain and one that goes are told, and so are sets and targets") {
  House house = with_tenant();
  const Reply made = house.ask("PUT", "/v1/domains/b.test?preview=true", R"({"setid": 20})");
  CHECK(lines(made, "changes") == "add domain b.test\n");
  CHECK(made["fields"].array()->size() == 3);
  CHECK(made["fields"].array()->front().find("before")->null());
  CHECK(*made["touches"].find("registrations")->integer() == 1);
  CHECK(house.edge.directory().domain("b.test") == nullptr);

  const Reply gone = house.ask("DELETE", "/v1/domains/a.test?preview=true");
  CHECK(lines(gone, "changes") == "remove domain a.test\n");
  CHECK(gone["served_by"].null());
  CHECK(says(gone, "get silence"));
  CHECK(lines(house.ask("DELETE", "/v1/dispatcher/sets/30?preview=true"), "changes") ==
        "remove set 30\n");
  CHECK(house.ask("DELETE", "/v1/dispatcher/sets/10?preview=true").status == 409);
  CHECK(lines(house.ask("DELETE", "/v1/dispatcher/sets/20/targets/2?preview=true"), "changes") ==
        "remove target sip:10.0.1.101:5060 of set 20\n");
  house.place_call();
  CHECK(house.ask("DELETE", "/v1/dispatcher/sets/10/targets/1?preview=true").status == 409);
  CHECK(house.edge.directory().sets().size() == 3);
  CHECK(house.edge.directory().targets().size() == 2);
  CHECK(house.edge.directory().domains().size() == 1);
}
