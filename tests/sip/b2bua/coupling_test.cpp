// docs/specs/call.md against step(): every (state, event, facts) stands there exactly once, and the
// code does what its row says.
#include "sip/b2bua/coupling.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/spec_table.hpp"

using namespace usher::sip;
using namespace usher::test;

namespace {

bool holds(const std::string& fact, const CallFacts& f) {
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
}

constexpr int kStates = static_cast<int>(CallState::ended) + 1;
constexpr int kEvents = static_cast<int>(CallEvent::edge_ends) + 1;

}  // namespace

TEST_CASE("the table of calls is complete and is what the code does") {
  SpecTable table("docs/specs/call.md");
  for (int s = 0; s < kStates; ++s) {
    for (int e = 0; e < kEvents; ++e) {
      for (unsigned bits = 0; bits < 32; ++bits) {
        const CallFacts facts{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                              (bits & 16) != 0};
        const auto state = static_cast<CallState>(s);
        const auto event = static_cast<CallEvent>(e);
        CAPTURE(bits);
        const SpecRow& row = table.row(state_name(state), event_name(event),
                                       [&](const std::string& fact) { return holds(fact, facts); });
        const CallStep done = step(state, event, facts);
        CHECK_EQ(words(state_name(done.next)), row.next);
        CHECK_EQ(SpecTable::text(done.actions, action_name), row.actions);
        CHECK_MESSAGE(done.next >= state, "states only move forward");
      }
    }
  }
  table.check_each_was_reached();
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
