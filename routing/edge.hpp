// The transaction user: every decision of the edge, as a pure machine. Packets, time, storage
// answers and an operator's commands go in; bytes to send and changes to persist come out. main.cpp
// gives it sockets and a store; the simulator gives it neither.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.hpp"
#include "core/net/flow.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "routing/capture/hep.hpp"
#include "routing/cdr.hpp"
#include "routing/directory.hpp"
#include "routing/event_log.hpp"
#include "routing/overload.hpp"
#include "routing/recorder/recorder.hpp"
#include "routing/register_queue.hpp"
#include "sip/stack.hpp"
#include "storage/records.hpp"

namespace usher::routing {

struct EdgeConfig {
  sip::StackConfig stack;
  HashKey token_key;  // lasting: keeps Contact tokens stable over restarts
  std::uint64_t seed = 1;
  std::string user_agent = "Usher";
  std::vector<net::Endpoint>
      own_endpoints;  // bound and advertised, to recognise requests to ourselves and loops
  std::vector<std::string> own_hosts;  // advertised host names, lower case
  RegisterQueue::Limits registers;
  Duration max_lag = std::chrono::milliseconds(500);  // see Overload
  Duration retry_after = std::chrono::seconds(20);    // of our 503s, from half to one and a half
  RecorderConfig recorder;
  std::optional<HepAgent> capture;  // who we are to the capture server; absent: there is none
  Duration keep_alive{};            // between two to a phone behind NAT; 0: none
  Duration keep_records{};          // of calls that have ended; 0: for ever
};

using PersistId = std::uint64_t;
struct Persist {
  PersistId id = 0;  // answered by Edge::stored()
  std::vector<storage::Change> changes;
};

struct EdgeOutput {
  std::vector<sip::Send> sends;
  std::vector<storage::CallRecord> records;  // to remember before anything is sent
  std::vector<Persist> persists;
  std::vector<net::Destination> resolve;  // names to locate; answered by Edge::resolved()
  std::vector<std::string> captured;      // packets for the capture server; may be lost
};

enum class HealthState : std::uint8_t { unknown, up, down };
std::string_view health_name(HealthState s);

struct TargetStatus {
  storage::TargetId id = 0;
  HealthState health = HealthState::unknown;
  std::string reason;               // why it is down, in words
  std::optional<Duration> rtt;      // of the last answered probe
  std::optional<WallTime> changed;  // when health last changed
  // It has asked to be left alone until then (503 with Retry-After); empty: it has not, or that
  // time is over.
  std::optional<WallTime> retry_after;
  std::optional<WallTime> maintenance_until;  // it is in a window that ends then
  std::size_t live_calls = 0;
  std::uint64_t attempts = 0, failures = 0;
  // Of a destination written as a name:
  std::vector<net::IpAddress> addresses;
  struct PlaceStatus {
    net::Place place;
    std::string problem;  // why it fails; empty: it does not
  };
  std::vector<PlaceStatus> places;
  WallTime name_until{};     // how long DNS' last good answer holds
  bool name_kept = false;    // that answer is in use although DNS has failed since
  std::string name_problem;  // of the last question, or that there is no answer yet
};

// What of a domain is alive.
struct DomainUse {
  std::size_t registrations = 0, live_calls = 0, subscriptions = 0;
};

struct RegistrationFilter {
  std::string domain, user;  // empty: any
  std::optional<net::IpAddress> source;
};

struct Page {
  std::size_t limit = 100;  // 1 to limits::kPageSize
  std::string cursor;       // empty: from the start; else as returned
};
template <class T>
struct Paged {
  std::vector<T> items;
  std::string next;  // empty: that was the last page
};

struct EdgeCounters {
  std::map<std::string, std::uint64_t> requests;              // by method, received outside dialogs
  std::map<std::string, std::uint64_t> drops;                 // by reason, silent
  std::map<int, std::uint64_t> local_replies;                 // by status
  std::map<std::string, std::uint64_t> limited, would_limit;  // by limit; in dry-run
  std::map<std::string, std::uint64_t> bans, would_ban;       // made, by rule; in dry-run
  std::map<std::string, std::uint64_t> failures;              // failed authentications, by method
  std::uint64_t registers_granted = 0, registers_refused = 0, calls_started = 0, calls_answered = 0,
                calls_failed = 0, failovers = 0, ambiguous = 0, probes = 0, probe_failures = 0,
                registers_unstored = 0,  // confirmed before the store had answered
      registers_queued = 0,              // that had to wait for their backend
      registers_turned_away = 0,         // of these: waited for too long, or found no place
      overload_refused = 0,
                private_media = 0;  // calls with an SDP address that only its own network knows
};

struct RouteTest;  // routing/route_test.hpp
struct RouteQuestion;
class TargetHistory;  // routing/target_history.hpp

struct EdgeCounts {
  sip::StackCounts stack;
  std::size_t registrations = 0, domains = 0, sets = 0, targets = 0, door_knocks = 0,
              pending_persists = 0, affinities = 0, bans = 0, would_be_bans = 0,
              limiter_entries = 0, offence_entries = 0, registers_waiting = 0,
              registers_in_flight = 0;
};

class Edge {
 public:
  // Takes over what the store holds. `log` outlives the edge.
  Edge(EdgeConfig config, storage::Snapshot loaded, const Log& log, Now now);
  ~Edge();
  Edge(const Edge&) = delete;
  Edge& operator=(const Edge&) = delete;

  // Inputs. Each runs to its end; then take_output().
  void receive(Now now, const net::Packet& packet);
  void flow_failed(Now now, const net::Flow& flow, std::string_view reason);
  // A peer's connection was cut off for what it did: `reason` is one of few, `detail` may hold what
  // the peer wrote.
  void cut_off(Now now, const net::Flow& flow, std::string_view reason, std::string_view detail);
  void on_time(Now now);
  void stored(Now now, PersistId id, const Result<void>& result);
  // Where a name is; no places: it does not resolve, and the last good answer is kept.
  void resolved(Now now, const net::Destination& destination, net::Located located);

  // How late the process is; see LagMeter::View::average. To be told with each wake-up.
  void lag(Now now, Duration average);

  EdgeOutput take_output();
  std::optional<Instant> next_deadline() const;

  // For whoever makes and takes connections: whether this is a backend's address, and which names
  // the certificate of the backend at an endpoint may be for (its host as the operator wrote it).
  bool is_backend(const net::IpAddress& address) const;
  std::vector<std::string> certificate_names(const net::Endpoint& backend) const;

  // Administration: reads.
  const Directory& directory() const;
  std::vector<storage::ScannerPattern> scanners() const;
  TargetStatus target_status(storage::TargetId id) const;
  // What this process has seen of its health; null: there is no such target.
  const TargetHistory* target_history(storage::TargetId id) const;
  // Why no target of this set would be tried now, in words; empty: one would.
  std::string not_usable(storage::SetId set) const;
  // `lower_case_name` need not be a domain of ours.
  DomainUse domain_use(const std::string& lower_case_name) const;
  Paged<storage::Binding> registrations(const RegistrationFilter& filter, const Page& page) const;
  std::vector<storage::DoorKnock> door_knocks(std::size_t limit) const;  // newest first
  const storage::GateSettings& gate_settings() const;
  // Whether the gate's own judgements have effect now, and since or from when.
  bool gate_enforces(WallTime now) const;
  const std::map<net::Cidr, storage::Ban>& bans() const;  // those of dry-run included
  // Whose a network is that must not be banned, in words: a backend, one of our own addresses, a
  // trusted network. Empty: nobody's.
  std::string protected_owner(const net::Cidr& network) const;
  // As the stack's (sip/stack.hpp).
  std::optional<sip::CallView> call(sip::CallId id) const;
  void each_call(sip::CallId after, const std::function<bool(const sip::CallView&)>& visit) const;
  std::vector<sip::CallView> calls() const;
  std::optional<sip::SubscriptionView> subscription(sip::SubscriptionId id) const;
  void each_subscription(sip::SubscriptionId after,
                         const std::function<bool(const sip::SubscriptionView&)>& visit) const;
  EdgeCounts counts() const;
  const EdgeCounters& counters() const;
  const CallRecords& records() const;
  const sip::Traffic& traffic() const;
  // Why the edge is not ready to serve, in words; empty when it is: a listener, a domain whose set
  // has a target that is not down.
  std::vector<std::string> not_ready() const;
  // What has happened lately, for whoever watches.
  const EventLog& events() const;
  // For what happens outside the edge, such as to a certificate.
  void note(Now now, EventKind kind, std::string subject, std::string text);
  // Why it refuses new work though it is ready, in words; empty: it does not.
  std::string overload() const;

  // Administration: changes that are durable already. Make them live: domains, sets, targets,
  // scanners, the gate's settings, bans.
  void apply(Now now, const std::vector<storage::Change>& changes);
  // The highest that a target ever had, deleted ones included; the next new one has one more.
  storage::TargetId last_target_id() const;
  // Forgets a binding (by token) in memory; the change to persist comes with the output.
  // Errc::not_found.
  Result<void> remove_registration(Now now, const std::string& token);
  Result<void> end_call(Now now, sip::CallId call, std::string_view why);
  // From now on new INVITEs and REGISTERs get 503 with Retry-After; everything else goes on, so
  // that what is up can end in peace, for at most `limit`. A second call changes nothing.
  void drain(Now now, Duration limit);
  // True when draining and no call is left, or the limit has passed.
  bool drained() const;
  bool draining() const;
  // The last input: ends each call that has no answer, with CANCEL and 480, and tells the store the
  // rest of what it has to know. The next process goes on with the established ones.
  void stop(Now now);
  // For what begins from now on.
  void set_times(const sip::CallTimes& times);

  // What would become of this request now. Nothing is sent and nothing changes. Errc::syntax: it
  // makes no SIP message.
  Result<RouteTest> test_route(Now now, const RouteQuestion& question) const;

  // The flight recorder, and its switch.
  const Recorder& recorder() const;
  void enable_recorder(bool enabled);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::routing
