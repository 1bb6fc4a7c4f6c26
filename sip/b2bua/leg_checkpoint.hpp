// A leg as it is checkpointed, and as another process goes on with it: what calls and subscriptions
// have in common (docs/specs/call.md, "Restart").
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "sip/b2bua/checkpoint.hpp"
#include "sip/b2bua/leg.hpp"

namespace usher::sip {

// Whether the last checkpoint still serves (Leg::told).
bool same_as_told(const Leg& leg);
// What is to be kept now; from here on the leg counts as told.
LegCheckpoint tell(Leg& leg);

// Errc::range: its CSeq numbers are used up.
Result<void> can_go_on(const LegCheckpoint& leg);
// A leg that goes on from there: with numbers above the old ones, without a connection.
Leg leg_of(LegCheckpoint checkpoint);

WallTime wall_of(Now now, Instant when);
// An instant of the past; a clock that was set back does not make it lie ahead.
Instant instant_of(Now now, WallTime when);

}  // namespace usher::sip
