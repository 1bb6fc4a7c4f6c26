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

TEST_CASE("what is answered within a call without the other end is told, too") {
  World w;
  const Ask ask = phone_invite();
  Sent answer;
  establish(w, ask, &answer);
  Ask again = ask;
  again.cseq = 2;
  again.to_tag = answer.message->to_tag();
  w.phone(kPhone, request(again));
  w.pass(33s);  // nobody answers the re-INVITE
  const Explanation e = explained(w);
  CHECK(says(e, "ended by Usher: Timer B fired: a re-INVITE got no response in 64*T1"));
  CHECK(timers(e).ends_with("fired timer B 32s"));
  REQUIRE(step_of(e, "local-response"));
  CHECK(step_of(e, "local-response")->field("status") == "408");
  CHECK(step_of(e, "local-response")->why.starts_with("INVITE: Timer B fired"));
}

// What the recorder would give, had the older steps been pushed out.
routing::Records left_over(std::initializer_list<routing::Step> steps) {
  routing::Records out;
  for (const routing::Step& step : steps) {
    routing::Record& r = out.items.emplace_back();
    r.sequence = out.items.size();
    r.kind = routing::RecordKind::note;
    r.trace = 1;
    r.step = step;
  }
  return out;
}

TEST_CASE("a call whose beginning is not held any more") {
  Explanation e = routing::explain(
      left_over({{"timer-armed", "Session-Expires", {{"timer", "session"}, {"time", "90s"}}}}), {});
  CHECK(e.kind == "call");
  CHECK(says(e, "its beginning is not held any more"));
  // What is answered within a call says nothing of how it stands.
  e = routing::explain(left_over({{"restored", "it goes on after a restart", {}},
                                  {"local-response", "INVITE: still open", {{"status", "491"}}}}),
                       {});
  CHECK(e.kind == "call");
  CHECK(says(e, "it goes on after a restart"));
}

TEST_CASE("a call that is ended before its ACK was up until then") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
  w.pass(1s);
  Ask bye{"BYE",
          sent.header("Contact").substr(1, sent.header("Contact").find('>') - 1),
          "402@a.test",
          "401@a.test",
          sent.header("Call-ID"),
          9};
  bye.from_tag = "bt";
  bye.to_tag = std::string{sent.message->from_tag()};
  w.backend(kA1, request(bye));
  w.pass(40s);
  CHECK(says(explained(w), "up for 1s"));
}

TEST_CASE("a connection that is cut off has a trace, and its line names it") {
  World w;
  w.edge().cut_off(w.now, World::tcp("127.0.0.99:40000", 7), "silent", "nothing came for 10 s");
  const auto trace = routing::parse_trace(w.key_of_line("127.0.0.99"));
  REQUIRE(trace.has_value());
  const Explanation e = routing::explain(
      w.edge().recorder().find({.call_ids = {}, .aor = {}, .source = {}, .trace = trace}),
      w.now.mono);
  CHECK(e.kind == "drop");
  CHECK(says(e, "its connection was cut off: nothing came for 10 s"));
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

TEST_CASE("what gets silence from us has a line in the log that names its trace") {
  World w;
  w.registered("401@a.test", "127.0.0.21:5060", kA1);
  w.registered("401@c.test", "127.0.0.23:5060", kA1);
  w.backend(kA1, request({"OPTIONS", "sip:401@127.0.0.1", "asterisk@127.0.0.10", "401@127.0.0.1",
                          "qualify"}));
  w.nothing();
  const auto trace = routing::parse_trace(w.key_of_line("stays unanswered"));
  REQUIRE(trace.has_value());
  const Explanation e = routing::explain(
      w.edge().recorder().find({.call_ids = {}, .aor = {}, .source = {}, .trace = trace}),
      w.now.mono);
  CHECK(e.kind == "drop");
  CHECK(says(e, "silence, since a lie about a phone's presence would be worse"));
}

}  // namespace
}  // namespace usher::test
