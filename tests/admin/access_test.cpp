#include "admin/access.hpp"

#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

TEST_CASE("with a token configured everything but health needs it") {
  House house({}, "s3cret");
  CHECK(house.ask("GET", "/healthz").status == 200);
  CHECK(house.ask("GET", "/readyz").status == 503);  // answered, though there is no target yet
  for (const char* target :
       {"/metrics", "/v1/status", "/v1/domains", "/v1/openapi.yaml", "/nothing"}) {
    CAPTURE(target);
    const Reply without = house.ask("GET", target);
    CHECK(without.status == 401);
    CHECK(without.header("WWW-Authenticate").rfind("Bearer", 0) == 0);
  }
  for (const char* value : {"Bearer s3cre", "Bearer s3crets", "Bearer ", "Bearer", "Basic s3cret",
                            "s3cret", "Bearer S3cret", "Bearer s3crets3cret"}) {
    CAPTURE(value);
    CHECK(house.ask("GET", "/v1/status", {}, {{"Authorization", value}}).status == 401);
  }
  CHECK(house.ask("GET", "/v1/status", {}, {{"Authorization", "Bearer s3cret"}}).status == 200);
  CHECK(house.ask("GET", "/v1/status", {}, {{"authorization", "bearer s3cret"}}).status == 200);
  CHECK(house.ask("PUT", "/v1/dispatcher/sets/10", "{}").status == 401);
  CHECK(house.edge.directory().sets().empty());
}

TEST_CASE("tokens compare equal only when they are") {
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("", "abc"));
  CHECK_FALSE(equal_in_constant_time("abcabc", "abc"));
  CHECK_FALSE(equal_in_constant_time("ab", "abc"));
  CHECK_FALSE(equal_in_constant_time("abd", "abc"));
}

TEST_CASE("without a token, a page in the operator's browser cannot reach the administration") {
  House house;
  CHECK(house.ask("GET", "/v1/status", {}, {{"Host", "localhost:8080"}}).status == 200);
  CHECK(house.ask("GET", "/v1/status", {}, {{"Host", "[::1]:8080"}}).status == 200);
  CHECK(house.ask("GET", "/v1/status", {}, {{"Host", "rebound.example:8080"}}).status == 421);
  CHECK(house
            .ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})",
                 {{"Origin", "http://evil.example"}})
            .status == 403);
  CHECK(house.edge.directory().sets().empty());
  CHECK(house.ask("GET", "/v1/status", {}, {{"Origin", "http://127.0.0.1:8080"}}).status == 200);
}

TEST_CASE("methods, paths and media types are answered as HTTP says") {
  House house;
  const Reply method = house.ask("DELETE", "/v1/domains");
  CHECK(method.status == 405);
  CHECK(method.header("Allow") == "GET, HEAD");
  CHECK(house.ask("POST", "/v1/domains/a.test", "{}").header("Allow") ==
        "GET, HEAD, PUT, PATCH, DELETE");
  for (const char* target :
       {"/v1", "/v1/domains/", "/v1/domains/a/b", "/v2/domains", "/V1/domains"}) {
    CAPTURE(target);
    const Reply reply = house.ask("GET", target);
    CHECK(reply.status == 404);
    CHECK(reply.type == "application/problem+json");
  }
  CHECK(house.ask("GET", "*").status == 400);
  CHECK(house.ask("GET", "/v1/domains/%zz").status == 400);
  CHECK(house.ask("GET", "/v1/status", {}, {{"Accept", "text/html"}}).status == 406);
  CHECK(house.ask("GET", "/v1/cdrs?format=csv", {}, {{"Accept", "text/csv"}}).status == 200);
  CHECK(house.ask("GET", "/v1/ladder?call_id=x&format=svg", {}, {{"Accept", "image/svg+xml"}})
            .status == 200);
  const std::string pcap = "application/vnd.tcpdump.pcap";
  CHECK(house.ask("GET", "/v1/pcap?call_id=x", {}, {{"Accept", pcap}}).status == 200);
  CHECK(house.ask("GET", "/v1/pcap?call_id=x", {}, {{"Accept", "application/json"}}).status == 406);
  const Reply head = house.ask("HEAD", "/v1/status");
  CHECK(head.status == 200);
  CHECK(head.omit_body);
  CHECK_FALSE(head.text.empty());  // its length is sent
}

TEST_CASE("writes stand in the log with who made them, and no forged line") {
  House house;
  house.ask("PUT", "/v1/dispatcher/sets/10", "{}");
  REQUIRE_FALSE(house.lines.empty());
  CHECK(house.lines.back() ==
        "\"PUT /v1/dispatcher/sets/10\" from 127.0.0.1:40000 (token none): 201");
}
