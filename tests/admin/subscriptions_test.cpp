// /v1/subscriptions: the list, its filters and pages, and one of them.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

// Two tenants that have the same backend.
storage::Snapshot tenants() {
  storage::Snapshot s;
  for (const storage::SetId set : {10, 20}) {
    s.sets.push_back({.setid = set, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
    storage::Target target;
    target.id = set / 10 + 6;
    target.setid = set;
    target.destination = *net::Destination::parse("10.0.1.100");
    s.targets.push_back(target);
  }
  s.domains.push_back({"a.test", 10, true, ""});
  s.domains.push_back({"b.test", 20, true, ""});
  return s;
}

// One of 401 to 402 that the process before has left.
storage::SavedSubscription saved(Now now, const std::string& domain) {
  storage::SavedSubscription s;
  s.id = "saved-" + domain;
  s.key = "key-" + domain;
  s.domain = domain;
  s.package = "message-summary";
  s.expires = now.wall + std::chrono::minutes(10);
  s.subscriber.flow.remote = *net::Endpoint::parse("192.0.2.7:5060");
  s.subscriber.call_id = "phone-" + domain;
  s.subscriber.local_tag = "l";
  s.subscriber.remote_tag = "r";
  s.subscriber.local_party = "<sip:402@" + domain + ">";
  s.subscriber.remote_party = "\"Desk\" <sip:401@" + domain + ">";
  s.subscriber.remote_target = "sip:401@192.0.2.7";
  s.notifier = s.subscriber;
  s.notifier.side = storage::LegSide::backend;
  s.notifier.is_uac = true;
  s.notifier.flow.remote = *net::Endpoint::parse("10.0.1.100:5060");
  s.notifier.call_id = "backend-" + domain;
  std::swap(s.notifier.local_party, s.notifier.remote_party);
  s.notifier.remote_target = "sip:402@10.0.1.100";
  return s;
}

const Json::Array& items(const Reply& reply) {
  REQUIRE_MESSAGE(reply.status == 200, reply.text);
  return *reply["items"].array();
}

std::size_t found(House& house, const std::string& query) {
  return items(house.ask("GET", "/v1/subscriptions?" + query)).size();
}

std::int64_t counted(House& house) {
  return *house.ask("GET", "/v1/status")["counts"].find("subscriptions")->integer();
}

}  // namespace

TEST_CASE("a subscription is listed with who asks whom, where they are and until when") {
  House house(tenants());
  CHECK(found(house, "") == 0);
  house.subscribe("s1");
  const Reply all = house.ask("GET", "/v1/subscriptions");
  REQUIRE(items(all).size() == 1);
  CHECK(all["next"].null());
  const Json& s = items(all).front();
  const auto text = [&](const char* name) { return *s.find(name)->text(); };
  CHECK(text("state") == "asked");
  CHECK(text("event") == "dialog");
  CHECK(text("subscriber") == "sip:401@a.test");
  CHECK(text("notifier") == "sip:402@a.test");
  CHECK(text("domain") == "a.test");
  CHECK(text("subscriber_side") == "phone");
  CHECK(text("subscriber_at") == "192.0.2.1:5060");
  CHECK(text("notifier_at") == "10.0.1.100:5060");
  CHECK(text("subscriber_call_id") == "s1");
  CHECK_FALSE(text("notifier_call_id").empty());
  CHECK(text("expires") == "2024-12-25T11:30:00.123Z");
  CHECK_FALSE(*s.find("refer")->flag());
  CHECK_FALSE(*s.find("in_call")->flag());
  CHECK(*s.find("target")->integer() == 7);
  const Reply one = house.ask("GET", "/v1/subscriptions/" + text("id"));
  CHECK(one.status == 200);
  CHECK(json_text(one.json) == json_text(s));
  CHECK(house.ask("GET", "/v1/explain/" + text("key")).status == 200);
  CHECK(counted(house) == 1);
}

TEST_CASE("an id that is nobody's is not found") {
  House house(tenants());
  house.subscribe();
  for (const char* id : {"9-0", "2-0", "1-1", "0-0", "x", "1", "1-0x", "-", "99999999999-0"}) {
    CAPTURE(id);
    const Reply reply = house.ask("GET", std::string{"/v1/subscriptions/"} + id);
    CHECK(reply.status == 404);
    CHECK(reply.detail().find(id) != std::string::npos);
  }
}

TEST_CASE("subscriptions are found by party, domain, event, target, Call-ID and key") {
  House house(tenants());
  house.subscribe("s1", "401", "dialog");
  const Json s = items(house.ask("GET", "/v1/subscriptions")).front();
  for (const std::string& query :
       {std::string{"aor=401@a.test"}, std::string{"aor=sip:402@A.TEST"},
        std::string{"domain=A.test"}, std::string{"event=dialog"}, std::string{"target=7"},
        std::string{"call_id=s1"}, "call_id=" + *s.find("notifier_call_id")->text(),
        "key=" + *s.find("key")->text(),
        std::string{"aor=401@a.test&domain=a.test&event=dialog&target=7&call_id=s1"}}) {
    CAPTURE(query);
    CHECK(found(house, query) == 1);
  }
  for (const char* query :
       {"aor=403@a.test", "aor=401@b.test", "aor=01@a.test", "domain=b.test", "event=presence",
        "event=Dialog", "target=8", "call_id=s2", "key=0", "domain=a.test&event=refer"}) {
    CAPTURE(query);
    CHECK(found(house, query) == 0);
  }
}

TEST_CASE("a filter of the list that cannot be meant is refused by its name") {
  House house(tenants());
  const std::string long_text(257, 'x');
  for (const auto& [query, field] :
       std::vector<std::pair<std::string, std::string>>{{"aor=401", "aor"},
                                                        {"domain=a%20b", "domain"},
                                                        {"event=" + long_text, "event"},
                                                        {"target=0", "target"},
                                                        {"target=x", "target"},
                                                        {"call_id=" + long_text, "call_id"},
                                                        {"key=" + long_text, "key"},
                                                        {"state=live", "state"},
                                                        {"limit=0", "limit"},
                                                        {"cursor=x", "cursor"},
                                                        {"event=a&event=b", "event"}}) {
    CAPTURE(query);
    const Reply reply = house.ask("GET", "/v1/subscriptions?" + query);
    CHECK(reply.status == 400);
    CHECK(reply.field() == field);
  }
}

TEST_CASE("the list comes in pages, filtered or not, each one once") {
  House house(tenants());
  for (int i = 0; i < 5; ++i) house.subscribe("s" + std::to_string(i), i % 2 == 0 ? "401" : "409");
  CHECK(counted(house) == 5);
  const auto walk = [&](const std::string& filter, int limit) {
    std::string seen, cursor;
    do {
      const Reply page = house.ask("GET", "/v1/subscriptions?limit=" + std::to_string(limit) +
                                              filter + (cursor.empty() ? "" : "&cursor=" + cursor));
      CHECK(items(page).size() <= static_cast<std::size_t>(limit));
      for (const Json& s : items(page)) seen += *s.find("subscriber_call_id")->text() + " ";
      cursor = page["next"].text() ? *page["next"].text() : std::string{};
    } while (!cursor.empty());
    return seen;
  };
  CHECK(walk("", 2) == "s0 s1 s2 s3 s4 ");
  CHECK(walk("", 5) == "s0 s1 s2 s3 s4 ");
  CHECK(walk("&aor=401@a.test", 1) == "s0 s2 s4 ");
  CHECK(walk("&aor=409@a.test", 1) == "s1 s3 ");
}

TEST_CASE("those of the process before are listed, with the target of their tenant") {
  storage::Snapshot loaded = tenants();
  const Now now = House{}.now;
  for (const char* domain : {"a.test", "b.test"})
    loaded.subscriptions.push_back(saved(now, domain));
  House house(std::move(loaded));
  REQUIRE(found(house, "") == 2);
  CHECK(counted(house) == 2);
  const Json s = items(house.ask("GET", "/v1/subscriptions?domain=b.test")).front();
  CHECK(*s.find("key")->text() == "key-b.test");
  CHECK(*s.find("state")->text() == "live");
  CHECK(*s.find("subscriber")->text() == "sip:401@b.test");
  CHECK(*s.find("notifier")->text() == "sip:402@b.test");
  CHECK(*s.find("subscriber_call_id")->text() == "phone-b.test");
  CHECK(*s.find("expires")->text() == "2024-12-25T10:40:00.123Z");
  CHECK(*s.find("target")->integer() == 8);
  CHECK(found(house, "target=7") == 1);
  CHECK(found(house, "target=8") == 1);
  const Reply told = house.ask("PATCH", "/v1/domains/b.test?preview=true", R"({"setid": 10})");
  CHECK(*told["touches"].find("subscriptions")->integer() == 1);
}
