#include "core/net/crowd.hpp"

#include <doctest/doctest.h>

#include <set>

#include "core/limits.hpp"

using namespace usher;
using namespace usher::net;

namespace {

const IpAddress kHere = IpAddress::v4(0x0a000001);

}  // namespace

TEST_CASE("one address may hold so many doors, and another one still comes in") {
  Crowd crowd;
  std::uint64_t id = 0;
  for (std::size_t i = 0; i < limits::kSilentPerSource; ++i) {
    REQUIRE(crowd.refuses(kHere, false).empty());
    crowd.enter({++id}, kHere);
  }
  CHECK(crowd.refuses(kHere, false) == "too many silent connections from this address");
  CHECK(crowd.refuses(kHere, true).empty());
  CHECK(crowd.refuses(IpAddress::v4(0x0a000002), false).empty());
  crowd.speak(kHere);
  CHECK(crowd.refuses(kHere, false).empty());
  for (std::size_t i = 0; i < limits::kSilentPerSource; ++i) crowd.leave(kHere, i > 0);
  CHECK(crowd.size() == 0);
  CHECK(crowd.silent() == 0);
}

TEST_CASE("a host with IPv6 may choose its address: its /64 counts") {
  Crowd crowd;
  const auto in = [](const char* text) { return *IpAddress::parse(text); };
  for (std::size_t i = 0; i < limits::kSilentPerSource; ++i)
    crowd.enter({i + 1}, in(i % 2 ? "2001:db8::1" : "2001:db8::2"));
  CHECK_FALSE(crowd.refuses(in("2001:db8::3"), false).empty());
  CHECK(crowd.refuses(in("2001:db8:0:1::3"), false).empty());
  crowd.speak(in("2001:db8::9"));
  CHECK(crowd.refuses(in("2001:db8::3"), false).empty());
}

TEST_CASE("when all room is taken a known peer still comes in") {
  Crowd crowd;
  for (std::uint64_t id = 1; id <= limits::kConnections; ++id)
    crowd.enter({id}, IpAddress::v4(static_cast<std::uint32_t>(id)));
  CHECK(crowd.refuses(kHere, false) == "too many connections");
  CHECK(crowd.refuses(kHere, true).empty());
  for (std::uint64_t id = limits::kConnections; id < limits::kConnectionsWithKnown; ++id)
    crowd.enter({id + 1}, kHere);
  CHECK(crowd.refuses(kHere, true) == "too many connections");
}

TEST_CASE("a site whose phones speak has room for all of them") {
  Crowd crowd;
  for (std::uint64_t id = 1; id <= limits::kConnectionsPerSource; ++id) {
    REQUIRE(crowd.refuses(kHere, false).empty());
    crowd.enter({id}, kHere);
    crowd.speak(kHere);
  }
  CHECK(crowd.refuses(kHere, false) == "too many connections from this address");
}

TEST_CASE("beyond the limit of silent ones the oldest that is still silent makes room") {
  Crowd crowd;
  std::set<std::uint64_t> silent;
  const auto is_silent = [&](ConnectionId id) { return silent.contains(id.value); };
  for (std::uint64_t id = 1; id <= limits::kSilentConnections; ++id) {
    crowd.enter({id}, IpAddress::v4(static_cast<std::uint32_t>(id)));
    silent.insert(id);
  }
  CHECK_FALSE(crowd.too_many(is_silent).has_value());
  crowd.speak(IpAddress::v4(1));
  silent.erase(1);
  crowd.enter({9001}, kHere);
  silent.insert(9001);
  CHECK_FALSE(crowd.too_many(is_silent).has_value());
  crowd.enter({9002}, kHere);
  silent.insert(9002);
  CHECK(crowd.too_many(is_silent) == ConnectionId{2});
}
