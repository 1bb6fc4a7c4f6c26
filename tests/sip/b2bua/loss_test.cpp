// What is lost is sent again at the RFC's intervals, and each call that loses any one message still
// completes.
#include <doctest/doctest.h>

#include <optional>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

// A call up to the 200 of the backend, whose 200 is taken.
Seen answered(House& net) {
  net.phone.invite();
  Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 100);
  net.phone.expect("100");
  net.backend.respond(invite, 200, kSdpAnswer);
  return invite;
}

}  // namespace

TEST_CASE("the first three 200s to the phone are lost: they come again at 0.5, 1.5 and 3.5 s") {
  House net;
  int lost = 0;
  net.loses = [&](const Crossing& c) {
    return !c.to_stack && c.party == &net.phone && c.message->status() == 200 &&
           c.message->method() == sip::Method::invite && ++lost <= 3;
  };
  const Seen invite = answered(net);
  net.advance(milliseconds(3499));
  net.phone.expect_nothing();
  net.backend.expect_nothing();  // the phone has not ACKed, so the backend has no ACK yet
  net.advance(milliseconds(1));
  net.phone.expect("200", milliseconds(3500));
  net.phone.ack();
  net.backend.expect("ACK", milliseconds(3500));
  CHECK_EQ(lost, 4);
  net.advance(seconds(60));
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("the first three ACKs of the phone are lost: each repeated 200 brings another") {
  House net;
  int lost = 0;
  net.loses = [&](const Crossing& c) {
    return c.to_stack && c.message->method() == sip::Method::ack && ++lost <= 3;
  };
  answered(net);
  net.phone.expect("200", milliseconds(0));
  net.phone.ack();
  for (const int at : {500, 1500, 3500}) {
    net.backend.expect_nothing();
    net.advance_to(milliseconds(at));
    net.phone.expect("200", milliseconds(at));
    net.phone.repeat();
  }
  net.backend.expect("ACK", milliseconds(3500));
  net.advance(seconds(20));
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("the edge's ACK to the backend is lost: each repeated 200 brings the same bytes") {
  House net;
  const Seen invite = answered(net);
  net.phone.expect("200");
  net.phone.ack("", "X-In-Ack: yes\r\n");
  const Seen ack = net.backend.expect("ACK");
  for (int i = 0; i < 3; ++i) {
    net.advance(milliseconds(500));
    net.backend.respond(invite, 200, kSdpAnswer);
    CHECK_EQ(net.backend.expect("ACK").text(), ack.text());
  }
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a repeated 200 of the first INVITE gets its own ACK even after a re-INVITE") {
  House net;
  const Seen invite = answered(net);
  net.phone.expect("200");
  net.phone.ack();
  const Seen ack = net.backend.expect("ACK");
  net.phone.request("INVITE", kSdpOffer);
  const Seen again = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(net.backend.expect("ACK").text(), ack.text());
  net.backend.respond(again, 200, kSdpAnswer);
  net.backend.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(net.backend.expect("ACK").text(), ack.text());
  net.phone.expect("200");
  net.phone.ack();
  CHECK_EQ(net.backend.expect("ACK").message->cseq().number, again.message->cseq().number);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("the first two BYEs are lost: they go again at 0.5 and 1.5 s") {
  House net;
  net.set_up();
  int lost = 0;
  net.loses = [&](const Crossing& c) {
    return !c.to_stack && c.party == &net.backend && c.message->method() == sip::Method::bye &&
           ++lost <= 2;
  };
  net.phone.request("BYE");
  net.advance(milliseconds(1499));
  net.backend.expect_nothing();
  net.advance(milliseconds(1));
  net.backend.respond(net.backend.expect("BYE", milliseconds(1500)), 200);
  net.phone.expect("200 BYE", milliseconds(1500));
  net.expect_quiet();
}

TEST_CASE("no ACK at all: the 200 goes at the RFC's intervals, and both legs get BYE at 64*T1") {
  House net;
  answered(net);
  net.advance(seconds(32));
  for (const int at : {0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500}) {
    net.phone.expect("200 INVITE", milliseconds(at));
  }
  const Seen bye = net.phone.expect("BYE", seconds(32));
  CHECK_NE(bye.header("Reason").find("no ACK came"), std::string::npos);
  net.backend.expect("ACK", seconds(32));
  net.backend.respond(net.backend.expect("BYE", seconds(32)), 200);
  net.phone.respond(bye, 200);
  net.phone.expect_nothing();
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].ended_by, sip::Ender::edge);
  net.expect_quiet();
}

TEST_CASE(
    "a refusal is repeated by the layer until its ACK, and a refusal in a dialog is the same "
    "again") {
  House net;
  net.set_up();
  net.phone.request("INVITE", kSdpOffer);
  const Seen first = net.backend.expect("INVITE");
  net.backend.request("INVITE", kSdpOffer);
  const Seen glare = net.backend.expect("491 INVITE");
  net.backend.repeat();  // the 491 was lost
  CHECK_EQ(net.backend.expect("491 INVITE").text(), glare.text());
  net.advance(milliseconds(500));
  net.backend.expect("INVITE");      // the phone's, not answered yet
  net.backend.expect("491 INVITE");  // timer G
  net.backend.ack_refusal(glare);
  net.backend.respond(first, 200, kSdpAnswer);
  net.phone.expect("100");
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

namespace {

// Two user agents that repeat what has to be repeated (RFC 3261 §17 by hand, with T1 = 500 ms), so
// that any message may be lost.
struct Repeating {
  explicit Repeating(House& house) : net(house) {}
  House& net;
  bool answered = false, acked = false, bye_seen = false, bye_answered = false, byed = false;
  std::optional<Seen> invite;
  std::string invite_text, answer_text, bye_text;
  Duration next_invite{}, next_answer{}, next_bye{}, bye_at{};
  Duration invite_step = milliseconds(500), answer_step = milliseconds(500),
           bye_step = milliseconds(500);
  bool invite_done = false;

  void phone_reads() {
    while (!net.phone.empty()) {
      const Seen seen = net.phone.expect(net.phone.inbox.front().what());
      if (seen.status() == 0) continue;
      invite_done = true;
      if (seen.what() == "200 INVITE") {
        answered = true;
        net.phone.ack();
        if (bye_at == Duration{}) bye_at = net.elapsed() + seconds(6);
      } else if (seen.what() == "200 BYE" || seen.what() == "481 BYE") {
        bye_answered = true;
      } else {
        REQUIRE_MESSAGE(seen.status() < 200, seen.what());
      }
    }
  }
  void backend_reads() {
    while (!net.backend.empty()) {
      const std::string what = net.backend.inbox.front().what();
      if (what == "INVITE" && !invite) {
        invite = net.backend.expect("INVITE");
        net.backend.respond(*invite, 100);
        net.backend.respond(*invite, 180);
        next_answer = net.elapsed() + seconds(2);
        continue;
      }
      const Seen seen = net.backend.inbox.front();
      net.backend.inbox.pop_front();
      if (what == "INVITE" && answer_text.empty()) net.backend.respond(*invite, 180);
      if (what == "ACK") acked = true;
      if (what == "BYE") {
        byed = true;
        net.backend.respond(seen, 200);
      }
      REQUIRE_MESSAGE(what != "CANCEL", "no CANCEL");
    }
  }
  void step() {
    const Duration now = net.elapsed();
    if (!invite_done && now >= next_invite) {
      if (invite_text.empty()) {
        net.phone.invite();
        invite_text = net.phone.last;
      } else {
        net.phone.raw(invite_text);
      }
      next_invite = now + invite_step;
      invite_step *= 2;
    }
    if (invite && !acked && next_answer != Duration{} && now >= next_answer) {
      if (answer_text.empty()) {
        net.backend.respond(*invite, 200, kSdpAnswer);
        answer_text = net.backend.last;
      } else {
        net.backend.raw(answer_text);
      }
      next_answer = now + answer_step;
      answer_step = std::min<Duration>(2 * answer_step, seconds(4));
    }
    if (bye_at != Duration{} && now >= bye_at && !bye_answered && now >= next_bye) {
      if (bye_text.empty()) {
        net.phone.request("BYE");
        bye_text = net.phone.last;
      } else {
        net.phone.raw(bye_text);
      }
      next_bye = now + bye_step;
      bye_step = std::min<Duration>(2 * bye_step, seconds(4));
    }
    for (int i = 0; i < 4; ++i) {
      phone_reads();
      backend_reads();
    }
  }
  void run() {
    for (int i = 0; i < 400 && !(bye_answered && byed); ++i) {
      step();
      net.advance(milliseconds(100));
    }
    phone_reads();
    backend_reads();
  }
};

void completes(const std::function<bool(const Crossing&)>& loses) {
  House net;
  net.loses = loses;
  Repeating call(net);
  call.run();
  CHECK(call.answered);
  CHECK(call.acked);
  CHECK(call.byed);
  CHECK(call.bye_answered);
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK(ended[0].answered);
  CHECK_EQ(ended[0].status, 200);
  net.advance(seconds(1));
  call.phone_reads();
  call.backend_reads();
  net.expect_quiet();
}

}  // namespace

TEST_CASE("the loss of each message in turn: the call completes and both legs close") {
  std::size_t messages = 0;
  completes([&](const Crossing& c) {
    messages = c.number;
    return false;
  });
  REQUIRE_GE(messages, 14);
  for (std::size_t k = 1; k <= messages; ++k) {
    CAPTURE(k);
    completes([k](const Crossing& c) { return c.number == k; });
  }
}

TEST_CASE("the loss of any two messages: the call completes and both legs close") {
  for (std::size_t a = 1; a <= 16; ++a) {
    for (std::size_t b = a + 1; b <= 20; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      completes([a, b](const Crossing& c) { return c.number == a || c.number == b; });
    }
  }
}
