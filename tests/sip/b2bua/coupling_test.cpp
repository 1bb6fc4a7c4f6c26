// docs/specs/call.md against step(): every (state, event, facts) stands there exactly once, and the
// code does what its row says.
#include "sip/b2bua/coupling.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/spec_table.hpp"

using namespace usher::sip;
using namespace usher::test;

namespace {

bool covers(const SpecRow& row, const CallFacts& f) {
  if (row.facts == std::vector<std::string>{kNothing}) return true;
  return std::all_of(row.facts.begin(), row.facts.end(), [&](const std::string& fact) {
    if (fact == "target left") return f.target_left;
    if (fact == "no target left") return !f.target_left;
    if (fact == "goes on") return f.goes_on;
    if (fact == "does not go on") return !f.goes_on;
    if (fact == "others") return f.others;
    if (fact == "alone") return !f.others;
    if (fact == "decisive") return f.decisive;
    if (fact == "not decisive") return !f.decisive;
    if (fact == "100 forwarded") return f.trying_forwarded;
    if (fact == "100 not forwarded") return !f.trying_forwarded;
    FAIL("unknown fact: " << fact);
    return false;
  });
}

constexpr int kStates = static_cast<int>(CallState::ended) + 1;
constexpr int kEvents = static_cast<int>(CallEvent::edge_ends) + 1;

}  // namespace

TEST_CASE("the table of calls is complete and is what the code does") {
  const std::vector<SpecRow> rows = read_spec_table("docs/specs/call.md");
  std::vector<int> used(rows.size(), 0);
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      for (unsigned bits = 0; bits < 32; ++bits) {
        const CallFacts facts{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                              (bits & 16) != 0};
        const auto state = static_cast<CallState>(s);
        const auto event = static_cast<CallEvent>(e);
        const std::string state_words = words(state_name(state)),
                          event_words = words(event_name(event));
        CAPTURE(state_words);
        CAPTURE(event_words);
        CAPTURE(bits);
        const SpecRow* found = nullptr;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          const SpecRow& row = rows[i];
          if (row.states != std::vector<std::string>{state_words} || !covers(row, facts)) continue;
          const auto n = std::count(row.events.begin(), row.events.end(), event_words);
          if (n == 0) continue;
          CHECK_EQ(n, 1);
          CHECK_MESSAGE(found == nullptr, "stands twice");
          found = &row;
          ++used[i];
        }
        REQUIRE_MESSAGE(found != nullptr, "is missing");
        const CallStep done = step(state, event, facts);
        CHECK_EQ(words(state_name(done.next)), found->next);
        std::string actions;
        for (const CallAction a : done.actions)
          actions += (actions.empty() ? "" : ", ") + words(action_name(a));
        CHECK_EQ(actions.empty() ? kNothing : actions, found->actions);
        CHECK_MESSAGE(done.next >= state, "states only move forward");
      }
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAPTURE(i);
    CHECK_MESSAGE(used[i] > 0, "a row that nothing reaches");
  }
}

TEST_CASE("a 408 of our own is made in two places only, and never while a target is left") {
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      for (unsigned bits = 0; bits < 32; ++bits) {
        const CallFacts facts{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                              (bits & 16) != 0};
        const auto event = static_cast<CallEvent>(e);
        for (const CallAction a : step(static_cast<CallState>(s), event, facts).actions) {
          if (a == CallAction::refuse_ring_limit) {
            CHECK(event == CallEvent::ring_limit);
            CHECK_FALSE((facts.target_left && facts.goes_on));
          }
          if (a == CallAction::refuse_exhausted) CHECK_FALSE(facts.target_left);
        }
      }
    }
  }
}
