// CANCEL by the caller, whatever it crosses: phone and backend agree in the end, and who answered
// for nothing gets ACK and BYE.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

void phone_gives_up(House& net) {
  net.phone.cancel();
  net.phone.expect("200 CANCEL");
  const Seen refused = net.phone.expect("487 INVITE");
  CHECK_NE(refused.header("Reason").find("cause=487"), std::string::npos);
  net.phone.ack_refusal(refused);
}

void backend_cancelled(House& net, const Seen& invite) {
  const Seen cancel = net.backend.expect("CANCEL");
  CHECK_EQ(cancel.message->top_via().branch(), invite.message->top_via().branch());
  CHECK_EQ(cancel.message->request_uri(), invite.message->request_uri());
  net.backend.respond(cancel, 200);
  net.backend.respond(invite, 487);
  net.backend.expect("ACK");
}

}  // namespace

TEST_CASE("CANCEL while it rings") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 100);
  net.backend.respond(invite, 180);
  net.phone.expect("100");
  net.phone.expect("180");
  phone_gives_up(net);
  backend_cancelled(net, invite);
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].status, 487);
  CHECK_EQ(ended[0].ended_by, sip::Ender::originator);
  const auto attempts = net.taken<sip::AttemptEnded>();
  REQUIRE_EQ(attempts.size(), 1);
  CHECK(attempts[0].cancelled);
  net.expect_quiet();
}

TEST_CASE("the Reason of the CANCEL crosses: it was answered elsewhere") {
  House net;
  net.backend.invite("sip:401~token@203.0.113.5");
  const Seen invite = net.phone.expect("INVITE");
  net.phone.respond(invite, 180);
  net.backend.expect("180");
  net.backend.cancel("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
  net.backend.expect("200 CANCEL");
  net.backend.ack_refusal(net.backend.expect("487"));
  const Seen cancel = net.phone.expect("CANCEL");
  CHECK_EQ(cancel.header("Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
  net.phone.respond(cancel, 200);
  net.phone.respond(invite, 487);
  net.phone.expect("ACK");
  net.expect_quiet();
}

TEST_CASE("CANCEL one millisecond after the INVITE waits for the backend's first response") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.advance(milliseconds(1));
  phone_gives_up(net);
  net.backend.expect_nothing();  // §9.1: no CANCEL before a provisional response
  net.advance(milliseconds(30));
  net.backend.respond(invite, 100);
  backend_cancelled(net, invite);
  net.phone.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("CANCEL before any response of a backend that stays silent") {
  House net;
  net.phone.invite();
  net.backend.expect("INVITE");
  phone_gives_up(net);
  net.advance(seconds(40));
  for (int i = 0; i < 6; ++i) net.backend.expect("INVITE");
  net.backend.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("the 200 crosses the CANCEL: the backend gets ACK and BYE, the phone its 487") {
  for (const bool provisional : {true, false}) {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    if (provisional) {
      net.backend.respond(invite, 180);
      net.phone.expect("180");
    }
    phone_gives_up(net);
    if (provisional) net.backend.respond(net.backend.expect("CANCEL"), 200);
    net.backend.respond(invite, 200, kSdpAnswer);
    const Seen ack = net.backend.expect("ACK");
    CHECK_EQ(ack.message->to_tag(), net.backend.local_tag);
    CHECK_EQ(ack.message->cseq().number, invite.message->cseq().number);
    const Seen bye = net.backend.expect("BYE");
    CHECK_EQ(bye.message->cseq().number, invite.message->cseq().number + 1);
    net.backend.respond(invite, 200, kSdpAnswer);  // the ACK was lost
    const Seen again = net.backend.expect("ACK");
    CHECK_EQ(again.text(), ack.text());
    net.backend.respond(bye, 200);
    net.phone.expect_nothing();
    net.expect_quiet();
  }
}

TEST_CASE("the CANCEL comes after the 200: the call is up, and the phone ends it with BYE") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.cancel();
  net.phone.expect("200 INVITE");
  net.phone.expect("200 CANCEL");
  net.backend.expect_nothing();
  net.phone.ack();
  net.backend.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("CANCEL while hunting, and a late 200 of the first target") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE");
  net.advance(seconds(4));
  net.phone.expect("100", milliseconds(200));
  net.backend.inbox.clear();
  const Seen other = net.second.expect("INVITE", seconds(4));
  net.second.respond(other, 180);
  net.phone.expect("180");
  phone_gives_up(net);
  net.second.respond(net.second.expect("CANCEL"), 200);
  net.second.respond(other, 487);
  net.second.expect("ACK");
  net.backend.respond(first, 200, kSdpAnswer);
  net.backend.expect("ACK");
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.phone.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("a late 200 of the first target while the second rings: the second goes on") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE");
  net.advance(seconds(4));
  net.backend.inbox.clear();
  const Seen other = net.second.expect("INVITE");
  net.second.respond(other, 180);
  net.backend.respond(first, 200, kSdpAnswer);
  net.backend.expect("ACK");
  const Seen bye = net.backend.expect("BYE");
  net.backend.respond(bye, 200);
  net.second.respond(other, 200, kSdpAnswer);
  net.phone.expect("100");
  net.phone.expect("180");
  net.phone.expect("200");
  net.phone.ack();
  net.second.expect("ACK");
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.backend.expect_nothing();
  net.expect_quiet();
}

TEST_CASE(
    "a target that was given up and answers 100 late is cancelled, and its own requests find no "
    "peer") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE");
  net.advance(seconds(4));
  net.backend.inbox.clear();
  const Seen other = net.second.expect("INVITE");
  net.backend.respond(first, 183);
  const Seen cancel = net.backend.expect("CANCEL");
  net.backend.respond(cancel, 200);
  net.backend.request("INFO");
  net.backend.expect("481 INFO");
  net.backend.respond(first, 487);
  net.backend.expect("ACK");
  net.second.respond(other, 486);
  net.second.expect("ACK");
  net.phone.expect("100");
  net.phone.ack_refusal(net.phone.expect("486"));
  net.expect_quiet();
}

TEST_CASE("a 200 that comes after timer B gets ACK and BYE") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.advance(seconds(33));
  net.backend.inbox.clear();
  net.phone.expect("100");
  net.phone.ack_refusal(net.phone.expect("408", seconds(32)));
  net.backend.respond(invite, 200, kSdpAnswer);
  net.backend.expect("ACK");
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.phone.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("a second fork that answers gets ACK and BYE, and the call is the first one's") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.local_tag = "fork-1";
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  CHECK_EQ(net.backend.expect("ACK").message->to_tag(), "fork-1");
  net.backend.local_tag = "fork-2";
  net.backend.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(net.backend.expect("ACK").message->to_tag(), "fork-2");
  const Seen bye = net.backend.expect("BYE");
  CHECK_EQ(bye.message->to_tag(), "fork-2");
  net.backend.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(net.backend.expect("ACK").message->to_tag(), "fork-2");
  net.backend.respond(bye, 200);
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("after a CANCEL without any final response the attempt ends 64*T1 later") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 180);
  net.phone.expect("180");
  phone_gives_up(net);
  net.backend.respond(net.backend.expect("CANCEL"), 200);
  net.advance(seconds(31));
  CHECK_EQ(net.stack->counts().transactions.invite_client, 1);
  net.advance(seconds(2));
  CHECK_EQ(net.stack->counts().transactions.invite_client, 0);
  net.expect_quiet();
}

TEST_CASE("a CANCEL without an INVITE of ours gets 481, outside a dialog and within one") {
  House net;
  net.set_up();
  const std::string branch = net.phone.invite_branch;
  net.phone.invite_branch = "z9hG4bK-never-seen";
  ++net.phone.invite_cseq;
  net.phone.cancel();
  net.phone.expect("481 CANCEL");
  net.backend.expect_nothing();
  net.phone.request("INFO");  // its CSeq was not taken for one of the dialog
  net.backend.respond(net.backend.expect("INFO"), 200);
  net.phone.expect("200 INFO");
  const std::string tag = net.phone.remote_tag;
  net.phone.remote_tag.clear();
  net.phone.cancel();
  net.phone.expect("481 CANCEL");
  net.phone.remote_tag = tag;
  net.hang_up();
  net.expect_quiet();
}
