// The answers to "what happened to this call, and why?": real flows through the edge, each with the
// verdict an operator reads.
#include "tests/support/explained.hpp"

namespace usher::test {
namespace {

TEST_CASE("a backend's 408 is the backend's") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 100));
  w.pass(1500ms);
  w.backend(kA1, response(sent, 408));
  CHECK(to(w, kPhone).status() == 100);
  const Explanation e = explained(w);
  CHECK(e.kind == "call");
  CHECK(says(e, "the 408 is not Usher's: sip:127.0.0.10:5060 answered it 1500ms after"));
  CHECK(says(e, "no timer of Usher's made it"));
  CHECK(e.verdict.known_death.empty());
}

TEST_CASE("our 408 is ours, and names the timer") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  w.pass(33s);
  const Explanation e = explained(w);
  CHECK(says(e, "the 408 is Usher's own: Timer B fired in Calling: no response in 32000 ms"));
  CHECK(says(e, "127.0.0.10:5060"));
  CHECK(e.verdict.known_death == routing::death::kSilentTargets);
  const routing::Step* ended = step_of(e, "attempt-ended");
  REQUIRE(ended);
  CHECK(ended->field("timed_out") == "yes");
  CHECK(ended->field("provisional") == "no");
  CHECK(timers(e) == "armed timer B 32s, fired timer B 32s");
}

TEST_CASE("the ring limit is told, and where to change it") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 180));
  w.pass(181s);
  CHECK(says(explained(w), "ring limit"));
  w.backend(kA1, response(sent, 487));
  const Explanation e = explained(w);
  CHECK(says(e, "the 408 is Usher's own: the ring limit of 180 s ran out"));
  CHECK(says(e, "timers.ring_limit"));
  CHECK(e.verdict.known_death == routing::death::kRingLimit);
  CHECK(timers(e) == "armed timer B 32s, armed ring limit 3m, fired ring limit 3m");
}

TEST_CASE("a call that rings: since when, at whom, and what would end it") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 100));
  w.pass(2s);
  CHECK(says(explained(w), "is on its way: sent to 127.0.0.10:5060"));
  w.backend(kA1, response(sent, 180));
  w.pass(12s);
  const Explanation e = explained(w);
  CHECK(says(e, "INVITE of 401@a.test for 402@a.test rings since 12s at 127.0.0.10:5060"));
  CHECK(says(e, "the ring limit of 3m (timers.ring_limit) would end it in 168s"));
  CHECK(e.verdict.known_death.empty());
  w.backend(kA1, response(sent, 180));  // the limit begins anew
  w.pass(8s);
  CHECK(says(explained(w), "rings since 20s"));
  CHECK(says(explained(w), "would end it in 172s"));
}

TEST_CASE("a challenged call that rings tells the same") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent first = to(w, kA1);
  w.backend(kA1, response(first, 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\n"));
  const Sent refused = to(w, kPhone);
  Ask ack = phone_invite();
  ack.method = "ACK";
  ack.to_tag = std::string{refused.message->to_tag()};
  w.phone(kPhone, request(ack));
  Ask again = phone_invite();
  again.cseq = 2;
  again.headers += "Authorization: Digest username=\"401\", realm=\"a\", nonce=\"n\"\n";
  w.phone(kPhone, request(again));
  const Sent second = to(w, kA1);
  w.backend(kA1, response(second, 180));
  w.pass(5s);
  CHECK(says(explained(w), "rings since 5s at 127.0.0.10:5060"));
}

TEST_CASE("a call that goes on to another target does not ring there yet") {
  World w([](storage::Snapshot& s) { s.targets.push_back(World::target(9, 10, "127.0.0.12")); });
  w.phone(kPhone, request(phone_invite()));
  const Sent first = to(w, kA1);
  w.backend(kA1, response(first, 180));
  w.backend(kA1, response(first, 503));
  CHECK(to(w, "127.0.0.12:5060").method() == "INVITE");
  CHECK(says(explained(w), "is on its way: sent to 127.0.0.12:5060"));
}

TEST_CASE("a phone that rings") {
  World w;
  const std::string token = w.registered("402@a.test", kPhone, kA1);
  w.backend(kA1, request({.method = "INVITE",
                          .uri = "sip:" + token + "@127.0.0.1",
                          .from = "401@a.test",
                          .to = "402@a.test",
                          .headers = "Contact: <sip:401@127.0.0.10:5060>\n"}));
  const Sent sent = to(w, kPhone);
  w.backend(kPhone, response(sent, 183));
  w.pass(3s);
  CHECK(says(explained(w), "rings since 3s at " + kPhone));
  w.backend(kPhone, response(sent, 486));
  CHECK(says(explained(w), "the 486 is not Usher's: " + kPhone + " answered it 3s after"));
}

TEST_CASE("no ACK") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
  w.pass(33s);
  const Explanation e = explained(w);
  CHECK(e.verdict.known_death == routing::death::kNoAck);
  CHECK(says(e, "never acknowledged"));
  CHECK(timers(e) == "armed timer B 32s, armed ACK 32s, fired ACK 32s");
}

TEST_CASE("a BYE that nobody answers") {
  World w;
  Sent answer;
  establish(w, phone_invite(), &answer);
  w.pass(5s);
  Ask bye = phone_invite();
  bye.method = "BYE";
  bye.cseq = 2;
  bye.to_tag = answer.message->to_tag();
  w.phone(kPhone, request(bye));
  CHECK(to(w, kA1).method() == "BYE");
  w.pass(40s);
  const Explanation e = explained(w);
  CHECK(e.verdict.known_death == routing::death::kByeUndeliverable);
  CHECK(says(e, "127.0.0.10:5060 never answered the BYE (timer F)"));
  // It ended when somebody hung up, not when that was confirmed.
  CHECK(says(e, "the call was up for 5s and ended"));
  CHECK(timers(e) == "armed timer B 32s, armed ACK 32s, armed BYE 4s, fired BYE 4s");
}

TEST_CASE("a call that ends well says who hung up and how long it was") {
  World w;
  const Sent sent = establish(w);
  w.pass(14s);
  REQUIRE(w.edge().calls().size() == 1);
  const Explanation live = explained(w);
  CHECK(says(live, "answered; it is up since 14s"));
  REQUIRE(w.edge().end_call(w.now, w.edge().calls()[0].call, "ended by the operator").has_value());
  const Explanation e = explained(w);
  CHECK(says(e, "answered, up for 14s, ended by Usher: ended by the operator"));
  CHECK(step_of(e, "origin")->why == "no backend sends from 127.0.0.21");
  CHECK(step_of(e, "domain")->field("set") == "10");
  CHECK(step_of(e, "candidates")->field("target 1 (sip:127.0.0.10:5060)") == "chosen");
  CHECK(step_of(e, "attempt")->field("call_id") == sent.header("Call-ID"));
  // The other leg's Call-ID tells the same.
  CHECK(explained(w, sent.header("Call-ID")).verdict.text == e.verdict.text);
}

TEST_CASE("the caller gave up") {
  World w;
  const Ask ask = phone_invite();
  const std::string text = request(ask);
  w.phone(kPhone, text);
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 180));
  w.pass(3200ms);
  w.phone(kPhone, cancel_of(text));
  w.backend(kA1, response(sent, 487));
  CHECK(says(explained(w), "the caller gave up after 3200ms"));
}

TEST_CASE("failover: who failed, and who was tried next") {
  World w([](storage::Snapshot& s) { s.targets.push_back(World::target(9, 10, "127.0.0.12")); });
  w.phone(kPhone, request(phone_invite()));
  const Sent first = to(w, kA1);
  w.unreachable(kA1);
  const Sent second = to(w, "127.0.0.12:5060");
  w.backend("127.0.0.12:5060", response(second, 486));
  const Explanation e = explained(w);
  CHECK(step_of(e, "failover")->field("target") == "9");
  CHECK(timers(e) == "armed timer B 32s, armed attempt 4s, armed timer B 32s");
  CHECK(says(e, "the 486 is not Usher's: sip:127.0.0.12:5060 answered it"));
  CHECK(step_of(e, "candidates")->field("target 9 (sip:127.0.0.12:5060)") ==
        "in reserve, number 2");
}

TEST_CASE("no target can be tried: each is named with its reason") {
  World w([](storage::Snapshot& s) { s.targets[0].state = storage::TargetState::disabled; });
  w.phone(kPhone, request(phone_invite()));
  CHECK(to(w, kPhone).status() == 503);
  const Explanation e = explained(w);
  CHECK(says(e, "the 503 is Usher's own: no target of set 10 can be tried"));
  CHECK(step_of(e, "candidates")->field("target 1 (sip:127.0.0.10:5060)") == "disabled");
}

TEST_CASE("strangers: the drop and its reason") {
  World w;
  Ask ask = phone_invite();
  ask.uri = "sip:100@1.2.3.4";
  ask.from = ask.to = "100@nowhere.test";
  w.phone("127.0.0.99:5060", request(ask));
  w.nothing();
  const Explanation e = explained(w);
  CHECK(e.kind == "drop");
  CHECK(says(e, "silence: its domain is none of ours"));
}

TEST_CASE("an ambiguous user is never guessed") {
  World w;
  w.registered("401@a.test", "127.0.0.21:5060", kA1);
  w.registered("401@c.test", "127.0.0.23:5060", kA1);
  Ask ask = phone_invite();
  ask.uri = "sip:401@127.0.0.1";
  ask.from = "500@127.0.0.10";
  ask.to = "401@127.0.0.1";
  w.backend(kA1, request(ask));
  CHECK(to(w, kA1).status() == 485);
  const Explanation e = explained(w);
  CHECK(e.verdict.known_death == routing::death::kAmbiguousUser);
  CHECK(says(e, "the 485 is Usher's own"));
  CHECK(step_of(e, "origin")->field("side") == "backend");
}

TEST_CASE("registrations: challenged, granted, refused, silent") {
  World w;
  const auto ask = [&](unsigned cseq) {
    Ask a{"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "reg", cseq};
    a.headers = "Contact: <sip:401@127.0.0.21:5062>\n";
    return request(a);
  };
  w.phone(kPhone, ask(1));
  w.backend(kA1,
            response(to(w, kA1), 401, "WWW-Authenticate: Digest realm=\"a.test\", nonce=\"n1\"\n"));
  CHECK(explained(w, "reg").kind == "registration");
  CHECK(says(explained(w, "reg"), "sip:127.0.0.10:5060 asks for credentials (401)"));
  w.take();
  Ask wrong{"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "wrong"};
  wrong.headers =
      "Contact: <sip:401@127.0.0.21:5062>\n"
      "Authorization: Digest username=\"401\", realm=\"a.test\", nonce=\"n1\"\n";
  w.phone(kPhone, request(wrong));
  w.backend(kA1,
            response(to(w, kA1), 401, "WWW-Authenticate: Digest realm=\"a.test\", nonce=\"n2\"\n"));
  CHECK(says(explained(w, "wrong"), "refused the credentials that came with it (401)"));
  w.take();
  w.phone(kPhone, ask(2));
  const Sent asked = to(w, kA1);
  w.backend(kA1, response(asked, 200, "Contact: " + asked.header("Contact") + "\nExpires: 300\n"));
  CHECK(says(explained(w, "reg"), "granted: "));
  w.take();
  w.phone(kPhone, ask(3));
  w.backend(kA1, response(to(w, kA1), 403));
  CHECK(says(explained(w, "reg"), "sip:127.0.0.10:5060 answered 403 to REGISTER of 401@a.test"));
  w.take();
  w.phone(kPhone, ask(4));
  w.pass(40s);
  CHECK(says(explained(w, "reg"), "nobody answered REGISTER of 401@a.test"));
}

TEST_CASE("a nonce that met another backend") {
  // Two targets, and the affinity of the challenge has expired before the phone comes back.
  World w([](storage::Snapshot& s) { s.targets.push_back(World::target(9, 10, "127.0.0.12")); });
  const auto ask = [&](unsigned cseq, const std::string& more) {
    Ask a{"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "reg", cseq};
    a.headers = "Contact: <sip:401@127.0.0.21:5062>\n" + more;
    return request(a);
  };
  const std::string challenge = "WWW-Authenticate: Digest realm=\"a.test\", nonce=\"";
  w.phone(kPhone, ask(1, ""));
  w.backend(kA1, response(to(w, kA1), 401, challenge + "n1\"\n"));
  w.take();
  w.pass(70s);
  w.take();
  w.phone(kPhone, ask(2,
                      "Authorization: Digest username=\"401\", realm=\"a.test\", nonce=\"n1\", "
                      "uri=\"sip:a.test\", response=\"x\"\n"));
  const Sent second = to(w, "127.0.0.12:5060");
  w.backend("127.0.0.12:5060", response(second, 401, challenge + "n2\"\n"));
  const Explanation e = explained(w, "reg");
  CHECK(e.verdict.known_death == routing::death::kNonce);
  CHECK(says(e, "The nonce that 127.0.0.10:5060 had given was shown to 127.0.0.12:5060"));
  CHECK(e.verdict.text.find("password") == std::string::npos);
  // It is over when the phone has been let in.
  w.take();
  w.pass(1s);
  w.phone(kPhone, ask(3,
                      "Authorization: Digest username=\"401\", realm=\"a.test\", nonce=\"n2\", "
                      "uri=\"sip:a.test\", response=\"x\"\n"));
  const Sent third = to(w, "127.0.0.12:5060");
  w.backend("127.0.0.12:5060",
            response(third, 200, "Contact: <sip:401@127.0.0.21:5062>;expires=60\n"));
  const Explanation later = explained(w, "reg");
  CHECK(later.verdict.known_death.empty());
  CHECK_FALSE(says(later, "nonce"));
}

TEST_CASE("a private address in SDP from a public source") {
  World w;
  const std::string body =
      "v=0\r\no=- 1 1 IN IP4 192.168.1.9\r\nc=IN IP4 192.168.1.9\r\nm=audio 4000 RTP/AVP 8\r\n";
  std::string text = request(phone_invite());
  text.replace(
      text.find("Content-Length: 0\r\n"), 19,
      "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(body.size()) + "\r\n");
  w.phone("198.51.100.7:5062", text + body);
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 486));
  const Explanation e = explained(w);
  CHECK(e.verdict.known_death.empty());
  CHECK(e.verdict.hint == routing::hint::kPrivateMedia);
  CHECK(says(e, "198.51.100.7 asks for its audio at 192.168.1.9"));
}

TEST_CASE("OPTIONS to the edge, and a request that the gate refuses") {
  World w;
  w.phone(kPhone, request({"OPTIONS", "sip:a.test", "401@a.test", "401@a.test", "o"}));
  CHECK(to(w, kPhone).status() == 200);
  CHECK(says(explained(w, "o"), "the 200 is Usher's own: asked of the edge itself"));
  Ask ask = phone_invite("p");
  ask.max_forwards = 0;
  w.phone(kPhone, request(ask));
  CHECK(to(w, kPhone).status() == 483);
  CHECK(says(explained(w, "p"), "the 483 is Usher's own: Max-Forwards is 0"));
}

TEST_CASE("one request of many with the same Call-ID is explained by its trace id") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 486));
  const std::string key = w.call_keys.back();
  const auto trace = routing::parse_trace(key);
  REQUIRE(trace);
  CHECK(routing::trace_text(*trace) == key);
  const auto records =
      w.edge().recorder().find({.call_ids = {}, .aor = {}, .source = {}, .trace = trace});
  CHECK(routing::explain(records, w.now.mono).verdict.text == explained(w).verdict.text);
  CHECK(says(routing::explain({}, w.now.mono), "holds nothing of it"));
}

TEST_CASE("a request that comes after the end of a call does not hide it") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  w.backend(kA1, response(to(w, kA1), 486));
  w.pass(60s);
  w.take();
  Ask bye = phone_invite();
  bye.method = "BYE";
  bye.cseq = 2;
  bye.to_tag = "gone";
  w.phone(kPhone, request(bye));
  CHECK(to(w, kPhone).status() == 481);
  CHECK(says(explained(w), "the 486 is not Usher's"));
}

TEST_CASE("a call of the process before is explained after a restart") {
  World w;
  establish(w);
  w.pass(10s);
  w.stop();
  w.start();
  const auto calls = w.edge().calls();
  REQUIRE(calls.size() == 1);
  const std::string new_call_id{calls[0].new_call_id};
  w.pass(5s);
  CHECK(says(explained(w), "an established call of the process before goes on"));
  CHECK(says(explained(w), "it is up since 15s"));
  REQUIRE(w.edge().end_call(w.now, calls[0].call, "ended by the operator").has_value());
  CHECK(explained(w, new_call_id).kind == "call");
  CHECK(says(explained(w), "ended by Usher: ended by the operator"));
}

}  // namespace
}  // namespace usher::test
