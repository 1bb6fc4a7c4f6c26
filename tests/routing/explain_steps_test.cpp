// What explanations tell besides the way of a request: timers, refusals of the stack, garbage.
#include "tests/support/explained.hpp"

namespace usher::test {
namespace {

TEST_CASE("a session that nobody refreshes") {
  World w;
  const Ask ask = phone_invite();
  w.phone(kPhone, request(ask));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 200,
                          "Contact: <sip:402@127.0.0.10:5060>\nRequire: timer\n"
                          "Session-Expires: 90;refresher=uas\n"));
  w.phone(kPhone, ack_of(ask, to(w, kPhone)));
  w.pass(91s);
  const Explanation e = explained(w);
  CHECK(says(e, "ended by Usher: the session expired: nobody refreshed it"));
  CHECK(timers(e) == "armed timer B 32s, armed session 90s, armed ACK 32s, fired session 90s");
}

TEST_CASE("a target that is silent for the attempt's time, and a registration that is") {
  World w([](storage::Snapshot& s) { s.targets.push_back(World::target(9, 10, "127.0.0.12")); });
  w.phone(kPhone, request(phone_invite()));
  w.pass(5s);
  w.backend("127.0.0.12:5060", response(to(w, "127.0.0.12:5060"), 486));
  CHECK(timers(explained(w)) ==
        "armed timer B 32s, armed attempt 4s, fired attempt 4s, armed timer B 32s");
  Ask ask{"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "reg"};
  ask.headers = "Contact: <sip:401@127.0.0.21:5062>\n";
  w.phone(kPhone, request(ask));
  w.pass(40s);
  CHECK(timers(explained(w, "reg")) ==
        "armed timer F 32s, armed attempt 4s, fired attempt 4s, armed timer F 32s, fired timer F "
        "32s");
}

TEST_CASE("what the stack refuses by itself is told in the trace that it belongs to") {
  World w;
  const Ask ask = phone_invite();
  Sent answer;
  establish(w, ask, &answer);
  Ask bye = ask;
  bye.method = "BYE";
  bye.cseq = 2;
  bye.to_tag = answer.message->to_tag();
  w.phone(kPhone, request(bye));
  w.backend(kA1, response(to(w, kA1), 200));
  w.take();
  Ask info = bye;
  info.method = "INFO";
  info.cseq = 3;
  w.phone(kPhone, request(info));
  CHECK(to(w, kPhone).status() == 481);
  const Explanation e = explained(w);
  CHECK(says(e, "ended by who called"));
  REQUIRE(step_of(e, "local-response"));
  CHECK(step_of(e, "local-response")->field("status") == "481");
  CHECK(step_of(e, "local-response")->why == "the call is over");
}

TEST_CASE("a second copy of a request is told in the trace of the first, and changes nothing") {
  World w;
  for (const char* name : {"INVITE", "REGISTER"}) {
    const std::string method = name;
    Ask ask = phone_invite(method);
    ask.method = method;
    if (method == "REGISTER") ask.uri = "sip:a.test";
    std::string text = request(ask);
    w.phone(kPhone, text);
    const Sent sent = to(w, kA1);
    text.insert(text.find("branch=z9hG4bK") + 14, "another");
    w.phone(kPhone, text);
    CHECK(to(w, kPhone).status() == 482);
    w.backend(kA1, response(sent, 403));
    const Explanation e = explained(w, method);
    CHECK(says(e, "403"));
    REQUIRE(step_of(e, "local-response"));
    CHECK(step_of(e, "local-response")->field("status") == "482");
    CHECK(step_of(e, "local-response")->why.starts_with("to a second copy of the request"));
    w.take();
  }
}

TEST_CASE("what cannot be read has a trace, too") {
  World w;
  const std::string garbage = "OPTIONS sip:a.test SIP/2.0\r\nthis is no header\r\n\r\n";
  for (const std::string& source : {std::string{"127.0.0.99:5060"}, kA1}) {
    const bool backend = source == kA1;
    backend ? w.backend(source, garbage) : w.phone(source, garbage);
    w.nothing();
    routing::Lookup lookup;
    lookup.source = net::Endpoint::parse(source)->address;
    const routing::Records found = w.edge().recorder().find(lookup);
    const Explanation e = routing::explain(found, w.now.mono);
    CHECK(e.kind == "drop");
    CHECK(says(e, "no answer was given: malformed: "));
    // By its id too, with the message.
    lookup = {};
    lookup.trace = e.steps.front().trace;
    CHECK(w.edge().recorder().find(lookup).items.size() == 3);  // begin, end, message
  }
}

}  // namespace
}  // namespace usher::test
