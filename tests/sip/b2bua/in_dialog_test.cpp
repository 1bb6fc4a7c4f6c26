// Requests within the two dialogs of a call: re-INVITE from both sides, UPDATE, PRACK, INFO and
// unknown methods, BYE.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kHold =
    "v=0\r\no=- 1 2 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 4000 "
    "RTP/AVP 8\r\na=sendonly\r\n";

// `asker` re-INVITEs, the other side accepts.
void hold(Party& asker, Party& other) {
  asker.request("INVITE", kHold);
  const Seen invite = other.expect("INVITE");
  CHECK_EQ(invite.body(), kHold);
  CHECK_EQ(invite.message->to_tag(), other.local_tag);
  other.respond(invite, 100);
  asker.expect("100");
  other.respond(invite, 200, kSdpAnswer);
  const Seen answer = asker.expect("200 INVITE");
  CHECK_EQ(answer.body(), kSdpAnswer);
  other.expect_nothing();
  asker.ack();
  const Seen ack = other.expect("ACK");
  CHECK_EQ(ack.message->cseq().number, invite.message->cseq().number);
}

bool shows_no_backend(const Seen& seen) {
  return seen.text().substr(0, seen.text().find("\r\n\r\n")).find("10.0.1.") ==
         std::string_view::npos;
}

}  // namespace

TEST_CASE("hold and resume from both sides; Call-IDs, tags and CSeqs stay apart") {
  House net;
  net.set_up();
  hold(net.phone, net.backend);
  hold(net.backend, net.phone);
  hold(net.backend, net.phone);
  hold(net.phone, net.backend);
  CHECK_NE(net.phone.call_id, net.backend.call_id);
  CHECK_NE(net.phone.remote_tag, net.backend.local_tag);
  net.backend.request("BYE");
  const Seen bye = net.phone.expect("BYE");
  CHECK(shows_no_backend(bye));
  net.phone.respond(bye, 200);
  net.backend.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("late offer: the answer crosses in the ACK, and the answerer is ACKed only then") {
  House net;
  net.phone.invite("sip:402@a.test", "");
  const Seen invite = net.backend.expect("INVITE");
  CHECK(invite.body().empty());
  net.backend.respond(invite, 200, kSdpOffer);
  CHECK_EQ(net.phone.expect("200").body(), kSdpOffer);
  net.advance(milliseconds(400));
  net.backend.expect_nothing();
  net.phone.ack(kSdpAnswer);
  const Seen ack = net.backend.expect("ACK");
  CHECK_EQ(ack.body(), kSdpAnswer);
  CHECK_EQ(ack.header("Content-Type"), "application/sdp");
  net.backend.request("INVITE");  // and a re-INVITE without offer
  const Seen again = net.phone.expect("INVITE");
  net.phone.respond(again, 200, kSdpOffer);
  net.backend.expect("200");
  net.backend.ack(kSdpAnswer);
  CHECK_EQ(net.phone.expect("ACK").body(), kSdpAnswer);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a callee's re-INVITE cannot overtake the caller's ACK") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.backend.request("INVITE", kHold);
  net.backend.ack_refusal(net.backend.expect("491"));
  net.phone.expect_nothing();
  net.phone.ack();
  net.backend.expect("ACK");
  hold(net.backend, net.phone);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a refused re-INVITE leaves the call as it was") {
  House net;
  net.set_up();
  net.phone.request("INVITE", kHold);
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 488, {}, "Warning: 304 10.0.1.100:5060 \"media\"\r\n");
  net.backend.expect("ACK");
  const Seen refused = net.phone.expect("488");
  CHECK_EQ(refused.header("Warning"), "304 a.test \"media\"");
  net.phone.ack_refusal(refused);
  hold(net.phone, net.backend);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a re-INVITE that gets 481 or no answer ends the call (12.2.1.2)") {
  for (const bool silent : {false, true}) {
    CAPTURE(silent);
    House net;
    net.set_up();
    net.phone.request("INVITE", kHold);
    const Seen invite = net.backend.expect("INVITE");
    if (silent) {
      net.advance(seconds(32));
      net.backend.inbox.erase(net.backend.inbox.begin(), net.backend.inbox.begin() + 6);
      net.phone.expect("100");
      net.phone.ack_refusal(net.phone.expect("408"));
    } else {
      net.backend.respond(invite, 481);
      net.backend.expect("ACK");
      net.phone.ack_refusal(net.phone.expect("481"));
    }
    net.phone.respond(net.phone.expect("BYE"), 200);
    net.backend.respond(net.backend.expect("BYE"), 481);
    net.expect_quiet();
  }
}

TEST_CASE(
    "both sides re-INVITE: one wins, the other gets 491; a second of the same side gets 500 with "
    "Retry-After") {
  House net;
  net.set_up();
  net.phone.request("INVITE", kHold);
  const Seen winner = net.backend.expect("INVITE");
  net.advance(milliseconds(5));
  net.backend.request("INVITE", kHold);
  net.backend.ack_refusal(net.backend.expect("491"));
  const std::string branch = net.phone.invite_branch;
  const std::uint32_t number = net.phone.invite_cseq;
  net.phone.request("INVITE", kHold);
  const Seen twice = net.phone.expect("500");
  CHECK_FALSE(twice.header("Retry-After").empty());
  net.phone.ack_refusal(twice);
  net.backend.respond(winner, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.invite_branch = branch;
  net.phone.invite_cseq = number;
  net.phone.ack();
  net.backend.expect("ACK");
  net.advance(seconds(2));
  hold(net.backend, net.phone);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("re-INVITE against UPDATE: both cross, and the ends settle it") {
  House net;
  net.set_up();
  net.phone.request("INVITE", kHold);
  const Seen invite = net.backend.expect("INVITE");
  net.backend.request("UPDATE", kHold);
  const Seen update = net.phone.expect("UPDATE");
  net.phone.respond(update, 491);
  net.backend.expect("491 UPDATE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200 INVITE");
  net.phone.ack();
  net.backend.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a re-INVITE is cancelled; its 200 may cross the CANCEL") {
  House net;
  net.set_up();
  net.phone.request("INVITE", kHold);
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 180);
  net.phone.expect("180");
  net.phone.cancel("Reason: SIP;cause=200\r\n");
  net.phone.expect("200 CANCEL");
  const Seen cancel = net.backend.expect("CANCEL");
  CHECK_EQ(cancel.header("Reason"), "SIP;cause=200");
  net.phone.expect_nothing();
  SUBCASE("487") {
    net.backend.respond(cancel, 200);
    net.backend.respond(invite, 487);
    net.backend.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("487"));
  }
  SUBCASE("200") {
    net.backend.respond(invite, 200, kSdpAnswer);
    net.phone.expect("200 INVITE");
    net.phone.ack();
    net.backend.expect("ACK");
    net.backend.respond(cancel, 200);
  }
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE(
    "UPDATE, INFO, MESSAGE, REFER and a method nobody knows cross with their bodies, both ways") {
  House net;
  net.set_up();
  for (const std::string method :
       {"UPDATE", "INFO", "MESSAGE", "REFER", "NOTIFY", "OPTIONS", "FROBNICATE"}) {
    for (const bool from_phone : {true, false}) {
      Party& asker = from_phone ? net.phone : net.backend;
      Party& other = from_phone ? net.backend : net.phone;
      asker.request(method, "body of " + method, "Content-Type: text/plain\r\nX-Odd: ;;=\r\n");
      const Seen seen = other.expect(method);
      CHECK_EQ(seen.body(), "body of " + method);
      CHECK_EQ(seen.header("X-Odd"), ";;=");
      CHECK_EQ(seen.header("Max-Forwards"), "69");
      if (!from_phone) CHECK(shows_no_backend(seen));
      other.respond(seen, 202, {}, "X-Reply: yes\r\n");
      const Seen answer = asker.expect("202 " + method);
      CHECK_EQ(answer.header("X-Reply"), "yes");
    }
  }
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("RAck names the other leg's INVITE") {
  House net;
  net.phone.invite("sip:402@a.test", kSdpOffer, "Supported: 100rel\r\n");
  const Seen invite = net.backend.expect("INVITE");
  CHECK_EQ(invite.header("Supported"), "100rel");
  net.backend.respond(invite, 180, {}, "Require: 100rel\r\nRSeq: 4711\r\n");
  const Seen ringing = net.phone.expect("180");
  CHECK_EQ(ringing.header("RSeq"), "4711");
  CHECK_EQ(ringing.header("Require"), "100rel");
  net.backend.repeat();
  net.phone.expect("180");  // reliable provisional responses are repeated end to end
  net.phone.request("PRACK", {},
                    "RAck: 4711 " + std::to_string(net.phone.invite_cseq) + " INVITE\r\n");
  const Seen prack = net.backend.expect("PRACK");
  CHECK_EQ(prack.header("RAck"),
           "4711 " + std::to_string(invite.message->cseq().number) + " INVITE");
  net.backend.respond(prack, 200);
  net.phone.expect("200 PRACK");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200 INVITE");
  net.phone.ack();
  CHECK_EQ(net.backend.expect("ACK").message->cseq().number, invite.message->cseq().number);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE(
    "a BYE that is challenged: the challenge crosses, and the call lives until the BYE comes with "
    "credentials") {
  House net;
  net.set_up();
  net.phone.request("BYE");
  net.backend.respond(net.backend.expect("BYE"), 401, {},
                      "WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"1\"\r\n");
  CHECK_EQ(net.phone.expect("401 BYE").header("WWW-Authenticate"),
           "Digest realm=\"asterisk\",nonce=\"1\"");
  CHECK_EQ(net.stack->counts().calls, 1);
  net.phone.request("BYE", {}, "Authorization: Digest username=\"401\"\r\n");
  const Seen bye = net.backend.expect("BYE");
  CHECK_EQ(bye.header("Authorization"), "Digest username=\"401\"");
  net.backend.respond(bye, 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("BYEs that cross are both confirmed") {
  House net;
  net.set_up();
  net.phone.request("BYE");
  const Seen relayed = net.backend.expect("BYE");
  net.backend.request("BYE");
  net.backend.expect("200 BYE");
  net.phone.expect_nothing();
  net.backend.respond(relayed, 481);
  net.phone.expect("200 BYE");
  CHECK_EQ(net.taken<sip::CallEnded>().size(), 1);
  net.expect_quiet();
}

TEST_CASE("who hangs up is not kept waiting for a dead leg") {
  House net;
  net.set_up();
  SUBCASE("that stays silent") {
    net.phone.request("BYE");
    net.backend.expect("BYE");
    net.advance(milliseconds(3999));
    net.phone.expect("100 BYE", milliseconds(3500));  // RFC 4320 §4.1
    net.phone.expect_nothing();
    net.advance(milliseconds(1));
    net.phone.expect("200 BYE", seconds(4));
    net.advance(seconds(40));
    net.backend.inbox.clear();
  }
  SUBCASE("whose port is closed") {
    net.phone.request("BYE");
    net.backend.expect("BYE");
    net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
    net.flush();
    net.phone.expect("200 BYE", seconds(0));
  }
  net.expect_quiet();
}

TEST_CASE(
    "a request to a dead leg: 503 when its port is closed, silence and no 408 when it does not "
    "answer") {
  House net;
  net.set_up();
  net.phone.request("INFO");
  net.backend.expect("INFO");
  net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
  net.flush();
  net.phone.expect("503 INFO");
  net.phone.request("INFO");
  net.advance(milliseconds(31'900));
  net.phone.expect("100 INFO");
  net.phone.repeat();
  net.phone.expect("100 INFO");
  net.phone.expect_nothing();
  net.advance(seconds(10));
  net.backend.inbox.clear();
  net.phone.expect_nothing();
  net.phone.request("INFO");
  net.backend.respond(net.backend.expect("INFO"), 408);
  net.advance(seconds(40));
  net.phone.expect("100 INFO");
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a CSeq that is too low gets 500, each time the same; Max-Forwards 0 gets 483") {
  House net;
  net.set_up();
  net.phone.request("INFO", {}, {}, 1);
  const Seen low = net.phone.expect("500 INFO");
  net.phone.repeat();
  CHECK_EQ(net.phone.expect("500 INFO").text(), low.text());
  net.phone.request("INFO");
  std::string text = net.phone.last;
  net.backend.respond(net.backend.expect("INFO"), 200);
  net.phone.expect("200 INFO");
  text.replace(text.find("Max-Forwards: 70"), 16, "Max-Forwards: 0");
  text.replace(text.find("z9hG4bK"), 7, "z9hG4bKzero");
  const std::size_t cseq = text.find("CSeq: ");
  text.replace(cseq, text.find(" INFO", cseq) - cseq, "CSeq: 77");
  net.phone.cseq = 77;
  net.phone.raw(text);
  net.phone.expect("483 INFO");
  net.backend.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("an unknown dialog is the user's to refuse") {
  House net;
  net.set_up();
  const std::string tag = net.phone.remote_tag;
  net.phone.remote_tag = "never-made";
  net.phone.request("INFO");
  net.phone.expect("481 INFO");
  net.phone.remote_tag = tag;
  const std::string own = net.phone.local_tag;
  net.phone.local_tag = "somebody-else";
  net.phone.request("BYE");
  net.phone.expect("481 BYE");
  net.phone.local_tag = own;
  net.backend.expect_nothing();
  net.hang_up();
  net.phone.request("INFO");
  net.phone.expect("481 INFO");
  net.expect_quiet();
}

TEST_CASE("the caller's BYE before its ACK has arrived ends both legs") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.request("BYE", {}, "Reason: Q.850;cause=16\r\n");
  net.phone.expect("200 BYE");
  net.backend.expect("ACK");
  const Seen bye = net.backend.expect("BYE");
  CHECK_EQ(bye.header("Reason"), "Q.850;cause=16");
  net.backend.respond(bye, 200);
  net.expect_quiet();
}

TEST_CASE("the callee's BYE before the caller's ACK: the caller gets its BYE after its ACK") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.backend.request("BYE");
  net.backend.expect("ACK");
  net.backend.expect("200 BYE");
  net.phone.expect_nothing();
  net.phone.ack();
  net.phone.respond(net.phone.expect("BYE"), 200);
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].ended_by, sip::Ender::answerer);
  net.expect_quiet();
}

TEST_CASE("the caller may end an early dialog with BYE") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 180);
  net.phone.expect("180");
  net.phone.request("BYE");
  net.phone.expect("200 BYE");
  net.phone.ack_refusal(net.phone.expect("487 INVITE"));
  net.backend.respond(net.backend.expect("CANCEL"), 200);
  net.backend.respond(invite, 487);
  net.backend.expect("ACK");
  net.expect_quiet();
}

TEST_CASE("a BYE while a re-INVITE is open: the re-INVITE gets its final response") {
  House net;
  net.set_up();
  net.backend.request("INVITE", kHold);
  const Seen invite = net.phone.expect("INVITE");
  net.phone.respond(invite, 180);
  net.backend.expect("180");
  net.phone.request("BYE");
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.backend.ack_refusal(net.backend.expect("487 INVITE"));
  net.phone.respond(net.phone.expect("CANCEL"), 200);
  net.phone.respond(invite, 487);
  net.phone.expect("ACK");
  net.expect_quiet();
}

TEST_CASE("no ACK for the 200 of a re-INVITE ends the call") {
  House net;
  net.set_up();
  net.phone.request("INVITE", kHold);
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.advance(seconds(32));
  for (int i = 0; i < 11; ++i) net.phone.expect("200 INVITE");
  net.phone.respond(net.phone.expect("BYE"), 200);
  net.backend.expect("ACK");
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.expect_quiet();
}

TEST_CASE("the phone's requests follow the route set; a loose and a strict router") {
  for (const bool strict : {false, true}) {
    CAPTURE(strict);
    House net;
    net.phone.record_route =
        strict ? "<sip:192.0.2.9>, <sip:192.0.2.8;lr>" : "<sip:192.0.2.9;lr>, <sip:192.0.2.8;lr>";
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    CHECK(invite.all("Record-Route").empty());
    net.backend.respond(invite, 200, kSdpAnswer);
    const Seen answer = net.phone.expect("200");
    CHECK_EQ(answer.header("Record-Route"), net.phone.record_route);
    net.phone.routes.clear();
    net.phone.ack();
    net.backend.expect("ACK");
    net.backend.request("INFO");
    const Seen info = net.phone.expect("INFO");
    if (strict) {
      CHECK_EQ(info.message->request_uri(), "sip:192.0.2.9");
      REQUIRE_EQ(info.all("Route").size(), 2);
      CHECK_EQ(info.all("Route")[0], "<sip:192.0.2.8;lr>");
      CHECK_EQ(info.all("Route")[1], "<" + net.phone.contact_uri() + ">");
    } else {
      CHECK_EQ(info.message->request_uri(), net.phone.contact_uri());
      REQUIRE_EQ(info.all("Route").size(), 2);
      CHECK_EQ(info.all("Route")[0], "<sip:192.0.2.9;lr>");
    }
    net.phone.respond(info, 200);
    net.backend.expect("200 INFO");
    net.hang_up();
    net.expect_quiet();
  }
}

TEST_CASE("a backend behind a recording proxy is reached through it, in reverse order") {
  House net;
  net.backend.record_route = "<sip:10.0.1.7;lr>, <sip:10.0.1.101:5060;lr>";
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  const Seen answer = net.phone.expect("200");
  CHECK(answer.all("Record-Route").empty());
  CHECK(shows_no_backend(answer));
  net.phone.ack();
  const Seen ack = net.second.expect("ACK");  // at the address of the last Record-Route
  REQUIRE_EQ(ack.all("Route").size(), 2);
  CHECK_EQ(ack.all("Route")[0], "<sip:10.0.1.101:5060;lr>");
  CHECK_EQ(ack.all("Route")[1], "<sip:10.0.1.7;lr>");
  CHECK_EQ(ack.message->request_uri(), net.backend.contact_uri());
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE(
    "a target refresh moves the requests that follow; a NAT that moved the phone is followed") {
  House net;
  net.set_up();
  net.phone.contact = "sip:401@192.0.2.20:7000;line=zlpcjjt4";
  hold(net.phone, net.backend);
  net.backend.request("INFO");
  const Seen info = net.phone.expect("INFO");
  CHECK_EQ(info.message->request_uri(), "sip:401@192.0.2.20:7000;line=zlpcjjt4");
  net.phone.respond(info, 200);
  net.backend.expect("200 INFO");
  net.phone.flow.remote.port = 40000;
  net.phone.request("INFO");
  net.backend.respond(net.backend.expect("INFO"), 200);
  net.phone.expect("200 INFO");
  net.backend.request("INFO");
  net.phone.respond(net.phone.expect("INFO"), 200);  // at the new port
  net.backend.expect("200 INFO");
  net.hang_up();
  net.expect_quiet();
}
