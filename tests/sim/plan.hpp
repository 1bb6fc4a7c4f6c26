// What the two ends of a simulated call are going to do, drawn from the seed before it begins.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "tests/sim/clock.hpp"

namespace usher::sim {

struct CallPlan {
  int number = 0;

  // The callee.
  bool trying = true;  // sends 100
  bool challenges = false;
  std::optional<Duration> rings;  // after the INVITE
  bool early_media = false;
  Duration decides = milliseconds(500);  // after the INVITE
  int final = 200;                       // 0: never decides
  bool deaf = false;                     // hears nothing of this call

  // The caller.
  std::optional<Duration> cancels;  // after its INVITE
  Duration patience = seconds(250);
  bool late_offer = false;
  bool never_acks = false;

  // Within the call, counted from when each end is up.
  struct Act {
    bool by_caller = true;
    Duration at{};
    std::string method;  // INVITE: hold
  };
  std::vector<Act> acts;
  int reinvite_answer = 200;
  Duration reinvite_takes = milliseconds(50);
  bool reinvite_cancelled = false;
  std::optional<Duration> caller_hangs_up, callee_hangs_up;
  bool hangs_up_before_ack = false;  // the callee, against RFC 3261 §15

  // RFC 3262: whether each end can do it, how many reliable 18x, and an UPDATE after the PRACK.
  bool caller_reliable = false, callee_reliable = false;
  int reliable_responses = 1;
  bool early_update = false;
  // A backend that forks makes so many further early dialogs; one of all answers, or two.
  int forks = 0, fork_that_decides = 0;
  bool two_answer = false;

  // RFC 4028; 0: none. The refresher, or both ends, may forget the call without a word.
  unsigned session = 0;  // seconds
  bool caller_refreshes = true, refreshes_by_update = true;
  std::optional<Duration> refresher_vanishes, other_vanishes;

  unsigned retry_after = 0;  // seconds, in a 503 (RFC 3261 §21.5.4)
};

// How a subscription goes and how it ends (RFC 6665).
struct WatchPlan {
  int number = 0;
  unsigned expires = 40;       // seconds
  int refreshes = 0;           // by the subscriber, in the middle of each interval
  Duration news = seconds(5);  // between NOTIFYs
  int refused = 0;             // with this status
  enum class End : std::uint8_t {
    unsubscribes,
    terminated,          // by the notifier
    notifier_forgets,    // and says 481 to the refresh
    subscriber_forgets,  // and says 481 to the NOTIFY
    lapses,
  };
  End end = End::unsubscribes;
  Duration ends = seconds(20);  // after its beginning
};

// What a run is like; drawn from the seed as well.
struct Mood {
  bool calm = true;  // the network and the agents are perfect
  bool crashes = false, dying = false, operators = false, strangers = true, breaks = false;
  bool slow_store = false;
  Duration ring_limit = seconds(180);
  Duration call_probe{};  // 0: the edge does not ask whether a call is still there
};

Mood draw_mood(Rng& rng);
WatchPlan draw_watch(Rng& rng, int number);
CallPlan draw_plan(Rng& rng, const Mood& mood, int number, bool towards_phone);

}  // namespace usher::sim
