// The search for whoever answers a call: groups of attempts, what they have said so far, and which
// of it the caller is told (RFC 3261 §16.6, §16.7). Plain data and rules; the engine (calls.hpp)
// sends and waits.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/timers.hpp"
#include "sip/b2bua/leg.hpp"

namespace usher::sip {

// A final response to one attempt, but 2xx.
struct Refusal {
  MessageRef response;
  LegId leg;
  std::string from;       // who said it, in words
  std::size_t group = 0;  // number of the group, from 1
};

struct Hunt {
  Plan plan;
  std::size_t made = 0;        // of plan.attempts
  std::size_t group = 0;       // number of the present group, from 1
  std::vector<LegId> legs;     // each attempt whose leg still belongs to the call
  std::vector<LegId> origins;  // the origin's early dialogs beyond the first (Call::origin)
  std::vector<Refusal> refusals;
  TimerId attempt_timer;
  Duration silence{};         // spent on groups that gave no answer
  bool decided = false;       // a 6xx has come: nobody else is tried
  bool waiting = false;       // the others have been cancelled then, and have their time to say so
  bool any_response = false;  // from any target: then no 408 of our own (the 408 rule)
  bool any_timeout = false;   // timer B of some attempt
  std::string last_failure;   // in words
};

// The end of the group that begins with attempt `from`.
std::size_t group_end(const Plan& plan, std::size_t from);

// Another group is to be tried when the present one fails: there is one, no 6xx has come, and
// silence has not used up `limit`.
bool target_left(const Hunt& hunt, Duration limit);

// What CallFacts::goes_on says when an attempt is over, and when the ring limit has run out: one of
// the user's devices that has refused has said more than the 408 of those that rang on (§16.8).
bool goes_on(const Hunt& hunt, bool target_left);
bool goes_on_unanswered(const Hunt& hunt, bool target_left);

// §16.7 step 6: of all refusals, in the order 6xx, 3xx, 4xx, 5xx; of 4xx first those that "affect
// resubmission" (401, 407, 415, 420, 484), then what the user himself has said (486). 503 is none:
// it is told as our own. Null: there is none.
const Refusal* best_refusal(const Hunt& hunt);

// §16.7 step 7: the challenges of the other 401 and 407, for a response that is one.
std::vector<HeaderLine> other_challenges(const Hunt& hunt, const Refusal& best);

// §16.5: the Contacts of a 3xx that are among the plan's redirects and have not been tried become
// the next attempts, best q first. False: none is.
bool follow_redirect(Hunt& hunt, const Message& response, std::string_view request_uri);

}  // namespace usher::sip
