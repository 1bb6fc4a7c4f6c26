// Phones behind NAT: keep-alives, a port that changes, several flows of one device (RFC 5626).
#include "routing/keep_alive.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

const std::string kMoved = "127.0.0.21:40000";
const std::string kPrivate = "<sip:401@192.168.1.9:5060>";
const std::string kDevice = "<sip:401@192.168.1.9:5060>;+sip.instance=\"<urn:uuid:1>\"";

std::vector<std::string> taken(std::vector<std::string>& list) {
  return std::exchange(list, {});
}
using List = std::vector<std::string>;

Ask invite(const std::string& user_part) {
  return {"INVITE", "sip:" + user_part + "@" + kEdge, "400@a.test", "401@a.test", "in-1",
          1,        "Contact: <sip:400@127.0.0.10>\n"};
}

struct NatWorld : World {
  NatWorld() {
    keep_alive = 25s;
    start();
  }
};

// Another flow of the same device (RFC 5626 §4.2.1).
std::string flow_contact(int reg_id) {
  return kDevice + ";reg-id=" + std::to_string(reg_id);
}

TEST_CASE(
    "a phone behind NAT gets a keep-alive each interval, where it is, as long as it is "
    "registered") {
  NatWorld w;
  w.registered("401@a.test", kPhone, kA1, kPrivate, 100);
  w.registered("402@a.test", "127.0.0.22:5060", kA1);
  CHECK(w.logged("is behind NAT"));
  w.pass(24s);
  CHECK(w.pings.empty());
  w.pass(2s);
  CHECK(taken(w.pings) == List{kPhone});
  w.registered("401@a.test", kMoved, kA1, kPrivate, 100);
  w.pass(25s);
  CHECK(taken(w.pings) == List{kMoved});
  w.pass(200s);
  CHECK(taken(w.pings).size() == 3);  // at 75, 100 and 125 s; at 126 s it had expired
}

TEST_CASE("after a restart the keep-alives go on, spread over the interval") {
  NatWorld w;
  for (int i = 0; i < 5; ++i) {
    const std::string user = std::to_string(410 + i);
    w.registered(user + "@a.test", "127.0.0." + std::to_string(30 + i) + ":5060", kA1,
                 "<sip:" + user + "@192.168.1.9:5060>");
  }
  w.start();
  for (int i = 0; i < 5; ++i) {
    w.pass(5s);
    CHECK(taken(w.pings).size() == 1);
  }
}

TEST_CASE("a wake-up sends a bounded number of keep-alives") {
  const HashKey key{1, 2};
  routing::Location location{key};
  routing::KeepAlive alive{25s};
  const Now now{Instant{1h}, WallTime{}};
  for (std::size_t i = 0; i < 250; ++i) {
    storage::Binding b;
    b.token = "t" + std::to_string(i);
    b.aor = std::to_string(i) + "@a.test";
    b.contact = "sip:x@192.168.1.9";
    b.flow = World::flow(kPhone);
    b.expires = now.wall + 1h;
    location.put(b, now);
    CHECK(alive.watch(now.mono, b));
    CHECK_FALSE(alive.watch(now.mono, b));
  }
  CHECK(alive.due(now.mono + 24s, location).empty());
  CHECK(alive.due(now.mono + 25s, location).size() == 100);
  CHECK(alive.due(now.mono + 25s, location).size() == 100);
  CHECK(alive.due(now.mono + 25s, location).size() == 50);
  CHECK(alive.due(now.mono + 25s, location).empty());
  CHECK(alive.next_deadline() == now.mono + 50s);
  location.erase("t0");
  alive.due(now.mono + 50s, location);
  CHECK(alive.size() == 249);
}

TEST_CASE("a new NAT port keeps the token, and takes the calls in progress along") {
  NatWorld w;
  const std::string given = w.registered("401@a.test", kPhone, kA1, kPrivate);
  w.backend(kA1, request(invite(given)));
  const Sent rung = w.only(kPhone);
  w.phone(kPhone, response(rung, 200, "Contact: " + kPrivate + "\n"));
  const Sent answer = w.only(kA1);
  Ask ack = invite(given);
  ack.method = "ACK";
  ack.to_tag = std::string{answer.message->to_tag()};
  w.backend(kA1, request(ack));
  CHECK(w.only(kPhone).method() == "ACK");

  CHECK(w.registered("401@a.test", kMoved, kA1, kPrivate) == given);
  CHECK(w.edge().counts().registrations == 1);
  ack.method = "BYE";
  ack.cseq = 2;
  w.backend(kA1, request(ack));
  const Sent bye = w.only(kMoved);
  CHECK(bye.method() == "BYE");
  w.phone(kMoved, response(bye, 200));
  CHECK(w.only(kA1).status() == 200);
}

TEST_CASE("two flows of one device are tried one after the other, never both at once") {
  World w;
  const std::string other = "127.0.0.22:5062";
  const std::string first = w.registered("401@a.test", kPhone, kA1, flow_contact(1));
  const std::string second = w.registered("401@a.test", other, kA1, flow_contact(2));
  CHECK(first != second);
  CHECK(w.edge().counts().registrations == 2);
  SUBCASE("430 Flow Failed") {
    w.backend(kA1, request(invite("401")));
    const Sent rung = w.only(other);  // the one registered last
    w.phone(other, response(rung, 430));
    const auto all = w.take();
    REQUIRE(all.size() == 2);
    CHECK(all[0].method() == "ACK");
    CHECK(all[1].method() == "INVITE");
    CHECK(all[1].flow.remote.text() == kPhone);
    w.phone(kPhone, response(all[1], 486));
    w.take();
  }
  SUBCASE("the transport fails") {
    w.backend(kA1, request(invite("401")));
    w.only(other);
    w.unreachable(other);
    const Sent rung = w.only(kPhone);
    CHECK(rung.method() == "INVITE");
    w.phone(kPhone, response(rung, 180, "Contact: " + kPrivate + "\n"));
    CHECK(w.only(kA1).status() == 180);
  }
  SUBCASE("any other answer is the device's") {
    w.backend(kA1, request(invite("401")));
    w.phone(other, response(w.only(other), 480));
    for (const Sent& s : w.take()) CHECK(s.flow.remote.text() != kPhone);
  }
  SUBCASE("a request that is no INVITE") {
    w.backend(kA1, request({"MESSAGE", "sip:401@" + kEdge, "400@a.test", "401@a.test", "m-1"}));
    w.phone(other, response(w.only(other), 430));
    const Sent again = w.only(kPhone);
    CHECK(again.method() == "MESSAGE");
    w.phone(kPhone, response(again, 404));
    CHECK(w.only(kA1).status() == 404);
  }
}

TEST_CASE("two devices still ring together, each over one flow") {
  World w;
  const std::string other = "127.0.0.22:5062";
  const std::string desk = "127.0.0.23:5062";
  w.registered("401@a.test", kPhone, kA1, flow_contact(1));
  w.registered("401@a.test", desk, kA1);
  w.registered("401@a.test", other, kA1, flow_contact(2));
  w.backend(kA1, request(invite("401")));
  const auto all = w.take();
  REQUIRE(all.size() == 2);
  CHECK(all[0].flow.remote.text() == other);
  CHECK(all[1].flow.remote.text() == desk);
}

TEST_CASE("a lost connection is gone at once: the device's other flow is used, or 480") {
  World w;
  const net::Flow stream = World::tcp("127.0.0.22:50000", 7);
  w.registered("401@a.test", kPhone, kA1, flow_contact(1));
  w.registered("401@a.test", stream.remote.text(), kA1, flow_contact(2), 3600, &stream);
  w.flow_failed(stream);
  w.backend(kA1, request(invite("401")));
  CHECK(w.only(kPhone).method() == "INVITE");

  World alone;
  const std::string given =
      alone.registered("401@a.test", stream.remote.text(), kA1, flow_contact(2), 3600, &stream);
  alone.flow_failed(stream);
  alone.backend(kA1, request(invite(given)));
  CHECK(alone.only(kA1).status() == 480);
}

TEST_CASE("outbound is confirmed to whom asked for it, and to nobody else") {
  World w;
  unsigned cseq = 0;
  const auto answer_to = [&](const std::string& headers, const std::string& granted = {}) {
    w.phone(kPhone, request({"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "reg-o", ++cseq,
                             headers}));
    const Sent asked = w.only(kA1);
    w.backend(kA1, response(asked, 200,
                            "Contact: " + asked.header("Contact") + "\nExpires: 60\n" + granted));
    return w.only(kPhone);
  };
  const std::string contact = "Contact: " + flow_contact(1) + "\n";
  const Sent yes = answer_to(contact + "Supported: path, outbound\n");
  CHECK(yes.header("Require") == "outbound");
  CHECK(yes.header("Flow-Timer") == "30");
  const Sent once =
      answer_to(contact + "Supported: outbound\n", "Require: outbound\nFlow-Timer: 99\n");
  CHECK(once.header("Flow-Timer") == "99");
  CHECK(once.text.find("Require: outbound") == once.text.rfind("Require: outbound"));
  for (const std::string& no :
       {contact, "Contact: " + kDevice + "\nSupported: outbound\n",
        "Contact: " + kPrivate + ";reg-id=1\nSupported: outbound\n",
        contact + "Supported: outbound\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKfar\n"}) {
    const Sent plain = answer_to(no);
    CHECK(plain.header("Require").empty());
    CHECK(plain.header("Flow-Timer").empty());
  }
}

}  // namespace
}  // namespace usher::test
