#include <fmt/format.h>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

// A BYE is repeated for 64·T1; before it, an ACK may have been awaited as long.
constexpr Duration kLimit = 2 * kTimeout + seconds(12);

double apart(Instant a, Instant b) {
  return static_cast<double>((a - b).count()) / 1e6;
}

}  // namespace

void agreement(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  for (const auto& [call, ids] : story.legs_of) {
    const Story::Leg* caller = nullptr;
    for (const int id : ids) {
      const Story::Leg& leg = story.legs.at(id);
      if (leg.caller) caller = &leg;
      if (!leg.over) {
        out.push_back({"agreement", call,
                       "a leg of " + trace.agents[static_cast<std::size_t>(leg.agent)].name +
                           " is not over at the end"});
      }
    }
    if (caller == nullptr || !caller->over || story.excused(call, terms)) continue;
    const Story::Leg* answered = nullptr;
    for (const int id : ids) {
      const Story::Leg& leg = story.legs.at(id);
      if (leg.caller || !leg.over) continue;
      if (*leg.over > *caller->over + kLimit) {
        out.push_back({"agreement", call,
                       fmt::format("the callee's leg outlived the caller's by {:.1f} s",
                                   apart(*leg.over, *caller->over))});
      }
      if (leg.answers && (leg.up || answered == nullptr)) answered = &leg;
    }
    if (answered && *caller->over > *answered->over + kLimit) {
      out.push_back({"agreement", call,
                     fmt::format("the caller's leg outlived the callee's by {:.1f} s",
                                 apart(*caller->over, *answered->over))});
    }
    if (caller->up && answered == nullptr)
      out.push_back({"agreement", call, "the caller is up, but nobody answered"});
  }
}

}  // namespace usher::sim
