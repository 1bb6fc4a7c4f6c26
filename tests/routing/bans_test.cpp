#include "routing/bans.hpp"

#include <doctest/doctest.h>

#include "core/limits.hpp"
#include "routing/knocks.hpp"

using namespace usher;
using namespace usher::routing;
using namespace std::chrono_literals;

namespace {

Now at(Duration since) {
  return {Instant{1h + since}, WallTime{std::chrono::milliseconds(1'700'000'000'000)} +
                                   std::chrono::duration_cast<std::chrono::milliseconds>(since)};
}

storage::Ban ban(std::string_view network, Duration length = {}, bool enforced = true) {
  storage::Ban b;
  b.network = *net::Cidr::parse(network);
  b.since = at({}).wall;
  if (length != Duration{})
    b.until = b.since + std::chrono::duration_cast<std::chrono::milliseconds>(length);
  b.enforced = enforced;
  return b;
}

net::IpAddress ip(std::string_view text) {
  return *net::IpAddress::parse(text);
}

}  // namespace

TEST_CASE("addresses and networks of both families match, and nobody beside them") {
  Bans bans{HashKey{1, 2}};
  for (const char* network : {"192.0.2.1", "198.51.100.0/24", "2001:db8:1::/64", "2001:db8:2::9"})
    REQUIRE(bans.put(at({}), ban(network)));
  for (const char* in :
       {"192.0.2.1", "198.51.100.0", "198.51.100.255", "2001:db8:1::ffff", "2001:db8:2::9"}) {
    CAPTURE(in);
    CHECK(bans.match(ip(in)) != nullptr);
  }
  for (const char* out : {"192.0.2.2", "198.51.101.0", "2001:db8:1:1::1", "2001:db8:2::8"}) {
    CAPTURE(out);
    CHECK(bans.match(ip(out)) == nullptr);
  }
  CHECK(bans.erase(*net::Cidr::parse("198.51.100.0/24")));
  CHECK(bans.match(ip("198.51.100.7")) == nullptr);
  CHECK(bans.match(ip("192.0.2.1")) != nullptr);
}

TEST_CASE("a ban of dry-run matches nobody, and one that is enforced later does") {
  Bans bans{HashKey{1, 2}};
  REQUIRE(bans.put(at({}), ban("192.0.2.1", 10min, false)));
  CHECK(bans.match(ip("192.0.2.1")) == nullptr);
  CHECK(bans.size() == 1);
  CHECK(bans.enforced() == 0);
  REQUIRE(bans.put(at({}), ban("192.0.2.1", 10min)));
  CHECK(bans.match(ip("192.0.2.1")) != nullptr);
  CHECK(bans.size() == 1);
  CHECK(bans.enforced() == 1);
}

TEST_CASE("a ban ends at its time, one without a time does not") {
  Bans bans{HashKey{1, 2}};
  bans.put(at({}), ban("192.0.2.1", 10min));
  bans.put(at({}), ban("192.0.2.2", 20min));
  bans.put(at({}), ban("192.0.2.3"));
  bans.put(at({}), ban("192.0.2.1", 15min));  // longer than before
  CHECK(*bans.next_expiry() == at(15min).mono);
  CHECK(bans.expire(at(14min).mono).empty());
  CHECK(bans.expire(at(15min).mono).size() == 1);
  CHECK(bans.match(ip("192.0.2.1")) == nullptr);
  CHECK(bans.expire(at(1000h).mono).size() == 1);
  CHECK(bans.match(ip("192.0.2.3")) != nullptr);
  CHECK_FALSE(bans.next_expiry());
}

TEST_CASE("repeaters are banned for longer, up to a ceiling, and forgotten after a while") {
  CHECK(Bans::length(1, 10min, 24h) == 10min);
  CHECK(Bans::length(2, 10min, 24h) == 20min);
  CHECK(Bans::length(4, 10min, 24h) == 80min);
  CHECK(Bans::length(1000, 10min, 24h) == 24h);
  Bans bans{HashKey{1, 2}};
  const net::Cidr network = *net::Cidr::parse("192.0.2.1");
  CHECK(bans.count_again(at({}), network, 24h) == 1);
  bans.put(at({}), ban("192.0.2.1", 10min));
  bans.expire(at(10min).mono);
  CHECK(bans.count_again(at(11min), network, 24h) == 2);
  CHECK(bans.count_again(at(25h), network, 24h) == 1);
}

TEST_CASE("hits are counted, and stored at times") {
  Bans bans{HashKey{1, 2}};
  bans.put(at({}), ban("192.0.2.1"));
  for (int i = 0; i < 1000; ++i) bans.hit(*bans.match(ip("192.0.2.1")), at({}).mono);
  CHECK(bans.take_changed(at(59s).mono).empty());
  const auto changed = bans.take_changed(at(60s).mono);
  REQUIRE(changed.size() == 1);
  CHECK(changed[0].hits == 1000);
  CHECK_FALSE(bans.flush_due());
}

TEST_CASE("of each ban one packet in ten seconds is told, of all of them twenty a second") {
  Bans bans{HashKey{1, 2}};
  for (std::uint32_t i = 0; i < 30; ++i) {
    storage::Ban b = ban("192.0.2.1");
    b.network.base = net::IpAddress::v4(0x0a000000 + i);
    REQUIRE(bans.put(at({}), b));
  }
  const auto tells = [&](std::uint32_t i, Duration when) {
    return bans.tells(*bans.match(net::IpAddress::v4(0x0a000000 + i)), at(when).mono);
  };
  CHECK(tells(0, 0s));
  CHECK_FALSE(tells(0, 9s));
  CHECK(tells(0, 10s));
  int told = 0;
  for (std::uint32_t i = 1; i < 30; ++i) told += tells(i, 20s) ? 1 : 0;
  CHECK(told == static_cast<int>(Bans::kToldOfAll));
  for (std::uint32_t i = 1; i < 30; ++i) told += tells(i, 21s) ? 1 : 0;
  CHECK(told == 29);
}

TEST_CASE("the list of bans is bounded") {
  Bans bans{HashKey{1, 2}};
  for (std::uint32_t i = 0; i < limits::kBans; ++i) {
    storage::Ban b = ban("192.0.2.1");
    b.network.base = net::IpAddress::v4(i);
    REQUIRE(bans.put(at({}), b));
  }
  CHECK_FALSE(bans.put(at({}), ban("203.0.113.1")));
  CHECK(bans.size() == limits::kBans);
}

TEST_CASE("a flood of knocks is one entry, few lines, and few rows") {
  Knocks knocks{HashKey{1, 2}, {}};
  const storage::DoorKnock knock{.domain = "x.test",
                                 .source = *net::Endpoint::parse("192.0.2.1:5060"),
                                 .method = "REGISTER",
                                 .reason = "not found",
                                 .user_agent = ""};
  int lines = 0;
  std::size_t rows = 0;
  for (int ms = 0; ms < 59'000; ++ms) {
    lines += knocks.add(at(std::chrono::milliseconds(ms)), knock);
    rows += knocks.take_batch(at(std::chrono::milliseconds(ms)).mono).size();
    CHECK(knocks.take_unlogged(at(std::chrono::milliseconds(ms)).mono) == 0);
  }
  CHECK(lines == Knocks::kLines);
  CHECK(rows <= 59);
  CHECK(rows >= 57);
  CHECK(knocks.take_unlogged(at(60s).mono) == 59'000 - Knocks::kLines);
  CHECK(knocks.take_unlogged(at(200s).mono) == 0);
  REQUIRE(knocks.size() == 1);
  const storage::DoorKnock seen = knocks.newest(10)[0];
  CHECK(seen.count == 59'000);
  CHECK(seen.first == at({}).wall);
  CHECK(seen.when == at(58'999ms).wall);
  CHECK(knocks.add(at(61s), knock));  // the next period
}

TEST_CASE("a million knocking sources cost bounded memory, lines and rows") {
  Knocks knocks{HashKey{1, 2}, {}};
  int lines = 0;
  std::size_t rows = 0;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    const Now now = at(Duration{i});  // a second of it
    storage::DoorKnock knock;
    knock.source.address = net::IpAddress::v4(i);
    knock.reason = "not found";
    lines += knocks.add(now, knock);
    rows += knocks.take_batch(now.mono).size();
  }
  rows += knocks.take_batch(at(2s).mono).size();
  CHECK(lines == Knocks::kLinesOfAll);
  CHECK(rows <= 2 * Knocks::kBatch);
  CHECK(knocks.size() == limits::kDoorKnocks);
  CHECK(knocks.newest(1)[0].source.address == net::IpAddress::v4(999'999));
}
