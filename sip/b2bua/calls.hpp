// The engine of calls: turns what happens on the wire into events of the coupling (coupling.hpp),
// and its actions into messages of the legs. Owns every INVITE between two legs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sip/b2bua/coupling.hpp"
#include "sip/b2bua/environment.hpp"
#include "sip/b2bua/exchanges.hpp"
#include "sip/b2bua/hunt.hpp"
#include "sip/b2bua/legs.hpp"

namespace usher::sip {

struct InviteExchangeTag {};
using InviteExchangeId = SlabId<InviteExchangeTag>;

// An INVITE on its way from one leg to the other, until the ACK of its 2xx or its refusal.
struct InviteExchange {
  CallId call;
  LegId from, to;
  bool initial = false;
  ServerTxId server;
  MessageRef request;
  net::Endpoint source;
  std::uint32_t cseq_in = 0;  // the ACK of our 2xx carries it
  ClientTxId client;          // re-INVITE
  bool trying_forwarded = false;
  bool cancelled = false;  // the sender of a re-INVITE wants it cancelled
  Bytes answer;            // our 2xx, sent again until its ACK (§13.3.1.4)
  Duration interval{};
  TimerId retransmit, timeout, ring_limit;
};

struct Call {
  CallState state = CallState::hunting;
  std::shared_ptr<const CallContext> context;
  Cookie mark = 0;
  std::uint64_t attempt = 0;
  // origin: its leg, later that of the dialog its 2xx has made; answerer: the attempt that showed
  // last that it lives, later the dialog that answered.
  LegId origin, answerer;
  InviteExchangeId pending;    // the INVITE that has no ACK yet, initial or not
  std::unique_ptr<Hunt> hunt;  // until the answer
  int status = 0;              // final, as the origin saw it
  bool ringing = false;
  bool told_ringing = false;  // a CallRinging has been emitted
  std::size_t attempts = 0;   // made
  Ender ended_by = Ender::edge;
  std::string why;
  std::string hint;    // see CallView
  std::string reason;  // Reason value of who ended it, for the other leg's CANCEL or BYE
  Instant started{}, answered_at{};
  Instant bye_came{};           // the one that ends it; its answer may take its time
  Duration session_interval{};  // RFC 4028: the ends have agreed to refresh so often; 0: not
  TimerId session;              // it fires when they have not
  TimerId liveness;             // until the next OPTIONS within both dialogs
  TimerId flow_recovery;        // until a phone without a connection is taken for dead
  bool told = false;            // a checkpoint has been emitted
  Duration told_session{};      // as the last one has it
};

class Calls {
 public:
  Calls(Environment& environment, Legs& legs, Exchanges& exchanges)
      : env_(environment), legs_(legs), exchanges_(exchanges) {}

  // False when it was refused at once and no CallEnded will follow.
  bool start(Now now, const RouteNeeded& need, Plan plan);
  // Requests within a dialog, in order, of a leg that has a peer.
  void reinvite(Now now, LegId leg_id, const RequestReceived& received);
  void bye(Now now, LegId leg_id, const RequestReceived& received);
  // A BYE that crossed has its response: the call of this leg is over unless it was challenged.
  void bye_ended(Now now, const ExchangeEnded& bye);
  void ack(Now now, const AckReceived& received);
  void cancel(Now now, const TransactionUser& user, const Message& request);
  // A callee's request has overtaken the response that would have made its early dialog.
  void overtaken(Now now, LegId leg_id);
  void response(Now now, const TransactionUser& user, const ResponseReceived& received);
  // A 2xx to an INVITE or UPDATE of this leg's call has crossed: the session lives on for as long
  // as it says (RFC 4028).
  void watch_session(Now now, LegId leg_id, const Message& response);
  // A client transaction that ended without a final response: timer or transport, told in `why`.
  void unanswered(Now now, const TransactionUser& user, TimerLetter timer, std::string_view why);
  // `transaction` has failed and `other` stands in for it if anybody still waits for it.
  bool waits_for(const TransactionUser& user, ClientTxId transaction) const;
  void take_over(const TransactionUser& user, ClientTxId other);
  // A response without a transaction: a 2xx that came when its INVITE was over is ACKed and BYEd
  // (RFC 6026 §8.9).
  void stray(Now now, const StrayResponse& received);
  // A phone's connection is gone: it may come back over another one.
  void connection_lost(Now now, net::ConnectionId connection);
  void transaction_ended(const TransactionUser& user);
  void timer(Now now, const UserTimer& timer);
  Result<void> end(Now now, CallId call, std::string_view why);
  // Emits a CallChanged for each established call whose checkpoint has become another.
  void tell_changes(Now now);
  Result<CallId> restore(Now now, RestoredCall call);

  std::optional<CallView> view(CallId id) const;
  void each(CallId after, const std::function<bool(const CallView&)>& visit) const;
  std::size_t call_count() const { return calls_.size(); }
  std::size_t invite_count() const { return invites_.size(); }
  std::uint64_t stray_acks() const { return stray_acks_; }

 private:
  CallView view(CallId id, const Call& call) const;

  // What an action may need of the event that caused it.
  struct Cause {
    const Message* message = nullptr;           // response, ACK or request
    const RequestReceived* received = nullptr;  // a BYE
    LegId leg{};                                // where it happened
    std::string why{};
  };

  // calls.cpp: the coupling and its actions
  void apply(Now now, CallId id, CallEvent event, const CallFacts& facts, const Cause& cause);
  void perform(Now now, CallId id, CallAction action, const Cause& cause);
  void finish(Now now, CallId id);
  CallPlace place_of(const Call& call) const;
  void refuse_origin(Now now, Call& call, int status, std::string why,
                     std::vector<HeaderLine> headers = {});
  void refuse_exhausted(Now now, Call& call);
  void send_refusal(Now now, const Call& call, LegResponse response);

  // calls_attempts.cpp: hunting
  void next_attempt(Now now, CallId id);  // the next group
  LegId start_attempt(Now now, CallId id, const Attempt& attempt);
  void attempt_response(Now now, LegId leg_id, const ResponseReceived& received);
  void attempt_refused(Now now, LegId leg_id, const MessageRef& response);
  void attempt_answered(Now now, LegId leg_id, const Message& response);
  bool another_flow(Now now, CallId id, LegId failed);
  void join_if_alone(Now now, Call& call, LegId leg_id);
  void attempt_unanswered(Now now, LegId leg_id, TimerLetter timer, std::string_view why);
  void attempt_time_over(Now now, CallId id);
  void attempt_over(Now now, Leg& leg, const Call& call, AttemptEnded outcome);
  void give_up(Now now, Call& call, LegId leg_id, AttemptEnded outcome, std::string_view reason);
  void ack_and_bye(Now now, LegId leg_id, std::string_view why);
  CallFacts facts_without(const Call& call, LegId leg_id) const;
  void group_event(Now now, CallId id, CallEvent event, LegId leg_id, std::string why);

  // calls_forks.cpp: the early dialogs of both legs
  LegId dialog_of(LegId leg_id, const Message& response);
  LegId join(Now now, Call& call, LegId leg_id);
  void stand_in(const Call& call, Leg& origin, const Leg& phone);
  void end_dialogs(Call& call, LegId leg_id);
  void end_dialog(Call& call, LegId leg_id);
  void drop_dialog(Now now, Call& call, LegId origin);
  bool other_dialogs(const Call& call, LegId origin) const;
  void cancel_others(Now now, Call& call, const Cause& cause);
  void release_losers(Now now, Call& call);

  // calls_answer.cpp: 2xx, its retransmission, its ACK
  void answer(Now now, InviteExchangeId id, const Message& response);
  void stop_answer(InviteExchange& exchange);
  void ack_leg(Leg& leg, const Message* ack);
  bool repeat_ack(const Leg& leg, std::uint32_t cseq);  // false: none is kept
  void ack_again(Leg& leg, const Message& response);    // a 2xx that has come again
  void start_ring_limit(Now now, InviteExchangeId id);  // keeps one that runs
  void stop_ring_limit(InviteExchange& exchange);

  // calls_liveness.cpp: is the peer still there?
  void start_liveness(Now now, CallId id);
  void ask_whether_alive(Now now, CallId id);
  void liveness_answer(Now now, LegId leg_id, int status);  // 0: none
  void wait_for_phone(Now now, CallId id);                  // when one of its legs has lost its way
  void waited_for_phone(Now now, CallId id);

  // calls_dialog.cpp: re-INVITE, CANCEL, BYE
  void reinvite_response(Now now, const TransactionUser& user, const ResponseReceived& received);
  void reinvite_unanswered(Now now, const TransactionUser& user, TimerLetter timer);
  void drop_invite(InviteExchangeId id);

  // calls_restart.cpp: checkpoints
  bool is_told(const Call& call) const;
  void tell(Now now, CallId id, bool first);

  void look_at_media(Call& call, const Message& message, const net::Endpoint& source);
  void log(const Call& call, LogLevel level, std::string_view text) const;

  Environment& env_;
  Legs& legs_;
  Exchanges& exchanges_;
  Slab<Call, CallTag> calls_;
  Slab<InviteExchange, InviteExchangeTag> invites_;
  std::uint64_t stray_acks_ = 0;
};

}  // namespace usher::sip
