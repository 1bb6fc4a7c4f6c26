// What must hold in every run, each by name. A checker reads the trace and nothing else, so that it
// can be shown a trace that violates it (tests/sim/unit).
#pragma once

#include <string>
#include <vector>

#include "tests/sim/trace.hpp"
#include "tests/sim/world.hpp"

namespace usher::sim {

struct Violation {
  std::string checker;
  int call = 0;  // 0: none in particular
  std::string text;
};
using Violations = std::vector<Violation>;

struct Terms {
  bool calm = false;
  bool slow_store = false;  // a 200 to REGISTER may leave before its binding is durable
  Duration ring_limit = seconds(180);
  Duration call_probe{};  // 0: the edge does not ask
  // What was not written down, or was just ending, may be lost at a crash.
  bool excuse_calls_at_crash = true;
};

struct Story;

// Each INVITE that reached the edge gets a final response, and never two that differ.
void final_once(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 1: something within 200 ms; a 100 without To tag; the backend's first 100 at that moment;
// and never more 100s than these two.
void hundred(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 2.
void request_timeout(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// After a while both ends agree that the call is over, and that it was ever answered.
void agreement(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A response to the caller is one that some callee gave, unless the edge may make it by itself.
void nothing_invented(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// No phone sees a backend's address outside of a body (docs/specs/headers.md).
void hidden_hosts(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 5: a request to a phone has the phone's own Contact as Request-URI, byte for byte; so has
// each Contact in the answer to its REGISTER.
void own_contact(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rules 5 and 6: a request reaches the phone it means, a phone's request a backend of its tenant.
void right_party(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 8.
void silence(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 9: OPTIONS and NOTIFY outside a call are answered by the phone or not at all.
void presence(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 10: a response goes where its request came from.
void way_back(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 11: Authorization and From reach the backend as the phone wrote them.
void credentials(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// The dialogs that callees make and the To tags that the caller sees pair off (RFC 3261 §12.1.1),
// and one of them at most has a 2xx.
void early_dialogs(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// PRACK and UPDATE come to the early dialog that they mean (RFC 3262 §4).
void own_dialog(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A 2xx that the caller is not told of gets ACK and BYE (RFC 3261 §13.2.2.4).
void one_winner(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A reliable provisional response is acknowledged as long as its caller waits (RFC 3262 §3).
void pracks(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A device of a lower q rings when those of a higher one are done (RFC 3261 §16.6).
void by_q(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A 503 with Retry-After keeps calls away for that time (RFC 3261 §21.5.4).
void left_alone(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A NOTIFY reaches the subscription that it is about (RFC 6665 §4.1.3).
void own_notify(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Both ends of a subscription agree, after a while, that it is over.
void watches_end(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// Rule 4: a binding whose 200 has left is there after a crash.
void durable(const Trace& trace, const Story& story, const Terms& terms, Violations& out);
// A call whose ends are both over is over, unless the edge cannot know: nothing of its end reached
// a process that lived long enough to write it down, and the edge does not ask (timers.call_probe).
void no_stuck_calls(const Trace& trace, const Terms& terms, const Remains& remains,
                    Violations& out);
// Rule 13.
void nothing_left(const Remains& remains, Violations& out);

Violations check_all(const Trace& trace, const Remains& remains, const Terms& terms);

}  // namespace usher::sim
