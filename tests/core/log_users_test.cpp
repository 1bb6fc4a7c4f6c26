#include "core/log_users.hpp"

#include <doctest/doctest.h>

using namespace usher;

namespace {

constexpr HashKey kKey{1, 2};

std::string name(std::string_view user, const HashKey& key = kKey) {
  return "u-" + base32(siphash(key, user)).substr(0, 8);
}

}  // namespace

TEST_CASE("user parts are replaced, and a user keeps its name") {
  CHECK(hide_users("INVITE 401@a.test to 402@a.test from 192.0.2.1:5060/udp", kKey) ==
        "INVITE " + name("401") + "@a.test to " + name("402") + "@a.test from 192.0.2.1:5060/udp");
  CHECK(hide_users("\"<sip:401@a.test>\" SIPS:401@a.test;x=1", kKey) ==
        "\"<sip:" + name("401") + "@a.test>\" SIPS:" + name("401") + "@a.test;x=1");
  CHECK(hide_users("401@a.test", kKey) != hide_users("401@a.test", {3, 4}));
}

TEST_CASE("passwords, odd users and telephone numbers go with them") {
  CHECK(hide_users("<sip:al%41ce:se$cret@h>", kKey) == "<sip:" + name("al%41ce:se$cret") + "@h>");
  CHECK(hide_users("<sip:j\xc3\xbcrg@h>", kKey) == "<sip:" + name("j\xc3\xbcrg") + "@h>");
  CHECK(hide_users("<tel:+49-30-1234>", kKey) == "<tel:" + name("+49-30-1234") + ">");
  CHECK(hide_users("a@b@c", kKey) == name("a") + "@" + name("b") + "@c");
}

TEST_CASE("a scheme is known in either case") {
  const HashKey key{1, 2};
  CHECK(hide_users("TEL:+49301234", key).find("49301234") == std::string::npos);
  CHECK(hide_users("to SIP:401@a.test", key).find("401") == std::string::npos);
}

TEST_CASE("what names nobody stays as it is") {
  const std::string line = "Door-knock blocked: domain=a.test src=192.0.2.1 (unknown domain)";
  CHECK(hide_users(line, kKey) == line);
  CHECK(hide_users("@a.test tel: @", kKey) == "@a.test tel: @");
  CHECK(hide_users("", kKey) == "");
}

TEST_CASE("the sink keeps level, category and call") {
  std::string seen;
  const auto sink = hiding_users(
      [&](const LogLine& line) {
        seen.append(level_name(line.level)).append(" ").append(category_name(line.category));
        seen.append(" ").append(line.key).append(" ").append(line.text);
      },
      kKey);
  sink({LogLevel::warning, LogCategory::call, "k3v9", "401@a.test"});
  CHECK(seen == "warning call k3v9 " + name("401") + "@a.test");
}
