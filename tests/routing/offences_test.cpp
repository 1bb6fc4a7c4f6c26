#include "routing/offences.hpp"

#include <doctest/doctest.h>

#include "core/limits.hpp"

using namespace usher;
using namespace usher::routing;
using namespace std::chrono_literals;

namespace {

const net::IpAddress kSource = *net::IpAddress::parse("192.0.2.1");

struct Bench {
  Offences offences{HashKey{1, 2}};
  Instant now{1h};
  storage::GateSettings settings;
  // After how many failures of the user the source is to be banned; 0: not after 1000.
  int until_ban(const Offences::Offender& who, const std::string& user) {
    for (int i = 1; i <= 1000; ++i) {
      if (offences.failed(now, who, user, settings).ban) return i;
    }
    return 0;
  }
};

}  // namespace

TEST_CASE("a source without phones is over after so many failures in the window") {
  Bench b;
  CHECK(b.until_ban({kSource, 0, false}, "401@a.test") == 10);
  for (int i = 0; i < 100; ++i) {
    b.now += 2min;  // five in ten minutes
    CHECK_FALSE(b.offences.failed(b.now, {kSource, 0, true}, "402@a.test", b.settings).ban);
  }
}

TEST_CASE("one bad password never costs a site its phones; more guilty users than phones do") {
  Bench b;
  CHECK(b.until_ban({kSource, 20, true}, "bad@a.test") == 0);
  int users = 1;
  for (; users < 100; ++users) {
    if (b.until_ban({kSource, 20, true}, "guess" + std::to_string(users)) > 0) break;
  }
  CHECK(users == 20);  // the bad one, and twenty who guess
}

TEST_CASE("what anybody could have written into a datagram bans nobody who has phones") {
  Bench b;
  for (int user = 0; user < 100; ++user)
    CHECK(b.until_ban({kSource, 1, false}, std::to_string(user)) == 0);
  for (int i = 0; i < 100; ++i)
    CHECK_FALSE(
        b.offences.failed(b.now, {kSource, 1, false}, "401@a.test", b.settings).user_is_over);
  for (int i = 0; i < 1000; ++i)
    CHECK_FALSE(b.offences.knocked(b.now, {kSource, 1, false}, i % 2 == 0, b.settings).ban);
}

TEST_CASE("knocks and scanners count apart, each to its own threshold") {
  Bench b;
  int knocks = 1, scans = 1;
  while (!b.offences.knocked(b.now, {kSource, 0, false}, false, b.settings).ban) ++knocks;
  while (!b.offences.knocked(b.now, {kSource, 0, false}, true, b.settings).ban) ++scans;
  CHECK(knocks == 20);
  CHECK(scans == 3);
}

TEST_CASE("a user is over once, held for a time, and forgiven with his source") {
  Bench b;
  const Offences::Offender site{kSource, 20, true};
  int over = 0;
  for (int i = 1; i <= 30; ++i)
    over += b.offences.failed(b.now, site, "bad@a.test", b.settings).user_is_over ? i : 0;
  CHECK(over == 10);
  b.offences.hold(b.now, kSource, "bad@a.test", 10min);
  CHECK(b.offences.held(b.now, kSource, "bad@a.test"));
  CHECK_FALSE(b.offences.held(b.now, kSource, "good@a.test"));
  CHECK_FALSE(b.offences.held(b.now, *net::IpAddress::parse("192.0.2.2"), "bad@a.test"));
  CHECK(b.offences.held(b.now + 9min, kSource, "bad@a.test"));
  CHECK_FALSE(b.offences.held(b.now + 10min, kSource, "bad@a.test"));
  b.offences.forgive(b.now + 1s, kSource);
  CHECK_FALSE(b.offences.held(b.now + 2s, kSource, "bad@a.test"));
}

TEST_CASE("a challenge is known for a while, and only to whom it was sent") {
  Bench b;
  b.offences.challenged(b.now, kSource, "n1");
  CHECK(b.offences.answers_challenge(b.now, kSource, "n1"));
  CHECK_FALSE(b.offences.answers_challenge(b.now, kSource, "n2"));
  CHECK_FALSE(b.offences.answers_challenge(b.now, *net::IpAddress::parse("192.0.2.2"), "n1"));
  CHECK_FALSE(b.offences.answers_challenge(b.now + 5min, kSource, "n1"));
}

TEST_CASE("a million offenders cost bounded memory") {
  Bench b;
  for (std::uint32_t i = 0; i < 1'000'000; ++i) {
    b.offences.failed(b.now, {net::IpAddress::v4(i), 0, false}, "401@a.test", b.settings);
    b.offences.challenged(b.now, net::IpAddress::v4(i), "n");
  }
  CHECK(b.offences.size() <= 2 * limits::kOffenders + limits::kNonces);
}
