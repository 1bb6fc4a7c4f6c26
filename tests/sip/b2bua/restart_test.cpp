// A call outlives its process: another stack goes on from the checkpoints that the first one
// emitted (docs/specs/call.md, "Restart").
#include <doctest/doctest.h>

#include <map>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kOffer =
    "v=0\r\no=- 1 2 IN IP4 192.0.2.20\r\ns=-\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 4000 "
    "RTP/AVP 8\r\na=sendonly\r\n";

struct Restarting : House {
  using House::House;

  // What the store would hold.
  std::map<std::string, sip::CallCheckpoint> kept;
  std::size_t written = 0;

  void collect() {
    for (sip::CallChanged& e : taken<sip::CallChanged>()) {
      ++written;
      kept[e.checkpoint.id] = e.checkpoint;
    }
    if (!taken<sip::CallEnded>().empty()) kept.clear();  // one call in each test
  }

  void restart(sip::StackConfig config = default_config()) {
    collect();
    config.seed = ++seed_;
    stack = std::make_unique<sip::Stack>(std::move(config), log);
    for (const auto& [id, checkpoint] : kept) {
      const auto restored = stack->restore(now(), {checkpoint, 77, 5060, plan.hidden});
      REQUIRE_MESSAGE(restored.has_value(), restored.error().message);
    }
    flush();
    collect();
  }

 private:
  std::uint64_t seed_ = 1000;
};

struct Held {
  std::uint32_t phone = 0, backend = 0;  // the highest CSeq each has seen in a request
};

// Checks that a request is the dialog's of its receiver, with a CSeq above all earlier ones.
void in_dialog(const Seen& seen, const Party& party, std::uint32_t& last) {
  CHECK_EQ(seen.message->call_id(), party.call_id);
  CHECK_EQ(seen.message->to_tag(), party.local_tag);
  CHECK_EQ(seen.message->from_tag(), party.remote_tag);
  CHECK_GT(seen.message->cseq().number, last);
  last = seen.message->cseq().number;
}

void options(Party& asker, Party& other, std::uint32_t& last) {
  asker.request("OPTIONS");
  const Seen asked = other.expect("OPTIONS");
  in_dialog(asked, other, last);
  other.respond(asked, 200);
  asker.expect("200 OPTIONS");
}

void hold(Party& asker, Party& other, std::uint32_t& last) {
  asker.request("INVITE", kOffer);
  const Seen invite = other.expect("INVITE");
  in_dialog(invite, other, last);
  CHECK_EQ(invite.body(), kOffer);
  other.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(asker.expect("200 INVITE").body(), kSdpAnswer);
  asker.ack();
  CHECK_EQ(other.expect("ACK").message->cseq().number, invite.message->cseq().number);
}

void hang_up(Party& asker, Party& other, std::uint32_t& last) {
  asker.request("BYE");
  const Seen bye = other.expect("BYE");
  in_dialog(bye, other, last);
  other.respond(bye, 200);
  asker.expect("200 BYE");
}

bool shows_no_backend(const Seen& seen) {
  return seen.text().substr(0, seen.text().find("\r\n\r\n")).find("10.0.1.") ==
         std::string_view::npos;
}

// They are the stack's, which a restart ends.
std::vector<std::string> texts_of(const sip::CallView& call) {
  return {std::string{call.key}, std::string{call.from}, std::string{call.to},
          std::string{call.origin_call_id}, std::string{call.new_call_id}};
}

}  // namespace

TEST_CASE("after a restart requests cross both ways, in their dialogs, with rising CSeq") {
  for (const bool by_phone : {true, false}) {
    CAPTURE(by_phone);
    Restarting net;
    net.set_up();
    Held seen{0, 0};
    hold(net.phone, net.backend, seen.backend);
    hold(net.backend, net.phone, seen.phone);
    net.restart();
    options(net.phone, net.backend, seen.backend);
    options(net.backend, net.phone, seen.phone);
    hold(net.backend, net.phone, seen.phone);
    hold(net.phone, net.backend, seen.backend);
    // Once more, at once: what only the second process has counted must not come again.
    options(net.phone, net.backend, seen.backend);
    options(net.backend, net.phone, seen.phone);
    net.restart();
    net.restart();
    options(net.backend, net.phone, seen.phone);
    hold(net.phone, net.backend, seen.backend);
    if (by_phone) {
      hang_up(net.phone, net.backend, seen.backend);
    } else {
      hang_up(net.backend, net.phone, seen.phone);
    }
    const auto ended = net.taken<sip::CallEnded>();
    REQUIRE_EQ(ended.size(), 1);
    CHECK_EQ(ended[0].mark, 77);
    CHECK_EQ(ended[0].place.attempt, 5060);
    CHECK(ended[0].answered);
    CHECK_EQ(ended[0].status, 200);
    net.expect_quiet();
  }
}

TEST_CASE("a restored call hides what it hid, keeps its names, and is shown as it was") {
  Restarting net;
  net.set_up();
  net.advance(seconds(10));
  const sip::CallView before = net.stack->calls().at(0);
  const std::vector<std::string> texts = texts_of(before);
  net.restart();
  net.advance(seconds(5));
  const sip::CallView after = net.stack->calls().at(0);
  CHECK_EQ(after.state, "confirmed");
  CHECK(texts_of(after) == texts);
  CHECK(after.origin == before.origin);
  CHECK(after.destination == before.destination);
  CHECK(after.started == before.started);
  CHECK(after.answered_at == before.answered_at);
  CHECK(after.origin_side == before.origin_side);
  net.backend.request("INFO", {}, "P-Asserted-Identity: <sip:x@10.0.1.100>\r\n");
  const Seen info = net.phone.expect("INFO");
  CHECK(shows_no_backend(info));
  CHECK_EQ(info.header("P-Asserted-Identity"), "<sip:x@a.test>");
  net.phone.respond(info, 200);
  net.backend.expect("200 INFO");
  net.phone.request("INFO");
  const Seen other = net.backend.expect("INFO");
  CHECK_EQ(other.message->request_uri(), net.backend.contact_uri());
  net.backend.respond(other, 200);
  net.phone.expect("200 INFO");
  REQUIRE(net.stack->end_call(net.now(), after.call, "ended by the operator").has_value());
  net.flush();
  net.phone.respond(net.phone.expect("BYE"), 200);
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.expect_quiet();
}

TEST_CASE("a checkpoint comes with the ACK, with what changes, and not with each request") {
  Restarting net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 180);
  net.phone.expect("180");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.collect();
  CHECK_EQ(net.written, 0);
  net.phone.ack();
  net.backend.expect("ACK");
  net.collect();
  CHECK_EQ(net.written, 1);
  std::uint32_t last = 0, last_phone = 0;
  for (int i = 0; i < 10; ++i) options(net.phone, net.backend, last);
  net.collect();
  CHECK_EQ(net.written, 1);
  net.backend.contact = "sip:moved@10.0.1.100:5060";
  hold(net.phone, net.backend, last);
  net.collect();
  CHECK_EQ(net.written, 3);  // its CSeq when it is sent, its target with the 2xx
  net.phone.flow.remote = *net::Endpoint::parse("192.0.2.99:6000");  // a NAT has moved it
  options(net.phone, net.backend, last);
  net.collect();
  CHECK_EQ(net.written, 4);
  net.restart();
  const std::size_t before = net.written;
  options(net.backend, net.phone, last_phone);  // reaches it there
  net.phone.request("INFO");
  const Seen info = net.backend.expect("INFO");
  CHECK_EQ(info.message->request_uri(), "sip:moved@10.0.1.100:5060");
  net.backend.respond(info, 200);
  net.phone.expect("200 INFO");
  net.collect();
  CHECK_EQ(net.written, before);
  net.hang_up();
  net.collect();
  CHECK_EQ(net.written, before);
  CHECK(net.kept.empty());
  net.expect_quiet();
}

TEST_CASE("CSeq rises over a restart however many requests went without a checkpoint") {
  Restarting net;
  net.set_up();
  std::uint32_t last = 0;
  net.collect();
  for (std::uint32_t i = 0; i < sip::kCSeqTold; ++i) options(net.phone, net.backend, last);
  net.collect();
  CHECK_EQ(net.written, 2);
  net.restart();
  options(net.phone, net.backend, last);
  CHECK_LT(last, 3 * sip::kCSeqGap);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a callee that repeats its 2xx to a new process gets an ACK") {
  Restarting net;
  net.set_up();
  std::uint32_t last = 0;
  net.backend.request("INVITE", kOffer);
  const Seen invite = net.phone.expect("INVITE");
  net.restart();
  net.phone.respond(invite, 200, kSdpAnswer);
  CHECK_EQ(net.phone.expect("ACK").message->cseq().number, invite.message->cseq().number);
  net.backend.expect_nothing();
  hold(net.backend, net.phone, last);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a call without its ACK is none yet: a restart forgets it") {
  Restarting net;
  net.phone.invite();
  net.backend.respond(net.backend.expect("INVITE"), 200, kSdpAnswer);
  net.phone.expect("200");
  net.restart();
  CHECK_EQ(net.stack->counts().calls, 0);
  net.phone.ack();
  net.backend.expect_nothing();
  net.expect_nothing_alive();
}

TEST_CASE("a session that nobody refreshes ends after a restart too") {
  Restarting net;
  net.phone.invite("sip:402@a.test", kSdpOffer, "Supported: timer\r\nSession-Expires: 120\r\n");
  net.backend.respond(net.backend.expect("INVITE"), 200, kSdpAnswer,
                      "Require: timer\r\nSession-Expires: 120;refresher=uac\r\n");
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.advance(seconds(60));
  net.restart();
  net.advance(seconds(119));
  net.phone.expect_nothing();
  net.advance(seconds(1));
  net.phone.respond(net.phone.expect("BYE"), 200);
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.expect_quiet();
}

TEST_CASE("a phone on TCP is reached again when it has come back") {
  Restarting net;
  Party& tcp = net.add("405", "192.0.2.25:40000", net::Transport::tcp);
  net.router = [&](const sip::RouteNeeded& need) {
    sip::Plan plan = net.plan;
    plan.device_origin = "device-5";
    plan.attempts.push_back({net.backend.flow, {}, 5060});
    net.stack->route(net.now(), need, std::move(plan));
  };
  tcp.invite();
  net.backend.respond(net.backend.expect("INVITE"), 200, kSdpAnswer);
  tcp.expect("200");
  tcp.ack();
  net.backend.expect("ACK");
  const net::Flow old = tcp.flow;
  net.restart();

  SUBCASE("until then its flow is a dead one") {
    net.backend.request("INFO");
    tcp.inbox.clear();  // the script's network knows no connections
    net.stack->flow_failed(net.now(),
                           {old.transport, old.listener, net::kGoneConnection, old.remote},
                           "the connection is gone");
    net.flush();
    net.backend.expect("503");
  }
  SUBCASE("by a request in the dialog") {
    tcp.flow.connection.value = 9;
    tcp.flow.remote.port = 40009;
    std::uint32_t last = 0;
    options(tcp, net.backend, last);
  }
  SUBCASE("by its name") {
    tcp.flow.connection.value = 9;
    tcp.flow.remote.port = 40009;
    CHECK_EQ(net.stack->rebind(net.now(), "device-6", tcp.flow), 0);
    CHECK_EQ(net.stack->rebind(net.now(), "device-5", tcp.flow), 1);
    CHECK_EQ(net.stack->rebind(net.now(), "device-5", tcp.flow), 0);
    net.flush();
    net.collect();
    CHECK(net.kept.begin()->second.origin.flow == tcp.flow);
  }
  tcp.flow.connection.value = 9;
  CHECK(net.stack->rebind(net.now(), "device-5", tcp.flow) <= 1);
  std::uint32_t last = 0;
  options(net.backend, tcp, last);
  hang_up(net.backend, tcp, last);
  net.expect_quiet();
  CHECK_EQ(net.stack->rebind(net.now(), "device-5", old), 0);  // its leg is gone
}

TEST_CASE("a backend that had connected to us is called back at its Contact") {
  Restarting net;
  Party& pbx = net.add("pbx3", "10.0.1.103:5060", net::Transport::tcp);
  pbx.flow.remote.port = 43210;
  pbx.contact = "sip:pbx3@10.0.1.103:5060;transport=tcp";
  net.router = [&](const sip::RouteNeeded& need) {
    sip::Plan plan = net.plan;
    plan.towards = sip::Side::phone;
    plan.attempts.push_back({net.phone.flow, net.phone.contact_uri(), 0});
    net.stack->route(net.now(), need, std::move(plan));
  };
  pbx.invite();
  net.phone.respond(net.phone.expect("INVITE"), 200, kSdpAnswer);
  pbx.expect("200");
  pbx.ack();
  net.phone.expect("ACK");
  net.restart();
  pbx.flow.remote.port = 5060;
  std::uint32_t last = 0;
  options(net.phone, pbx, last);
  hang_up(net.phone, pbx, last);
  net.expect_quiet();
}

TEST_CASE("Session-ID: a phone is stood in for with the same UUIDs (RFC 7989 section 7)") {
  sip::StackConfig config = Network::default_config();
  config.correlation.session_id = true;
  const std::string first(32, 'a'), other(32, 'b');
  const auto of = [](const Seen& seen) { return seen.header("Session-ID").substr(0, 32); };
  Restarting net(config);
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  const std::string ours = of(invite);
  net.backend.respond(invite, 200, kSdpAnswer, "Session-ID: " + first + ";remote=" + ours + "\r\n");
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.restart(config);
  net.phone.request("OPTIONS");
  const Seen asked = net.backend.expect("OPTIONS");
  CHECK_EQ(asked.header("Session-ID"), ours + ";remote=" + first);
  // A UUID that changes is kept, too.
  net.backend.respond(asked, 200, {}, "Session-ID: " + other + ";remote=" + ours + "\r\n");
  net.phone.expect("200 OPTIONS");
  net.restart(config);
  net.phone.request("BYE");
  CHECK_EQ(net.backend.expect("BYE").header("Session-ID"), ours + ";remote=" + other);
}

TEST_CASE("Session-ID: nothing is said for a phone any more when the policy has gone") {
  sip::StackConfig config = Network::default_config();
  config.correlation.session_id = true;
  Restarting net(config);
  net.set_up();
  net.restart();
  net.phone.request("BYE");
  CHECK(net.backend.expect("BYE").all("Session-ID").empty());
}

TEST_CASE("a checkpoint that cannot be gone on from is refused with the reason") {
  Restarting net;
  net.set_up();
  net.collect();
  sip::CallCheckpoint checkpoint = net.kept.begin()->second;
  const auto twice = net.stack->restore(net.now(), {checkpoint, 1, 0, net.plan.hidden});
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().code == Errc::conflict);
  checkpoint.origin.dialog.call_id = "another";
  checkpoint.answerer.dialog.call_id = "one";
  checkpoint.answerer.dialog.local_cseq = 0x7fffffff - 10;
  const auto used_up = net.stack->restore(net.now(), {checkpoint, 1, 0, net.plan.hidden});
  REQUIRE_FALSE(used_up.has_value());
  CHECK(used_up.error().code == Errc::range);
  CHECK_EQ(net.stack->counts().legs, 2);
  net.hang_up();
  net.expect_quiet();
}
