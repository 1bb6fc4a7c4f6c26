// RFC 3261 §18.1.1: what is too large for a datagram.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

std::string large_body(std::size_t size = 2500) {
  std::string body{kSdpOffer};
  while (body.size() < size) body += "a=x-lab:0123456789012345678901234567890123456789\r\n";
  return body;
}

// The backend has two doors of the same address.
struct LargeHouse : House {
  Party& stream = add("pbx", "10.0.1.100:5060", net::Transport::tcp);

  net::Flow stream_flow() const {
    return {net::Transport::tcp, net::ListenerId{1}, {}, backend.flow.remote};
  }
  void tcp_fails() {
    stack->flow_failed(now(), stream_flow(), "Connection refused");
    flush();
  }
  // What went by TCP is lost there, as nobody listens.
  Seen lost_and_repeated(std::string_view what) {
    stream.expect(what);
    tcp_fails();
    return backend.expect(what);
  }
};

bool goes_by(const Seen& seen, std::string_view transport) {
  return seen.header("Via").starts_with("SIP/2.0/" + std::string(transport) + " 203.0.113.5:5060");
}

}  // namespace

TEST_CASE("a large INVITE goes by TCP, with a Via that says so; the dialog stays on UDP") {
  LargeHouse net;
  net.phone.invite("sip:402@a.test", large_body());
  const Seen invite = net.stream.expect("INVITE");
  net.backend.expect_nothing();
  CHECK(goes_by(invite, "TCP"));
  CHECK_EQ(invite.header("Contact").find("transport"), std::string::npos);
  CHECK_EQ(invite.body(), large_body());
  net.stream.target = "sip:402@10.0.1.100:5060";
  net.stream.contact = "sip:pbx@10.0.1.100:5060";
  net.stream.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  CHECK(goes_by(net.backend.expect("ACK"), "UDP"));
  net.phone.request("BYE");
  const Seen bye = net.backend.expect("BYE");
  CHECK(goes_by(bye, "UDP"));
  net.backend.respond(bye, 200);
  net.phone.expect("200 BYE");
  net.expect_quiet();
}

TEST_CASE("a target without TCP gets the same request in fragments at once, in a new transaction") {
  LargeHouse net;
  net.phone.invite("sip:402@a.test", large_body());
  const Seen first = net.stream.expect("INVITE");
  net.tcp_fails();
  const Seen second = net.backend.expect("INVITE", seconds(0));
  CHECK(goes_by(second, "UDP"));
  CHECK_NE(second.message->top_via().branch(), first.message->top_via().branch());
  CHECK_EQ(second.message->call_id(), first.message->call_id());
  CHECK_EQ(second.message->cseq().number, first.message->cseq().number);
  CHECK_EQ(second.body(), large_body());
  CHECK_MESSAGE(net.taken<sip::AttemptEnded>().empty(), "the target has not failed");
  const auto told = net.taken<sip::Fragmented>();
  REQUIRE_EQ(told.size(), 1);
  CHECK(told[0].is_news);
  CHECK_NE(told[0].text.find("10.0.1.100:5060 has no TCP: " + std::to_string(second.text().size()) +
                             " bytes go over UDP in fragments"),
           std::string::npos);
  // A CANCEL finds the transaction that lives.
  net.backend.respond(second, 180);
  net.phone.expect("180");
  net.phone.cancel();
  net.phone.expect("200 CANCEL");
  const Seen cancel = net.backend.expect("CANCEL");
  CHECK_EQ(cancel.message->top_via().branch(), second.message->top_via().branch());
  net.backend.respond(cancel, 200);
  net.backend.respond(second, 487);
  net.backend.expect("ACK");
  net.phone.ack_refusal(net.phone.expect("487"));
  net.expect_quiet();
}

TEST_CASE("that a target has no TCP is remembered for ten minutes") {
  LargeHouse net;
  const auto refused = [&](const Seen& message) {
    net.backend.respond(message, 200);
    net.phone.expect("200 MESSAGE");
  };
  net.phone.request_out("MESSAGE", "sip:402@a.test", large_body());
  refused(net.lost_and_repeated("MESSAGE"));
  net.advance(seconds(500));
  net.phone.request_out("MESSAGE", "sip:402@a.test", large_body());
  net.stream.expect_nothing();
  refused(net.backend.expect("MESSAGE"));
  net.advance(seconds(101));
  net.phone.request_out("MESSAGE", "sip:402@a.test", large_body());
  const Seen again = net.stream.expect("MESSAGE");
  net.stream.respond(again, 200);
  net.phone.expect("200 MESSAGE");
  // A small one goes as ever.
  net.phone.request_out("MESSAGE", "sip:402@a.test", "short");
  refused(net.backend.expect("MESSAGE"));
  net.expect_quiet();
}

TEST_CASE("a large re-INVITE, and the ACK with the answer, go by TCP too") {
  LargeHouse net;
  net.set_up();
  net.phone.request("INVITE", large_body());
  const Seen invite = net.stream.expect("INVITE");
  CHECK(goes_by(invite, "TCP"));
  net.stream.contact = "sip:pbx@10.0.1.100:5060";
  net.stream.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack(large_body());
  const Seen ack = net.stream.expect("ACK");
  CHECK(goes_by(ack, "TCP"));
  CHECK_EQ(ack.body(), large_body());
  // The 2xx again gets the ACK again, the same way.
  net.stream.respond(invite, 200, kSdpAnswer);
  net.stream.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a large re-INVITE survives that there is no TCP") {
  LargeHouse net;
  net.set_up();
  net.phone.request("INVITE", large_body());
  const Seen invite = net.lost_and_repeated("INVITE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("an attempt that was given up meanwhile is not made again") {
  LargeHouse net;
  net.phone.invite("sip:402@a.test", large_body());
  net.stream.expect("INVITE");
  net.phone.cancel();
  net.phone.expect("200 CANCEL");
  net.phone.ack_refusal(net.phone.expect("487"));
  net.tcp_fails();
  net.backend.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("a connection that is lost after an answer is no sign of missing TCP") {
  LargeHouse net;
  net.phone.invite("sip:402@a.test", large_body());
  const Seen invite = net.stream.expect("INVITE");
  net.stream.respond(invite, 100);
  net.phone.expect("100");
  net.tcp_fails();
  net.backend.expect_nothing();
  net.stream.respond(invite, 486);
  net.stream.expect("ACK");
  net.phone.ack_refusal(net.phone.expect("486"));
  net.phone.request_out("MESSAGE", "sip:402@a.test", large_body());
  net.stream.respond(net.stream.expect("MESSAGE"), 200);
  net.phone.expect("200 MESSAGE");
  net.expect_quiet();
}

TEST_CASE("towards a phone, and without a TCP listener, a large request goes in fragments") {
  LargeHouse net;
  net.backend.request_out("MESSAGE", "sip:401@203.0.113.5", large_body());
  const Seen to_phone = net.phone.expect("MESSAGE");
  CHECK(goes_by(to_phone, "UDP"));
  const auto told = net.taken<sip::Fragmented>();
  REQUIRE_EQ(told.size(), 1);
  CHECK_FALSE(told[0].is_news);
  CHECK_EQ(told[0].target, net.phone.flow.remote);
  CHECK_NE(told[0].text.find("the only way to this phone"), std::string::npos);
  net.phone.respond(to_phone, 200);
  net.backend.expect("200 MESSAGE");

  sip::StackConfig config = Network::default_config();
  config.listeners.pop_back();
  House bare(config);
  bare.phone.request_out("MESSAGE", "sip:402@a.test", large_body());
  bare.backend.respond(bare.backend.expect("MESSAGE"), 200);
  bare.phone.expect("200 MESSAGE");
  const auto why = bare.taken<sip::Fragmented>();
  REQUIRE_EQ(why.size(), 1);
  CHECK_NE(why[0].text.find("no TCP listener"), std::string::npos);
}

TEST_CASE("1300 bytes go over UDP, 1301 by TCP") {
  LargeHouse net;
  net.phone.request_out("MESSAGE", "sip:402@a.test", std::string(100, 'x'));
  const std::size_t overhead = net.backend.expect("MESSAGE").text().size() - 100;
  for (const std::size_t size : {1300u, 1301u}) {
    // Content-Length has one digit more.
    net.phone.request_out("MESSAGE", "sip:402@a.test", std::string(size - overhead - 1, 'x'));
    Party& where = size > 1300 ? net.stream : net.backend;
    where.expect("MESSAGE");
  }
}
