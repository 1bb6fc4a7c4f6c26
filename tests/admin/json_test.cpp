#include "admin/json.hpp"

#include <doctest/doctest.h>

#include "admin/router.hpp"

using namespace usher;
using namespace usher::admin;

TEST_CASE("JSON is read exactly or refused with its place") {
  const auto j = parse_json(R"({"a": [1, -2, 2.5, true, null, "x\u00e9"], "b": {}})");
  REQUIRE(j.has_value());
  const Json::Array& a = *j->find("a")->array();
  CHECK(*a[0].integer() == 1);
  CHECK(*a[1].integer() == -2);
  CHECK(std::get<double>(a[2].value) == 2.5);
  CHECK(*a[3].flag());
  CHECK(a[4].null());
  CHECK(*a[5].text() == "x\xc3\xa9");
  CHECK(j->find("b")->object()->empty());
  CHECK(j->find("c") == nullptr);

  for (const char* bad : {"", "{", "{\"a\":1,}", "{'a':1}", "nul", "{\"a\":1} x", "\"\xff\"",
                          "[1 2]", "{\"a\":01}", "\x01"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_json(bad).has_value());
  }
  CHECK(parse_json("{\"a\" 1}").error().message.find("column") != std::string::npos);
}

TEST_CASE("a name that stands twice in an object is refused, not the last one taken") {
  const auto j = parse_json(R"({"weight": 1, "weight": 2})");
  REQUIRE_FALSE(j.has_value());
  CHECK(j.error().message.find("weight") != std::string::npos);
}

TEST_CASE("nesting is bounded") {
  CHECK(parse_json(std::string(kJsonDepth, '[') + std::string(kJsonDepth, ']')).has_value());
  const auto deep = parse_json(std::string(100'000, '['));
  REQUIRE_FALSE(deep.has_value());
  CHECK(deep.error().code == Errc::limit);
}

TEST_CASE("a number beyond 64 bits is no whole number") {
  CHECK(parse_json("9223372036854775807")->integer() != nullptr);
  CHECK(parse_json("9223372036854775808")->integer() == nullptr);
}

TEST_CASE("bytes of SIP that are not UTF-8 still make JSON") {
  const std::string text = json_text(Json::Object{{"from", std::string("sip:\xff@a")}});
  CHECK(parse_json(text).has_value());
}

TEST_CASE("a document is written indented or in one line, and reads back as it was") {
  const Json document{
      Json::Object{{"plain", "sip:401@a.test"},
                   {"quoted", "\"a\\b\"\r\nc"},
                   {"other", std::string("tab\t nul") + '\0' + " \x1b[31m \u00fc"},
                   {"numbers", Json::Array{1, -9223372036854775807 - 1, 0.25}},
                   {"flags", Json::Object{{"yes", true}, {"no", false}, {"none", nullptr}}},
                   {"empty", Json::Array{Json::Array{}, Json::Object{}}}}};
  CHECK(json_text(document) == R"({
  "plain": "sip:401@a.test",
  "quoted": "\"a\\b\"\r\nc",
  "other": "tab\t nul\u0000 \u001b[31m ü",
  "numbers": [
    1,
    -9223372036854775808,
    0.25
  ],
  "flags": {
    "yes": true,
    "no": false,
    "none": null
  },
  "empty": [
    [],
    {}
  ]
}
)");
  CHECK(*parse_json(json_text(document)) == document);
  CHECK(json_line(Json::Object{{"a", Json::Array{1, "b"}}, {"c", Json::Object{}}}) ==
        R"({"a":[1,"b"],"c":{}})");
  CHECK(*parse_json(json_line(document)) == document);
}

TEST_CASE("a merge patch replaces, adds and takes away, at any depth (RFC 7396)") {
  const Json old = *parse_json(R"({"a": 1, "b": {"c": 2, "d": 3}, "e": 4})");
  const Json patch =
      *parse_json(R"({"a": 9, "b": {"c": null}, "e": null, "f": {"g": null, "h": 1}})");
  CHECK(merge_patch(old, patch) == *parse_json(R"({"a": 9, "b": {"d": 3}, "f": {"h": 1}})"));
}

TEST_CASE("percent-encoding is undone once and refused when broken") {
  CHECK(*percent_decode("a%2Fb+c") == "a/b+c");
  CHECK(*percent_decode("%2525") == "%25");
  CHECK(*percent_decode_query("a+b%2B") == "a b+");
  for (const char* bad : {"%", "%1", "%zz", "%00", "a%2"}) {
    CAPTURE(bad);
    CHECK_FALSE(percent_decode(bad).has_value());
  }
  CHECK(*percent_decode(percent_encode("friendly scanner/1 ü?&=")) == "friendly scanner/1 ü?&=");
}

TEST_CASE("an Accept header is obeyed as RFC 9110 says") {
  CHECK(accepts("", "application/json"));
  CHECK(accepts("*/*", "application/json"));
  CHECK(accepts("text/html, application/*;q=0.5", "application/json"));
  CHECK(
      accepts("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
              "text/plain"));
  CHECK_FALSE(accepts("text/html", "application/json"));
  CHECK_FALSE(accepts("application/json;q=0", "application/json"));
  CHECK_FALSE(accepts("*/*, application/json;q=0.0", "application/json"));
}
