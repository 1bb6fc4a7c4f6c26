// The SIP half of the edge: parser, transaction layer, dialogs, coupled legs and relays wired
// together. Bytes and `now` go in; sends and events come out, to be taken by the user after each
// call. Pure: no socket, no clock, no callback.
//
//   packet → parse → transaction layer → (dialog found: its other leg) | (none: RouteNeeded
//   → user → route()/reply()/silence)
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/log.hpp"
#include "core/net/flow.hpp"
#include "core/result.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "sip/b2bua/checkpoint.hpp"
#include "sip/parse/datagram.hpp"
#include "sip/plan.hpp"
#include "sip/traffic.hpp"
#include "sip/transaction/events.hpp"
#include "sip/transaction/layer.hpp"

namespace usher::sip {

struct CallTag {};
struct SubscriptionTag {};
struct RelayTag {};
using CallId = SlabId<CallTag>;  // a call through the edge: two legs (not the Call-ID header)
using SubscriptionId = SlabId<SubscriptionTag>;  // made by SUBSCRIBE or REFER: two legs too
using RelayId = SlabId<RelayTag>;                // a request outside a dialog on its way

// How we write ourselves on each listener, in listener order.
struct Listener {
  net::Transport transport = net::Transport::udp;
  std::string sent_by;  // "203.0.113.5:5060", goes into Via and Contact
};

// What a backend is told so that both legs of a call can be found together.
struct CorrelationPolicy {
  bool x_cid = false;       // X-CID: the Call-ID of the other leg, in each request that crosses
  bool session_id = false;  // a Session-ID on behalf of phones that have none (RFC 7989 §7)
};

struct StackConfig {
  TransactionTimers timers;
  Duration attempt = std::chrono::seconds(4);
  Duration ring_limit = std::chrono::seconds(180);
  // A call goes on to no further target when silent ones have taken this long.
  Duration hunt_limit = std::chrono::seconds(32);
  // A call waits so long for a phone that has a name and whose connection is gone.
  Duration flow_recovery = std::chrono::minutes(10);
  Duration call_probe{};  // between two OPTIONS within each dialog of a call; 0: none
  std::vector<Listener> listeners;
  std::uint64_t seed = 1;  // branches, tags, hash tables: fresh for each process
  bool notes = false;      // see Noted
  CorrelationPolicy correlation;
  HashKey names;  // derived Call-IDs of relayed requests: lasting, so that a refresh after a
                  // restart keeps its Call-ID
};

// What of these may change while it runs.
struct CallTimes {
  Duration attempt, hunt_limit, ring_limit, flow_recovery;
};

// A request outside any dialog of ours, or with a To-tag that names none (the user answers 481 or
// stays silent). Nothing is allocated for it: exactly one of Stack::route(), Stack::reply() or
// nothing (silence) follows.
struct RouteNeeded {
  MessageRef request;
  net::Flow flow;
  RelayId waiting{};  // set by Stack::wait()
};
// A packet that is no usable SIP message. Stack::reply_malformed() answers it if it can be
// answered; nothing: silence.
struct MalformedReceived {
  Malformed what;
  net::Flow flow;
};
// One attempt of a plan is over: for passive health. status 0: no response (timeout or failure).
struct AttemptEnded {
  Cookie mark = 0;
  std::uint64_t attempt = 0;  // Attempt::mark
  net::Endpoint place{};      // where it went
  int status = 0;             // final status, or 0
  bool timed_out = false;     // no final response within the attempt's time; had_provisional tells
                              // whether it was alive
  bool had_provisional = false;
  bool cancelled = false;  // we ended it ourselves (caller gone, ring limit)
  std::string reason{};    // transport failure in words
  Duration retry_after{};  // that a 503 asks for (§21.5.4); zero: none
  Duration took{};         // until the first response, or until given up
  MessageRef response{};   // the final one, if any
};
// hold_final: the final response of a relay is here and waits for release().
struct ResponseHeld {
  RelayId relay;
  Cookie mark = 0;
  std::uint64_t attempt = 0;
  MessageRef response;
};
// A relay (request outside a dialog) is over; `status` is what its sender got (0: nothing, RFC
// 4320).
struct RelayEnded {
  Cookie mark = 0;
  int status = 0;
  bool local = false;  // made by ourselves
};
// The first 180 to 189 of a call has gone on to its originator.
struct CallRinging {
  CallId call;
  Cookie mark = 0;
  Instant at{};
  net::Endpoint destination{};  // who rings
};
// The place a call was tried at last, or that has answered it.
struct CallPlace {
  std::uint64_t attempt = 0;  // Attempt::mark
  std::size_t attempts = 0;   // how many were made up to now
  std::string call_id{};      // of the leg there; empty: none was made
  net::Endpoint destination{};
};
struct CallAnswered {
  CallId call;
  Cookie mark = 0;
  CallPlace place{};
  Instant at{};
};
// A party of the call wants its media sent to an address that only its own network knows, though it
// is not seen to be there: unless the other end sends media to where it comes from, that party
// hears nothing.
struct PrivateMedia {
  Cookie mark = 0;
  net::IpAddress address;
  net::Endpoint source;
};
// A request that is too large for one datagram goes over UDP all the same (RFC 3261 §18.1.1).
struct Fragmented {
  net::Endpoint target;
  bool is_news = false;  // it has just been found out that the target has no TCP
  std::string text;      // in plain words, with the target
};
enum class Ender : std::uint8_t { originator, answerer, edge };
std::string_view ender_name(Ender ender);
struct CallEnded {
  CallId call;
  Cookie mark = 0;
  // The final response to the INVITE as the originator saw it (200 when it was answered).
  int status = 0;
  bool answered = false;
  Ender ended_by = Ender::edge;
  std::string why{};  // in plain words
  Instant started{}, answered_at{}, ended{};
  CallPlace place{};
};
// A call is established, or what a restart needs of it has changed: this replaces the checkpoint of
// the same id. Its CallEnded ends that.
struct CallChanged {
  CallId call;
  Cookie mark = 0;
  CallCheckpoint checkpoint;
  bool first = false;  // there has been none yet, of an earlier process either
};
// The same of a subscription in a dialog of its own.
struct SubscriptionChanged {
  SubscriptionCheckpoint checkpoint;
  bool first = false;  // as above
};
struct SubscriptionEnded {
  std::string id;  // SubscriptionCheckpoint::id
};
struct ProbeEnded {
  Cookie mark = 0;
  int status = 0;        // 0: none
  std::string reason{};  // when 0: "timer F" or the transport's words
  Duration rtt{};
};
// The timers whose firing decides what becomes of a request, as an operator reads of them.
namespace timer_label {
inline constexpr std::string_view kB = "timer B";                   // RFC 3261 §17.1.1.2
inline constexpr std::string_view kF = "timer F";                   // §17.1.2.2
inline constexpr std::string_view kAttempt = "attempt";             // timers.attempt
inline constexpr std::string_view kRingLimit = "ring limit";        // timers.ring_limit
inline constexpr std::string_view kAck = "ACK";                     // §13.3.1.4
inline constexpr std::string_view kSession = "session";             // RFC 4028
inline constexpr std::string_view kFlowRecovery = "flow recovery";  // RFC 5626 §4.5
inline constexpr std::string_view kBye = "BYE";  // confirmed after timers.attempt
}  // namespace timer_label

// What the stack did or decided by itself about the request with this key (Plan::key), for its
// decision trace. Only with StackConfig::notes.
enum class NoteKind : std::uint8_t {
  attempt,      // sent to `peer`
  timer_armed,  // one whose firing decides; `time` from now
  timer_fired,
  local_response,  // `status`, made here
  bye_unanswered,  // `peer` has not answered a BYE
};
struct Noted {
  std::string key;
  NoteKind kind = NoteKind::attempt;
  std::string text{};  // plain words
  int status = 0;
  std::string_view timer{};  // one of timer_label
  Duration time{};           // how long it runs, or has run
  net::Endpoint peer{};
  net::Transport transport = net::Transport::udp;
  std::string call_id{}, new_call_id{};  // attempt: of the received request, of ours
};
using StackEvent =
    std::variant<RouteNeeded, MalformedReceived, AttemptEnded, ResponseHeld, RelayEnded,
                 PrivateMedia, Fragmented, CallRinging, CallAnswered, CallChanged, CallEnded,
                 SubscriptionChanged, SubscriptionEnded, ProbeEnded, Noted>;

// One live call as it can be shown. The texts are the stack's, and hold until its next input.
struct CallView {
  CallId call;
  std::string_view key;
  Cookie mark = 0;
  std::uint64_t attempt = 0;
  std::string_view state;     // "trying", "ringing", "answered", "confirmed", "ending"
  std::string_view from, to;  // URIs as the originator wrote them
  std::string_view domain;    // Plan::domain
  std::string_view origin_call_id, new_call_id;
  net::Endpoint origin, destination;
  Instant started{}, answered_at{};
  std::string_view hint;  // what looks wrong with it, in words; empty: nothing
  Side origin_side = Side::phone;
};

// One live subscription as it can be shown. The texts are the stack's, and hold until its next
// input. What its legs know is empty for a leg that is not there.
struct SubscriptionView {
  SubscriptionId id;
  std::string_view key;      // of its call, or its own
  std::string_view state;    // "asked", "accepted", "live", "leaving"
  std::string_view package;  // the event type, byte for byte
  bool refer = false;        // made by REFER
  bool in_call = false;      // it lives in the dialog of a call, which may be over
  // Who is told, of whom: URIs as they stand in the phone's dialog, with neither tokens nor
  // backends' addresses.
  std::string_view subscriber, notifier;
  std::string_view domain;  // Plan::domain
  std::string_view subscriber_call_id, notifier_call_id;
  net::Endpoint subscriber_at, notifier_at;
  Side subscriber_side = Side::phone;
  std::uint64_t attempt = 0;  // Attempt::mark of the backend's leg; 0: it or an earlier
                              // process has begun the dialog
  Instant expires{};          // as asked or granted last
};

struct StackCounts {
  TransactionCounts transactions;
  std::size_t calls = 0, legs = 0, subscriptions = 0, relays = 0, probes = 0, timers = 0;
  std::size_t exchanges = 0;  // requests between the legs of calls
  std::size_t users = 0;      // marks on transactions
  std::uint64_t messages_in = 0, messages_out = 0, malformed = 0, stray_acks = 0;
};

class Stack {
 public:
  Stack(StackConfig config, const Log& log);  // `log` outlives the stack
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // Inputs. Each runs to its end; then take the output.
  // `from`: whom the packet is from, for traffic().
  void receive(Now now, const net::Packet& packet, Side from = Side::phone);
  void on_time(Now now);
  void flow_failed(Now now, const net::Flow& flow, std::string_view reason);

  // Commands of the user.
  // True when the request is on its way: a CallEnded or RelayEnded with the plan's mark will
  // follow. False when the stack has refused it itself: an INVITE without a usable Contact, a
  // limit. Of an INVITE a CallEnded tells that, with a void id.
  bool route(Now now, const RouteNeeded& need, Plan plan);
  void reply(Now now, const RouteNeeded& need, const Reply& reply);
  // Takes a request (no INVITE, no CANCEL) into a transaction that absorbs it when it is repeated
  // and sends the 100 of RFC 4320 §4.1, while the user lets it wait; route() or reply() must follow
  // within 64·T1. False when it was refused instead: a limit. `key`: Plan::key.
  bool wait(Now now, RouteNeeded& need, const std::string& key);
  // A final response without state, never repeated: for work that is refused to save work, and for
  // who must not be made to be sent more than he sent.
  void reply_stateless(Now now, const RouteNeeded& need, const Reply& reply);
  void reply_malformed(Now now, const MalformedReceived& malformed);
  // Sends a held response on. `contacts`, when given, replace its Contact values; `headers` are
  // added. No effect when the relay is gone.
  void release(Now now, RelayId relay, const std::vector<std::string>* contacts,
               const std::vector<HeaderLine>& headers = {});
  // An OPTIONS of our own (RFC 3261 §11) to `attempt.flow` with Request-URI `attempt.request_uri`;
  // one ProbeEnded follows.
  void probe(Now now, const Attempt& attempt, Duration timeout, Cookie mark);
  // Goes on with a call of an earlier process; a CallChanged with its new numbers follows, and
  // later a CallEnded with its mark. Errc::range: its CSeq numbers are used up; Errc::limit: calls;
  // Errc::conflict: one of its dialogs is there already.
  Result<CallId> restore(Now now, RestoredCall call);
  // The same for a subscription: a SubscriptionChanged follows. Errc::range, Errc::limit,
  // Errc::conflict: as above; Errc::not_found: it has expired.
  Result<void> restore(Now now, RestoredSubscription subscription);
  // A phone has come back over another connection, or its NAT has moved it away from `was`: its
  // calls' requests go there from now on. Legs on UDP that were elsewhere stay. Returns how many
  // were moved.
  std::size_t rebind(Now now, const std::string& device, const net::Flow& flow,
                     const std::optional<net::Flow>& was = {});
  // Who holds, on the side `towards`, the dialog that the request names in Replaces, Join or
  // Target-Dialog (RFC 3891, 3911, 4538): nobody else can do what it asks for. Nothing: none of
  // ours.
  std::optional<net::Endpoint> holder(const Message& request, Side towards) const;
  // From now on; what runs already keeps its time.
  void set_times(const CallTimes& times);
  void set_notes(bool on);  // StackConfig::notes
  // Ends a call: CANCEL or BYE on both legs, a final response where one is owed.
  Result<void> end_call(Now now, CallId call, std::string_view why);

  // Outputs since the last take, in order.
  std::vector<Send> take_sends();
  std::vector<StackEvent> take_events();
  std::optional<Instant> next_deadline() const;

  std::optional<CallView> call(CallId id) const;
  // In the order of the ids, from behind `after` on, until `visit` returns false.
  void each_call(CallId after, const std::function<bool(const CallView&)>& visit) const;
  std::vector<CallView> calls() const;  // all of them
  // The same of subscriptions: those that counts() counts.
  std::optional<SubscriptionView> subscription(SubscriptionId id) const;
  void each_subscription(SubscriptionId after,
                         const std::function<bool(const SubscriptionView&)>& visit) const;
  // How many of them there are of a domain (Plan::domain).
  std::size_t subscriptions_of(std::string_view domain) const;
  StackCounts counts() const;
  const Traffic& traffic() const;
  // What was taken with take_sends(), by whom it is for.
  void count_sent(const Send& send, Side to);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::sip
