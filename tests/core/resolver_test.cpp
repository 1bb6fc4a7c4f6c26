#include "core/net/resolver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/core/loop.hpp"

using namespace usher;
using namespace usher::net;

TEST_CASE("a name of /etc/hosts resolves, and never before the question has been taken") {
  Reactor reactor;
  Resolver resolver(reactor);
  std::optional<Answer<IpAddress>> answer;
  resolver.addresses("localhost", [&](Answer<IpAddress> a) { answer = std::move(a); });
  CHECK_FALSE(answer.has_value());
  REQUIRE(test::run_until(
      reactor, [&] { return answer.has_value(); }, std::chrono::seconds(30)));
  CHECK(std::count(answer->records.begin(), answer->records.end(), IpAddress::v4(0x7f000001)) == 1);
  CHECK(answer->ttl > Duration{0});
  CHECK(answer->problem.empty());
}

TEST_CASE("a name that cannot be one answers with nothing") {
  Reactor reactor;
  Resolver resolver(reactor);
  std::optional<Answer<IpAddress>> answer;
  resolver.addresses("no such name.invalid", [&](Answer<IpAddress> a) { answer = std::move(a); });
  REQUIRE(test::run_until(
      reactor, [&] { return answer.has_value(); }, std::chrono::seconds(30)));
  CHECK(answer->records.empty());
}

TEST_CASE("a resolver that is destroyed answers nothing more") {
  Reactor reactor;
  bool called = false;
  {
    Resolver resolver(reactor);
    resolver.addresses("localhost", [&](Answer<IpAddress>) { called = true; });
  }
  test::run_ready(reactor);
  CHECK_FALSE(called);
}
