// One target after the other, the 408 rule and the ring limit.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

bool has_reason(const Seen& seen, std::string_view words) {
  return seen.header("Reason").find(words) != std::string::npos &&
         seen.header("Reason").find("10.0.1.") == std::string::npos;
}

}  // namespace

TEST_CASE("silence costs the attempt time, then the next target is tried") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE", seconds(0));
  net.advance(seconds(4));
  const Seen other = net.second.expect("INVITE", seconds(4));
  CHECK_NE(other.message->call_id(), first.message->call_id());
  net.second.respond(other, 180);
  net.second.respond(other, 200, kSdpAnswer);
  net.phone.expect("100", milliseconds(200));
  net.phone.expect("180");
  net.phone.expect("200");
  net.phone.ack();
  net.second.expect("ACK");
  const auto attempts = net.taken<sip::AttemptEnded>();
  REQUIRE_EQ(attempts.size(), 2);
  CHECK(attempts[0].timed_out);
  CHECK_EQ(attempts[0].status, 0);
  CHECK_EQ(attempts[0].took, seconds(4));
  CHECK_EQ(attempts[1].status, 200);
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.advance(seconds(40));
  net.backend.inbox.clear();
  net.expect_quiet();
}

TEST_CASE("any provisional response stops the attempt time") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.advance(milliseconds(3999));
  net.backend.inbox.clear();
  net.backend.respond(invite, 100);
  net.advance(seconds(100));
  net.second.expect_nothing();
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("100");
  net.phone.expect("100");
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a closed port costs no time") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  net.backend.expect("INVITE");
  net.advance(milliseconds(1));
  net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
  net.flush();
  const Seen other = net.second.expect("INVITE", milliseconds(1));
  net.second.respond(other, 486);
  net.second.expect("ACK");
  net.phone.ack_refusal(net.phone.expect("486"));
  const auto attempts = net.taken<sip::AttemptEnded>();
  REQUIRE_EQ(attempts.size(), 2);
  CHECK_FALSE(attempts[0].timed_out);
  CHECK_EQ(attempts[0].reason, "connection refused");
  net.expect_quiet();
}

TEST_CASE("who answers although his connection was lost gets ACK and BYE") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen lost = net.backend.expect("INVITE");
  net.stack->flow_failed(net.now(), net.backend.flow, "closed by the peer");
  net.flush();
  const Seen other = net.second.expect("INVITE");
  net.second.respond(other, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  net.second.expect("ACK");
  net.backend.respond(lost, 200, kSdpAnswer);
  net.backend.expect("ACK");
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.phone.request("BYE");
  net.second.respond(net.second.expect("BYE"), 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("503 goes on and the phone does not see it; what the callee says goes back at once") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  net.backend.respond(net.backend.expect("INVITE"), 503);
  net.backend.expect("ACK");
  net.second.respond(net.second.expect("INVITE"), 603, {}, "X-Why: busy\r\n");
  net.second.expect("ACK");
  const Seen refused = net.phone.expect("603");
  CHECK_EQ(refused.header("X-Why"), "busy");
  CHECK(refused.header("Reason").empty());  // upstream's, not ours
  net.phone.ack_refusal(refused);
  for (const int status : {302, 401, 404, 407, 408, 486, 487, 600, 603}) {
    net.plan.failover_codes = {401, 407, 486, 487, 500, 503, 600, 603};
    net.phone.invite();
    net.backend.respond(net.backend.expect("INVITE"), status);
    net.backend.expect("ACK");
    net.second.expect_nothing();
    const Seen final = net.phone.expect(std::to_string(status));
    net.phone.ack_refusal(final);
  }
  net.expect_quiet();
}

TEST_CASE("nothing left: 503 with Retry-After and its reason, also when the last word was a 503") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
  net.flush();
  net.backend.expect("INVITE");
  net.second.respond(net.second.expect("INVITE"), 503, {}, "Retry-After: 3600\r\n");
  net.second.expect("ACK");
  const Seen refused = net.phone.expect("503");
  CHECK_EQ(refused.all("Retry-After").size(), 1);
  CHECK_NE(refused.header("Retry-After"), "3600");
  CHECK(has_reason(refused, "cause=503;text=\"no target is left: the target answered 503\""));
  net.phone.ack_refusal(refused);
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].ended_by, sip::Ender::edge);
  net.expect_quiet();
}

TEST_SUITE("the 408 rule") {
  TEST_CASE("no response of any target in the whole budget: 408 when the last has had its 64*T1") {
    House net;
    net.targets = {&net.backend, &net.second};
    net.phone.invite();
    net.advance(milliseconds(35'999));
    net.phone.expect("100", milliseconds(200));
    net.phone.expect_nothing();
    net.advance(milliseconds(1));
    const Seen refused = net.phone.expect("408", seconds(36));
    CHECK(has_reason(refused, "Timer B fired in Calling: no response in 32000 ms"));
    net.phone.ack_refusal(refused);
    for (int i = 0; i < 7; ++i) net.backend.expect("INVITE");
    for (int i = 0; i < 7; ++i) net.second.expect("INVITE");
    net.expect_quiet();
  }

  TEST_CASE("one target had said something: no 408 when the other stays silent") {
    House net;
    net.targets = {&net.backend, &net.second};
    net.phone.invite();
    const Seen first = net.backend.expect("INVITE");
    net.backend.respond(first, 503);
    net.backend.expect("ACK");
    net.advance(seconds(32));
    net.phone.expect("100");
    const Seen refused = net.phone.expect("503", seconds(32));
    CHECK_FALSE(refused.header("Retry-After").empty());
    net.phone.ack_refusal(refused);
    net.second.inbox.clear();
    net.expect_quiet();
  }

  TEST_CASE("a 100 in the last microsecond of 64*T1 keeps the call") {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.advance(seconds(32) - microseconds(1));
    net.backend.inbox.clear();
    net.backend.respond(invite, 100);
    net.advance(seconds(120));
    net.phone.expect("100", milliseconds(200));
    net.phone.expect("100");
    net.phone.expect_nothing();
    net.backend.respond(invite, 200, kSdpAnswer);
    net.phone.expect("200");
    net.phone.ack();
    net.backend.expect("ACK");
    net.hang_up();
    net.expect_quiet();
  }

  TEST_CASE("a 100 in the same instant as the send keeps the call") {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.backend.respond(invite, 100);
    net.advance(seconds(179));
    net.phone.expect("100", seconds(0));
    net.phone.expect_nothing();
    net.backend.expect_nothing();
    net.backend.respond(invite, 404);
    net.backend.expect("ACK");
    net.phone.ack_refusal(net.phone.expect("404"));
    net.expect_quiet();
  }

  TEST_CASE("the ring limit says 408 and CANCELs, and 101-199 start it again") {
    sip::StackConfig config = House::default_config();
    config.ring_limit = seconds(10);
    House net(config);
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.backend.respond(invite, 100);
    net.phone.expect("100");
    net.advance_to(seconds(9));
    net.backend.respond(invite, 180);
    net.phone.expect("180");
    net.advance_to(seconds(18));
    net.backend.respond(invite, 183);
    net.phone.expect("183");
    net.advance_to(seconds(27));
    net.backend.respond(invite, 100);  // does not
    net.advance_to(milliseconds(27'999));
    net.phone.expect_nothing();
    net.backend.expect_nothing();
    net.advance_to(seconds(28));
    const Seen refused = net.phone.expect("408", seconds(28));
    CHECK(has_reason(refused, "the ring limit of 10 s ran out"));
    net.phone.ack_refusal(refused);
    const Seen cancel = net.backend.expect("CANCEL", seconds(28));
    CHECK_NE(cancel.header("Reason").find("cause=408"), std::string::npos);
    net.backend.respond(cancel, 200);
    net.backend.respond(invite, 487);
    net.backend.expect("ACK");
    net.expect_quiet();
  }

  TEST_CASE("the ring limit does not run while a target has said nothing") {
    sip::StackConfig config = House::default_config();
    config.ring_limit = seconds(10);
    House net(config);
    net.targets = {&net.backend, &net.second};
    net.phone.invite();
    const Seen first = net.backend.expect("INVITE");
    net.backend.respond(first, 100);
    net.phone.expect("100");
    net.advance(seconds(9));
    net.backend.respond(first, 503);
    net.backend.expect("ACK");
    net.advance(milliseconds(31'999));
    net.phone.expect_nothing();
    net.advance(milliseconds(1));
    net.phone.ack_refusal(net.phone.expect("503", seconds(41)));
    net.second.inbox.clear();
    net.expect_quiet();
  }

  TEST_CASE("a 408 of the backend is passed on without a reason of ours") {
    House net;
    net.phone.invite();
    net.backend.respond(net.backend.expect("INVITE"), 408);
    net.backend.expect("ACK");
    const Seen refused = net.phone.expect("408");
    CHECK(refused.header("Reason").empty());
    net.phone.ack_refusal(refused);
    net.expect_quiet();
    const auto ends = net.taken<sip::CallEnded>();
    REQUIRE_EQ(ends.size(), 1);
    CHECK_MESSAGE(ends.front().why.ends_with("(upstream's, not made here)"), ends.front().why);
  }
}

TEST_CASE("an operator ends a call in each of its states") {
  SUBCASE("while it is tried") {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.backend.respond(invite, 180);
    net.phone.expect("180");
    CHECK(net.stack->end_call(net.now(), net.stack->calls().at(0).call, "ended by the operator")
              .has_value());
    net.flush();
    const Seen refused = net.phone.expect("480");
    CHECK(has_reason(refused, "ended by the operator"));
    net.phone.ack_refusal(refused);
    net.backend.respond(net.backend.expect("CANCEL"), 200);
    net.backend.respond(invite, 487);
    net.backend.expect("ACK");
    net.expect_quiet();
  }
  SUBCASE("between the 200 and its ACK: the phone's BYE waits for the ACK") {
    House net;
    net.phone.invite();
    const Seen invite = net.backend.expect("INVITE");
    net.backend.respond(invite, 200, kSdpAnswer);
    net.phone.expect("200");
    const sip::CallId call = net.stack->calls().at(0).call;
    CHECK(net.stack->end_call(net.now(), call, "ended by the operator").has_value());
    net.flush();
    net.backend.expect("ACK");
    const Seen bye = net.backend.expect("BYE");
    CHECK_NE(bye.header("Reason").find("ended by the operator"), std::string::npos);
    net.backend.respond(bye, 200);
    net.phone.expect_nothing();
    net.phone.ack();
    const Seen own = net.phone.expect("BYE");
    CHECK_NE(own.header("Reason").find("ended by the operator"), std::string::npos);
    net.phone.respond(own, 200);
    CHECK_FALSE(net.stack->end_call(net.now(), call, "again").has_value());
    net.expect_quiet();
  }
  SUBCASE("while they talk") {
    House net;
    net.set_up();
    CHECK(net.stack->end_call(net.now(), net.stack->calls().at(0).call, "ended by the operator")
              .has_value());
    net.flush();
    net.phone.respond(net.phone.expect("BYE"), 200);
    net.backend.respond(net.backend.expect("BYE"), 200);
    const auto ended = net.taken<sip::CallEnded>();
    REQUIRE_EQ(ended.size(), 1);
    CHECK_EQ(ended[0].why, "ended by the operator");
    net.expect_quiet();
  }
  SUBCASE("while a re-INVITE is open: it gets its 487") {
    House net;
    net.set_up();
    net.phone.request("INVITE", kSdpOffer);
    const Seen again = net.backend.expect("INVITE");
    net.backend.respond(again, 100);
    net.phone.expect("100");
    CHECK(net.stack->end_call(net.now(), net.stack->calls().at(0).call, "ended by the operator")
              .has_value());
    net.flush();
    net.backend.respond(net.backend.expect("BYE"), 200);
    net.backend.respond(net.backend.expect("CANCEL"), 200);
    net.backend.respond(again, 487);
    net.backend.expect("ACK");
    net.phone.respond(net.phone.expect("BYE"), 200);
    net.phone.ack_refusal(net.phone.expect("487 INVITE"));
    net.expect_quiet();
  }
}
