#include "routing/token.hpp"

#include <doctest/doctest.h>

#include "core/limits.hpp"

namespace usher::routing {
namespace {

const HashKey kKey{11, 22};

TEST_CASE("a token is short, stable for its device, and different for every other one") {
  const std::string t = make_token(kKey, "401@a.test", "<urn:uuid:1>");
  CHECK(t.size() == limits::kContactUserToken);
  CHECK(t == make_token(kKey, "401@a.test", "<urn:uuid:1>"));
  CHECK(t != make_token(kKey, "401@a.test", "<urn:uuid:2>"));
  CHECK(t != make_token(kKey, "401@b.test", "<urn:uuid:1>"));
  CHECK(t != make_token(HashKey{11, 23}, "401@a.test", "<urn:uuid:1>"));
  CHECK(t != make_token(kKey, "401@a.test", "<urn:uuid:1>", 1));
}

TEST_CASE("the token is read back from the user part, escaped or not") {
  CHECK(token_in(token_user("401", "k3v9q2m1o8")) == "k3v9q2m1o8");
  CHECK(token_in("401%7Ek3v9q2m1o8") == "k3v9q2m1o8");
  CHECK(token_in("a~b~k3v9q2m1o8") == "k3v9q2m1o8");
  CHECK(token_in("401") == std::nullopt);
  CHECK(token_in("401~short") == std::nullopt);
  CHECK(token_in("401~K3V9Q2M1O8") == std::nullopt);
  CHECK(token_in("") == std::nullopt);
}

TEST_CASE("the Contact URI stays within its bound, and gives way in the user name only") {
  const std::string token = "k3v9q2m1o8";
  CHECK(token_uri("401", token, "203.0.113.5:5060", net::Transport::udp) ==
        "sip:401~k3v9q2m1o8@203.0.113.5:5060");
  CHECK(token_uri("401", token, "203.0.113.5:5060", net::Transport::tcp) ==
        "sip:401~k3v9q2m1o8@203.0.113.5:5060;transport=tcp");
  for (std::size_t n = 0; n < 300; ++n) {
    const std::string uri =
        token_uri(std::string(n, '#'), token, "[2001:db8::1]:5060", net::Transport::tcp);
    CHECK(uri.size() <= limits::kContactUriBytes);
    const std::string user = uri.substr(4, uri.find('@') - 4);
    REQUIRE(token_in(user) == token);
    CHECK_MESSAGE((user.size() - 11) % 3 == 0, "no escape is cut in two");
  }
}

TEST_CASE("what may not stand in a user part is escaped") {
  CHECK(escape_user("a b@c;d%") == "a%20b%40c%3Bd%25");
  CHECK(escape_user("+49-1.2_3!") == "+49-1.2_3!");
}

}  // namespace
}  // namespace usher::routing
