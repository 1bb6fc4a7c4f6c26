// Each checker is shown a small trace that violates its rule, and one that does not: a checker that
// cannot fail finds nothing.
#include <doctest/doctest.h>

#include "tests/sim/unit/written.hpp"

namespace usher::sim {
namespace {

TEST_CASE("final_once: no final response, two that differ, and one that is repeated") {
  Written w;
  w.invite();
  CHECK_EQ(w.found(final_once), 1);
  w.message(Step::edge_sends, kPhone, Written::response(486, "INVITE", 1, "o", "t"));
  w.message(Step::edge_sends, kPhone, Written::response(486, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(final_once), 0);
  w.message(Step::edge_sends, kPhone, Written::response(200, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(final_once), 1);
}

TEST_CASE("hundred: too late, with a tag, too many, and the backend's that is not shown") {
  Written late;
  late.invite();
  late.pass(milliseconds(201));
  late.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
  CHECK_EQ(late.found(hundred), 1);

  Written tagged;
  tagged.invite();
  tagged.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o", "t"));
  CHECK_EQ(tagged.found(hundred), 1);

  Written many;
  many.invite();
  for (int i = 0; i < 2; ++i) {
    many.pass(milliseconds(50));
    many.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
  }
  CHECK_EQ(many.found(hundred), 0);
  many.pass(milliseconds(50));
  many.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
  CHECK_EQ(many.found(hundred), 1);

  Written hidden;
  hidden.invite();
  hidden.message(Step::edge_sends, kBackend, Written::request("INVITE", "sip:9@a.test", 1, "a"));
  hidden.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
  hidden.pass(milliseconds(5));
  hidden.message(Step::edge_receives, kBackend, Written::response(100, "INVITE", 1, "a"));
  CHECK_EQ(hidden.found(hundred), 1);
  hidden.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
  CHECK_EQ(hidden.found(hundred), 0);
}

TEST_CASE("request_timeout: to a non-INVITE, too early, and after a response") {
  Written other;
  other.message(Step::edge_receives, kPhone, Written::request("MESSAGE", "sip:9@a.test", 1, "o"));
  other.message(Step::edge_sends, kPhone, Written::response(408, "MESSAGE", 1, "o", "t"));
  CHECK_EQ(other.found(request_timeout), 1);

  const auto after = [](Duration silence, bool answered) {
    Written w;
    w.invite();
    w.message(Step::edge_sends, kBackend, Written::request("INVITE", "sip:9@a.test", 1, "a"));
    if (answered)
      w.message(Step::edge_receives, kBackend, Written::response(180, "INVITE", 1, "a", "t"));
    w.pass(silence);
    w.message(Step::edge_sends, kPhone, Written::response(408, "INVITE", 1, "o", "t"));
    if (answered)
      w.message(Step::edge_sends, kBackend, Written::request("CANCEL", "sip:9@a.test", 1, "a"));
    return w.found(request_timeout);
  };
  CHECK_EQ(after(seconds(32), false), 0);
  CHECK_EQ(after(milliseconds(31'900), false), 1);
  CHECK_EQ(after(seconds(32), true), 1);
  CHECK_EQ(after(seconds(180), true), 0);
}

TEST_CASE("request_timeout: of devices that ring together each that rang is cancelled") {
  const auto together = [](bool other_cancelled, int other_says) {
    Written w;
    w.invite();
    w.message(Step::edge_sends, kPhone, Written::request("INVITE", "sip:401@a.test", 1, "a"));
    w.message(Step::edge_sends, kOther, Written::request("INVITE", "sip:401@a.test", 1, "b"));
    w.message(Step::edge_receives, kPhone, Written::response(180, "INVITE", 1, "a", "t"));
    if (other_says != 0) {
      w.message(Step::edge_receives, kOther, Written::response(other_says, "INVITE", 1, "b", "u"));
    }
    w.pass(seconds(180));
    w.message(Step::edge_sends, kPhone, Written::response(408, "INVITE", 1, "o", "t"));
    w.message(Step::edge_sends, kPhone, Written::request("CANCEL", "sip:401@a.test", 1, "a"));
    if (other_cancelled)
      w.message(Step::edge_sends, kOther, Written::request("CANCEL", "sip:401@a.test", 1, "b"));
    return w.found(request_timeout);
  };
  CHECK_EQ(together(false, 0), 0);
  CHECK_EQ(together(true, 180), 0);
  CHECK_EQ(together(false, 180), 1);
  CHECK_EQ(together(false, 486), 1);
  CHECK_EQ(together(false, 500), 0);
}

TEST_CASE("agreement: a leg that is never over, and one that outlives the other") {
  const auto legs = [](Duration callee_longer, bool caller_ends) {
    Written w;
    w.fact(Fact::leg_begins, kPhone, 1, 1, true);
    w.fact(Fact::leg_begins, kBackend, 1, 2, false);
    w.fact(Fact::leg_answers, kBackend, 1, 2, false);
    w.pass(seconds(120));
    if (caller_ends) w.fact(Fact::leg_over, kPhone, 1, 1, true);
    w.pass(callee_longer);
    w.fact(Fact::leg_over, kBackend, 1, 2, false);
    w.pass(seconds(120));
    if (!caller_ends) w.fact(Fact::leg_over, kPhone, 1, 1, true);
    return w.found(agreement);
  };
  CHECK_EQ(legs(seconds(30), true), 0);
  CHECK_EQ(legs(seconds(100), true), 1);
  CHECK_EQ(legs(seconds(0), false), 1);
  Written endless;
  endless.fact(Fact::leg_begins, kPhone, 1, 1, true);
  CHECK_EQ(endless.found(agreement), 1);
}

TEST_CASE("agreement: calls lost at a crash are excused only as long as the terms say so") {
  Written w;
  w.fact(Fact::leg_begins, kPhone, 1, 1, true);
  w.fact(Fact::leg_begins, kBackend, 1, 2, false);
  w.pass(seconds(200));
  w.fact(Fact::edge_crashed, -1);
  w.fact(Fact::edge_started, -1);
  w.pass(seconds(200));
  w.fact(Fact::leg_over, kPhone, 1, 1, true);
  w.pass(seconds(200));
  w.fact(Fact::leg_over, kBackend, 1, 2, false);
  CHECK_EQ(w.found(agreement), 0);
  w.terms.excuse_calls_at_crash = false;
  CHECK_EQ(w.found(agreement), 1);
}

TEST_CASE("agreement: a caller that heard nothing is noticed by the answer that he does not ACK") {
  const auto rings = [](const std::string& why, Duration until_answer) {
    Written w;
    w.fact(Fact::leg_begins, kPhone, 1, 1, true);
    w.fact(Fact::leg_begins, kBackend, 1, 2, false);
    w.pass(seconds(32));
    w.fact(Fact::leg_over, kPhone, 1, 1, true);
    w.trace.records.back().note = why;
    w.pass(until_answer);
    w.fact(Fact::leg_answers, kBackend, 1, 2, false);
    w.pass(seconds(40));
    w.fact(Fact::leg_over, kBackend, 1, 2, false);
    return w.found(agreement);
  };
  CHECK_EQ(rings("no final response", seconds(150)), 0);
  CHECK_EQ(rings("486", seconds(150)), 1);
}

TEST_CASE("agreement: a call that was written down before the crash goes on") {
  const auto crashed = [](Duration after_ack, bool bye_before) {
    Written w;
    w.fact(Fact::leg_begins, kPhone, 1, 1, true);
    w.fact(Fact::leg_begins, kBackend, 1, 2, false);
    w.fact(Fact::leg_answers, kBackend, 1, 2, false);
    w.fact(Fact::leg_up, kPhone, 1, 1, true);
    w.message(Step::edge_receives, kPhone, Written::request("ACK", "sip:9@a.test", 1, "k"));
    w.pass(after_ack);
    if (bye_before)
      w.message(Step::edge_receives, kPhone, Written::request("BYE", "sip:9@a.test", 1, "b"));
    w.fact(Fact::edge_crashed, -1);
    w.fact(Fact::edge_started, -1);
    w.pass(seconds(100));
    w.fact(Fact::leg_over, kPhone, 1, 1, true);
    w.pass(seconds(200));
    w.fact(Fact::leg_over, kBackend, 1, 2, false);
    return w.found(agreement);
  };
  CHECK_EQ(crashed(milliseconds(400), false), 0);
  CHECK_EQ(crashed(seconds(1), false), 1);
  CHECK_EQ(crashed(seconds(1), true), 0);
}

TEST_CASE("nothing_invented: a refusal of which no callee knows") {
  Written w;
  w.terms.calm = true;
  w.invite();
  w.message(Step::edge_sends, kBackend, Written::request("INVITE", "sip:9@a.test", 1, "a"));
  w.message(Step::edge_receives, kBackend, Written::response(486, "INVITE", 1, "a", "t"));
  w.message(Step::edge_sends, kPhone, Written::response(486, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(nothing_invented), 0);
  w.message(Step::edge_sends, kPhone, Written::response(404, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(nothing_invented), 1);
}

TEST_CASE("hidden_hosts: a backend's address in a header field, though not as part of another") {
  Written w;
  w.message(Step::edge_sends, kPhone,
            Written::request("OPTIONS", "sip:401@192.168.1.1", 2, "a",
                             "Contact: <sip:pbx@127.0.0.101>\n"));
  CHECK_EQ(w.found(hidden_hosts), 0);
  w.message(Step::edge_sends, kPhone,
            Written::request("OPTIONS", "sip:401@192.168.1.1", 2, "b",
                             "Contact: <sip:pbx@127.0.0.10:5060>\n"));
  CHECK_EQ(w.found(hidden_hosts), 1);
}

TEST_CASE("own_contact: another Request-URI, and another's Contact in a 200 to REGISTER") {
  Written w;
  w.message(Step::edge_sends, kPhone, Written::request("OPTIONS", "sip:401@192.168.1.1", 2, "a"));
  w.message(Step::edge_sends, kPhone,
            Written::response(200, "REGISTER", 1, "r", "t",
                              "Contact: <sip:401@192.168.1.1>;expires=60\n"));
  CHECK_EQ(w.found(own_contact), 0);
  w.message(Step::edge_sends, kPhone, Written::request("OPTIONS", "sip:401@a.test", 2, "b"));
  CHECK_EQ(w.found(own_contact), 1);
  w.message(Step::edge_sends, kPhone,
            Written::response(200, "REGISTER", 1, "r", "t",
                              "Contact: <sip:401@192.168.1.2>;expires=60\n"));
  CHECK_EQ(w.found(own_contact), 2);
}

TEST_CASE("own_contact: what an altered REGISTER had said is known, and nothing else") {
  Written w;
  w.message(Step::edge_receives, kPhone,
            Written::request("REGISTER", "sip:a.test", 1, "r", "Contact: <sip:401@192.168.1.3>\n"));
  const auto text = std::make_shared<Text>(*w.trace.records.back().text);
  text->altered = true;
  w.trace.records.back().text = text;
  const auto answered_with = [&](const std::string& contact) {
    w.message(Step::edge_sends, kPhone,
              Written::response(200, "REGISTER", 1, "r", "t", "Contact: <" + contact + ">\n"));
    return w.found(own_contact);
  };
  // The AoR of Written's requests is 9@a.test.
  w.trace.agents[kPhone].aor = "9@a.test";
  CHECK_EQ(answered_with("sip:401@192.168.1.3"), 0);
  CHECK_EQ(answered_with("sip:401@192.168.1.4"), 1);
}

TEST_CASE("final_once and hundred: each process of the edge answers for itself") {
  Written w;
  for (int process = 0; process < 2; ++process) {
    w.invite();
    w.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
    w.pass(milliseconds(300));
    w.message(Step::edge_sends, kPhone, Written::response(100, "INVITE", 1, "o"));
    if (process == 1) break;
    w.fact(Fact::edge_crashed, -1);
    w.fact(Fact::edge_started, -1);
    w.pass(seconds(1));
  }
  CHECK_EQ(w.found(hundred), 0);
  CHECK_EQ(w.found(final_once), 1);
  w.message(Step::edge_sends, kPhone, Written::response(486, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(final_once), 0);
}

TEST_CASE("right_party: another tenant's phone, and another tenant's backend") {
  Written w;
  w.message(Step::edge_sends, kPhone, Written::request("OPTIONS", "sip:401@192.168.1.1", 2, "a"));
  w.message(Step::edge_sends, kBackend, Written::request("INVITE", "sip:9@a.test", 1, "b"));
  CHECK_EQ(w.found(right_party), 0);
  w.message(Step::edge_sends, kOther, Written::request("OPTIONS", "sip:401@192.168.1.2", 2, "c"));
  CHECK_EQ(w.found(right_party), 1);
  w.trace.errands[1].from = kOther;
  CHECK_EQ(w.found(right_party), 2);
}

TEST_CASE("silence: a byte to a stranger") {
  Written w;
  w.message(Step::edge_receives, kStranger, Written::request("OPTIONS", "sip:1@x.test", 0, "s"));
  CHECK_EQ(w.found(silence), 0);
  w.message(Step::edge_sends, kStranger, Written::response(404, "OPTIONS", 0, "s", "t"));
  CHECK_EQ(w.found(silence), 1);
}

TEST_CASE("presence: an answer to OPTIONS that the phone has not given") {
  Written w;
  w.message(Step::edge_receives, kBackend, Written::request("OPTIONS", "sip:t@e", 2, "o"));
  w.message(Step::edge_sends, kBackend, Written::response(404, "OPTIONS", 2, "o", "t"));
  CHECK_EQ(w.found(presence), 1);
  Written answered;
  answered.message(Step::edge_receives, kBackend, Written::request("OPTIONS", "sip:t@e", 2, "o"));
  answered.message(Step::edge_sends, kPhone,
                   Written::request("OPTIONS", "sip:401@192.168.1.1", 2, "a"));
  answered.message(Step::edge_receives, kPhone, Written::response(200, "OPTIONS", 2, "a", "t"));
  answered.message(Step::edge_sends, kBackend, Written::response(200, "OPTIONS", 2, "o", "t"));
  CHECK_EQ(answered.found(presence), 0);
}

TEST_CASE("way_back: a response that goes elsewhere") {
  Written w;
  w.invite();
  w.message(Step::edge_sends, kPhone, Written::response(486, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(way_back), 0);
  w.message(Step::edge_sends, kOther, Written::response(486, "INVITE", 1, "o", "t"));
  CHECK_EQ(w.found(way_back), 1);
}

TEST_CASE("credentials: an Authorization that is another one when it arrives") {
  Written w;
  const auto with = [](const std::string& response, const std::string& branch) {
    return Written::request("INVITE", "sip:9@a.test", 1, branch,
                            "Authorization: Digest response=\"" + response + "\"\n");
  };
  w.message(Step::agent_sends, kPhone, with("1", "o"));
  w.message(Step::edge_sends, kBackend, with("1", "a"));
  CHECK_EQ(w.found(credentials), 0);
  w.message(Step::edge_sends, kBackend, with("2", "b"));
  CHECK_EQ(w.found(credentials), 1);
}

TEST_CASE("durable: a binding whose 200 was sent is gone after a crash") {
  Written w;
  w.message(Step::edge_receives, kPhone, Written::request("REGISTER", "sip:a.test", 1, "r"));
  w.message(Step::edge_sends, kPhone,
            Written::response(200, "REGISTER", 1, "r", "t",
                              "Contact: <sip:401@192.168.1.1>;expires=60\n"));
  w.fact(Fact::edge_crashed, -1);
  w.fact(Fact::edge_started, -1);
  CHECK_EQ(w.found(durable), 1);
  w.trace.records.back().bindings.emplace_back();
  w.trace.records.back().bindings.back().aor = "401@a.test";
  w.trace.records.back().bindings.back().contact = "sip:401@192.168.1.1";
  CHECK_EQ(w.found(durable), 0);
  w.trace.records.back().bindings.clear();
  w.trace.records.back().at += seconds(70);
  CHECK_EQ(w.found(durable), 0);
}

TEST_CASE("no_stuck_calls: an end that the edge was told of, with time to write it down") {
  const auto stuck = [](Duration until_crash, bool answered) {
    Written w;
    w.message(Step::edge_receives, kPhone, Written::request("BYE", "sip:9@a.test", 1, "o"));
    if (answered) w.message(Step::edge_sends, kPhone, Written::response(200, "BYE", 1, "o", "t"));
    w.pass(until_crash);
    w.fact(Fact::edge_crashed, -1);
    w.fact(Fact::edge_started, -1);
    Remains remains;
    w.pass(seconds(1));
    remains.stuck.push_back({"c1o", "elsewhere", w.now});
    Violations out;
    no_stuck_calls(w.trace, w.terms, remains, out);
    return out.size();
  };
  CHECK_EQ(stuck(milliseconds(200), true), 0);
  CHECK_EQ(stuck(milliseconds(500), true), 1);
  CHECK_EQ(stuck(milliseconds(500), false), 0);
  CHECK_EQ(stuck(seconds(5), false), 1);
}

TEST_CASE("no_stuck_calls: nobody told the edge, but the session had a timer") {
  Written w;
  w.message(Step::edge_sends, kPhone,
            Written::response(200, "INVITE", 1, "o", "t", "Session-Expires: 90\n"));
  Remains remains;
  remains.stuck.push_back({"c1o", "elsewhere", w.now});
  Violations out;
  no_stuck_calls(w.trace, w.terms, remains, out);
  CHECK_EQ(out.size(), 1);
}

TEST_CASE("no_stuck_calls: nobody told the edge, and nothing went wrong") {
  Written w;
  w.terms.calm = true;
  Remains remains;
  remains.stuck.push_back({"c1o", "elsewhere", w.now});
  Violations out;
  no_stuck_calls(w.trace, w.terms, remains, out);
  CHECK_EQ(out.size(), 1);
}

TEST_CASE("no_stuck_calls: nobody told the edge, but it asks") {
  Written w;
  Remains remains;
  remains.stuck.push_back({"c1o", "elsewhere", w.now});
  Violations out;
  no_stuck_calls(w.trace, w.terms, remains, out);
  CHECK(out.empty());
  w.terms.call_probe = seconds(30);
  no_stuck_calls(w.trace, w.terms, remains, out);
  CHECK_EQ(out.size(), 1);
}

TEST_CASE("nothing_left: anything that is counted") {
  Remains remains;
  Violations out;
  nothing_left(remains, out);
  CHECK(out.empty());
  remains.counts.stack.legs = 1;
  remains.live_calls = 1;
  nothing_left(remains, out);
  CHECK_EQ(out.size(), 2);
}

TEST_CASE("the hash of a trace tells one run from another") {
  Written a, b;
  a.invite();
  b.invite();
  CHECK_EQ(a.trace.hash(), b.trace.hash());
  a.pass(milliseconds(1));
  b.pass(milliseconds(2));
  a.invite("x");
  b.invite("x");
  CHECK_NE(a.trace.hash(), b.trace.hash());
}

TEST_CASE("the same seed gives the same run, another seed another") {
  const auto hash_of = [](std::uint64_t seed) {
    World world({seed, 20, false});
    world.run();
    return world.trace.hash();
  };
  const std::uint64_t first = hash_of(3);
  CHECK_EQ(first, hash_of(3));
  CHECK_NE(first, hash_of(4));
}

}  // namespace
}  // namespace usher::sim
