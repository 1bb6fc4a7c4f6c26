#include "routing/limiter.hpp"

#include <doctest/doctest.h>

#include "core/limits.hpp"
#include "core/net/source.hpp"

using namespace usher;
using namespace usher::routing;
using namespace std::chrono_literals;
using Over = Limiter::Over;

namespace {

net::IpAddress ip(std::string_view text) {
  return *net::IpAddress::parse(text);
}

storage::GateSettings only(storage::RateLimit storage::GateSettings::*limit,
                           storage::RateLimit value) {
  storage::GateSettings s;
  s.source = s.phone = s.user = s.domain = s.method = {};
  s.*limit = value;
  return s;
}

struct Bench {
  Limiter limiter{HashKey{1, 2}};
  Instant now{1h};
  // How many of `count` pass at once.
  int passed(const Limiter::Asked& asked, const storage::GateSettings& s, int count) {
    int out = 0;
    for (int i = 0; i < count; ++i) out += limiter.take(now, asked, s) == Over::none;
    return out;
  }
};

}  // namespace

TEST_CASE("a bucket gives its burst at once and then its rate, however often it is asked") {
  Bench b;
  const auto s = only(&storage::GateSettings::source, {10, 30});
  const Limiter::Asked asked{.source = ip("192.0.2.1")};
  CHECK(b.passed(asked, s, 1000) == 30);
  b.now += 1s;
  CHECK(b.passed(asked, s, 1000) == 10);
  b.now += 1h;
  CHECK(b.passed(asked, s, 1000) == 30);
  CHECK(b.passed({.source = ip("192.0.2.2")}, s, 1000) == 30);
}

TEST_CASE("each limit is told by its name, and holds for its own subject") {
  const Limiter::Asked asked{
      .source = ip("192.0.2.1"), .user = "401@a.test", .domain = "a.test", .method = "INVITE"};
  const auto over = [&](storage::RateLimit storage::GateSettings::*limit, Limiter::Asked other) {
    Bench b;
    const auto s = only(limit, {1, 2});
    CHECK(b.passed(asked, s, 5) == 2);
    CHECK(b.passed(other, s, 5) == 2);
    return b.limiter.take(b.now, asked, s);
  };
  Limiter::Asked other = asked;
  other.source = ip("192.0.2.2");
  CHECK(over(&storage::GateSettings::source, other) == Over::source);
  CHECK(over(&storage::GateSettings::user, other) == Over::user);
  other = asked;
  other.user = "402@a.test";
  CHECK(over(&storage::GateSettings::user, other) == Over::user);
  other.domain = "b.test";
  CHECK(over(&storage::GateSettings::domain, other) == Over::domain);
  other.method = "REGISTER";
  CHECK(over(&storage::GateSettings::method, other) == Over::method);
}

TEST_CASE("registered phones add to their source's share, and newcomers take nothing from them") {
  Bench b;
  storage::GateSettings s = only(&storage::GateSettings::source, {10, 30});
  s.phone = {5, 10};
  CHECK(b.passed({.source = ip("192.0.2.1"), .phones = 20}, s, 1000) == 230);
  b.now += 1s;
  CHECK(b.passed({.source = ip("192.0.2.1"), .phones = 20}, s, 1000) == 110);

  s = only(&storage::GateSettings::domain, {1, 5});
  s.method = {1, 5};
  CHECK(b.passed({.source = ip("198.51.100.1"), .domain = "a.test", .method = "REGISTER"}, s,
                 100) == 5);
  CHECK(b.passed({.source = ip("192.0.2.1"), .phones = 1, .domain = "a.test", .method = "REGISTER"},
                 s, 100) == 100);
}

TEST_CASE("a host of an IPv6 network cannot multiply itself") {
  CHECK(source_of(ip("2001:db8:0:1::1")) == source_of(ip("2001:db8:0:1:ffff::2")));
  CHECK(source_of(ip("2001:db8:0:1::1")) != source_of(ip("2001:db8:0:2::1")));
  CHECK(source_of(ip("192.0.2.1")) != source_of(ip("192.0.2.2")));
  CHECK(source_network(ip("2001:db8:0:1::1")).text() == "2001:db8:0:1::/64");
}

TEST_CASE("networks are cut and compared bit by bit") {
  CHECK(network_of(ip("192.0.2.255"), 28).text() == "192.0.2.240/28");
  CHECK(network_of(ip("192.0.2.255"), 0).text() == "0.0.0.0/0");
  CHECK(network_of(ip("2001:db8:ffff::1"), 33).text() == "2001:db8:8000::/33");
  CHECK(overlap(*net::Cidr::parse("10.0.0.0/8"), *net::Cidr::parse("10.1.2.3")));
  CHECK(overlap(*net::Cidr::parse("10.1.2.3"), *net::Cidr::parse("10.0.0.0/8")));
  CHECK_FALSE(overlap(*net::Cidr::parse("10.0.0.0/8"), *net::Cidr::parse("11.0.0.0/8")));
}

TEST_CASE("a million spoofed sources cost bounded memory") {
  Bench b;
  const auto s = only(&storage::GateSettings::source, {10, 30});
  for (std::uint32_t i = 0; i < 1'000'000; ++i)
    b.limiter.take(b.now, {.source = net::IpAddress::v4(i)}, s);
  CHECK(b.limiter.size() <= limits::kBuckets);
}

TEST_CASE("refusals to a source are few, whatever it sends") {
  Bench b;
  int sent = 0;
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < 100; ++i)
      sent += b.limiter.may_answer(b.now, ip("192.0.2.1"), "user" + std::to_string(i));
    b.now += 1s;
  }
  CHECK(sent <= 120);
  CHECK(sent >= 90);
  sent = 0;
  for (int second = 0; second < 100; ++second, b.now += 1s)
    sent += b.limiter.may_answer(b.now, ip("192.0.2.2"), "401@a.test");
  CHECK(sent == 10);
}
