#include "core/time_text.hpp"

#include <doctest/doctest.h>

namespace usher {

TEST_CASE("a time is written in UTC with milliseconds, and read back") {
  const WallTime when{std::chrono::milliseconds{1'769'860'800'123}};
  CHECK(time_text(when) == "2026-01-31T12:00:00.123Z");
  CHECK(parse_time("2026-01-31T12:00:00.123Z").value() == when);
  CHECK(time_text(WallTime{}) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("a time may have an offset, a short or long fraction, a blank for the T") {
  const WallTime when{std::chrono::milliseconds{1'769'860'800'000}};
  CHECK(parse_time("2026-01-31T14:30:00+02:30").value() == when);
  CHECK(parse_time("2026-01-31t07:00:00.0-05:00").value() == when);
  CHECK(parse_time("2026-01-31 12:00:00.5z").value() == when + std::chrono::milliseconds{500});
  CHECK(parse_time("2026-01-31T12:00:00.123456789Z").value() ==
        when + std::chrono::milliseconds{123});
  CHECK(parse_time("2024-02-29T00:00:00Z").has_value());
}

TEST_CASE("what is no time is refused with what it should look like") {
  for (const char* text :
       {"", "2026", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00Z ", "2026-01-31T12:00:00+0200",
        "-026-01-31T12:00:00Z", "1769860800", "yesterday"}) {
    const auto read = parse_time(text);
    REQUIRE_MESSAGE(!read.has_value(), text);
    CHECK(read.error().code == Errc::syntax);
    CHECK(read.error().message.find("2026-01-31T12:00:00Z") != std::string::npos);
  }
}

}  // namespace usher
