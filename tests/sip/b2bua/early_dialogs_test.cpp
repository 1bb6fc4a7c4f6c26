// The early dialogs of a forked call: each has its own To tag towards the caller, and what is sent
// in it reaches the fork that it was made by (RFC 3261 §12.1, §13.2.2.4; RFC 3262; RFC 3311).
#include <doctest/doctest.h>

#include <string>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kReliable = "Require: 100rel\r\nRSeq: ";

std::string reliable(unsigned rseq) {
  return std::string(kReliable) + std::to_string(rseq) + "\r\n";
}

std::string rack(unsigned rseq, std::uint32_t invite) {
  return "RAck: " + std::to_string(rseq) + " " + std::to_string(invite) + " INVITE\r\n";
}

struct Forked : House {
  Forked() {
    targets = {&backend, &second};
    groups = {2};
    plan.exhaustive = true;
  }
  void call(std::string_view offer = kSdpOffer) {
    phone.invite("sip:402@a.test", offer, "Supported: 100rel\r\n");
    a = backend.expect("INVITE");
    b = second.expect("INVITE");
  }
  // What the phone sends next is in the dialog that this response made.
  void in(const Seen& response) { phone.remote_tag = response.message->to_tag(); }
  void close(Party& winner) {
    phone.request("BYE");
    winner.respond(winner.expect("BYE"), 200);
    phone.expect("200 BYE");
    advance(seconds(40));
    expect_quiet();
  }
  Seen a, b;
};

}  // namespace

TEST_CASE("each fork shows with a To tag of its own, and keeps it") {
  Forked net;
  net.call();
  net.backend.respond(net.a, 180);
  const Seen one = net.phone.expect("180");
  net.second.respond(net.b, 183, kSdpAnswer);
  const Seen two = net.phone.expect("183");
  CHECK_NE(one.message->to_tag(), two.message->to_tag());
  CHECK_EQ(two.body(), kSdpAnswer);
  net.backend.respond(net.a, 180);
  CHECK_EQ(net.phone.expect("180").message->to_tag(), one.message->to_tag());
  net.second.respond(net.b, 200, kSdpAnswer);
  CHECK_EQ(net.phone.expect("200").message->to_tag(), two.message->to_tag());
  net.phone.ack();
  net.second.expect("ACK");
  net.backend.respond(net.backend.expect("CANCEL"), 200);
  net.backend.respond(net.a, 487);
  net.backend.expect("ACK");
  // The other early dialog is over.
  net.in(one);
  net.phone.request("INFO");
  net.phone.expect("481 INFO");
  net.backend.expect_nothing();
  net.in(two);
  net.close(net.second);
}

TEST_CASE("the fork that answers has the first tag when nobody rang before") {
  Forked net;
  net.call();
  net.second.respond(net.b, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  net.second.expect("ACK");
  net.backend.respond(net.a, 100);
  net.backend.respond(net.backend.expect("CANCEL"), 200);
  net.backend.respond(net.a, 487);
  net.backend.expect("ACK");
  net.close(net.second);
}

TEST_CASE("UPDATE in an early dialog reaches its fork, both ways, with its body untouched") {
  Forked net;
  net.call();
  net.backend.respond(net.a, 183, kSdpAnswer, reliable(1));
  const Seen one = net.phone.expect("183");
  net.second.respond(net.b, 183, kSdpAnswer, reliable(1));
  const Seen two = net.phone.expect("183");
  for (const auto& [shown, fork, other] :
       {std::tuple{&one, &net.backend, &net.second}, {&two, &net.second, &net.backend}}) {
    net.in(*shown);
    net.phone.request("UPDATE", kSdpOffer);
    const Seen update = fork->expect("UPDATE");
    CHECK_EQ(update.body(), kSdpOffer);
    fork->respond(update, 200, kSdpAnswer);
    CHECK_EQ(net.phone.expect("200 UPDATE").body(), kSdpAnswer);
    other->expect_nothing();
    fork->request("UPDATE", kSdpAnswer);
    const Seen back = net.phone.expect("UPDATE");
    CHECK_EQ(back.body(), kSdpAnswer);
    CHECK_EQ(back.message->from_tag(), shown->message->to_tag());
    net.phone.respond(back, 200, kSdpOffer);
    CHECK_EQ(fork->expect("200 UPDATE").body(), kSdpOffer);
  }
  net.phone.cancel();
  net.phone.expect("200 CANCEL");
  net.phone.ack_refusal(net.phone.expect("487"));
  net.advance(seconds(40));
  net.backend.inbox.clear();
  net.second.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("reliable responses of two forks: RSeq as it is, RAck with each leg's own INVITE") {
  Forked net;
  net.call({});
  // The offer is in the reliable response, the answer in its PRACK.
  net.backend.respond(net.a, 183, kSdpOffer, reliable(77));
  const Seen one = net.phone.expect("183");
  net.second.respond(net.b, 180, kSdpOffer, reliable(4000));
  const Seen two = net.phone.expect("180");
  CHECK_EQ(one.header("RSeq"), "77");
  CHECK_EQ(two.header("RSeq"), "4000");
  CHECK_EQ(one.header("Require"), "100rel");
  CHECK_EQ(one.body(), kSdpOffer);

  net.in(two);
  net.phone.request("PRACK", kSdpAnswer, rack(4000, net.phone.invite_cseq));
  const Seen second_prack = net.second.expect("PRACK");
  CHECK_EQ(second_prack.header("RAck") + "\r\n",
           rack(4000, net.b.message->cseq().number).substr(6));
  CHECK_EQ(second_prack.body(), kSdpAnswer);
  net.second.respond(second_prack, 200);
  net.phone.expect("200 PRACK");
  net.backend.expect_nothing();

  net.in(one);
  net.phone.request("PRACK", kSdpAnswer, rack(77, net.phone.invite_cseq));
  const Seen first_prack = net.backend.expect("PRACK");
  CHECK_EQ(first_prack.header("RAck") + "\r\n", rack(77, net.a.message->cseq().number).substr(6));
  net.backend.respond(first_prack, 200);
  net.phone.expect("200 PRACK");

  net.backend.respond(net.a, 200);
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.second.respond(net.second.expect("CANCEL"), 200);
  net.second.respond(net.b, 487);
  net.second.expect("ACK");
  net.close(net.backend);
}

TEST_CASE("a PRACK after the 2xx: to the winner it crosses, to a lost fork it gets 481") {
  Forked net;
  net.call();
  net.backend.respond(net.a, 180, {}, reliable(1));
  const Seen one = net.phone.expect("180");
  net.second.respond(net.b, 180, {}, reliable(2));
  const Seen two = net.phone.expect("180");
  net.backend.respond(net.a, 200, kSdpAnswer);
  net.phone.expect("200");
  net.second.respond(net.second.expect("CANCEL"), 200);

  net.in(two);
  net.phone.request("PRACK", {}, rack(2, net.phone.invite_cseq));
  net.phone.expect("481 PRACK");
  net.second.expect_nothing();
  net.in(one);
  net.phone.request("PRACK", {}, rack(1, net.phone.invite_cseq));
  net.backend.respond(net.backend.expect("PRACK"), 200);
  net.phone.expect("200 PRACK");
  net.phone.ack();
  net.backend.expect("ACK");
  net.second.respond(net.b, 487);
  net.second.expect("ACK");
  // The unacknowledged response is repeated no more by us, and its late PRACK was not needed.
  net.close(net.backend);
}

TEST_CASE("early and late offer: each body crosses byte for byte where it was put") {
  for (const bool early : {true, false}) {
    Forked net;
    net.call(early ? kSdpOffer : std::string_view{});
    CHECK_EQ(net.a.body(), early ? kSdpOffer : std::string_view{});
    CHECK_EQ(net.b.body(), early ? kSdpOffer : std::string_view{});
    net.second.respond(net.b, 200, early ? kSdpAnswer : kSdpOffer);
    CHECK_EQ(net.phone.expect("200").body(), early ? kSdpAnswer : kSdpOffer);
    net.second.expect_nothing();  // its ACK waits for the caller's
    net.phone.ack(early ? std::string_view{} : kSdpAnswer);
    CHECK_EQ(net.second.expect("ACK").body(), early ? std::string_view{} : kSdpAnswer);
    net.backend.respond(net.a, 100);
    net.backend.respond(net.backend.expect("CANCEL"), 200);
    net.backend.respond(net.a, 487);
    net.backend.expect("ACK");
    net.close(net.second);
  }
}

TEST_CASE("an INVITE that is forked downstream: each of its early dialogs is one of the caller's") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  const auto as = [&](const std::string& tag) { net.backend.local_tag = tag; };
  as("left");
  net.backend.respond(invite, 180);
  const Seen left = net.phone.expect("180");
  as("right");
  net.backend.respond(invite, 183, kSdpAnswer);
  const Seen right = net.phone.expect("183");
  CHECK_NE(left.message->to_tag(), right.message->to_tag());
  as("left");
  net.backend.respond(invite, 180);
  CHECK_EQ(net.phone.expect("180").message->to_tag(), left.message->to_tag());

  for (const Seen* shown : {&left, &right}) {
    net.phone.remote_tag = shown->message->to_tag();
    net.phone.request("INFO", "x", "Content-Type: text/plain\r\n");
    const Seen info = net.backend.expect("INFO");
    CHECK_EQ(info.message->to_tag(), shown == &left ? "left" : "right");
    net.backend.respond(info, 200);
    net.phone.expect("200 INFO");
    as(shown == &left ? "left" : "right");
    net.backend.request("INFO", "y", "Content-Type: text/plain\r\n");
    const Seen back = net.phone.expect("INFO");
    CHECK_EQ(back.message->from_tag(), shown->message->to_tag());
    net.phone.respond(back, 200);
    net.backend.expect("200 INFO");
  }

  SUBCASE("the second one answers") {
    as("right");
    net.backend.respond(invite, 200, kSdpAnswer);
    CHECK_EQ(net.phone.expect("200").message->to_tag(), right.message->to_tag());
    net.backend.expect_nothing();
    net.phone.ack();
    CHECK_EQ(net.backend.expect("ACK").message->to_tag(), "right");
    net.phone.remote_tag = left.message->to_tag();
    net.phone.request("INFO");
    net.phone.expect("481 INFO");
    // Long after its INVITE's transaction the dialog is still found.
    net.advance(seconds(100));
    net.backend.request("BYE");
    net.phone.respond(net.phone.expect("BYE"), 200);
    net.backend.expect("200 BYE");
  }
  SUBCASE("both answer: the late one is ACKed and BYEd") {
    as("left");
    net.backend.respond(invite, 200, kSdpAnswer);
    net.phone.expect("200");
    as("right");
    net.backend.respond(invite, 200, kSdpAnswer);
    CHECK_EQ(net.backend.expect("ACK").message->to_tag(), "right");
    const Seen bye = net.backend.expect("BYE");
    CHECK_EQ(bye.message->to_tag(), "right");
    net.backend.respond(bye, 200);
    net.phone.ack();
    CHECK_EQ(net.backend.expect("ACK").message->to_tag(), "left");
    net.hang_up();
  }
  SUBCASE("it is refused") {
    net.backend.respond(invite, 486);
    net.backend.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("486"));
  }
  SUBCASE("the caller ends one of them") {
    net.phone.remote_tag = right.message->to_tag();
    net.phone.request("BYE");
    net.phone.expect("200 BYE");
    const Seen bye = net.backend.expect("BYE");
    CHECK_EQ(bye.message->to_tag(), "right");
    net.backend.respond(bye, 200);
    net.phone.expect_nothing();
    as("left");
    net.backend.respond(invite, 200, kSdpAnswer);
    CHECK_EQ(net.phone.expect("200").message->to_tag(), left.message->to_tag());
    net.phone.ack();
    net.backend.expect("ACK");
    net.hang_up();
  }
  net.expect_quiet();
}

TEST_CASE(
    "a caller's BYE ends one early dialog of several, and its fork; the last one ends the call") {
  Forked net;
  net.call();
  net.backend.respond(net.a, 180);
  const Seen one = net.phone.expect("180");
  net.second.respond(net.b, 180);
  const Seen two = net.phone.expect("180");
  net.in(one);
  net.phone.request("BYE");
  net.phone.expect("200 BYE");
  net.backend.respond(net.backend.expect("CANCEL"), 200);
  net.backend.respond(net.a, 487);
  net.backend.expect("ACK");
  net.second.expect_nothing();
  net.in(two);
  net.phone.request("BYE");
  net.phone.expect("200 BYE");
  net.phone.remote_tag.clear();
  net.phone.ack_refusal(net.phone.expect("487"));
  net.second.respond(net.second.expect("CANCEL"), 200);
  net.second.respond(net.b, 487);
  net.second.expect("ACK");
  net.expect_quiet();
}

TEST_CASE("a target tried after one that had rung has an early dialog of its own") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE");
  net.backend.respond(first, 183, kSdpAnswer, reliable(9));
  const Seen one = net.phone.expect("183");
  net.backend.respond(first, 503);
  net.backend.expect("ACK");
  const Seen other = net.second.expect("INVITE");
  net.phone.request("PRACK", {}, rack(9, net.phone.invite_cseq));
  net.phone.expect("481 PRACK");
  net.second.respond(other, 183, kSdpAnswer, reliable(1));
  const Seen two = net.phone.expect("183");
  CHECK_NE(one.message->to_tag(), two.message->to_tag());
  net.phone.request("PRACK", {}, rack(1, net.phone.invite_cseq));
  net.second.respond(net.second.expect("PRACK"), 200);
  net.phone.expect("200 PRACK");
  net.second.respond(other, 200);
  CHECK_EQ(net.phone.expect("200").message->to_tag(), two.message->to_tag());
  net.phone.ack();
  net.second.expect("ACK");
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("a fork's request that overtakes its first response has an early dialog already") {
  Forked net;
  net.call();
  net.second.request("INFO");
  const Seen info = net.phone.expect("INFO");
  net.phone.respond(info, 200);
  net.second.expect("200 INFO");
  net.second.respond(net.b, 180);
  CHECK_EQ(net.phone.expect("180").message->to_tag(), info.message->from_tag());
  net.backend.respond(net.a, 180);
  CHECK_NE(net.phone.expect("180").message->to_tag(), info.message->from_tag());
  net.phone.cancel();
  net.phone.expect("200 CANCEL");
  net.phone.ack_refusal(net.phone.expect("487"));
  net.advance(seconds(40));
  net.backend.inbox.clear();
  net.second.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("the dialogs of one INVITE are limited") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  for (int i = 0; i < 40; ++i) {
    net.backend.local_tag = "fork" + std::to_string(i);
    net.backend.respond(invite, 180);
  }
  CHECK_EQ(net.phone.inbox.size(), 17);
  net.phone.inbox.clear();
  net.backend.local_tag = "fork3";
  net.backend.respond(invite, 486);
  net.backend.expect("ACK");
  net.phone.remote_tag.clear();
  net.phone.ack_refusal(net.phone.expect("486"));
  net.expect_quiet();
}
