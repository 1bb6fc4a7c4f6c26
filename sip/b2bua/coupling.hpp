// The coupling of two legs over the life of a call, as a pure table (docs/specs/call.md): an event
// on one leg, and what both legs do. States only move forward. The engine (calls.hpp) turns wire
// events into these and does the actions.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <string_view>

namespace usher::sip {

enum class CallState : std::uint8_t {
  hunting,   // the origin's INVITE has no final response; attempts are made, a group at a time
  answered,  // 2xx sent to the origin, its ACK has not come
  hung_up,   // as answered, but the call is over: the origin is owed a BYE that must wait for its
             // ACK (§15)
  established,  // ACKed on both legs
  ended,
};

enum class CallEvent : std::uint8_t {
  attempt_trying,      // 100
  attempt_progress,    // 101–199
  attempt_answered,    // 2xx
  attempt_refused,     // 300–699
  attempt_unanswered,  // the attempt's time, timer B, or its flow failed without a response
  ring_limit,  // the explicit limit, started by an attempt's first 1xx and restarted by 101–199,
               // ran out
  origin_cancel,
  origin_bye,
  answerer_bye,
  origin_ack,
  ack_timeout,  // 64·T1 after the 2xx without ACK (§13.3.1.4)
  edge_ends,    // an operator, a shutdown, a dead flow
};

// What a row may depend on.
struct CallFacts {
  bool target_left = false;  // there is another group of attempts to make
  bool goes_on = false;      // nothing the group has said keeps the next one from being tried; with
                             // none left: nothing was said that could be passed on
  bool trying_forwarded = false;  // a 100 of a backend has been forwarded already
  bool others = false;    // the group has other attempts that may still answer; for a BYE of the
                          // origin: it has been shown other early dialogs
  bool decisive = false;  // a 6xx: it ends the search everywhere (§16.7 step 5)
};

enum class CallAction : std::uint8_t {
  forward_trying,  // 100 on the origin's transaction
  forward_progress,
  start_ring_limit,  // unless it runs
  restart_ring_limit,
  forward_answer,     // 2xx to the origin, retransmitted until its ACK
  release_losers,     // every other attempt: CANCEL, or ACK and BYE when it answers
  next_attempt,       // the next group; the ring limit stops until it gives a provisional response
  give_up_attempt,    // CANCEL this attempt; its late 2xx gets ACK and BYE
  give_up_group,      // the same for each attempt of the group
  cancel_others,      // CANCEL the group's other attempts, and wait for what they say
  forward_refusal,    // the best of the final responses (§16.7 step 6)
  drop_dialog,        // the early dialog that the origin ended, and its attempt
  refuse_exhausted,   // our own: 408 when no target gave any response for 64·T1, else 503
  refuse_ring_limit,  // 408
  refuse_cancelled,   // 487
  refuse_ended,       // 480
  ack_answerer,       // with what crosses from the origin's ACK, if there is one
  relay_bye,          // the BYE crosses to the other leg, its response comes back
  bye_answerer,       // a BYE of our own
  bye_origin,
  confirm_bye,  // 200 to the BYE that came
  stop_answer,  // the 2xx is no longer retransmitted
  finish,       // the call is over: report it, let the legs end by themselves
};
std::string_view state_name(CallState s);
std::string_view event_name(CallEvent e);
std::string_view action_name(CallAction a);

struct CallStep {
  CallState next;
  boost::container::static_vector<CallAction, 6> actions;  // in order
};

CallStep step(CallState state, CallEvent event, const CallFacts& facts);

}  // namespace usher::sip
