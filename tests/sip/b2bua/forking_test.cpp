// Several targets at once: who wins, what becomes of the others, and what the caller is told when
// nobody does (RFC 3261 §16.6, §16.7).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

// A caller and three devices, of which the first two ring together and the third after them.
struct Devices : House {
  Devices() : third(add("pbx3", "10.0.1.102:5060")) {
    targets = {&backend, &second, &third};
    groups = {2, 1};
    plan.exhaustive = true;
  }
  // Both of the first group have got their INVITE.
  void call() {
    phone.invite();
    a = backend.expect("INVITE");
    b = second.expect("INVITE");
    third.expect_nothing();
  }
  void refuse(Party& party, const Seen& invite, int status, std::string_view extra = {}) {
    party.respond(invite, status, {}, extra);
    party.expect("ACK");
  }
  // The device is cancelled, and says so.
  Seen cancelled(Party& party, const Seen& invite) {
    const Seen cancel = party.expect("CANCEL");
    party.respond(cancel, 200);
    party.respond(invite, 487);
    party.expect("ACK");
    return cancel;
  }
  Party& third;
  Seen a, b;
};

}  // namespace

TEST_CASE("both ring, the first 200 wins, the other is told that the call is completed elsewhere") {
  Devices net;
  net.call();
  CHECK_NE(net.a.message->call_id(), net.b.message->call_id());
  CHECK_NE(net.a.message->from_tag(), net.b.message->from_tag());
  net.backend.respond(net.a, 180);
  net.second.respond(net.b, 180);
  net.phone.expect("180");
  net.phone.expect("180");
  net.second.respond(net.b, 200, kSdpAnswer);
  const Seen answer = net.phone.expect("200");
  CHECK_EQ(answer.body(), kSdpAnswer);
  const Seen cancel = net.cancelled(net.backend, net.a);
  CHECK_EQ(cancel.header("Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
  net.phone.ack();
  net.second.expect("ACK");
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  CHECK_EQ(net.taken<sip::CallEnded>().size(), 1);
  CHECK_EQ(net.taken<sip::AttemptEnded>().size(), 2);
  net.third.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("a loser's 200 that crosses its CANCEL is ACKed and BYEd, each time it comes") {
  Devices net;
  net.call();
  net.backend.respond(net.a, 180);
  net.phone.expect("180");
  net.second.respond(net.b, 200, kSdpAnswer);
  net.phone.expect("200");
  net.backend.respond(net.backend.expect("CANCEL"), 200);
  net.backend.respond(net.a, 200, kSdpAnswer);
  const Seen ack = net.backend.expect("ACK");
  net.backend.respond(net.a, 200, kSdpAnswer);
  const Seen bye = net.backend.expect("BYE");
  net.backend.respond(bye, 200);
  CHECK_EQ(net.backend.expect("ACK").text(), ack.text());
  net.phone.ack();
  net.second.expect("ACK");
  net.phone.expect_nothing();
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("a refusal waits for the others; the next group rings when all have refused") {
  Devices net;
  net.call();
  net.refuse(net.backend, net.a, 486);
  net.phone.expect_nothing();
  net.second.respond(net.b, 180);
  net.phone.expect("180");
  net.advance(seconds(60));
  net.third.expect_nothing();
  net.refuse(net.second, net.b, 480);
  const Seen c = net.third.expect("INVITE", seconds(60));
  net.third.respond(c, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  net.third.expect("ACK");
  net.backend.expect_nothing();
  net.phone.request("BYE");
  net.third.respond(net.third.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("the best of all refusals is passed on") {
  struct Case {
    int first, second, third, best;
  };
  const std::vector<Case> cases{
      {486, 404, 480, 486}, {404, 401, 486, 401}, {500, 480, 502, 480}, {302, 404, 486, 302},
      {503, 500, 503, 500}, {408, 480, 503, 480}, {484, 486, 404, 484}, {503, 408, 503, 408},
      {504, 415, 302, 302}, {420, 302, 486, 302},
  };
  for (const Case& c : cases) {
    CAPTURE(c.first);
    CAPTURE(c.second);
    Devices net;
    net.call();
    net.refuse(net.backend, net.a, c.first);
    net.refuse(net.second, net.b, c.second);
    net.refuse(net.third, net.third.expect("INVITE"), c.third);
    const Seen final = net.phone.expect(std::to_string(c.best));
    CHECK(final.header("Reason").empty());
    net.phone.ack_refusal(final);
    net.phone.expect_nothing();
    net.expect_quiet();
  }
}

TEST_CASE("nothing but 503: our own, with Retry-After") {
  Devices net;
  net.call();
  net.refuse(net.backend, net.a, 503, "Retry-After: 3600\r\n");
  net.refuse(net.second, net.b, 503);
  net.refuse(net.third, net.third.expect("INVITE"), 503);
  const Seen final = net.phone.expect("503");
  CHECK_EQ(final.header("Retry-After"), "10");
  net.phone.ack_refusal(final);
  const auto attempts = net.taken<sip::AttemptEnded>();
  REQUIRE_EQ(attempts.size(), 3);
  CHECK_EQ(attempts[0].retry_after, seconds(3600));
  CHECK_EQ(attempts[1].retry_after, Duration{});
  net.expect_quiet();
}

TEST_CASE("the challenges of all devices come in one response") {
  Devices net;
  net.call();
  net.refuse(net.backend, net.a, 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"1\"\r\n");
  net.refuse(net.second, net.b, 407, "Proxy-Authenticate: Digest realm=\"b\", nonce=\"2\"\r\n");
  net.refuse(net.third, net.third.expect("INVITE"), 486);
  const Seen final = net.phone.expect("407");
  CHECK_EQ(final.all("WWW-Authenticate").size(), 1);
  CHECK_EQ(final.all("Proxy-Authenticate").size(), 1);
  net.phone.ack_refusal(final);
  net.expect_quiet();
}

TEST_SUITE("6xx") {
  TEST_CASE("603 cancels the others, waits for them, and beats 486") {
    Devices net;
    net.call();
    net.second.respond(net.b, 180);
    net.phone.expect("180");
    net.refuse(net.backend, net.a, 603);
    const Seen cancel = net.second.expect("CANCEL");
    CHECK(cancel.header("Reason").find("cause=603") != std::string::npos);
    net.second.respond(cancel, 200);
    net.phone.expect_nothing();
    net.refuse(net.second, net.b, 486);
    net.phone.ack_refusal(net.phone.expect("603"));
    net.third.expect_nothing();
    net.expect_quiet();
  }

  TEST_CASE("a 200 that crosses the CANCEL wins over it") {
    Devices net;
    net.call();
    net.second.respond(net.b, 180);
    net.phone.expect("180");
    net.refuse(net.backend, net.a, 603);
    net.second.respond(net.second.expect("CANCEL"), 200);
    net.second.respond(net.b, 200, kSdpAnswer);
    net.phone.expect("200");
    net.phone.ack();
    net.second.expect("ACK");
    net.phone.request("BYE");
    net.second.respond(net.second.expect("BYE"), 200);
    net.phone.expect("200 BYE");
    net.expect_quiet();
  }

  TEST_CASE("who has said nothing is not waited for, and who ignores the CANCEL not for long") {
    Devices net;
    net.call();
    net.refuse(net.backend, net.a, 600);
    net.phone.ack_refusal(net.phone.expect("600", seconds(0)));
    net.advance(seconds(40));
    net.second.inbox.clear();

    net.call();
    net.second.respond(net.b, 180);
    net.phone.expect("180");
    const Duration from = net.elapsed();
    net.refuse(net.backend, net.a, 603);
    net.advance(seconds(4));
    net.phone.ack_refusal(net.phone.expect("603", from + seconds(4)));
    net.advance(seconds(60));
    net.second.inbox.clear();
    net.expect_quiet();
  }
}

TEST_CASE("silent devices cost the attempt time while another group is left") {
  Devices net;
  net.call();
  net.second.respond(net.b, 180);
  net.phone.expect("180");
  net.advance(seconds(4));
  net.backend.inbox.clear();
  net.third.expect_nothing();
  // The silent one is given up; it wakes up, and is cancelled.
  net.backend.respond(net.a, 180);
  net.cancelled(net.backend, net.a);
  net.phone.expect_nothing();
  net.refuse(net.second, net.b, 480);
  net.refuse(net.third, net.third.expect("INVITE", seconds(4)), 404);
  net.phone.ack_refusal(net.phone.expect("404"));
  net.expect_quiet();
}

TEST_CASE("a group whose ring limit runs out makes room for the next one: no 408 before the last") {
  Devices net;
  net.call();
  net.backend.respond(net.a, 180);
  net.second.respond(net.b, 180);
  net.phone.expect("180");
  net.phone.expect("180");
  net.advance(seconds(180));
  net.cancelled(net.backend, net.a);
  net.cancelled(net.second, net.b);
  net.phone.expect_nothing();
  const Seen c = net.third.expect("INVITE", seconds(180));
  net.third.respond(c, 180);
  net.phone.expect("180");
  net.advance(seconds(180));
  net.phone.ack_refusal(net.phone.expect("408", seconds(360)));
  net.cancelled(net.third, c);
  net.expect_quiet();
}

TEST_CASE("what a device has refused is told when the others have rung for the ring limit") {
  Devices net;
  net.groups = {3};
  net.phone.invite();
  net.a = net.backend.expect("INVITE");
  net.b = net.second.expect("INVITE");
  const Seen c = net.third.expect("INVITE");
  net.backend.respond(net.a, 180);
  net.phone.expect("180");
  net.third.respond(c, 180);
  net.phone.expect("180");
  net.refuse(net.second, net.b, 403);
  net.advance(seconds(180));
  net.phone.ack_refusal(net.phone.expect("403", seconds(180)));
  net.cancelled(net.backend, net.a);
  net.cancelled(net.third, c);
  net.expect_quiet();
}

TEST_CASE("the caller's CANCEL reaches every device, whatever it has said") {
  Devices net;
  net.call();
  net.backend.respond(net.a, 180);
  net.phone.expect("180");
  net.phone.cancel("Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n");
  net.phone.expect("200 CANCEL");
  net.phone.ack_refusal(net.phone.expect("487"));
  const Seen cancel = net.cancelled(net.backend, net.a);
  CHECK_EQ(cancel.header("Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
  net.second.expect_nothing();  // §9.1: not before it has said something
  net.second.respond(net.b, 100);
  net.cancelled(net.second, net.b);
  net.third.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("a silent group gets no 408 while another device has answered something") {
  Devices net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  net.refuse(net.backend, net.backend.expect("INVITE"), 480);
  net.advance(seconds(32));
  net.phone.expect("100");
  net.phone.ack_refusal(net.phone.expect("480", seconds(32)));
  net.second.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("nobody of a group says anything: 408 after 64*T1") {
  Devices net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  net.advance(seconds(32));
  net.phone.expect("100");
  net.phone.ack_refusal(net.phone.expect("408", seconds(32)));
  net.backend.inbox.clear();
  net.second.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("silent targets are tried for the hunt limit, and what is untried then gets no 408") {
  sip::StackConfig config = Network::default_config();
  config.hunt_limit = seconds(8);
  House net(config);
  Party& third = net.add("pbx3", "10.0.1.102:5060");
  net.targets = {&net.backend, &net.second, &third};
  net.phone.invite();
  net.advance(seconds(4));
  net.second.expect("INVITE", seconds(4));
  // The second one would use up the limit: it is the last, with its full 64*T1.
  net.advance(seconds(31));
  third.expect_nothing();
  net.phone.expect("100");
  net.phone.expect_nothing();
  net.advance(seconds(1));
  const Seen refused = net.phone.expect("503", seconds(36));
  CHECK(refused.header("Reason").find("1 untried") != std::string::npos);
  CHECK_FALSE(refused.header("Retry-After").empty());
  net.phone.ack_refusal(refused);
  third.expect_nothing();
  net.backend.inbox.clear();
  net.second.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("a refusal costs no time: the hunt limit does not count it") {
  sip::StackConfig config = Network::default_config();
  config.hunt_limit = seconds(8);
  House net(config);
  Party& third = net.add("pbx3", "10.0.1.102:5060");
  net.targets = {&net.backend, &net.second, &third};
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 180);
  net.phone.expect("180");
  net.advance(seconds(60));
  net.backend.respond(invite, 503);
  net.backend.expect("ACK");
  net.second.respond(net.second.expect("INVITE"), 503);
  net.second.expect("ACK");
  third.respond(third.expect("INVITE", seconds(60)), 486);
  third.expect("ACK");
  net.phone.ack_refusal(net.phone.expect("486"));
  net.expect_quiet();
}

TEST_SUITE("redirection") {
  TEST_CASE("a 3xx is passed on when the plan names no place to follow it to") {
    House net;
    net.targets = {&net.backend, &net.second};
    net.phone.invite();
    net.backend.respond(net.backend.expect("INVITE"), 302, {},
                        "Contact: <sip:77@10.0.1.101:5060>\r\n");
    net.backend.expect("ACK");
    net.second.expect_nothing();
    net.phone.ack_refusal(net.phone.expect("302"));
    net.expect_quiet();
  }

  TEST_CASE("followed to a place of the plan, best q first, and never to any other host") {
    House net;
    Party& third = net.add("pbx3", "10.0.1.102:5060");
    net.targets = {&net.backend};
    net.plan.redirects = {{net.second.flow, "sip:pbx2.internal", 2, false},
                          {third.flow, "", 3, false}};
    net.phone.invite();
    net.backend.respond(net.backend.expect("INVITE"), 302, {},
                        "Contact: <sip:evil@198.51.100.66>;q=1.0, <sip:77@pbx2.internal>;q=0.2\r\n"
                        "Contact: <sip:78@10.0.1.102:5060>;q=0.9, <sip:79@10.0.1.101:5066>\r\n");
    net.backend.expect("ACK");
    const Seen first = third.expect("INVITE");
    CHECK_EQ(first.message->request_uri(), "sip:78@10.0.1.102:5060");
    third.respond(first, 503);
    third.expect("ACK");
    const Seen other = net.second.expect("INVITE");
    CHECK_EQ(other.message->request_uri(), "sip:77@pbx2.internal");
    // Nobody is asked the same twice: then the redirection is passed on.
    net.second.respond(other, 302, {}, "Contact: <sip:78@10.0.1.102:5060>\r\n");
    net.second.expect("ACK");
    third.expect_nothing();
    net.phone.ack_refusal(net.phone.expect("302"));
    net.expect_quiet();
  }
}
