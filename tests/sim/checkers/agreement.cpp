#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

// A BYE is repeated for 64·T1; before it, an ACK may have been awaited as long.
constexpr Duration kLimit = 2 * kTimeout + seconds(12);

// One that forgets its call without a word leaves the other to the session's timer (RFC 4028).
Duration limit_of(const Story::Leg& a, const Story::Leg& b) {
  return a.why == "vanished" || b.why == "vanished" ? kLimit + seconds(90) : kLimit;
}

// From when on the callee has to notice that the caller is over. One that heard nothing at all may
// not CANCEL (RFC 3261 §9.1): only the ring limit, or its missing ACK, tells of it.
Instant noticed_from(const Story::Leg& caller, const Story::Leg& callee, const Terms& terms) {
  if (caller.why != "no final response") return *caller.over;
  return std::max(*caller.over, callee.answers.value_or(*caller.over + terms.ring_limit));
}

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
    const bool any_told =
        std::any_of(ids.begin(), ids.end(), [&](int id) { return story.told.contains(id); });
    const Story::Leg* answered = nullptr;  // the one that the caller was told of
    for (const int id : ids) {
      const Story::Leg& leg = story.legs.at(id);
      if (leg.caller || !leg.over) continue;
      if (*leg.over > noticed_from(*caller, leg, terms) + limit_of(leg, *caller)) {
        out.push_back({"agreement", call,
                       fmt::format("the callee's leg outlived the caller's by {:.1f} s",
                                   apart(*leg.over, *caller->over))});
      }
      if (any_told && !story.told.contains(id)) continue;
      if (leg.answers && (leg.up || answered == nullptr)) answered = &leg;
    }
    if (answered && *caller->over > *answered->over + limit_of(*answered, *caller)) {
      out.push_back({"agreement", call,
                     fmt::format("the caller's leg outlived the callee's by {:.1f} s",
                                 apart(*caller->over, *answered->over))});
    }
    if (caller->up && answered == nullptr)
      out.push_back({"agreement", call, "the caller is up, but nobody answered"});
  }
}

}  // namespace usher::sim
