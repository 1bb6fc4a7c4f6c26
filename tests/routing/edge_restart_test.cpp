// The edge over a restart, and on its way to one: calls in the store, phones that come back,
// draining.
#include "routing/dialog_saves.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

// A call of 401@a.test to its backend, up to the ACK. What each side has seen last.
struct Up {
  Sent invite;  // at the backend
  Sent answer;  // at the phone
};

Ask ask(const std::string& method, const Up& call, unsigned cseq) {
  Ask a{method, "sip:600@127.0.0.1:5060", "401@a.test", "600@a.test", "call-1", cseq};
  a.to_tag = std::string{call.answer.message->to_tag()};
  return a;
}

Up set_up(World& w, const net::Flow& from) {
  const std::string contact = "Contact: <sip:401@" + from.remote.text() + ">\n";
  w.receive(from, request({"INVITE", "sip:600@a.test", "401@a.test", "600@a.test", "call-1", 1,
                           contact}));
  const Sent invite = w.only(kA1);
  w.backend(kA1, response(invite, 200, "Contact: <sip:600@" + kA1 + ">\n"));
  Up up{invite, w.only(from.remote.text())};
  REQUIRE(up.answer.status() == 200);
  w.receive(from, request(ask("ACK", up, 1)));
  CHECK(w.only(kA1).method() == "ACK");
  w.pass(routing::DialogSaves::kGather);
  return up;
}

// A request of the backend in its dialog.
std::string from_backend(const std::string& method, const Up& call, unsigned cseq) {
  const Sent& i = call.invite;
  return wire(method + " sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP " + kA1 +
              ";branch=z9hG4bKb" + method + std::to_string(cseq) +
              ";rport\nMax-Forwards: 70\nFrom: " + i.header("To") +
              ";tag=bt\nTo: " + i.header("From") + "\nCall-ID: " + i.header("Call-ID") +
              "\nCSeq: " + std::to_string(cseq) + " " + method + "\n");
}

std::size_t live(World& w, storage::TargetId id) {
  return w.edge().target_status(id).live_calls;
}

}  // namespace

TEST_CASE("a call is in the store while it is up, and a new process goes on with it") {
  World w;
  const Up up = set_up(w, World::flow(kPhone));
  REQUIRE(w.store.calls.size() == 1);
  CHECK(w.store.calls[0].target == 1);
  CHECK(w.store.calls[0].domain == "a.test");
  const std::string key{w.edge().calls().at(0).key};
  const std::uint64_t attempt = w.edge().calls().at(0).attempt;
  w.now.wall += 60s;  // nobody knows how long the process was away
  w.start();
  const auto after = w.edge().calls().at(0);
  CHECK(after.key == key);
  CHECK(after.attempt == attempt);
  CHECK(live(w, 1) == 1);
  CHECK(w.logged("1 call(s) and 0 subscription(s) of the process before go on"));
  w.phone(kPhone, request(ask("INFO", up, 2)));
  const Sent info = w.only(kA1);
  CHECK(info.header("Call-ID") == up.invite.header("Call-ID"));
  w.backend(kA1, response(info, 200));
  CHECK(w.only(kPhone).status() == 200);
  w.backend(kA1, from_backend("BYE", up, 7));
  const Sent bye = w.only(kPhone);
  CHECK(bye.text.find("127.0.0.10") == std::string::npos);
  w.phone(kPhone, response(bye, 200));
  CHECK(w.only(kA1).status() == 200);
  CHECK(w.edge().calls().empty());
  CHECK(live(w, 1) == 0);
  w.pass(routing::DialogSaves::kGather);
  CHECK(w.store.calls.empty());
  w.start();
  CHECK(w.edge().calls().empty());
}

TEST_CASE("a subscription is in the store while it is up, and a new process goes on with it") {
  World w;
  w.phone(kPhone, request({"SUBSCRIBE", "sip:402@a.test", "401@a.test", "402@a.test", "blf", 1,
                           "Contact: <sip:401@127.0.0.21:5062>\nEvent: dialog\nExpires: 3600\n"}));
  const Sent asked = w.only(kA1);
  w.backend(kA1, response(asked, 200, "Contact: <sip:402@" + kA1 + ">\nExpires: 3600\n"));
  const std::string tag{w.only(kPhone).message->to_tag()};
  unsigned cseq = 0;
  const auto notify = [&](const std::string& state) {
    ++cseq;
    w.backend(kA1, wire("NOTIFY sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP " + kA1 +
                        ";branch=z9hG4bKn" + std::to_string(cseq) +
                        ";rport\nMax-Forwards: 70\nFrom: " + asked.header("To") + ";tag=bt\nTo: " +
                        asked.header("From") + "\nCall-ID: " + asked.header("Call-ID") +
                        "\nCSeq: " + std::to_string(cseq) + " NOTIFY\nContact: <sip:402@" + kA1 +
                        ">\nEvent: dialog\nSubscription-State: " + state + "\n"));
    const Sent seen = w.only(kPhone);
    CHECK(seen.method() == "NOTIFY");
    CHECK(seen.message->from_tag() == tag);
    CHECK(seen.text.find("127.0.0.10") == std::string::npos);
    w.phone(kPhone, response(seen, 200));
    CHECK(w.only(kA1).status() == 200);
  };
  notify("active;expires=3600");
  w.pass(routing::DialogSaves::kGather);
  REQUIRE(w.store.subscriptions.size() == 1);
  CHECK(w.store.subscriptions[0].package == "dialog");
  w.start();
  CHECK(w.logged("0 call(s) and 1 subscription(s) of the process before go on"));
  CHECK(w.edge().counts().stack.subscriptions == 1);
  notify("active;expires=3500");
  notify("terminated;reason=noresource");
  w.pass(routing::DialogSaves::kGather);
  CHECK(w.store.subscriptions.empty());
  w.start();
  CHECK(w.edge().counts().stack.subscriptions == 0);
}

TEST_CASE("a subscription that has expired while no process ran is forgotten") {
  World w;
  storage::SavedSubscription old;
  old.id = "old";
  old.key = "k";
  old.expires = w.now.wall - 1s;
  old.subscriber.flow.remote = *net::Endpoint::parse(kPhone);
  old.notifier.flow.remote = *net::Endpoint::parse(kA1);
  w.store.subscriptions.push_back(old);
  w.start();
  CHECK(w.edge().counts().stack.subscriptions == 0);
  CHECK(w.store.subscriptions.empty());
}

TEST_CASE("CSeq rises over restarts in a row, though nothing was sent in between") {
  World w;
  const Up up = set_up(w, World::flow(kPhone));
  unsigned last = 0;
  for (unsigned round = 2; round < 6; ++round) {
    w.start();
    w.start();
    w.phone(kPhone, request(ask("INFO", up, round)));
    const Sent info = w.only(kA1);
    CHECK(info.message->cseq().number > last);
    last = info.message->cseq().number;
    w.backend(kA1, response(info, 200));
    w.only(kPhone);
  }
}

TEST_CASE("a backend's host name that is not resolved again yet stays hidden") {
  World w([](storage::Snapshot& s) { s.targets = {World::target(1, 10, "pbx.test")}; });
  w.resolved("pbx.test", {*net::IpAddress::parse("127.0.0.10")});
  const Up up = set_up(w, World::flow(kPhone));
  w.start();
  w.backend(kA1, wire("INFO sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP " + kA1 +
                      ";branch=z9hG4bKhid;rport\nMax-Forwards: 70\nFrom: " +
                      up.invite.header("To") + ";tag=bt\nTo: " + up.invite.header("From") +
                      "\nCall-ID: " + up.invite.header("Call-ID") +
                      "\nCSeq: 7 INFO\nP-Asserted-Identity: <sip:600@127.0.0.10>\n"));
  const Sent info = w.only(kPhone);
  CHECK(info.header("P-Asserted-Identity") == "<sip:600@a.test>");
}

TEST_CASE("a call whose listener is gone is forgotten with the reason") {
  World w;
  set_up(w, World::flow(kPhone));
  w.store.calls[0].origin.flow.transport = net::Transport::wss;
  w.start();
  CHECK(w.edge().calls().empty());
  CHECK(w.logged("there is no wss listener any more"));
  CHECK(w.store.calls.empty());
  CHECK(live(w, 1) == 0);
}

TEST_CASE("a phone on TCP gets its calls back when it registers again") {
  const std::string instance = ";+sip.instance=\"<urn:uuid:1>\"";
  for (const bool named : {true, false}) {
    CAPTURE(named);
    World w;
    const net::Flow first = World::tcp("127.0.0.21:40001", 1);
    const std::string suffix = named ? instance : "";
    w.registered("401@a.test", "127.0.0.21:40001", kA1, "<sip:401@127.0.0.21:40001>" + suffix, 3600,
                 &first);
    const Up up = set_up(w, first);
    w.start();
    // Its flow is a dead one until then.
    w.backend(kA1, from_backend("INFO", up, 7));
    w.take();
    const net::Flow second = World::tcp("127.0.0.21:40002", 2);
    w.registered("401@a.test", "127.0.0.21:40002", kA1, "<sip:401@127.0.0.21:40002>" + suffix, 3600,
                 &second);
    CHECK(w.logged("401@a.test is back at 127.0.0.21:40002: 1 leg(s) of its dialogs go there"));
    w.backend(kA1, from_backend("OPTIONS", up, 8));
    const Sent options = w.only("127.0.0.21:40002");
    CHECK(options.flow == second);
  }
}

TEST_CASE("a call waits for its registered phone to connect again, and then ends on both legs") {
  World w;
  const net::Flow first = World::tcp("127.0.0.21:40001", 1);
  const std::string contact = "<sip:401@127.0.0.21:40001>;+sip.instance=\"<urn:uuid:1>\"";
  w.registered("401@a.test", "127.0.0.21:40001", kA1, contact, 3600, &first);
  const Up up = set_up(w, first);
  SUBCASE("it does not come back") {
    bool restarted = false;
    SUBCASE("to this process") {
      w.flow_failed(first);
    }
    SUBCASE("to the next one") {
      w.start();
      restarted = true;
    }
    CAPTURE(restarted);
    w.pass(599s);
    CHECK(w.edge().calls().size() == 1);
    w.take();
    w.pass(2s);
    CHECK(w.edge().calls().empty());
    bool hung_up = false;
    for (const Sent& s : w.take()) {
      if (s.flow.remote.text() != kA1 || s.method() != "BYE") continue;
      hung_up = true;
      CHECK(s.header("Reason").find("has not come back within 600 s") != std::string::npos);
    }
    CHECK(hung_up);
  }
  SUBCASE("it comes back in time") {
    w.flow_failed(first);
    w.pass(590s);
    w.take();
    const net::Flow second = World::tcp("127.0.0.21:40002", 2);
    w.registered("401@a.test", "127.0.0.21:40002", kA1, contact, 3600, &second);
    w.pass(1000s);
    CHECK(w.edge().calls().size() == 1);
  }
}

TEST_CASE("a caller who is not registered may close his connection and keep his call") {
  World w;
  const net::Flow flow = World::tcp("127.0.0.21:40001", 1);
  set_up(w, flow);
  w.flow_failed(flow);
  w.pass(3600s);
  CHECK(w.edge().calls().size() == 1);
}

TEST_CASE("of two phones that could be the one that came back none is taken") {
  World w;
  const net::Flow one = World::tcp("127.0.0.21:40001", 1);
  const net::Flow two = World::tcp("127.0.0.21:40003", 3);
  w.registered("401@a.test", "127.0.0.21:40001", kA1, {}, 3600, &one);
  w.registered("401@a.test", "127.0.0.21:40003", kA1, {}, 3600, &two);
  set_up(w, one);
  w.start();
  const net::Flow again = World::tcp("127.0.0.21:40004", 4);
  w.registered("401@a.test", "127.0.0.21:40004", kA1, {}, 3600, &again);
  CHECK_FALSE(w.logged("is back at"));
}

TEST_CASE("a refresh of one phone is no return of another at the same address") {
  World w;
  const net::Flow one = World::tcp("127.0.0.21:40001", 1);
  const net::Flow two = World::tcp("127.0.0.21:40003", 3);
  w.registered("401@a.test", "127.0.0.21:40001", kA1, {}, 3600, &one);
  w.registered("401@a.test", "127.0.0.21:40003", kA1, {}, 3600, &two);
  set_up(w, one);
  w.flow_failed(one);
  w.pass(10s);
  w.registered("401@a.test", "127.0.0.21:40003", kA1, {}, 3600, &two);
  CHECK_FALSE(w.logged("is back at"));
  const net::Flow again = World::tcp("127.0.0.21:40005", 5);
  w.registered("401@a.test", "127.0.0.21:40005", kA1, {}, 3600, &again);
  CHECK(w.logged("401@a.test is back at 127.0.0.21:40005"));
}

TEST_CASE("a draining edge refuses new calls and registrations, and all else goes on") {
  World w;
  const Up up = set_up(w, World::flow(kPhone));
  CHECK(w.edge().not_ready().empty());
  w.edge().drain(w.now, 30s);
  CHECK_FALSE(w.edge().drained());
  REQUIRE(w.edge().not_ready().size() == 1);
  CHECK(w.edge().not_ready()[0].find("shutting down") != std::string::npos);
  CHECK(w.edge().not_ready()[0].find("1 call(s)") != std::string::npos);
  for (const std::string method : {"INVITE", "REGISTER"}) {
    w.phone(kPhone, request({method, "sip:402@a.test", "401@a.test", "402@a.test", method, 1,
                             "Contact: <sip:401@127.0.0.21:5062>\n"}));
    const Sent answer = w.only(kPhone);
    CHECK(answer.status() == 503);
    CHECK_FALSE(answer.header("Retry-After").empty());
  }
  w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "c2"}));
  const Sent message = w.only(kA1);
  w.backend(kA1, response(message, 200));
  w.only(kPhone);
  Ask again = ask("INVITE", up, 2);
  again.headers = "Contact: <sip:401@127.0.0.21:5062>\n";
  w.phone(kPhone, request(again));
  const Sent reinvite = w.only(kA1);
  w.backend(kA1, response(reinvite, 200, "Contact: <sip:600@" + kA1 + ">\n"));
  CHECK(w.only(kPhone).status() == 200);
  w.phone(kPhone, request(ask("ACK", up, 2)));
  w.only(kA1);
  w.phone(kPhone, request(ask("BYE", up, 3)));
  w.backend(kA1, response(w.only(kA1), 200));
  w.only(kPhone);
  CHECK(w.edge().drained());
}

TEST_CASE("draining is over at its limit; what rings is ended, what is up is left in the store") {
  World w;
  set_up(w, World::flow(kPhone));
  Ask ringing{"INVITE", "sip:601@a.test", "402@a.test", "601@a.test", "ringing"};
  ringing.headers = "Contact: <sip:402@127.0.0.22:5062>\n";
  w.phone("127.0.0.22:5062", request(ringing));
  const Sent invite = w.only(kA1);
  w.backend(kA1, response(invite, 180));
  w.only("127.0.0.22:5062");
  w.edge().drain(w.now, 30s);
  w.pass(29s);
  CHECK_FALSE(w.edge().drained());
  w.edge().drain(w.now, 3600s);  // a second one changes nothing
  w.pass(1s);
  CHECK(w.edge().drained());
  w.take();
  w.stop();
  std::string seen;
  for (const Sent& s : w.take())
    seen += (s.message->is_request() ? s.method() : std::to_string(s.status())) + " ";
  CHECK(seen.find("480") != std::string::npos);
  CHECK(seen.find("CANCEL") != std::string::npos);
  CHECK(seen.find("BYE") == std::string::npos);
  CHECK(w.store.calls.size() == 1);
}

TEST_CASE("a call that is over before it was written costs the store no more than its record") {
  World w;
  w.store_answers = false;
  w.phone(kPhone, request({"INVITE", "sip:600@a.test", "401@a.test", "600@a.test", "call-1", 1,
                           "Contact: <sip:401@127.0.0.21:5062>\n"}));
  const Sent invite = w.only(kA1);
  w.backend(kA1, response(invite, 200, "Contact: <sip:600@" + kA1 + ">\n"));
  const Up up{invite, w.only(kPhone)};
  w.phone(kPhone, request(ask("ACK", up, 1)));
  w.only(kA1);
  CHECK(w.edge().counts().pending_persists == 2);  // its checkpoint and its record
  w.phone(kPhone, request(ask("BYE", up, 2)));
  w.backend(kA1, response(w.only(kA1), 200));
  CHECK(w.only(kPhone).status() == 200);
  CHECK(w.edge().counts().pending_persists == 1);
  w.pass(1s);
  REQUIRE(w.persists.size() == 1);
  REQUIRE(w.persists[0].changes.size() == 1);
  const auto* put = std::get_if<storage::PutRecord>(&w.persists[0].changes[0]);
  REQUIRE(put);
  CHECK(put->record.ended);
}

TEST_CASE("what is stopped tells the store of a call that was established just before") {
  World w;
  w.phone(kPhone, request({"INVITE", "sip:600@a.test", "401@a.test", "600@a.test", "call-1", 1,
                           "Contact: <sip:401@127.0.0.21:5062>\n"}));
  const Sent invite = w.only(kA1);
  w.backend(kA1, response(invite, 200, "Contact: <sip:600@" + kA1 + ">\n"));
  const Up up{invite, w.only(kPhone)};
  w.phone(kPhone, request(ask("ACK", up, 1)));
  w.only(kA1);
  CHECK(w.store.calls.empty());
  w.stop();
  CHECK(w.store.calls.size() == 1);
}

TEST_CASE("an idle edge is drained at once") {
  World w;
  CHECK_FALSE(w.edge().drained());
  w.edge().drain(w.now, 30s);
  CHECK(w.edge().drained());
}

}  // namespace usher::test
