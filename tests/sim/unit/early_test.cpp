// The checkers of early dialogs, of devices by q, and of subscriptions; each is shown a violation.
#include <doctest/doctest.h>

#include "tests/sim/unit/written.hpp"

namespace usher::sim {
namespace {

std::string of_leg(int leg) {
  return std::string{kLeg} + ": " + std::to_string(leg) + "\n";
}

TEST_CASE("early_dialogs: two callees with one tag, one callee with two, and two that are told") {
  const auto shown = [](int second_leg, const std::string& second_tag, int status) {
    Written w;
    w.invite();
    w.message(Step::edge_sends, kPhone,
              Written::response(status, "INVITE", 1, "o", "t", of_leg(1)));
    w.message(Step::edge_sends, kPhone,
              Written::response(status, "INVITE", 1, "o", second_tag, of_leg(second_leg)));
    return w.found(early_dialogs);
  };
  CHECK_EQ(shown(1, "t", 180), 0);
  CHECK_EQ(shown(2, "u", 180), 0);
  CHECK_EQ(shown(2, "t", 180), 1);
  CHECK_EQ(shown(1, "u", 180), 1);
  CHECK_EQ(shown(1, "t", 200), 0);
  CHECK_EQ(shown(2, "u", 200), 1);
}

TEST_CASE("own_dialog: a PRACK that comes to another fork") {
  Written w;
  w.message(Step::agent_sends, kBackend, Written::response(180, "INVITE", 1, "a", "t", of_leg(7)));
  const auto prack = [](const std::string& tag) {
    std::string text = Written::request("PRACK", "sip:9@a.test", 1, "a", of_leg(7));
    return text.replace(text.find("To: <sip:9@a.test>"), 18, "To: <sip:9@a.test>;tag=" + tag);
  };
  w.message(Step::agent_receives, kBackend, prack("t"));
  CHECK_EQ(w.found(own_dialog), 0);
  w.message(Step::agent_receives, kBackend, prack("u"));
  CHECK_EQ(w.found(own_dialog), 1);
}

TEST_CASE("one_winner: whoever answers in vain gets ACK and BYE, unless it hangs up itself") {
  const auto to_tag = [](std::string text) {
    return text.replace(text.find("To: <sip:9@a.test>"), 18, "To: <sip:9@a.test>;tag=t");
  };
  const auto answered = [&](const std::vector<std::string>& sent, bool told) {
    Written w;
    w.invite();
    w.message(Step::edge_receives, kBackend,
              Written::response(200, "INVITE", 1, "a", "t", of_leg(7)));
    if (told)
      w.message(Step::edge_sends, kPhone, Written::response(200, "INVITE", 1, "o", "z", of_leg(7)));
    for (const std::string& method : sent) {
      w.message(Step::edge_sends, kBackend,
                to_tag(Written::request(method, "sip:9@a.test", 1, "a")));
    }
    return w.found(one_winner);
  };
  CHECK_EQ(answered({}, true), 0);
  CHECK_EQ(answered({}, false), 1);
  CHECK_EQ(answered({"ACK"}, false), 1);
  CHECK_EQ(answered({"ACK", "BYE"}, false), 0);
}

TEST_CASE("pracks: a reliable response that a waiting caller never acknowledges") {
  const auto unacknowledged = [](bool caller_gone) {
    Written w;
    w.fact(Fact::leg_begins, kPhone, 1, 1, true);
    w.fact(Fact::leg_begins, kBackend, 1, 2, false);
    w.pass(seconds(10));
    if (caller_gone) w.fact(Fact::leg_over, kPhone, 1, 1, true);
    w.pass(seconds(32));
    w.fact(Fact::not_pracked, kBackend, 1, 2, false);
    w.fact(Fact::leg_over, kBackend, 1, 2, false);
    return w.found(pracks);
  };
  CHECK_EQ(unacknowledged(true), 0);
  CHECK_EQ(unacknowledged(false), 1);
}

TEST_CASE("by_q: a device of a lower q beside, and after, the one of a higher") {
  const auto rings = [](Duration after, int first_says) {
    Written w;
    w.trace.agents[kOther].q = 500;
    w.message(Step::edge_sends, kPhone, Written::request("INVITE", "sip:401@a.test", 1, "a"));
    if (first_says != 0)
      w.message(Step::edge_receives, kPhone, Written::response(first_says, "INVITE", 1, "a", "t"));
    w.pass(after);
    w.message(Step::edge_sends, kOther, Written::request("INVITE", "sip:401@a.test", 1, "b"));
    return w.found(by_q);
  };
  CHECK_EQ(rings({}, 0), 1);
  CHECK_EQ(rings(seconds(4), 0), 0);
  CHECK_EQ(rings(seconds(4), 180), 1);
  CHECK_EQ(rings(seconds(4), 486), 0);
}

TEST_CASE("left_alone: a call to a backend that had asked for quiet") {
  const auto called = [](Duration after) {
    Written w;
    w.invite();
    w.message(Step::edge_sends, kBackend, Written::request("INVITE", "sip:9@a.test", 1, "a"));
    w.message(Step::edge_receives, kBackend,
              Written::response(503, "INVITE", 1, "a", "t", "Retry-After: 5\n"));
    w.pass(after);
    w.invite("p");
    w.message(Step::edge_sends, kBackend, Written::request("INVITE", "sip:9@a.test", 1, "b"));
    return w.found(left_alone);
  };
  CHECK_EQ(called(seconds(4)), 1);
  CHECK_EQ(called(seconds(5)), 0);
}

TEST_CASE("own_notify and watches_end: another's NOTIFY, and a notifier that goes on for ever") {
  Written w;
  w.fact(Fact::watch_begins, kPhone, 1, 1, true);
  w.fact(Fact::watch_begins, kBackend, 1, 2, false);
  w.pass(seconds(10));
  w.fact(Fact::watch_over, kPhone, 1, 1, true);
  CHECK_EQ(w.found(watches_end), 1);
  w.fact(Fact::watch_over, kBackend, 1, 2, false);
  CHECK_EQ(w.found(watches_end), 0);
  CHECK_EQ(w.found(own_notify), 0);
  w.fact(Fact::stray_notify, kPhone, 1, 1, true);
  CHECK_EQ(w.found(own_notify), 1);
}

}  // namespace
}  // namespace usher::sim
