#include "tests/sim/plan.hpp"

namespace usher::sim {

namespace {

bool one_in(Rng& rng, std::uint64_t n) {
  return rng.below(n) == 0;
}

Duration up_to(Rng& rng, Duration most) {
  return Duration(rng.below(static_cast<std::uint64_t>(most.count()) + 1));
}

constexpr int kRefusals[] = {400, 403, 404, 408, 410, 415, 480, 481, 484, 486, 487, 488,
                             491, 500, 501, 502, 503, 504, 513, 600, 603, 604, 606, 302};

// Reliable responses, forks at the callee's, and an overloaded callee.
void draw_early(Rng& rng, CallPlan& plan, bool towards_phone) {
  plan.caller_reliable = !one_in(rng, 3);
  plan.callee_reliable = one_in(rng, 3);
  plan.reliable_responses = one_in(rng, 3) ? 2 : 1;
  plan.early_update = one_in(rng, 3);
  if (!towards_phone && one_in(rng, 5)) {
    plan.forks = 1 + static_cast<int>(rng.below(2));
    plan.fork_that_decides =
        static_cast<int>(rng.below(static_cast<std::uint64_t>(plan.forks) + 1));
    plan.two_answer = one_in(rng, 4);
    // A BYE that overtakes the 2xx of a fork that has not rung names no dialog yet.
    plan.hangs_up_before_ack = false;
  }
  if (plan.final == 503 && one_in(rng, 2))
    plan.retry_after = 1 + static_cast<unsigned>(rng.below(8));
}

// A call whose ends refresh it, long enough to need it.
void draw_session(Rng& rng, CallPlan& plan) {
  plan.session = 90;
  plan.caller_refreshes = one_in(rng, 2);
  plan.refreshes_by_update = one_in(rng, 2);
  plan.early_update = false;
  const Duration talk = up_to(rng, seconds(200));
  plan.caller_hangs_up = one_in(rng, 2) ? talk : talk + seconds(60);
  plan.callee_hangs_up = one_in(rng, 2) ? talk : talk + seconds(60);
  if (one_in(rng, 3)) plan.refresher_vanishes = up_to(rng, talk);
  if (plan.refresher_vanishes && one_in(rng, 2))
    plan.other_vanishes = *plan.refresher_vanishes + up_to(rng, seconds(20));
  // Whatever refreshes nothing would end the session's timer.
  std::erase_if(plan.acts,
                [](const auto& act) { return act.method == "INVITE" || act.method == "UPDATE"; });
  plan.reinvite_answer = 200;
  plan.reinvite_cancelled = false;
}

}  // namespace

Mood draw_mood(Rng& rng) {
  Mood mood;
  mood.calm = one_in(rng, 4);
  mood.strangers = !one_in(rng, 4);
  mood.ring_limit = one_in(rng, 2) ? seconds(180) : seconds(10 + rng.below(40));
  if (one_in(rng, 3)) mood.call_probe = seconds(30 + rng.below(60));
  if (mood.calm) return mood;
  mood.crashes = one_in(rng, 4);
  mood.dying = one_in(rng, 3);
  mood.operators = one_in(rng, 3);
  mood.breaks = one_in(rng, 2);
  mood.slow_store = one_in(rng, 6);
  return mood;
}

WatchPlan draw_watch(Rng& rng, int number) {
  WatchPlan plan;
  plan.number = number;
  plan.expires = 20 + static_cast<unsigned>(rng.below(40));
  plan.refreshes = static_cast<int>(rng.below(4));
  plan.news = milliseconds(200 + rng.below(8000));
  constexpr int refusals[] = {403, 404, 489, 480, 503};
  if (one_in(rng, 8)) plan.refused = refusals[rng.below(std::size(refusals))];
  plan.end = static_cast<WatchPlan::End>(rng.below(5));
  plan.ends = one_in(rng, 4) ? up_to(rng, milliseconds(300)) : up_to(rng, seconds(70));
  return plan;
}

CallPlan draw_plan(Rng& rng, const Mood& mood, int number, bool towards_phone) {
  CallPlan plan;
  plan.number = number;
  plan.trying = !one_in(rng, 4);
  plan.challenges = !towards_phone && one_in(rng, 4);
  plan.decides = one_in(rng, 3) ? up_to(rng, milliseconds(300)) : up_to(rng, seconds(8));
  if (!one_in(rng, 4)) plan.rings = up_to(rng, plan.decides);
  plan.early_media = one_in(rng, 3);
  if (one_in(rng, 3)) plan.final = kRefusals[rng.below(std::size(kRefusals))];
  if (one_in(rng, 20)) {
    plan.decides = seconds(30) + up_to(rng, seconds(200));
    plan.rings = milliseconds(100);
  }
  if (one_in(rng, 40)) plan.final = 0;
  // RFC 3261 §17.2.1: a callee that takes its time says so. Without a provisional response nobody
  // may CANCEL.
  if (plan.final == 0 || plan.decides > seconds(9)) plan.trying = true;
  plan.deaf = !mood.calm && one_in(rng, 60);

  // A fair share of the CANCELs crosses the answer.
  if (one_in(rng, 5)) {
    plan.cancels = one_in(rng, 2) ? plan.decides + up_to(rng, milliseconds(60))
                                  : up_to(rng, plan.decides + seconds(1));
  }
  plan.late_offer = one_in(rng, 6);
  plan.never_acks = one_in(rng, 80);

  const Duration talk = one_in(rng, 6) ? up_to(rng, milliseconds(200)) : up_to(rng, seconds(40));
  switch (rng.below(4)) {
    case 0: plan.caller_hangs_up = talk; break;
    case 1: plan.callee_hangs_up = talk; break;
    default: {
      // Both, and often at the same moment.
      plan.caller_hangs_up = talk;
      plan.callee_hangs_up =
          one_in(rng, 2) ? talk + up_to(rng, milliseconds(40)) : talk + up_to(rng, seconds(20));
    }
  }
  // Whoever was not to hang up does so when the other one has long forgotten it.
  if (!plan.caller_hangs_up) plan.caller_hangs_up = seconds(150);
  if (!plan.callee_hangs_up) plan.callee_hangs_up = seconds(150);
  plan.hangs_up_before_ack = one_in(rng, 60);

  const char* methods[] = {"INVITE", "INVITE", "UPDATE", "INFO", "OPTIONS", "MESSAGE", "NOTIFY"};
  while (plan.acts.size() < 5 && !one_in(rng, 3)) {
    CallPlan::Act act{one_in(rng, 2), up_to(rng, talk + milliseconds(100)),
                      methods[rng.below(std::size(methods))]};
    if (act.method == std::string("INVITE") && one_in(rng, 3)) {
      // Glare: the other end means to do it too.
      plan.acts.push_back({!act.by_caller, act.at + up_to(rng, milliseconds(30)), act.method});
    }
    plan.acts.push_back(std::move(act));
  }
  if (one_in(rng, 4)) {
    constexpr int answers[] = {488, 488, 500, 403, 491, 503, 606, 481, 408};
    plan.reinvite_answer = answers[rng.below(std::size(answers))];
  }
  plan.reinvite_takes = one_in(rng, 8) ? up_to(rng, seconds(3)) : up_to(rng, milliseconds(100));
  plan.reinvite_cancelled = one_in(rng, 10);
  draw_early(rng, plan, towards_phone);
  if (one_in(rng, 8)) draw_session(rng, plan);
  return plan;
}

}  // namespace usher::sim
