// A party that wants its media at an address which only its own network knows.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kPrivate =
    "v=0\r\no=- 1 1 IN IP4 192.168.1.9\r\ns=-\r\nc=IN IP4 192.168.1.9\r\nt=0 0\r\nm=audio 4000 "
    "RTP/AVP 8\r\n";

std::string media_of(const std::vector<sip::PrivateMedia>& seen) {
  std::string out;
  for (const auto& one : seen) out += one.address.text() + " from " + one.source.text() + ";";
  return out;
}

}  // namespace

TEST_CASE("a private media address is told once, in an offer or an answer, and crosses untouched") {
  House net;
  Party& far = net.add("far", "198.51.100.7:5060");
  net.targets = {&far};
  SUBCASE("both") {
    net.phone.invite("sip:402@a.test", kPrivate);
    const Seen invite = far.expect("INVITE");
    CHECK_EQ(invite.body(), kPrivate);
    CHECK_EQ(media_of(net.taken<sip::PrivateMedia>()),
             "192.168.1.9 from " + net.phone.flow.remote.text() + ";");
    far.respond(invite, 200, kPrivate);
  }
  SUBCASE("the answer") {
    net.phone.invite();
    far.respond(far.expect("INVITE"), 200, kPrivate);
    CHECK_EQ(media_of(net.taken<sip::PrivateMedia>()), "192.168.1.9 from 198.51.100.7:5060;");
  }
  SUBCASE("none") {
    net.phone.invite();
    far.respond(far.expect("INVITE"), 200, kSdpOffer);
  }
  CHECK_EQ(net.phone.expect("200").body().empty(), false);
  CHECK_EQ(media_of(net.taken<sip::PrivateMedia>()), "");
  net.phone.ack();
  far.expect("ACK");
  net.phone.request("BYE");
  far.respond(far.expect("BYE"), 200);
  net.phone.expect("200 BYE");
}
