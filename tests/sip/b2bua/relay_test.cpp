// Requests outside dialogs, and probes.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kContact = "Contact: <sip:401@192.0.2.20:5062;line=x>;expires=3600\r\n";

void send_register(House& net) {
  net.plan.hold_final = true;
  net.plan.replace_contacts = true;
  net.plan.contacts = {"<sip:401~k3v9q2m1x8@203.0.113.5:5060>;expires=3600"};
  net.phone.request_out("REGISTER", "sip:a.test", {}, kContact);
}

}  // namespace

TEST_CASE(
    "REGISTER: the Contact is replaced, the 200 waits for release and shows the phone its own "
    "Contact") {
  House net;
  send_register(net);
  const Seen request = net.backend.expect("REGISTER");
  CHECK_EQ(request.message->request_uri(), "sip:a.test");
  CHECK_EQ(request.all("Contact"), net.plan.contacts);
  CHECK_EQ(request.header("Max-Forwards"), "69");
  net.backend.respond(
      request, 200, {},
      "Contact: <sip:401~k3v9q2m1x8@203.0.113.5:5060>;expires=60\r\nPath: <sip:10.0.1.1>\r\n");
  net.phone.expect_nothing();
  auto held = net.taken<sip::ResponseHeld>();
  REQUIRE_EQ(held.size(), 1);
  CHECK_EQ(held[0].response->status(), 200);
  net.advance(seconds(2));
  net.phone.expect_nothing();
  const std::vector<std::string> contacts = {"<sip:401@192.0.2.20:5062;line=x>;expires=60"};
  net.stack->release(net.now(), held[0].relay, &contacts);
  net.flush();
  const Seen answer = net.phone.expect("200 REGISTER", seconds(2));
  CHECK_EQ(answer.all("Contact"), contacts);
  CHECK(answer.all("Path").empty());
  net.stack->release(net.now(), held[0].relay, &contacts);  // it is gone: no effect
  net.flush();
  net.phone.repeat();
  CHECK_EQ(net.phone.expect("200 REGISTER").text(), answer.text());
  const auto ended = net.taken<sip::RelayEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].status, 200);
  CHECK_FALSE(ended[0].local);
  net.expect_quiet();
}

TEST_CASE("401 passes and goes to no other target") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.plan.failover_codes = {401, 503};
  net.phone.request_out("MESSAGE", "sip:402@a.test", "hi", "Content-Type: text/plain\r\n");
  const Seen request = net.backend.expect("MESSAGE");
  CHECK_EQ(request.body(), "hi");
  net.backend.respond(request, 401, {},
                      "WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"1\"\r\n");
  CHECK_EQ(net.phone.expect("401").header("WWW-Authenticate"),
           "Digest realm=\"asterisk\",nonce=\"1\"");
  net.second.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("a relay goes on to the next target after silence, a closed port and a listed code") {
  House net;
  net.targets = {&net.backend, &net.second};
  SUBCASE("silence") {
    net.phone.request_out("OPTIONS", "sip:402@a.test");
    net.advance(seconds(4));
    net.second.respond(net.second.expect("OPTIONS", seconds(4)), 200);
    net.phone.expect("100", milliseconds(3500));
    net.backend.respond(net.backend.expect("OPTIONS"), 200, {}, "X-Late: yes\r\n");
    net.backend.inbox.clear();
  }
  SUBCASE("a closed port") {
    net.phone.request_out("OPTIONS", "sip:402@a.test");
    net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
    net.flush();
    net.backend.inbox.clear();
    net.second.respond(net.second.expect("OPTIONS", seconds(0)), 200);
  }
  SUBCASE("503") {
    net.phone.request_out("OPTIONS", "sip:402@a.test");
    net.backend.respond(net.backend.expect("OPTIONS"), 503);
    net.second.respond(net.second.expect("OPTIONS", seconds(0)), 200);
  }
  CHECK(net.phone.expect("200 OPTIONS").header("X-Late").empty());
  const auto attempts = net.taken<sip::AttemptEnded>();
  REQUIRE_EQ(attempts.size(), 2);
  CHECK_EQ(attempts[1].status, 200);
  net.expect_quiet();
}

TEST_CASE("silence stays silence: no 408 to a request other than INVITE") {
  House net;
  net.phone.request_out("MESSAGE", "sip:402@a.test", "hi");
  net.advance(milliseconds(31'500));
  net.phone.repeat();
  net.advance(seconds(2));
  net.phone.repeat();  // too late: a new one
  net.phone.expect("100", milliseconds(3500));
  net.phone.expect("100", milliseconds(31'500));
  const auto ended = net.taken<sip::RelayEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].status, 0);
  net.advance(seconds(60));
  net.backend.inbox.clear();
  net.phone.expect("100");
  net.expect_quiet();
}

TEST_CASE("an upstream 408 to a request other than INVITE is not passed on") {
  House net;
  net.phone.request_out("MESSAGE", "sip:402@a.test", "hi");
  net.backend.respond(net.backend.expect("MESSAGE"), 408);
  const auto ended = net.taken<sip::RelayEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].status, 0);
  net.advance(seconds(60));
  net.phone.expect("100");
  net.expect_quiet();
}

TEST_CASE(
    "nobody can be reached: 503 towards a phone; towards a backend the phone's presence is not "
    "invented") {
  House net;
  net.phone.request_out("MESSAGE", "sip:402@a.test", "hi");
  net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
  net.flush();
  net.backend.inbox.clear();
  const Seen refused = net.phone.expect("503");
  CHECK_FALSE(refused.header("Retry-After").empty());
  net.backend.request_out("OPTIONS", "sip:401~token@203.0.113.5");
  CHECK_EQ(net.phone.expect("OPTIONS").message->request_uri(), net.phone.contact_uri());
  net.stack->flow_failed(net.now(), net.phone.flow, "connection refused");
  net.flush();
  net.backend.expect_nothing();
  net.advance(milliseconds(500));
  net.backend.repeat();  // a repeated one is a new try
  net.phone.respond(net.phone.expect("OPTIONS"), 200);
  net.backend.expect("200 OPTIONS");
  net.expect_quiet();
}

TEST_CASE(
    "the derived Call-ID is the same for the same key, over restarts, and another for another "
    "key") {
  std::vector<std::string> call_ids, tags;
  for (const std::uint64_t key : {7U, 7U, 8U}) {
    sip::StackConfig config = House::default_config();
    config.seed = 1000 + call_ids.size();
    config.names = {key, 9};
    House net(config);
    net.phone.raw(
        "REGISTER sip:a.test SIP/2.0\r\nVia: SIP/2.0/UDP "
        "192.0.2.20:5062;branch=z9hG4bKx;rport\r\nFrom: <sip:401@a.test>;tag=f\r\n"
        "To: <sip:401@a.test>\r\nCall-ID: the-phones-own\r\nCSeq: 5 REGISTER\r\nContent-Length: "
        "0\r\n\r\n");
    const Seen request = net.backend.expect("REGISTER");
    call_ids.emplace_back(request.message->call_id());
    tags.emplace_back(request.message->from_tag());
    CHECK_EQ(request.header("Max-Forwards"), "70");
    CHECK_EQ(request.message->cseq().number, 5);
    net.backend.respond(request, 200);
    net.phone.expect("200");
    net.expect_quiet();
  }
  CHECK_EQ(call_ids[0], call_ids[1]);
  CHECK_EQ(tags[0], tags[1]);
  CHECK_NE(call_ids[0], call_ids[2]);
  CHECK_NE(call_ids[0], "the-phones-own");
}

TEST_CASE("a probe tells status and round trip, silence, and a closed port") {
  House net;
  const sip::Attempt at{net.backend.flow, "sip:10.0.1.100", 1};
  net.stack->probe(net.now(), at, seconds(2), 77);
  net.flush();
  const Seen options = net.backend.expect("OPTIONS");
  CHECK_EQ(options.message->request_uri(), "sip:10.0.1.100");
  net.advance(milliseconds(30));
  net.backend.respond(options, 404);
  net.stack->probe(net.now(), at, seconds(2), 78);
  net.flush();
  net.advance(seconds(2));
  net.backend.respond(net.backend.expect("OPTIONS"), 200);  // too late
  net.backend.inbox.clear();
  net.stack->probe(net.now(), at, seconds(2), 79);
  net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
  net.flush();
  net.backend.expect("OPTIONS");
  const auto ended = net.taken<sip::ProbeEnded>();
  REQUIRE_EQ(ended.size(), 3);
  CHECK_EQ(ended[0].mark, 77);
  CHECK_EQ(ended[0].status, 404);
  CHECK_EQ(ended[0].rtt, milliseconds(30));
  CHECK_EQ(ended[1].status, 0);
  CHECK_EQ(ended[1].reason, "no answer in time");
  CHECK_EQ(ended[2].reason, "connection refused");
  net.expect_quiet();
}
