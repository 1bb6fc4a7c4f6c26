// What tells a backend which call of a phone's a leg belongs to: X-CID, and Session-ID (RFC 7989).
#include <doctest/doctest.h>

#include "sip/b2bua/session_uuid.hpp"
#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kPhones = "11111111111111111111111111111111";
constexpr std::string_view kBackends = "abcdef00000000000000000000000001";
const std::string kNil(32, '0');

sip::StackConfig with(const sip::CorrelationPolicy& policy) {
  sip::StackConfig config = Network::default_config();
  config.correlation = policy;
  return config;
}

std::string session(std::string_view local, std::string_view remote) {
  return "Session-ID: " + std::string(local) + ";remote=" + std::string(remote) + "\r\n";
}
std::string value(std::string_view local, std::string_view remote) {
  return std::string(local) + ";remote=" + std::string(remote);
}

// The call is answered; the backend says who it is when it answers.
void answer(House& net, const Seen& invite, std::string_view extra) {
  net.backend.respond(invite, 200, kSdpAnswer, extra);
  net.phone.expect("200");
  net.phone.ack();
}

// A call of the backend goes to one phone, then to the other.
void call_two_phones(House& net) {
  net.router = [&](const sip::RouteNeeded& need) {
    sip::Plan plan = net.plan;
    plan.towards = sip::Side::phone;
    plan.exhaustive = true;
    for (const Party* phone : {&net.phone, &net.second})
      plan.attempts.push_back({phone->flow, phone->contact_uri(), 0});
    net.stack->route(net.now(), need, std::move(plan));
  };
  net.backend.invite("sip:401~token@203.0.113.5", kSdpOffer, session(kBackends, kNil));
}

}  // namespace

TEST_CASE("X-CID: each request to a backend names the phone's leg, whatever the phone says there") {
  House net(with({.x_cid = true}));
  net.phone.invite("sip:402@a.test", kSdpOffer, "X-CID: forged\r\nx-cid: again\r\nX-Other: 1\r\n");
  const Seen invite = net.backend.expect("INVITE");
  CHECK_EQ(invite.all("X-CID"), std::vector<std::string>{net.phone.call_id});
  CHECK_NE(invite.header("Call-ID"), net.phone.call_id);
  CHECK_EQ(invite.header("X-Other"), "1");
  net.backend.respond(invite, 200, kSdpAnswer, "X-CID: the backend's\r\n");
  CHECK_EQ(net.phone.expect("200").header("X-CID"), "the backend's");
  net.phone.ack();
  CHECK_EQ(net.backend.expect("ACK").all("X-CID"), std::vector<std::string>{net.phone.call_id});

  // Towards a phone nothing is said of the backend's leg, and what a phone answers does not pass.
  net.backend.request("INFO", {}, "X-CID: of the backend\r\n");
  const Seen info = net.phone.expect("INFO");
  CHECK_EQ(info.all("X-CID"), std::vector<std::string>{"of the backend"});
  net.phone.respond(info, 200, {}, "X-CID: forged\r\n");
  CHECK(net.backend.expect("200").all("X-CID").empty());

  net.phone.request("BYE", {}, "X-CID: forged\r\n");
  const Seen bye = net.backend.expect("BYE");
  CHECK_EQ(bye.all("X-CID"), std::vector<std::string>{net.phone.call_id});
  net.backend.respond(bye, 200);
  net.phone.expect("200");
}

TEST_CASE("X-CID: requests outside dialogs and subscriptions have it too") {
  House net(with({.x_cid = true}));
  net.phone.request_out("MESSAGE", "sip:402@a.test", "hello", "X-CID: forged\r\n");
  const Seen message = net.backend.expect("MESSAGE");
  REQUIRE_EQ(message.all("X-CID").size(), 1);
  CHECK_NE(message.header("X-CID"), "forged");
  CHECK_NE(message.header("X-CID"), message.header("Call-ID"));
  net.backend.respond(message, 200);
  CHECK_EQ(net.phone.expect("200").header("Call-ID"), message.header("X-CID"));

  net.phone.begin("SUBSCRIBE", "sip:402@a.test", "Event: presence\r\nExpires: 60\r\n");
  CHECK_EQ(net.backend.expect("SUBSCRIBE").all("X-CID"),
           std::vector<std::string>{net.phone.call_id});
}

TEST_CASE(
    "X-CID: a call to a phone says nothing, and without the policy the field passes as it is") {
  House net(with({.x_cid = true}));
  net.backend.invite("sip:401~token@203.0.113.5");
  CHECK(net.phone.expect("INVITE").all("X-CID").empty());

  House plain;
  plain.phone.invite("sip:402@a.test", kSdpOffer, "X-CID: mine\r\n");
  CHECK_EQ(plain.backend.expect("INVITE").all("X-CID"), std::vector<std::string>{"mine"});
}

TEST_CASE("Session-ID crosses both ways to the byte, with the policy and without") {
  for (const bool policy : {false, true}) {
    House net(with({.session_id = policy}));
    net.phone.invite("sip:402@a.test", kSdpOffer, session(kPhones, kNil) + "X-End: 1\r\n");
    const Seen invite = net.backend.expect("INVITE");
    CHECK_EQ(invite.all("Session-ID"), std::vector<std::string>{value(kPhones, kNil)});
    net.backend.respond(invite, 200, kSdpAnswer, session(kBackends, kPhones));
    CHECK_EQ(net.phone.expect("200").all("Session-ID"),
             std::vector<std::string>{value(kBackends, kPhones)});
    net.phone.ack({}, session(kPhones, kBackends));
    CHECK_EQ(net.backend.expect("ACK").all("Session-ID"),
             std::vector<std::string>{value(kPhones, kBackends)});
    net.backend.request("BYE", {}, session(kBackends, kPhones));
    const Seen bye = net.phone.expect("BYE");
    CHECK_EQ(bye.all("Session-ID"), std::vector<std::string>{value(kBackends, kPhones)});
    // What the phone leaves out once is still its name (section 7), by policy.
    net.phone.respond(bye, 200);
    CHECK_EQ(net.backend.expect("200").header("Session-ID"),
             policy ? value(kPhones, kBackends) : "");
  }
}

TEST_CASE("RFC 7989 section 7: CANCEL and the ACK of a refusal have the INVITE's Session-ID") {
  House net;
  net.phone.invite("sip:402@a.test", kSdpOffer, session(kPhones, kNil));
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 180, {}, session(kBackends, kPhones));
  net.phone.expect("180");
  net.phone.cancel();
  const Seen cancel = net.backend.expect("CANCEL");
  CHECK_EQ(cancel.header("Session-ID"), value(kPhones, kNil));
  net.backend.respond(cancel, 200);
  net.backend.respond(invite, 487);
  CHECK_EQ(net.backend.expect("ACK").header("Session-ID"), value(kPhones, kNil));
}

TEST_CASE("a phone without Session-ID gets one that stays through the dialog") {
  House net(with({.session_id = true}));
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  REQUIRE_EQ(invite.all("Session-ID").size(), 1);
  const std::string ours = invite.header("Session-ID").substr(0, 32);
  CHECK(sip::local_uuid(ours));
  CHECK_EQ(invite.header("Session-ID"), value(ours, kNil));
  net.backend.respond(invite, 180, {}, session(kBackends, ours));
  CHECK_EQ(net.phone.expect("180").header("Session-ID"), value(kBackends, ours));
  answer(net, invite, session(kBackends, ours));
  CHECK_EQ(net.backend.expect("ACK").all("Session-ID"),
           std::vector<std::string>{value(ours, kBackends)});

  // The backend has been joined with somebody else (section 8).
  const std::string other(32, 'c');
  net.backend.request("INFO", {}, session(other, ours));
  net.phone.respond(net.phone.expect("INFO"), 200);
  CHECK_EQ(net.backend.expect("200").header("Session-ID"), value(ours, other));
  // What is nil, no UUID or not there changes nothing (section 6).
  for (const std::string& extra : {session(kNil, ours), session("ABC", ours), std::string()}) {
    net.backend.request("INFO", {}, extra);
    net.phone.respond(net.phone.expect("INFO"), 200);
    CHECK_EQ(net.backend.expect("200").header("Session-ID"), value(ours, other));
  }
  net.phone.request("BYE");
  const Seen bye = net.backend.expect("BYE");
  CHECK_EQ(bye.all("Session-ID"), std::vector<std::string>{value(ours, other)});
  net.backend.respond(bye, 200);
  CHECK(net.phone.expect("200").all("Session-ID").empty());
}

TEST_CASE("each fork of the backend's has a UUID of its own") {
  House net(with({.session_id = true}));
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  const std::string ours = invite.header("Session-ID").substr(0, 32);
  const std::string first(32, 'a'), second(32, 'b');
  net.backend.tag_of_responses = "one";
  net.backend.respond(invite, 180, {}, session(first, ours));
  net.phone.expect("180");
  net.backend.tag_of_responses = "two";
  answer(net, invite, session(second, ours));
  CHECK_EQ(net.backend.expect("ACK").header("Session-ID"), value(ours, second));
}

TEST_CASE("a BYE of the edge's own and its CANCEL speak for the phone too") {
  House net(with({.session_id = true}));
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  const std::string ours = invite.header("Session-ID").substr(0, 32);
  answer(net, invite, session(kBackends, ours));
  net.backend.expect("ACK");
  const auto calls = net.stack->calls();
  REQUIRE_EQ(calls.size(), 1);
  REQUIRE(net.stack->end_call(net.now(), calls[0].call, "by an operator").has_value());
  net.flush();
  CHECK_EQ(net.backend.expect("BYE").header("Session-ID"), value(ours, kBackends));
  CHECK(net.phone.expect("BYE").all("Session-ID").empty());

  House other(with({.session_id = true}));
  other.phone.invite();
  const Seen ringing = other.backend.expect("INVITE");
  other.backend.respond(ringing, 180, {}, session(kBackends, ours));
  other.phone.expect("180");
  other.phone.cancel();
  CHECK_EQ(other.backend.expect("CANCEL").header("Session-ID"), ringing.header("Session-ID"));
}

TEST_CASE("the same call has the same Session-ID at the next target, another call another") {
  House net(with({.session_id = true}));
  net.targets = {&net.backend, &net.second};
  net.plan.failover_codes = {503};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE");
  net.backend.respond(first, 503);
  net.backend.expect("ACK");
  const Seen second = net.second.expect("INVITE");
  CHECK_EQ(second.header("Session-ID"), first.header("Session-ID"));
  CHECK_NE(second.header("Call-ID"), first.header("Call-ID"));
  net.phone.invite();
  CHECK_NE(net.backend.expect("INVITE").header("Session-ID"), first.header("Session-ID"));
}

TEST_CASE("a called phone without Session-ID is stood in for, towards the backend alone") {
  House net(with({.session_id = true}));
  net.backend.invite("sip:401~token@203.0.113.5", kSdpOffer, session(kBackends, kNil));
  const Seen invite = net.phone.expect("INVITE");
  CHECK_EQ(invite.all("Session-ID"), std::vector<std::string>{value(kBackends, kNil)});
  net.phone.respond(invite, 180);
  const Seen ringing = net.backend.expect("180");
  REQUIRE_EQ(ringing.all("Session-ID").size(), 1);
  const std::string ours = ringing.header("Session-ID").substr(0, 32);
  CHECK(sip::local_uuid(ours));
  CHECK_EQ(ringing.header("Session-ID"), value(ours, kBackends));
  net.phone.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(net.backend.expect("200").header("Session-ID"), value(ours, kBackends));
  net.backend.ack({}, session(kBackends, ours));
  CHECK_EQ(net.phone.expect("ACK").header("Session-ID"), value(kBackends, ours));
  net.phone.request("BYE");
  const Seen bye = net.backend.expect("BYE");
  CHECK_EQ(bye.all("Session-ID"), std::vector<std::string>{value(ours, kBackends)});
  net.backend.respond(bye, 200);
  CHECK(net.phone.expect("200").all("Session-ID").empty());
}

TEST_CASE("a called phone that says a Session-ID speaks for itself") {
  House net(with({.session_id = true}));
  net.backend.invite("sip:401~token@203.0.113.5", kSdpOffer, session(kBackends, kNil));
  const Seen invite = net.phone.expect("INVITE");
  net.phone.respond(invite, 200, kSdpAnswer, session(kPhones, kBackends));
  CHECK_EQ(net.backend.expect("200").all("Session-ID"),
           std::vector<std::string>{value(kPhones, kBackends)});
  net.backend.ack({}, session(kBackends, kPhones));
  net.phone.expect("ACK");
  net.backend.request("INFO", {}, session(kBackends, kPhones));
  net.phone.respond(net.phone.expect("INFO"), 200);
  CHECK_EQ(net.backend.expect("200").header("Session-ID"), value(kPhones, kBackends));
}

TEST_CASE("a UUID that comes with the ACK counts (RFC 7989 section 8)") {
  House net(with({.session_id = true}));
  net.backend.invite("sip:401~token@203.0.113.5", kSdpOffer, session(std::string(32, 'e'), kNil));
  net.phone.respond(net.phone.expect("INVITE"), 200, kSdpAnswer);
  const std::string ours = net.backend.expect("200").header("Session-ID").substr(0, 32);
  net.backend.ack({}, session(kBackends, ours));
  net.phone.expect("ACK");
  net.phone.request("BYE");
  CHECK_EQ(net.backend.expect("BYE").header("Session-ID"), value(ours, kBackends));
}

TEST_CASE("a refusal of several phones that say their own UUIDs has none of them") {
  for (const bool policy : {true, false}) {
    House net(with({.session_id = policy}));
    call_two_phones(net);
    for (Party* phone : {&net.phone, &net.second}) {
      phone->respond(phone->expect("INVITE"), 486, {}, session(kPhones, kBackends));
      phone->expect("ACK");
    }
    CHECK_EQ(net.backend.expect("486").header("Session-ID"),
             value(policy ? kNil : kPhones, kBackends));
  }
}

TEST_CASE("called one after the other each phone has a UUID of its own, their refusal a nil one") {
  House net(with({.session_id = true}));
  call_two_phones(net);
  std::string heard;
  for (Party* phone : {&net.phone, &net.second}) {
    const Seen invite = phone->expect("INVITE");
    phone->respond(invite, 180);
    const std::string said = net.backend.expect("180").header("Session-ID");
    CHECK_EQ(said.substr(32), ";remote=" + std::string(kBackends));
    CHECK_NE(said, heard);
    heard = said;
    phone->respond(invite, 486);
    phone->expect("ACK");
  }
  CHECK_EQ(net.backend.expect("486").header("Session-ID"), value(kNil, kBackends));
}

TEST_CASE("no Session-ID is made up for a backend, nor without the policy") {
  House net(with({.session_id = true}));
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  CHECK(net.phone.expect("200").all("Session-ID").empty());

  House plain;
  plain.backend.invite("sip:401~token@203.0.113.5", kSdpOffer, session(kBackends, kNil));
  plain.phone.respond(plain.phone.expect("INVITE"), 200, kSdpAnswer);
  CHECK(plain.backend.expect("200").all("Session-ID").empty());
  plain.phone.invite();
  CHECK(plain.backend.expect("INVITE").all("Session-ID").empty());
}

TEST_CASE("a UUID is 32 lower-case digits in the form of version 4, and hides what it is made of") {
  const HashKey key{1, 2};
  const std::string one = sip::session_uuid(key, "call-1");
  CHECK_EQ(one, sip::session_uuid(key, "call-1"));
  CHECK_NE(one, sip::session_uuid(key, "call-2"));
  CHECK_NE(one, sip::session_uuid(HashKey{1, 3}, "call-1"));
  CHECK(sip::local_uuid(one));
  for (int i = 0; i < 100; ++i) {
    const std::string uuid = sip::session_uuid(key, std::to_string(i));
    REQUIRE_EQ(uuid.size(), 32);
    CHECK_EQ(uuid[12], '4');
    CHECK_NE(std::string_view{"89ab"}.find(uuid[16]), std::string_view::npos);
    CHECK_NE(uuid.substr(0, 12), uuid.substr(17, 12));
  }
  CHECK_EQ(sip::session_value(one, {}), one + ";remote=" + kNil);
  CHECK_EQ(sip::local_uuid(one + " ; remote=" + kNil), one);
  CHECK_FALSE(sip::local_uuid(""));
  CHECK_FALSE(sip::local_uuid(kNil));
  CHECK_FALSE(sip::local_uuid(one + "0"));
  CHECK_FALSE(sip::local_uuid(one.substr(1)));
  CHECK_FALSE(sip::local_uuid(std::string(31, 'a') + "A"));
}
