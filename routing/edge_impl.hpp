// The edge's state and its parts. One packet's way: edge.cpp (inputs, outputs, time) →
// edge_route.cpp (who, may he) → edge_to_backend.cpp or edge_to_phone.cpp (where to) →
// edge_events.cpp (what came of it). edge_admin.cpp serves the operator.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "routing/affinity.hpp"
#include "routing/bans.hpp"
#include "routing/capture/capture.hpp"
#include "routing/cdr.hpp"
#include "routing/dialog_saves.hpp"
#include "routing/dispatcher.hpp"
#include "routing/edge.hpp"
#include "routing/event_log.hpp"
#include "routing/gate.hpp"
#include "routing/health.hpp"
#include "routing/keep_alive.hpp"
#include "routing/knocks.hpp"
#include "routing/limiter.hpp"
#include "routing/location.hpp"
#include "routing/lookup.hpp"
#include "routing/maintenance.hpp"
#include "routing/names.hpp"
#include "routing/offences.hpp"
#include "routing/offers.hpp"
#include "routing/origin.hpp"
#include "routing/outlets.hpp"
#include "routing/overload.hpp"
#include "routing/place_health.hpp"
#include "routing/probe_rounds.hpp"
#include "routing/register_queue.hpp"
#include "routing/registrar.hpp"
#include "routing/scanners.hpp"
#include "routing/self.hpp"
#include "routing/store_watch.hpp"

namespace usher::routing {

// A routed request until its call or relay is over. Found by the mark of its plan.
struct Journey {
  std::string key;    // of its log lines, here and in the stack, on both legs
  TraceId trace = 0;  // the same as a number
  sip::Method method = sip::Method::other;
  Affinity::Key affinity = 0;
  std::vector<storage::TargetId> tries;  // whose each attempt is, in order; towards a backend
  std::size_t current = 0;               // of tries
  storage::TargetId live = 0;            // whose live call this is; 0: no call
  storage::TargetId paced = 0;           // REGISTER: whose answer it waits for; 0: nobody's
  std::vector<std::uint16_t> failover_codes;
  std::unique_ptr<Registration> registration;
  std::unique_ptr<storage::CallRecord> record;  // INVITE: what is known of the call
  std::string saved;  // id of its call in the store; empty: it is not there
  // Of a request from outside that may be held against its sender.
  bool judged = false;
  bool proven = false;    // he receives at his address: a stream, or he answers a challenge of ours
  bool answered = false;  // it has credentials for a challenge that was passed to that source
  net::Endpoint source;
  std::string user;  // whom it claims to be: an AoR
  std::string who;   // "REGISTER 401@a.test from 127.0.0.21:5062", for the log
};

// A granted REGISTER whose 200 waits for the store.
struct Held {
  sip::RelayId relay;
  std::optional<std::vector<std::string>> contacts;
  std::vector<sip::HeaderLine> headers;
  bool released = false;
};

struct Edge::Impl {
  Impl(EdgeConfig given, storage::Snapshot loaded, const Log& given_log, Now now);

  // edge.cpp
  void pump(Now now);
  void handle(Now now, const sip::StackEvent& event);
  void on_time(Now now);
  std::optional<Instant> next_deadline() const;
  PersistId persist(std::vector<storage::Change> changes);
  void release(Now now, Held& held);
  void fragmented(Now now, const sip::Fragmented& large);
  void store_event(Now now, bool degraded, const std::optional<std::string>& line);
  void track_targets(Now now, storage::SetId set);

  // edge_route.cpp
  void route(Now now, const sip::RouteNeeded& need);
  void malformed(Now now, const sip::MalformedReceived& event);
  void knock(Now now, const sip::Message* request, const net::Flow& flow, std::string domain,
             std::string reason, std::string_view why = {});
  void reply(Now now, const sip::RouteNeeded& need, const sip::Reply& reply, std::string_view who);
  void silence(Now now, const sip::RouteNeeded& need, std::string_view reason,
               const std::string& why);
  std::string describe(const sip::RouteNeeded& need, const Parties& parties) const;
  Journey& start(const sip::RouteNeeded& need, std::string who, sip::Cookie& mark);
  void send_on(Now now, const sip::RouteNeeded& need, sip::Plan plan);

  // edge_trace.cpp
  // What is being routed, for the steps of its trace; it ends with its scope. `id`: it has begun
  // already.
  class Routing {
   public:
    Routing(Impl& edge, const sip::Message* request, const Parties* parties, const net::Flow& flow,
            TraceId id = 0);
    ~Routing();
    Routing(const Routing&) = delete;
    Routing& operator=(const Routing&) = delete;

   private:
    Impl& edge_;
  };
  struct Candidates;
  TraceId new_trace();
  void begin_trace(Now now, bool stranger);
  void begin_garbage(Now now, bool stranger);
  // A step of what is being routed, or of what has been. `stranger`: it ends in silence.
  void trace(Now now, std::string_view what, std::string_view why,
             std::initializer_list<StepField> fields = {}, bool stranger = false);
  void trace(Now now, TraceId id, std::string_view what, std::string_view why,
             std::initializer_list<StepField> fields = {}, bool stranger = false);
  void trace_origin(Now now, const Origin& origin, const Tenant& tenant);
  void trace_candidates(Now now, const Candidates& possible, const TargetOrder& order,
                        std::string_view how);
  void trace_attempt_ended(Now now, const Journey& journey, const sip::AttemptEnded& e);
  void trace_call_ended(Now now, const Journey& journey, const sip::CallEnded& e);
  void noted(Now now, const sip::Noted& e);

  // edge_guard.cpp
  bool enforces(WallTime wall) const;
  // Who is never limited or banned: backends, ourselves, trusted networks.
  bool is_protected(const net::IpAddress& address) const;
  std::string protected_owner(const net::Cidr& network) const;
  bool is_banned(Now now, const net::Packet& packet);
  void tell_banned(Now now, const net::Packet& packet, const storage::Ban& ban);
  // Whether a request of a known tenant's may go on; otherwise it has been dealt with.
  bool admit(Now now, const sip::RouteNeeded& need, const Parties& parties, const Tenant& tenant);
  Offences::Offender offender(const net::Endpoint& source, bool proven) const;
  void watch(Now now, Journey& journey, const sip::RouteNeeded& need, const Parties& parties);
  void judge(Now now, const Journey& journey, const sip::AttemptEnded& e);
  void hold_against(Now now, const net::Flow& flow, const std::string& reason);
  void ban(Now now, const net::IpAddress& address, std::string_view rule, std::string reason);
  void lift(Now now, const net::Cidr& network, std::string_view why);
  void lift_protected(Now now);
  void apply_gate(Now now, const storage::Change& change);
  void apply_other(Now now, const storage::Change& change);  // edge_admin.cpp
  void guard_on_time(Now now);

  // edge_to_backend.cpp
  struct Candidates {
    TargetOrder usable;
    std::vector<std::vector<net::Place>> places;  // of the same index; those we can send to
    std::vector<std::pair<const storage::Target*, std::string_view>> rejected;  // and why
    std::string none;                                                           // why there is none
    bool loop = false;
  };
  Candidates candidates(const storage::DispatcherSet& set) const;
  void to_backend(Now now, const sip::RouteNeeded& need, const Parties& parties,
                  const storage::Domain& domain, const RegisterQueue::Waiting* queued = nullptr);
  TargetOrder choose(Now now, const sip::RouteNeeded& need, const storage::DispatcherSet& set,
                     const Candidates& possible, Affinity::Key affinity,
                     const std::vector<storage::Binding>& bindings, const std::string& aor,
                     std::string& how, std::optional<net::Endpoint>& first);

  // edge_places.cpp
  std::optional<net::Flow> flow_to(const net::Place& place) const;
  // `first`: who is to be asked before all others, if he is among them.
  std::vector<net::Place> in_turn(Now now, storage::TargetId id, std::vector<net::Place> places,
                                  Affinity::Key key,
                                  const std::optional<net::Endpoint>& first) const;
  void list_attempts(Now now, const TargetOrder& order, const Candidates& possible,
                     Affinity::Key key, const std::optional<net::Endpoint>& first, sip::Plan& plan,
                     Journey& journey) const;
  void probe(Now now, storage::TargetId id);
  void probe_ended(Now now, const sip::ProbeEnded& e);
  bool has_place(storage::TargetId id, const net::Endpoint& place) const;
  void request_failed(Now now, storage::TargetId id, const net::Endpoint& place,
                      std::string_view reason);
  void request_answered(storage::TargetId id, const net::Endpoint& place);
  void leave_alone(Now now, storage::TargetId id, const net::Endpoint& place, Duration wait);
  void ask_names(Now now);
  void describe_name(const storage::Target& target, TargetStatus& status) const;

  // edge_maintenance.cpp
  void look_at_maintenance(Now now, bool told = true);
  bool takes_new(const storage::Target& target) const {
    return target.state == storage::TargetState::active && maintenance.of(target.id) == nullptr;
  }

  // edge_registers.cpp
  RegisterRank rank_of(Now now, const sip::RouteNeeded& need, Affinity::Key key, bool bound) const;
  void let_wait(Now now, const sip::RouteNeeded& need, storage::TargetId target, RegisterRank rank,
                const RegisterQueue::Waiting* queued, std::string_view who);
  void turn_away(Now now, const RegisterQueue::Waiting& waiting, std::string why);
  void resume(Now now, const RegisterQueue::Waiting& waiting);
  void end_waits(Now now);
  void pace(Journey& journey, storage::TargetId target);
  sip::Reply busy(std::string why);
  bool refuses_new(const sip::Message& request) const;
  bool refuse_new(Now now, const sip::RouteNeeded& need);
  void look_at_load(Now now);
  void say(LogCategory category, LogLevel level, const std::optional<std::string>& line) const;

  // edge_to_phone.cpp
  void to_phone(Now now, const sip::RouteNeeded& need, const Parties& parties,
                const Origin& origin);

  // The flow that leads to a device now; or why there is none, in `why`.
  std::optional<net::Flow> way_to(const storage::Binding& binding, std::string& why) const;

  // route_test.cpp
  void test_to_backend(Now now, const sip::RouteNeeded& need, const Parties& parties,
                       const storage::Domain& domain, RouteTest& test);
  void test_to_phone(const Origin& origin, const Parties& parties, RouteTest& test) const;

  // edge_restart.cpp
  void restore(Now now, const std::vector<storage::SavedCall>& calls,
               const std::vector<storage::SavedSubscription>& subscriptions);
  Result<void> restore(Now now, const storage::SavedSubscription& saved,
                       const std::shared_ptr<const sip::HiddenHosts>& hidden);
  Result<void> restore(Now now, const storage::SavedCall& saved,
                       const std::shared_ptr<const sip::HiddenHosts>& hidden);
  // Gives the leg a listener that exists. Errc::unavailable: there is none of its transport.
  Result<void> find_way(sip::LegCheckpoint& leg) const;
  void call_changed(Now now, const sip::CallChanged& e);
  // `was`: the flow that it had, if it was known.
  void came_back(Now now, const storage::Binding& binding, const std::optional<net::Flow>& was);
  void drain(Now now, Duration limit);
  std::size_t calls_up() const;
  void save_dialogs();
  void stop(Now now);

  // edge_records.cpp
  void open_record(Now now, Journey& journey, const sip::RouteNeeded& need, const Parties& parties,
                   const std::string& domain);
  void join_trace(const sip::Message& invite, const Parties& parties);
  storage::CallRecord new_record(Now now, const std::string& key, const sip::RouteNeeded& need,
                                 const Parties& parties, const std::string& domain) const;
  void record_refusal(Now now, const sip::RouteNeeded& need, const sip::Reply& reply);
  void call_ringing(Now now, const sip::CallRinging& e);
  void record_answer(Now now, Journey& journey, const sip::CallAnswered& e);
  void record_end(Now now, Journey& journey, const sip::CallEnded& e);
  void resume_record(Journey& journey, const storage::SavedCall& saved);
  void give_up_open_records(Now now);
  sip::Side side_of(const net::Flow& flow) const {
    return directory->is_backend(flow.remote.address) ? sip::Side::backend : sip::Side::phone;
  }

  // edge_events.cpp
  void attempt_ended(Now now, const sip::AttemptEnded& e);
  void response_held(Now now, const sip::ResponseHeld& e);
  void relay_ended(Now now, const sip::RelayEnded& e);
  void call_started(Now now, const Journey& journey);
  void call_answered(Now now, const sip::CallAnswered& e);
  void call_ended(Now now, const sip::CallEnded& e);
  void keep_alive_for(Now now, const storage::Binding& binding);
  void set_live(Journey& journey, storage::TargetId target);
  void end_journey(sip::Cookie mark);

  struct Tracing {
    TraceId id = 0;  // 0: nothing is being routed
    const sip::Message* request = nullptr;
    const Parties* parties = nullptr;
    const net::Flow* flow = nullptr;
    bool begun = false;
  };

  EdgeConfig config;
  const Log& log;
  Recorder recorder;
  Capture capture;
  std::uint64_t last_trace = 0;
  Tracing tracing;
  std::string step_text;  // the room that steps are written in
  sip::Stack stack;
  Self self;
  Outlets outlets;
  DirectoryRef directory;
  Scanners scanners;
  storage::GateSettings gate_settings;
  Knocks knocks;
  Limiter limiter;
  Offences offences;
  Bans bans;
  Location location;
  Registrar registrar;
  KeepAlive keep_alive;
  Offers offers;
  Dispatcher dispatcher;
  Affinity affinity;
  EventLog event_log;  // before health, which writes to it
  Health health;
  PlaceHealth place_health;
  ProbeRounds probe_rounds;
  Names names;
  MaintenanceWatch maintenance;
  DialogSaves dialog_saves;
  CallRecords records;
  RegisterQueue registers;
  Overload overload;
  Duration lag{};
  Rng rng;
  StoreWatch store_watch;
  EdgeCounters counters;
  EdgeOutput out;

  std::unordered_map<sip::Cookie, Journey> journeys;
  sip::Cookie last_mark = 0;
  boost::unordered_flat_map<storage::TargetId, std::size_t> live_calls;

  std::unordered_map<PersistId, std::optional<Held>> persists;  // not answered yet
  struct HoldLimit {
    Instant due{};
    PersistId id = 0;
  };
  std::deque<HoldLimit> holds;
  PersistId last_persist = 0;

  storage::TargetId last_target = 0;
  bool draining = false;
  std::optional<Instant> drain_until;  // while draining, until it is over
};

inline constexpr std::string_view kEnding = "the edge is shutting down";
inline constexpr Duration kStoreWait =
    std::chrono::milliseconds(500);  // for a 200 to REGISTER (rule 12)
inline constexpr Duration kAffinityLifetime =
    std::chrono::seconds(64);  // twice an Asterisk nonce's
inline constexpr std::size_t kAffinities = 200'000;
inline constexpr std::size_t kExpirePerWakeUp = 500;

}  // namespace usher::routing
