// docs/specs/subscription.md against step(): every (state, event, facts) stands there exactly once,
// and the code does what its row says.
#include "sip/b2bua/subscription.hpp"

#include <doctest/doctest.h>

#include <set>

#include "sip/b2bua/event_name.hpp"
#include "tests/support/spec_table.hpp"

using namespace usher::sip;
using namespace usher::test;

namespace {

constexpr int kStates = static_cast<int>(SubscriptionState::ended) + 1;
constexpr int kEvents = static_cast<int>(SubscriptionEvent::expired) + 1;

bool holds(const std::string& fact, const SubscriptionFacts& facts) {
  if (fact == "fatal") return facts.fatal;
  REQUIRE_EQ(fact, "not fatal");
  return !facts.fatal;
}

}  // namespace

TEST_CASE("the table of subscriptions is complete and is what the code does") {
  SpecTable table("docs/specs/subscription.md");
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      for (const bool fatal : {false, true}) {
        const SubscriptionFacts facts{fatal};
        const auto state = static_cast<SubscriptionState>(s);
        const auto event = static_cast<SubscriptionEvent>(e);
        CAPTURE(fatal);
        const SpecRow& row = table.row(state_name(state), event_name(event),
                                       [&](const std::string& fact) { return holds(fact, facts); });
        const SubscriptionStep done = step(state, event, facts);
        CHECK_EQ(words(state_name(done.next)), row.next);
        CHECK_EQ(SpecTable::text(done.actions, action_name), row.actions);
        const bool finishes =
            !done.actions.empty() && done.actions.back() == SubscriptionAction::finish;
        CHECK_EQ(finishes, done.next == SubscriptionState::ended && state != done.next);
      }
    }
  }
  table.check_each_was_reached();
}

TEST_CASE(
    "which failures end a subscription, and which its dialog (RFC 5057 5.1, RFC 6665 4.1.2.2)") {
  const std::set<int> usage{405, 480, 481, 489, 501};
  const std::set<int> dialog{404, 410, 416, 482, 483, 484, 485, 502, 604};
  for (int status = 300; status < 700; ++status) {
    CAPTURE(status);
    const FailureEffect effect = effect_of_failure(status);
    CHECK_EQ(effect == FailureEffect::usage, usage.contains(status));
    CHECK_EQ(effect == FailureEffect::dialog, dialog.contains(status));
  }
}

TEST_CASE("the id of an Event is replaced, and nothing else of it") {
  CHECK_EQ(with_event_id("refer;id=7", "4711"), "refer;id=4711");
  CHECK_EQ(with_event_id("refer ; ID = 93809823 ;x=y", "1"), "refer ; ID = 1 ;x=y");
  CHECK_EQ(with_event_id("refer", "1"), "refer");
  CHECK_EQ(with_event_id("refer;id", "1"), "refer;id");
  CHECK_EQ(with_event_id("refer;id=\"", "1"), "refer;id=\"");
}
