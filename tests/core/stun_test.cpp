#include "core/net/stun.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/core/wire.hpp"

using namespace usher;
using namespace usher::net;
using namespace usher::test;

namespace {

const std::string kCookie = "\x21\x12\xa4\x42";
const std::string kTransaction = "abcdefghijkl";

// Type and length, then cookie and transaction, then what follows.
std::string stun(std::string_view type, std::size_t length, const std::string& rest = {}) {
  std::string out{type};
  out += static_cast<char>(length >> 8);
  out += static_cast<char>(length & 0xff);
  return out + kCookie + kTransaction + rest;
}

const std::string_view kRequest{"\x00\x01", 2};

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

}  // namespace

TEST_CASE("a Binding Request is answered with the address it came from") {
  const std::string request = stun(kRequest, 0);
  const auto answer = stun_answer(request, endpoint("192.0.2.1:32853"));
  REQUIRE(answer);
  // The mapped address of RFC 5769 §2.2.
  const std::string wanted = std::string("\x01\x01\x00\x0c", 4) + kCookie + kTransaction +
                             std::string("\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43", 12);
  CHECK(answer->view() == wanted);
  CHECK(answer->size() == 32);
  const auto six = stun_answer(request, endpoint("[2001:db8::1]:5060"));
  REQUIRE(six);
  CHECK(six->size() == 44);
  CHECK(six->view().substr(20, 4) == std::string_view("\x00\x20\x00\x14", 4));
}

TEST_CASE("an attribute that need not be understood does not matter, any other is not answered") {
  const Endpoint source = endpoint("192.0.2.1:5060");
  const std::string software(
      "\x80\x22\x00\x03"
      "abc\x00",
      8);
  CHECK(stun_answer(stun(kRequest, 8, software), source));
  const std::string user_name(
      "\x00\x06\x00\x03"
      "abc\x00",
      8);
  CHECK_FALSE(stun_answer(stun(kRequest, 8, user_name), source));
  CHECK_FALSE(stun_answer(stun(kRequest, 4, std::string("\x80\x22\x00\x03", 4)), source));
}

TEST_CASE("nothing but a whole Binding Request gets an answer") {
  const Endpoint source = endpoint("192.0.2.1:5060");
  CHECK_FALSE(stun_answer(stun({"\x01\x01", 2}, 0), source));  // a response
  CHECK_FALSE(stun_answer(stun({"\x00\x11", 2}, 0), source));  // an indication
  CHECK_FALSE(stun_answer(stun(kRequest, 4), source));
  CHECK_FALSE(stun_answer(stun(kRequest, 0, "tail"), source));
  std::string no_cookie = stun(kRequest, 0);
  no_cookie[4] = 0;
  CHECK_FALSE(is_stun(no_cookie));
  CHECK_FALSE(stun_answer(no_cookie, source));
  for (std::size_t n = 0; n < 20; ++n)
    CHECK_FALSE(stun_answer(std::string_view(stun(kRequest, 0)).substr(0, n), source));
  CHECK_FALSE(is_stun("OPTIONS sip:a.test SIP/2.0\r\n"));
}

TEST_CASE("a listener answers STUN by itself, and nobody hears of it") {
  Wire wire{{Transport::udp}};
  REQUIRE(wire.opened);
  Peer phone{SOCK_DGRAM};
  phone.send_to(wire.local(), stun(kRequest, 4));  // malformed: silence
  phone.send_to(wire.local(), stun(kRequest, 0));
  phone.send_to(wire.local(), "OPTIONS");
  REQUIRE(wire.until([&] { return !wire.record.packets.empty(); }));
  CHECK(wire.record.packets.size() == 1);
  CHECK(wire.record.packets[0].data.view() == "OPTIONS");
  wire.until([&] { return wire.transports.counts().datagrams_out == 1; });
  std::string answer(100, '\0');
  const ssize_t got = recv(phone.fd(), answer.data(), answer.size(), MSG_DONTWAIT);
  REQUIRE(got == 32);
  answer.resize(32);
  CHECK(answer == stun_answer(stun(kRequest, 0), phone.local())->view());
}
