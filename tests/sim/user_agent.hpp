// A SIP user agent with calls: what a simulated phone and a simulated backend have in common.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/sim/plan.hpp"
#include "tests/sim/transactions.hpp"

namespace usher::sim {

// What all agents of a run share.
struct Simulation {
  Clock& clock;
  Network& network;
  Trace& trace;
  Rng rng;
  Mood mood;
  std::map<int, CallPlan> plans;
  std::map<int, WatchPlan> watches;
  int last_number = 0;
  int last_leg = 0;
  std::size_t calls_over = 0;  // of callers
};

class UserAgent {
 public:
  UserAgent(Simulation& simulation, int agent, std::string via, std::string contact);
  virtual ~UserAgent() = default;
  UserAgent(const UserAgent&) = delete;
  UserAgent& operator=(const UserAgent&) = delete;

  int agent() const { return agent_; }
  const AgentInfo& info() const { return sim_.trace.agents[static_cast<std::size_t>(agent_)]; }
  Network::Presence presence() const { return presence_; }
  void receive(const TextRef& text, std::uint64_t connection);
  virtual void disconnected(std::uint64_t connection);

  // A call by plan. `headers` are whole lines.
  void call(const CallPlan& plan, const std::string& uri, const std::string& from,
            const std::string& to, const std::string& headers);
  // A subscription by plan.
  void watch(const WatchPlan& plan, const std::string& uri, const std::string& from,
             const std::string& to);
  // Everything it knew is gone and it is away for a while.
  void die(Duration away, Network::Presence how);
  std::size_t live_legs() const;

 protected:
  enum class Phase : std::uint8_t { trying, early, answered, up, ending, over };
  struct Answer {  // a 2xx of ours until its ACK
    std::string text;
    unsigned cseq = 0;
    Duration interval = kT1;
    Instant began{};
    bool open = false;
  };
  struct Reliable {  // the last reliable provisional response of ours (RFC 3262 §3)
    std::uint32_t rseq = 0;
    std::string text;
    Duration interval = kT1;
    Instant began{};
    bool open = false, with_session = false;
  };
  struct Leg {
    int id = 0, number = 0;
    bool caller = false;
    Phase phase = Phase::trying;
    std::string call_id, local_tag, remote_tag;
    std::string local, remote;  // From and To values of our requests, without tags
    std::string first_uri, target;
    unsigned cseq = 0;
    std::uint64_t connection = 0;  // the way its INVITE came
    TextRef invite;                // callee
    std::string branch, headers;   // caller
    bool cancelled = false, challenged = false;
    bool inviting = false;  // a re-INVITE of ours is open
    int glares = 0;
    std::string ack;  // of the last 2xx
    unsigned ack_cseq = 0;
    Answer answer;
    unsigned versions = 0;  // of our session description
    Reliable reliable;
    int provisionals = 0;  // reliable ones, so far
    bool decision_waits = false;
    Instant session_until{};
    std::map<std::string, std::uint32_t> rseqs;  // caller: the last by To tag
  };

  // A subscription, of either end (user_agent_watches.cpp).
  struct Watch {
    int id = 0, number = 0;
    bool subscriber = false, over = false, accepted = false;
    std::string call_id, local_tag, remote_tag, local, remote, target;
    unsigned cseq = 0;
    int refreshed = 0;
    Instant until{};
  };

  // What the kinds of agent differ in.
  virtual bool outside_dialog(const TextRef& request, std::uint64_t connection) = 0;
  virtual std::uint64_t way() = 0;  // the connection for a request of ours; 0: datagrams
  virtual void back() {}            // it is listening again
  virtual std::string credentials(const TextRef& challenge, const std::string& method) = 0;
  virtual bool may_call(const TextRef&, std::uint64_t) { return true; }

  std::string tag() { return rng_.token(8); }
  std::string new_call_id() { return rng_.token(16); }
  void fact(Fact fact, const Leg& leg, std::string note = {});

  Simulation& sim_;
  int agent_;
  std::string contact_;  // URI
  Rng rng_;
  Transactions transactions_;
  Network::Presence presence_ = Network::Presence::listening;
  std::uint64_t life_ = 1;

 private:
  void request(const TextRef& request, std::uint64_t connection);
  void invited(const TextRef& request, std::uint64_t connection);
  Leg& new_callee(const TextRef& request, std::uint64_t connection);
  void progress(Leg& leg);
  void decide(Leg& leg);
  std::string callee_headers(const Leg& leg) const;
  void others_over(const Leg& leg, const std::string& why);
  void one_more_answer(Leg& leg);
  void cancelled(const TextRef& request, std::uint64_t connection);
  void acked(const TextRef& ack);
  void in_dialog(Leg& leg, const TextRef& request, std::uint64_t connection);
  // Early dialogs (user_agent_early.cpp).
  void send_reliable(Leg& leg);
  void repeat_reliable(int leg, std::uint32_t rseq);
  void pracked(Leg& leg, const TextRef& prack, std::uint64_t connection);
  void heard_reliable(Leg& leg, const TextRef& response);
  void send_prack(Leg& leg, Draft draft, const std::string& whom);

  // RFC 4028 (user_agent_session.cpp).
  void start_session(Leg& leg);
  void watch_session(Leg& leg);
  void refresh_session(Leg& leg);
  void session_refreshed(Leg& leg);
  // Of a request; `answers`: of the 2xx to this one.
  std::string session_headers(const Leg& leg, const TextRef& answers) const;
  bool refreshes(const Leg& leg) const { return plan(leg).caller_refreshes == leg.caller; }

  void reinvited(Leg& leg, const TextRef& request, std::uint64_t connection);

  void send_invite(Leg& leg);
  void heard(int leg, const std::string& branch, const TextRef& response);
  void answered(Leg& leg, const TextRef& response);
  void reinvite(Leg& leg);
  void reinvite_heard(int leg, const TextRef& response);
  void act(int leg, std::size_t which);
  void up(Leg& leg);
  void over(Leg& leg, std::string why);
  void hang_up(Leg& leg, std::string why);
  void acknowledge(Leg& leg, const TextRef& response, bool with_answer);
  void await_ack(Leg& leg, std::string text, unsigned cseq);
  void repeat_answer(int leg, unsigned cseq);

  Watch* find_watch(const sip::Message& message);
  void watch_later(Duration after, int id, std::function<void(UserAgent&, Watch&)> what);
  void watch_fact(Fact fact, const Watch& watch, std::string note = {});
  void watch_over(Watch& watch, std::string why);
  Draft watch_draft(Watch& watch, std::string method);
  void subscribe(Watch& watch, unsigned expires);
  void refresh(Watch& watch);
  bool watch_request(const TextRef& request, std::uint64_t connection);
  void watched(const TextRef& request, std::uint64_t connection);
  void notify(Watch& watch, const std::string& state);
  void news(Watch& watch);

  Draft draft(Leg& leg, std::string method);
  std::string session(Leg& leg) const;
  const CallPlan& plan(const Leg& leg) const;
  Leg* find(int id);
  Leg* find(std::string_view call_id, std::string_view local_tag);
  void later(Duration after, int leg, std::function<void(UserAgent&, Leg&)> what);

  std::map<int, Leg> legs_;
  std::map<std::string, int> dialogs_;  // Call-ID and our tag
  std::map<int, Watch> watches_;
};

}  // namespace usher::sim
