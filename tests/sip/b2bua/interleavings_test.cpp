// Every order in which a few things can happen to a call: from each reachable point each thing that
// a party could do there, or a jump of time, is tried. However it goes, the caller gets exactly one
// final response, both ends agree that the call is over, and nothing is left alive.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

enum class Event {
  trying,
  ringing,
  answer,
  busy,
  unavailable,
  decline,
  callee_bye,
  callee_reinvite,
  cancel,
  caller_bye,
  caller_ack,
  caller_reinvite,
  attempt_time,
  timeout,
  ring_limit,
};

struct Step {
  Event event;
  int callee = 0;  // of the callees, for what a callee does
};

const char* name(Event e) {
  constexpr const char* kNames[] = {"100", "180",    "200",     "486",    "503",
                                    "603", "BYE<",   "INVITE<", "CANCEL", "BYE",
                                    "ACK", "INVITE", "4s",      "32s",    "180s"};
  return kNames[static_cast<int>(e)];
}

// One party and how it sees the call.
struct End {
  explicit End(Party& p) : party(p) {}

  Party& party;
  std::vector<Seen> open;           // requests that it has not answered
  std::set<std::string> known;      // branches of requests that have come
  std::set<int> finals;             // of its first INVITE
  std::set<std::uint32_t> unacked;  // CSeq numbers of 2xx
  std::set<std::uint32_t> acked;
  bool rang = false, answered = false;  // sent, as callee
  bool final_sent = false, was_cancelled = false;
  bool bye = false, reinvited = false, cancelled = false;
  int acks = 0;
  Duration wanted{};   // when a request of the edge last came
  bool alive = false;  // it has said something to the INVITE, and was not cancelled
  // It answered when even the memory of its INVITE was over: 64*T1 after the 64*T1 without a word.
  bool too_late = false;

  bool called() const { return !known.empty(); }

  void read() {
    while (!party.empty()) {
      const Seen seen = party.expect(party.inbox.front().what());
      const sip::Message& m = *seen.message;
      if (m.is_request()) {
        if (m.method() == sip::Method::ack) {
          ++acks;
        } else if (known.insert(std::string(m.top_via().branch()) + seen.what()).second) {
          wanted = seen.at;
          if (m.method() == sip::Method::cancel) {
            was_cancelled = true;
            alive = false;
            party.respond(seen, 200);
          } else {
            if (m.method() == sip::Method::bye) bye = true;
            open.push_back(seen);
          }
        }
      } else if (m.method() == sip::Method::invite && m.status() >= 200) {
        const std::uint32_t number = m.cseq().number;
        if (number == 1 && !party.is_uas) finals.insert(m.status());
        if (m.status() >= 300) {
          party.ack_refusal(seen);
        } else if (acked.count(number) > 0) {
          party.request("ACK", {}, {}, number);
        } else {
          unacked.insert(number);
        }
      }
    }
  }

  // The first INVITE, when it has no final response yet.
  const Seen* invite() const {
    const auto found = std::find_if(open.begin(), open.end(), [](const Seen& s) {
      return s.what() == "INVITE" && s.message->to_tag().empty();
    });
    return found == open.end() ? nullptr : &*found;
  }

  void respond(int status) {
    const Seen request = *invite();
    if (status >= 200) {
      std::erase_if(open, [&](const Seen& s) {
        return s.message->top_via().branch() == request.message->top_via().branch();
      });
    }
    rang = rang || status == 180;
    answered = answered || status == 200;
    const Duration since = party.network.elapsed() - wanted;
    if (status < 200 && !was_cancelled && since < seconds(32)) alive = true;
    too_late = status == 200 && !alive && since >= seconds(64);
    party.respond(request, status, status == 200 ? kSdpAnswer : std::string_view{});
  }

  void ack_all() {
    const std::set<std::uint32_t> due = std::exchange(unacked, {});
    for (const std::uint32_t number : due) {
      acked.insert(number);
      party.request("ACK", {}, {}, number);
    }
  }

  void hang_up() {
    bye = true;
    party.request("BYE");
  }

  // Answers whatever is still open.
  void settle() {
    read();
    if (invite() != nullptr) respond(was_cancelled ? 487 : 486);
    for (const Seen& request : std::exchange(open, {}))
      party.respond(request, 200, request.what() == "INVITE" ? kSdpAnswer : std::string_view{});
    ack_all();
  }
};

struct Play {
  explicit Play(bool together) : caller(net.phone) {
    net.targets = {&net.backend, &net.second};
    if (together) net.groups = {2};
    net.plan.exhaustive = together;
    callees.emplace_back(net.backend);
    callees.emplace_back(net.second);
    net.phone.invite();
    read();
  }

  void read() {
    caller.read();
    for (End& end : callees) end.read();
  }

  bool can(const Step& step) const {
    const End& callee = callees[static_cast<std::size_t>(step.callee)];
    switch (step.event) {
      case Event::trying:
      case Event::ringing:
      case Event::answer:
      case Event::busy:
      case Event::unavailable:
      case Event::decline: return callee.invite() != nullptr;
      case Event::callee_bye: return (callee.rang || callee.answered) && !callee.bye;
      case Event::callee_reinvite: return callee.answered && !callee.bye && !callee.reinvited;
      case Event::cancel: return caller.finals.empty() && !caller.cancelled;
      case Event::caller_bye: return !caller.party.remote_tag.empty() && !caller.bye;
      case Event::caller_ack: return !caller.unacked.empty();
      case Event::caller_reinvite:
        return caller.finals.count(200) > 0 && !caller.bye && !caller.reinvited;
      case Event::attempt_time:
      case Event::timeout:
      case Event::ring_limit: return true;
    }
    return false;
  }

  void act(const Step& step) {
    End& callee = callees[static_cast<std::size_t>(step.callee)];
    switch (step.event) {
      case Event::trying: callee.respond(100); break;
      case Event::ringing: callee.respond(180); break;
      case Event::answer: callee.respond(200); break;
      case Event::busy: callee.respond(486); break;
      case Event::unavailable: callee.respond(503); break;
      case Event::decline: callee.respond(603); break;
      case Event::callee_bye: callee.hang_up(); break;
      case Event::callee_reinvite:
        callee.reinvited = true;
        callee.party.request("INVITE", kSdpOffer);
        break;
      case Event::cancel:
        caller.cancelled = true;
        // §9.1: as its INVITE was, without a To tag.
        std::swap(caller.party.remote_tag, tag_aside);
        caller.party.cancel();
        std::swap(caller.party.remote_tag, tag_aside);
        tag_aside.clear();
        break;
      case Event::caller_bye: caller.hang_up(); break;
      case Event::caller_ack: caller.ack_all(); break;
      case Event::caller_reinvite:
        caller.reinvited = true;
        caller.party.request("INVITE", kSdpOffer);
        break;
      case Event::attempt_time: net.advance(seconds(4)); break;
      case Event::timeout: net.advance(seconds(32)); break;
      case Event::ring_limit: net.advance(seconds(180)); break;
    }
    read();
  }

  void settle() {
    for (int round = 0; round < 4; ++round) {
      caller.settle();
      for (End& end : callees) end.settle();
      net.advance(milliseconds(100));
      read();
      if (round != 1) continue;
      for (const sip::CallView& view : net.stack->calls()) {
        CHECK(net.stack->end_call(net.now(), view.call, "the test is over").has_value());
        net.flush();
      }
    }
    for (int round = 0; round < 3; ++round) {
      net.advance(seconds(100));
      caller.settle();
      for (End& end : callees) end.settle();
    }
    net.advance(seconds(200));
    read();
  }

  void check() {
    CHECK_EQ(caller.finals.size(), 1);
    if (caller.finals.count(200) > 0) CHECK(caller.bye);
    for (const End& end : callees) {
      if (!end.answered || end.too_late) continue;
      CHECK_GE(end.acks, 1);
      CHECK(end.bye);
    }
    CHECK_EQ(net.taken<sip::CallEnded>().size(), 1);
    net.expect_nothing_alive();
  }

  House net;
  End caller;
  std::vector<End> callees;
  std::string tag_aside;
};

struct Explorer {
  bool together;
  std::size_t depth;
  std::vector<Step> alphabet;
  std::vector<Step> path{};
  std::size_t played = 0;

  // Plays the path from the start to its end, and then each path that is one step longer.
  void explore() {
    std::string text;
    for (const Step& step : path)
      text +=
          std::string(text.empty() ? "" : " ") + name(step.event) + (step.callee > 0 ? "'" : "");
    CAPTURE(text);
    Play play(together);
    for (const Step& step : path) play.act(step);
    std::vector<Step> next;
    if (path.size() < depth) {
      std::copy_if(alphabet.begin(), alphabet.end(), std::back_inserter(next),
                   [&](const Step& step) { return play.can(step); });
    }
    play.settle();
    play.check();
    ++played;
    for (const Step& step : next) {
      path.push_back(step);
      explore();
      path.pop_back();
    }
  }
};

std::vector<Step> of_callee(int callee) {
  return {{Event::trying, callee},         {Event::ringing, callee},
          {Event::answer, callee},         {Event::busy, callee},
          {Event::unavailable, callee},    {Event::callee_bye, callee},
          {Event::callee_reinvite, callee}};
}

const std::vector<Step> kOfCaller{
    {Event::cancel},       {Event::caller_bye}, {Event::caller_ack}, {Event::caller_reinvite},
    {Event::attempt_time}, {Event::timeout},    {Event::ring_limit}};

std::vector<Step> operator+(std::vector<Step> a, const std::vector<Step>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

TEST_CASE(
    "every order of up to five events: one final response, both ends agree, nothing is left") {
  Explorer all{false, 5, of_callee(0) + kOfCaller};
  all.explore();
  MESSAGE(all.played << " sequences with one target, then another");
  CHECK_GT(all.played, 10'000);
}

TEST_CASE("every order of up to four events, with failover to a target that acts as well") {
  Explorer all{false, 4, of_callee(0) + of_callee(1) + kOfCaller};
  all.explore();
  MESSAGE(all.played << " sequences");
  CHECK_GT(all.played, 2'000);
}

TEST_CASE("every order of up to four events on two forks") {
  Explorer all{true, 4,
               of_callee(0) + of_callee(1) + kOfCaller +
                   std::vector<Step>{{Event::decline, 0}, {Event::decline, 1}}};
  all.explore();
  MESSAGE(all.played << " sequences");
  CHECK_GT(all.played, 10'000);
}
