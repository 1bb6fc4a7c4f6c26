#include "core/net/resolver.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tests/core/loop.hpp"

using namespace usher;
using namespace usher::net;

TEST_CASE("a name of /etc/hosts resolves, and never before resolve() has returned") {
  Reactor reactor;
  Resolver resolver(reactor);
  std::optional<std::vector<IpAddress>> answer;
  resolver.resolve("localhost",
                   [&](std::vector<IpAddress> addresses) { answer = std::move(addresses); });
  CHECK_FALSE(answer.has_value());
  REQUIRE(test::run_until(
      reactor, [&] { return answer.has_value(); }, std::chrono::seconds(30)));
  CHECK(std::count(answer->begin(), answer->end(), IpAddress::v4(0x7f000001)) == 1);
}

TEST_CASE("a name that cannot be one answers with nothing") {
  Reactor reactor;
  Resolver resolver(reactor);
  std::optional<std::vector<IpAddress>> answer;
  resolver.resolve("no such name.invalid",
                   [&](std::vector<IpAddress> addresses) { answer = std::move(addresses); });
  REQUIRE(test::run_until(
      reactor, [&] { return answer.has_value(); }, std::chrono::seconds(30)));
  CHECK(answer->empty());
}

TEST_CASE("a resolver that is destroyed answers nothing more") {
  Reactor reactor;
  bool called = false;
  {
    Resolver resolver(reactor);
    resolver.resolve("localhost", [&](std::vector<IpAddress>) { called = true; });
  }
  test::run_ready(reactor);
  CHECK_FALSE(called);
}
