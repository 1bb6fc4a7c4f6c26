// The filters of /v1/calls.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

// One target, and a call of 401@a.test for 402@a.test that is on its way to it.
House with_call() {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  storage::Target target;
  target.id = 7;
  target.setid = 10;
  target.destination = *net::Destination::parse("10.0.1.100");
  s.targets.push_back(target);
  return House(std::move(s));
}

std::size_t found(House& house, const std::string& query) {
  const Reply reply = house.ask("GET", "/v1/calls?" + query);
  REQUIRE_MESSAGE(reply.status == 200, reply.text);
  return reply["items"].array()->size();
}

}  // namespace

TEST_CASE("live calls are found by their parties, domain, target, state, Call-ID and key") {
  House house = with_call();
  house.place_call();
  const Json call = house.ask("GET", "/v1/calls")["items"].array()->front();
  CHECK(*call.find("domain")->text() == "a.test");
  const std::string other = *call.find("new_call_id")->text();
  const std::string key = *call.find("key")->text();
  REQUIRE_FALSE(other.empty());
  for (const std::string& query :
       {std::string{"aor=401@a.test"}, std::string{"aor=402@A.TEST"}, std::string{"user=401"},
        std::string{"user=402"}, std::string{"domain=A.test"}, std::string{"target=7"},
        std::string{"state=trying"}, std::string{"call_id=1@192.0.2.1"}, "call_id=" + other,
        "key=" + key, std::string{"user=401&domain=a.test&target=7&state=trying"}}) {
    CAPTURE(query);
    CHECK(found(house, query) == 1);
  }
  for (const char* query :
       {"aor=403@a.test", "aor=401@b.test", "user=40", "domain=b.test", "target=8", "state=ringing",
        "call_id=1@192.0.2.2", "key=0", "user=401&state=confirmed"}) {
    CAPTURE(query);
    CHECK(found(house, query) == 0);
  }
}

TEST_CASE("a filter that cannot be meant is refused by its name") {
  House house = with_call();
  const std::string long_text(257, 'x');
  for (const auto& [query, field] :
       std::vector<std::pair<std::string, std::string>>{{"aor=401", "aor"},
                                                        {"aor=@a.test", "aor"},
                                                        {"aor=401@", "aor"},
                                                        {"aor=" + long_text + "@a.test", "aor"},
                                                        {"user=" + long_text, "user"},
                                                        {"call_id=" + long_text, "call_id"},
                                                        {"domain=a%20b", "domain"},
                                                        {"target=0", "target"},
                                                        {"target=x", "target"},
                                                        {"state=up", "state"},
                                                        {"state=", "state"},
                                                        {"status=200", "status"},
                                                        {"user=1&user=2", "user"}}) {
    CAPTURE(query);
    const Reply reply = house.ask("GET", "/v1/calls?" + query);
    CHECK(reply.status == 400);
    CHECK(reply.field() == field);
  }
}

TEST_CASE("what is filtered comes in pages too") {
  House house = with_call();
  for (int i = 0; i < 3; ++i) {
    net::Packet packet;
    packet.flow.remote = *net::Endpoint::parse("192.0.2.1:5060");
    const std::string n = std::to_string(i);
    const std::string user = i == 1 ? "409" : "401";
    packet.data =
        Bytes("INVITE sip:402@a.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK" +
              n + "\r\nMax-Forwards: 70\r\nFrom: <sip:" + user + "@a.test>;tag=" + n +
              "\r\nTo: <sip:402@a.test>\r\nCall-ID: c" + n +
              "\r\nCSeq: 1 INVITE\r\nContact: <sip:x@192.0.2.1:5060>\r\nContent-Length: "
              "0\r\n\r\n");
    house.edge.receive(house.now, packet);
    house.drain();
  }
  CHECK(found(house, "user=402") == 3);
  const Reply first = house.ask("GET", "/v1/calls?user=401&limit=1");
  REQUIRE(first["next"].text());
  CHECK(first["items"].array()->size() == 1);
  const Reply second =
      house.ask("GET", "/v1/calls?user=401&limit=1&cursor=" + *first["next"].text());
  REQUIRE(second["items"].array()->size() == 1);
  CHECK(second["next"].null());
  CHECK(*second["items"].array()->front().find("origin_call_id")->text() == "c2");
}
