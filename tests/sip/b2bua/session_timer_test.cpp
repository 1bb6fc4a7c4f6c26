// Session timers (RFC 4028): agreed on by the ends, carried across, and watched.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kAsked = "Supported: timer\r\nSession-Expires: 120\r\nMin-SE: 90\r\n";
constexpr std::string_view kAgreed = "Require: timer\r\nSession-Expires: 120;refresher=uac\r\n";

// A call whose caller is to refresh it every 120 s.
void set_up(House& net) {
  net.phone.invite("sip:402@a.test", kSdpOffer, kAsked);
  const Seen invite = net.backend.expect("INVITE");
  CHECK_EQ(invite.header("Session-Expires"), "120");
  CHECK_EQ(invite.header("Min-SE"), "90");
  net.backend.respond(invite, 200, kSdpAnswer, kAgreed);
  const Seen answer = net.phone.expect("200");
  CHECK_EQ(answer.header("Session-Expires"), "120;refresher=uac");
  net.phone.ack();
  net.backend.expect("ACK");
}

void refresh(Party& asker, Party& other, std::string_view method, std::string_view agreed) {
  asker.request(method, "", kAsked);
  const Seen request = other.expect(method);
  other.respond(request, 200, "", agreed);
  asker.expect("200");
  if (method == "INVITE") {
    asker.ack();
    other.expect("ACK");
  }
}

void ended_by_the_edge(House& net) {
  for (Party* party : {&net.phone, &net.backend}) {
    const Seen bye = party->expect("BYE");
    CHECK_NE(bye.header("Reason").find("session expired"), std::string::npos);
    party->respond(bye, 200);
  }
  net.expect_quiet();
}

}  // namespace

TEST_CASE("a call whose refresher dies is ended on both legs when its session expires") {
  House net;
  set_up(net);
  net.advance(seconds(120) - milliseconds(1));
  net.phone.expect_nothing();
  net.backend.expect_nothing();
  net.advance(milliseconds(1));
  ended_by_the_edge(net);
}

TEST_CASE(
    "each refresh, by INVITE or UPDATE and from either side, gives the session its full time") {
  House net;
  set_up(net);
  net.advance(seconds(60));
  refresh(net.phone, net.backend, "UPDATE", kAgreed);
  net.advance(seconds(119));
  refresh(net.phone, net.backend, "INVITE", kAgreed);
  net.advance(seconds(119));
  refresh(net.backend, net.phone, "UPDATE", "Session-Expires: 200;refresher=uas\r\n");
  net.advance(seconds(199));
  net.phone.expect_nothing();
  net.advance(seconds(1));
  ended_by_the_edge(net);
}

TEST_CASE("a refresh that is refused does not prolong the session") {
  House net;
  set_up(net);
  net.advance(seconds(60));
  net.phone.request("UPDATE", "", kAsked);
  net.backend.respond(net.backend.expect("UPDATE"), 488);
  net.phone.expect("488");
  net.advance(seconds(60));
  ended_by_the_edge(net);
}

TEST_CASE("a 2xx without Session-Expires ends the watch") {
  House net;
  set_up(net);
  refresh(net.phone, net.backend, "UPDATE", "");
  net.advance(seconds(3600));
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("no session is shorter than 90 s, whatever a 2xx says") {
  House net;
  net.phone.invite("sip:402@a.test", kSdpOffer, kAsked);
  net.backend.respond(net.backend.expect("INVITE"), 200, kSdpAnswer, "Session-Expires: 1\r\n");
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.advance(seconds(89));
  net.phone.expect_nothing();
  net.advance(seconds(1));
  ended_by_the_edge(net);
}

TEST_CASE("422 crosses with its Min-SE, and the next INVITE is a call of its own") {
  House net;
  net.phone.invite("sip:402@a.test", kSdpOffer, kAsked);
  net.backend.respond(net.backend.expect("INVITE"), 422, "", "Min-SE: 600\r\n");
  net.backend.expect("ACK");
  const Seen refused = net.phone.expect("422");
  CHECK_EQ(refused.header("Min-SE"), "600");
  net.phone.ack_refusal(refused);
  set_up(net);
  net.hang_up();
  net.expect_quiet();
}
