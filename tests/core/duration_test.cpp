#include "core/duration.hpp"

#include <doctest/doctest.h>

using namespace usher;
using namespace std::chrono_literals;

TEST_CASE("a duration is a whole number and a unit") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("4s") == 4s);
  CHECK(*parse_duration("3m") == 3min);
  CHECK(*parse_duration("1h") == 1h);
  CHECK(*parse_duration("2d") == 48h);
  CHECK(*parse_duration("7us") == 7us);
  CHECK(*parse_duration("0s") == 0s);
  CHECK(*parse_duration("007s") == 7s);
}

TEST_CASE("a bare number is refused with both readings") {
  const auto d = parse_duration("30");
  REQUIRE(d.has_error());
  CHECK(d.error().code == Errc::syntax);
  CHECK(d.error().message == "\"30\" has no unit: did you mean 30s or 30ms?");
}

TEST_CASE("what is no duration is refused with what was expected") {
  for (const char* text : {"", "s", "-5s", "+5s", "1.5s", "5 s", " 5s", "5s ", "5S", "5sec", "5min",
                           "1h30m", "0x5s", "½s"}) {
    CAPTURE(text);
    const auto d = parse_duration(text);
    REQUIRE(d.has_error());
    CHECK(d.error().code == Errc::syntax);
    CHECK(d.error().message.find("expected a whole number and a unit") != std::string::npos);
  }
}

TEST_CASE("a duration that cannot be held is out of range, not wrapped around") {
  for (const char* text : {"9223372036854775808us", "99999999999999999999999999s", "106751992d",
                           "9223372036854775807ms"}) {
    CAPTURE(text);
    const auto d = parse_duration(text);
    REQUIRE(d.has_error());
    CHECK(d.error().code == Errc::range);
  }
  CHECK(parse_duration("9223372036854775807us").has_value());
  CHECK(parse_duration("106751991d").has_value());
}

TEST_CASE("the shortest exact spelling reads back") {
  CHECK(duration_text(0s) == "0s");
  CHECK(duration_text(500ms) == "500ms");
  CHECK(duration_text(1500ms) == "1500ms");
  CHECK(duration_text(32s) == "32s");
  CHECK(duration_text(180s) == "3m");
  CHECK(duration_text(90s) == "90s");
  CHECK(duration_text(24h) == "1d");
  CHECK(duration_text(1us) == "1us");
  CHECK(duration_text(-5s) == "-5s");
  for (const Duration d :
       {Duration{1}, Duration{999}, Duration{1'000'001}, Duration{86'400'000'000}}) {
    CHECK(*parse_duration(duration_text(d)) == d);
  }
}
