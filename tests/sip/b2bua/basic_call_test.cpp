// The operator's own case, and what a call through the edge looks like from both sides.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

TEST_CASE("a call that rings for a minute is set up: no 408, no CANCEL") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE", milliseconds(0));
  net.advance_to(milliseconds(5));
  net.backend.respond(invite, 100);
  net.phone.expect("100", milliseconds(5));
  net.advance_to(milliseconds(1500));
  net.backend.respond(invite, 180);
  net.phone.expect("180", milliseconds(1500));
  net.advance_to(seconds(65));
  net.backend.expect_nothing();
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200", seconds(65));
  net.phone.ack();
  net.backend.expect("ACK", seconds(65));
  net.advance_to(seconds(70));
  net.phone.request("BYE");
  net.backend.respond(net.backend.expect("BYE", seconds(70)), 200);
  net.phone.expect("200 BYE", seconds(70));
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK(ended[0].answered);
  CHECK_EQ(ended[0].status, 200);
  CHECK_EQ(ended[0].ended_by, sip::Ender::originator);
  CHECK_EQ(ended[0].ended - ended[0].answered_at, seconds(5));
  net.expect_quiet();
}

TEST_CASE("a backend that answers within 50 µs") {
  House net;
  for (int i = 0; i < 200; ++i) {
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.advance(microseconds(20));
    net.backend.respond(invite, 100);
    net.backend.respond(invite, 180);
    net.advance(microseconds(30));
    net.backend.respond(invite, 200, kSdpAnswer);
    net.phone.expect("100");
    net.phone.expect("180");
    net.phone.expect("200");
    net.phone.ack();
    net.backend.expect("ACK");
    net.phone.request("BYE");
    net.backend.respond(net.backend.expect("BYE"), 200);
    net.phone.expect("200 BYE");
    net.phone.expect_nothing();
  }
  net.expect_quiet();
}

TEST_CASE("the legs share no Call-ID, tag, branch or CSeq, and the SDP is the same to the byte") {
  House net;
  net.phone.invite("sip:402@a.test", kSdpOffer,
                   "X-Unknown: kept\r\nAuthorization: Digest username=\"401\"\r\n");
  const Seen invite = net.backend.expect("INVITE");
  CHECK_EQ(invite.body(), kSdpOffer);
  CHECK_EQ(invite.header("X-Unknown"), "kept");
  CHECK_EQ(invite.header("Authorization"), "Digest username=\"401\"");
  CHECK_EQ(invite.header("Max-Forwards"), "69");
  CHECK_EQ(invite.all("Via").size(), 1);
  CHECK_NE(invite.message->call_id(), net.phone.call_id);
  CHECK_NE(invite.message->from_tag(), net.phone.local_tag);
  CHECK_EQ(invite.header("Contact"), "<sip:401~token@203.0.113.5:5060>");
  CHECK(invite.header("From").starts_with("<sip:401@a.test>;tag="));
  CHECK_EQ(invite.header("To"), "<sip:402@a.test>");
  CHECK_EQ(invite.text().find(net.phone.invite_branch), std::string_view::npos);

  net.backend.respond(invite, 200, kSdpAnswer);
  const Seen answer = net.phone.expect("200");
  CHECK_EQ(answer.body(), kSdpAnswer);
  CHECK_EQ(answer.message->call_id(), net.phone.call_id);
  CHECK_NE(answer.message->to_tag(), net.backend.local_tag);
  CHECK_EQ(answer.header("Contact"), "<sip:402@203.0.113.5:5060>");
  const std::string headers(answer.text().substr(0, answer.text().find("\r\n\r\n")));
  CHECK_EQ(headers.find("10.0.1."), std::string::npos);

  net.phone.ack("", "X-In-Ack: yes\r\n");
  const Seen ack = net.backend.expect("ACK");
  CHECK_EQ(ack.header("X-In-Ack"), "yes");
  CHECK_EQ(ack.message->cseq().number, invite.message->cseq().number);
  CHECK_NE(ack.message->top_via().branch(), invite.message->top_via().branch());
  CHECK_EQ(ack.message->request_uri(), "sip:pbx@10.0.1.100:5060");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a call from a backend reaches the phone and shows it no backend") {
  House net;
  net.backend.invite("sip:401~token@203.0.113.5", kSdpAnswer,
                     "P-Asserted-Identity: \"Bob\" <sip:402@10.0.1.100>\r\nDiversion: "
                     "<sip:403@pbx.internal>;reason=unconditional\r\n");
  const Seen invite = net.phone.expect("INVITE");
  CHECK_EQ(invite.message->request_uri(), net.phone.contact_uri());
  CHECK_EQ(invite.header("P-Asserted-Identity"), "\"Bob\" <sip:402@a.test>");
  CHECK_EQ(invite.header("Diversion"), "<sip:403@a.test>;reason=unconditional");
  const std::string headers(invite.text().substr(0, invite.text().find("\r\n\r\n")));
  CHECK_EQ(headers.find("10.0."), std::string::npos);
  CHECK_EQ(headers.find("pbx.internal"), std::string::npos);
  net.phone.respond(invite, 180);
  net.backend.expect("180");
  net.phone.respond(invite, 200, kSdpOffer);
  net.backend.expect("200");
  net.backend.ack();
  net.phone.expect("ACK");
  net.phone.request("BYE");
  const Seen bye = net.backend.expect("BYE");
  net.backend.respond(bye, 200);
  net.phone.expect("200 BYE");
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].ended_by, sip::Ender::answerer);
  net.expect_quiet();
}

TEST_CASE("a phone on TCP: its Contact says so, and the 200 is repeated there too") {
  Network net;
  Party& phone = net.add("401", "192.0.2.20:40001", net::Transport::tcp);
  Party& backend = net.add("pbx", "10.0.1.100:5060");
  net.targets = {&backend};
  phone.invite();
  const Seen invite = backend.expect("INVITE");
  CHECK(invite.header("Via").starts_with("SIP/2.0/UDP "));
  backend.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(phone.expect("200").header("Contact"), "<sip:402@203.0.113.5:5060;transport=tcp>");
  net.advance(milliseconds(500));
  phone.expect("200", milliseconds(500));  // §13.3.1.4: "even if a reliable transport is used"
  phone.ack();
  backend.expect("ACK");
  backend.request("BYE");
  const Seen bye = phone.expect("BYE");
  CHECK(bye.header("Via").starts_with("SIP/2.0/TCP "));
  phone.respond(bye, 200);
  backend.expect("200 BYE");
  net.expect_quiet();
}

TEST_SUITE("the 100 rule") {
  TEST_CASE(
      "the upstream's 100 at 20 ms is forwarded at 20 ms, and the edge sends none of its own") {
    House net;
    net.phone.invite("sip:402@a.test", kSdpOffer, "X-Secret: of the phone\r\n");
    const Seen invite = net.backend.expect("INVITE");
    net.advance_to(milliseconds(20));
    net.backend.respond(invite, 100, {}, "X-Upstream: must not show\r\n");
    const Seen trying = net.phone.expect("100", milliseconds(20));
    CHECK_EQ(trying.message->top_via().branch(), net.phone.invite_branch);
    CHECK_EQ(trying.message->cseq().number, net.phone.invite_cseq);
    CHECK_EQ(trying.message->call_id(), net.phone.call_id);
    CHECK(trying.message->to_tag().empty());
    CHECK(trying.header("X-Upstream").empty());
    CHECK(trying.header("Contact").empty());
    CHECK_EQ(trying.all("Via").size(), 1);
    net.backend.repeat();
    net.advance_to(milliseconds(900));
    net.backend.repeat();
    net.phone.expect_nothing();
    net.backend.respond(invite, 486);
    net.backend.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("486"));
    net.expect_quiet();
  }

  TEST_CASE("when the upstream's 100 comes at 600 ms there is one at 200 ms and one at 600 ms") {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.advance_to(milliseconds(600));
    net.backend.expect("INVITE", milliseconds(500));  // nothing was heard of the first
    net.backend.respond(invite, 100);
    const Seen own = net.phone.expect("100", milliseconds(200));
    CHECK(own.message->to_tag().empty());
    CHECK_EQ(own.message->top_via().branch(), net.phone.invite_branch);
    net.phone.expect("100", milliseconds(600));
    net.backend.repeat();
    net.phone.expect_nothing();
    net.phone.cancel();
    net.phone.expect("200 CANCEL");
    net.phone.ack_refusal(net.phone.expect("487"));
    net.backend.respond(net.backend.expect("CANCEL"), 200);
    net.backend.respond(invite, 487);
    net.backend.expect("ACK");
    net.expect_quiet();
  }

  TEST_CASE("when the upstream sends none there is one at 200 ms only") {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.advance_to(milliseconds(400));
    net.backend.respond(invite, 180);
    net.phone.expect("100", milliseconds(200));
    net.phone.expect("180", milliseconds(400));
    net.advance_to(seconds(3));
    net.phone.expect_nothing();
    net.backend.respond(invite, 603);
    net.backend.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("603"));
    net.expect_quiet();
  }

  TEST_CASE("the next target's 100 is not a second one for the phone") {
    House net;
    net.targets = {&net.backend, &net.second};
    net.phone.invite();
    const Seen first = net.backend.expect("INVITE");
    net.backend.respond(first, 100);
    net.phone.expect("100");
    net.backend.respond(first, 503);
    net.backend.expect("ACK");
    const Seen other = net.second.expect("INVITE");
    net.second.respond(other, 100);
    net.phone.expect_nothing();
    net.second.respond(other, 180);
    net.phone.expect("180");
    net.second.respond(other, 486);
    net.second.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("486"));
    net.expect_quiet();
  }
}
