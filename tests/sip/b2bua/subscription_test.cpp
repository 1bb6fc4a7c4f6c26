// docs/specs/subscription.md against step(): every (state, event, facts) stands there exactly once,
// and the code does what its row says.
#include "sip/b2bua/subscription.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "sip/b2bua/event_name.hpp"
#include "tests/support/spec_table.hpp"

using namespace usher::sip;
using namespace usher::test;

namespace {

constexpr int kStates = static_cast<int>(SubscriptionState::ended) + 1;
constexpr int kEvents = static_cast<int>(SubscriptionEvent::expired) + 1;

bool covers(const SpecRow& row, const SubscriptionFacts& facts) {
  if (row.facts == std::vector<std::string>{kNothing}) return true;
  REQUIRE_EQ(row.facts.size(), 1);
  if (row.facts[0] == "fatal") return facts.fatal;
  REQUIRE_EQ(row.facts[0], "not fatal");
  return !facts.fatal;
}

}  // namespace

TEST_CASE("the table of subscriptions is complete and is what the code does") {
  const std::vector<SpecRow> rows = read_spec_table("docs/specs/subscription.md");
  std::vector<int> used(rows.size(), 0);
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      for (const bool fatal : {false, true}) {
        const SubscriptionFacts facts{fatal};
        const auto state = static_cast<SubscriptionState>(s);
        const auto event = static_cast<SubscriptionEvent>(e);
        const std::string state_words = words(state_name(state)),
                          event_words = words(event_name(event));
        CAPTURE(state_words);
        CAPTURE(event_words);
        CAPTURE(fatal);
        const SpecRow* found = nullptr;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          const SpecRow& row = rows[i];
          if (std::count(row.states.begin(), row.states.end(), state_words) == 0 ||
              !covers(row, facts))
            continue;
          const auto n = std::count(row.events.begin(), row.events.end(), event_words);
          if (n == 0) continue;
          CHECK_EQ(n, 1);
          CHECK_MESSAGE(found == nullptr, "stands twice");
          found = &row;
          ++used[i];
        }
        REQUIRE_MESSAGE(found != nullptr, "is missing");
        const SubscriptionStep done = step(state, event, facts);
        CHECK_EQ(words(state_name(done.next)), found->next);
        std::string actions;
        for (const SubscriptionAction a : done.actions)
          actions += (actions.empty() ? "" : ", ") + words(action_name(a));
        CHECK_EQ(actions.empty() ? kNothing : actions, found->actions);
        const bool finishes =
            !done.actions.empty() && done.actions.back() == SubscriptionAction::finish;
        CHECK_EQ(finishes, done.next == SubscriptionState::ended && state != done.next);
      }
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK_MESSAGE(used[i] > 0, "a row that nothing reaches");
  }
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
