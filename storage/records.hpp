// What is kept: plain values, as the rules read them and as the engine stores them. An
// enumeration's text in the database and in REST is the same and stands in records.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/net/address.hpp"
#include "core/net/flow.hpp"
#include "core/time.hpp"

namespace usher::storage {

using SetId = std::int64_t;     // the operator's number of a dispatcher set, 1–2^31
using TargetId = std::int64_t;  // made by us, unique over all sets, never reused

// A tenant's SIP domain. `domain` is lower case.
struct Domain {
  std::string domain;
  SetId setid = 0;
  bool enabled = true;
  std::string comment;
  friend bool operator==(const Domain&, const Domain&) = default;
};

enum class Algorithm : std::uint8_t { round_robin, weighted, priority, hash };
std::string_view algorithm_name(Algorithm a);  // "round-robin", "weighted", "priority", "hash"
std::optional<Algorithm> parse_algorithm(std::string_view text);

// How a set's targets are probed with OPTIONS, and when one counts as down or up.
struct HealthPolicy {
  Duration interval =
      std::chrono::seconds(10);  // 1s–1h; each probe is moved by up to a tenth of it
  Duration timeout = std::chrono::seconds(4);  // for one probe; 100ms–32s, below interval
  std::uint32_t down_after = 2;                // failures in a row, 1–20
  std::uint32_t up_after = 2;                  // successes in a row, 1–20
  friend bool operator==(const HealthPolicy&, const HealthPolicy&) = default;
};

// When an attempt's failure goes on to the next target. Never after 401, 407, 486, 487, 600, 603,
// whatever stands here.
struct FailoverPolicy {
  std::vector<std::uint16_t> codes{500, 502, 503, 504};  // final responses, 400–599
  std::uint32_t max_attempts = 4;                        // 1–8
  // A 3xx to an INVITE is followed to Contacts that are targets of the same set, and to none else.
  bool follow_redirects = false;
  friend bool operator==(const FailoverPolicy&, const FailoverPolicy&) = default;
};

struct DispatcherSet {
  SetId setid = 0;
  Algorithm algorithm = Algorithm::round_robin;
  HealthPolicy health;
  FailoverPolicy failover;
  std::string comment;
  friend bool operator==(const DispatcherSet&, const DispatcherSet&) = default;
};

enum class TargetState : std::uint8_t {
  active,
  draining,
  disabled
};  // what the operator wants, not health
std::string_view target_state_name(TargetState s);
std::optional<TargetState> parse_target_state(std::string_view text);

// A time in which a target takes nothing new, as if it were draining.
struct Maintenance {
  WallTime from{};
  WallTime until{};  // later than `from`, at most limits::kMaintenance
  std::string comment;
  friend bool operator==(const Maintenance&, const Maintenance&) = default;
};

struct Target {
  TargetId id = 0;
  SetId setid = 0;
  net::Destination destination;
  std::int32_t priority = 0;       // lower first (algorithm priority); 0–1000
  std::uint32_t weight = 1;        // share of calls (algorithm weighted); 1–1000
  std::vector<net::Cidr> sources;  // further networks this backend sends from
  TargetState state = TargetState::active;
  std::string comment;
  std::vector<Maintenance> maintenance{};  // in order, none reaches into the next; those that are
                                           // over are left out; at most limits::kMaintenances
  friend bool operator==(const Target&, const Target&) = default;
};

// One registered Contact of an address of record (RFC 3261 §10): a Contact and a flow, two separate
// things.
struct Binding {
  std::string token;     // primary key: the user-part token given to the backend; stable per device
  std::string aor;       // "401@a.test": user as registered, domain lower case
  std::string contact;   // the device's Contact URI, byte for byte
  std::string instance;  // +sip.instance value, empty if none
  std::uint16_t q = 1000;  // preference in thousandths (RFC 3261 §10.2.1.2)
  net::Flow flow;          // the way it registered on; a stream's connection is 0 after a restart
  TargetId target =
      0;  // the backend that granted it; 0: taken over by an import, see import_kamailio.hpp
  std::string user_agent;  // for the operator; at most 128 bytes
  WallTime registered{};   // when it was first granted
  WallTime expires{};      // granted expiry
  friend bool operator==(const Binding&, const Binding&) = default;
};

// Whom a leg faces, as sip/plan.hpp has it.
enum class LegSide : std::uint8_t { phone, backend };
std::string_view leg_side_name(LegSide s);
std::optional<LegSide> parse_leg_side(std::string_view text);

// One side of a dialog through the edge (RFC 3261 §12), in what the next process needs to go on
// with it.
struct SavedLeg {
  LegSide side = LegSide::phone;
  bool is_uac = false;  // the request that began the dialog was ours
  std::string device;   // the Contact token of a registered phone; empty: none
  net::Flow flow;       // a stream's connection is 0 after a restart
  std::string call_id, local_tag, remote_tag, local_party, remote_party, remote_target;
  std::string route_set;  // as one Route header field's value; empty: none
  std::string contact_user;
  std::string session_uuid, peer_session_uuid;  // RFC 7989, as sip/b2bua/leg.hpp has them
  std::uint32_t local_cseq = 0, remote_cseq = 0, invite_cseq = 0;
  friend bool operator==(const SavedLeg&, const SavedLeg&) = default;
};

// A call that both sides have confirmed.
struct SavedCall {
  std::string id;       // primary key: the Call-ID that was made for its answerer, never used again
  std::string key;      // of its log lines
  std::string domain;   // stands in for hidden hosts towards a phone
  TargetId target = 0;  // whose live call it is; 0: nobody's
  WallTime started{}, answered{};
  Duration session{};  // RFC 4028: refreshed at least this often; 0: the session has no timer
  SavedLeg origin, answerer;
  friend bool operator==(const SavedCall&, const SavedCall&) = default;
};

// An event subscription in a dialog of its own (RFC 6665).
struct SavedSubscription {
  std::string id;                          // primary key: never used again
  std::string key;                         // of its log lines
  std::string domain;                      // stands in for hidden hosts towards a phone
  std::string package;                     // Event's type
  std::string subscriber_id, notifier_id;  // Event's id parameter on each leg
  bool refer = false;                      // made by REFER
  WallTime expires{};
  SavedLeg subscriber, notifier;
  friend bool operator==(const SavedSubscription&, const SavedSubscription&) = default;
};

// A pattern of known scanners' User-Agent values: matched without case, anywhere in the value.
struct ScannerPattern {
  std::string pattern;
  std::string comment;
  friend bool operator==(const ScannerPattern&, const ScannerPattern&) = default;
};

// The knocks of strangers that got silence, from one address for one reason. Port, domain, method
// and user agent are the last one's.
struct DoorKnock {
  WallTime when{};   // the last one
  WallTime first{};  // and the first
  std::uint64_t count = 1;
  std::string domain;
  net::Endpoint source;
  std::string method;
  std::string reason;
  std::string user_agent;
  friend bool operator==(const DoorKnock&, const DoorKnock&) = default;
};

// Whether the gate's own judgements have effect. What the operator bans himself has in any mode.
enum class GateMode : std::uint8_t { first_week, dry_run, enforce };
std::string_view gate_mode_name(GateMode m);  // "first-week", "dry-run", "enforce"
std::optional<GateMode> parse_gate_mode(std::string_view text);

// A token bucket's measure. 0 per second: no limit.
struct RateLimit {
  std::uint32_t per_second = 0;
  std::uint32_t burst = 0;  // at least 1 where there is a limit
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

// How the gate judges what comes from outside. Backends, their source networks, our own addresses
// and the trusted networks are never judged.
struct GateSettings {
  GateMode mode = GateMode::first_week;  // dry-run until a week after `opened`, then enforce
  WallTime opened{};                     // when the store was first opened; epoch: not known
  RateLimit source{50, 300};             // of one address (IPv6: /64)
  RateLimit phone{5, 30};         // more for each phone that is registered from there; 0: none more
  RateLimit user{10, 200};        // of one user at one address
  RateLimit domain{2000, 10000};  // of one domain; this and the next: of sources without a
                                  // registered phone, so that a flood takes nothing from the others
  RateLimit method{5000, 20000};  // of one method
  Duration window = std::chrono::minutes(10);  // in which the following are counted; 1m–24h
  std::uint32_t failures = 10;     // failed authentications of one user at one address; 3–10000
  std::uint32_t knocks = 20;       // door-knocks of one address; 3–10000
  std::uint32_t scanner_hits = 3;  // known scanners' requests of one address; 1–10000
  Duration ban = std::chrono::minutes(10);  // the first one; each further one is twice as long
  Duration longest_ban = std::chrono::hours(24);  // at most; 1m–30d both
  std::vector<net::Cidr> trusted;                 // carriers: never limited or banned
  friend bool operator==(const GateSettings&, const GateSettings&) = default;
};

// An address or network that gets silence.
struct Ban {
  net::Cidr network;  // primary key
  std::string reason;
  std::string made_by;  // "operator", or the rule: "failed-registrations", "knocks", "scanner"
  WallTime since{};
  WallTime until{};         // epoch: until it is lifted
  std::uint64_t hits = 0;   // packets dropped
  std::uint32_t times = 1;  // how often it has been banned lately, this one included
  bool enforced = true;     // false: it would have been, in dry-run
  friend bool operator==(const Ban&, const Ban&) = default;
};

// One write over the administration.
struct AuditEntry {
  std::int64_t id = 0;  // made by us, rising
  WallTime when{};
  std::string client;  // address and port
  std::string token;   // the token's name; "none": no token is configured
  std::string method, path;
  int status = 0;             // of the answer
  std::string before, after;  // JSON; empty: nothing there
  friend bool operator==(const AuditEntry&, const AuditEntry&) = default;
};

enum class CallEnder : std::uint8_t { originator, answerer, edge };
std::string_view call_ender_name(CallEnder e);  // "originator", "answerer", "edge"
std::optional<CallEnder> parse_call_ender(std::string_view text);

// A call detail record (docs/adr/0009-call-records.md). Of a call that is up, `status` and what
// stands below it are still to come. Texts are at most limits::kRecordTextBytes.
struct CallRecord {
  std::string id;        // primary key: the key of the call's log lines, never used again
  std::string from, to;  // URIs as the originator wrote them
  std::string domain;    // the tenant's
  LegSide origin_side = LegSide::phone;
  net::Endpoint origin;
  TargetId target = 0;                      // the backend that has it or was tried last; 0: none
  std::string destination;                  // who answered or was tried last; empty: nobody
  std::string origin_call_id, new_call_id;  // of both legs; the second one may be empty
  std::uint32_t attempts = 0;               // places it was tried at
  std::uint32_t failovers = 0;              // of these at another target than the first
  WallTime started{};                       // the INVITE came
  std::optional<WallTime> ringing;          // the first 18x
  std::optional<WallTime> answered;
  int status = 0;  // final response to the INVITE, as the originator saw it; 0: none
  std::string cause;
  CallEnder ended_by = CallEnder::edge;
  std::optional<WallTime> ended;
  friend bool operator==(const CallRecord&, const CallRecord&) = default;
};

// Which records of ended calls are wanted. What is empty restricts nothing.
struct RecordFilter {
  std::string id{};
  std::optional<WallTime> from{}, to{};  // ended then or later, and before
  std::string domain{};
  std::optional<TargetId> target{};
  std::optional<int> status{};
  std::string user{};     // user part of `from` or `to`
  std::string call_id{};  // of either leg
  std::optional<bool> answered{};
};

// Where a page of records goes on: behind this one.
struct RecordPlace {
  WallTime ended{};
  std::int64_t seq = 0;
};

struct RecordQuery {
  RecordFilter filter;
  std::size_t limit = 100;  // 1 to limits::kPageSize
  std::optional<RecordPlace> after;
};

// Newest first. A page may be short of its limit, even empty, and yet not be the last one: one look
// goes over limits::kRecordsPerLook rows at most.
struct RecordPage {
  std::vector<CallRecord> records;
  std::optional<RecordPlace> next;  // nothing: that was the last page
};

// The process's own lasting facts, such as the key of the Contact tokens.
struct Secret {
  std::string name;
  std::string value;  // bytes
  friend bool operator==(const Secret&, const Secret&) = default;
};

struct PutDomain {
  Domain domain;
};
struct DeleteDomain {
  std::string domain;
};
struct PutSet {
  DispatcherSet set;
};
struct DeleteSet {
  SetId setid;
};
struct PutTarget {
  Target target;
};
struct DeleteTarget {
  TargetId id;
};
struct PutBinding {
  Binding binding;
};
struct DeleteBinding {
  std::string token;
};
struct PutCall {
  SavedCall call;
};
struct DeleteCall {
  std::string id;
};
struct PutSubscription {
  SavedSubscription subscription;
};
struct DeleteSubscription {
  std::string id;
};
struct PutScanner {
  ScannerPattern scanner;
};
struct DeleteScanner {
  std::string pattern;
};
struct PutDoorKnock {
  DoorKnock knock;
};
struct PutGate {
  GateSettings settings;
};
struct PutBan {
  Ban ban;
};
struct DeleteBan {
  net::Cidr network;
};
struct AddAudit {
  AuditEntry entry;
};
struct PutSecret {
  Secret secret;
};
struct PutRecord {
  CallRecord record;
};
// Forgets records of calls that ended before then, and what is beyond the newest
// limits::kCallRecords: limits::kPrunedRecords at a time.
struct PruneRecords {
  WallTime before{};
};

using Change = std::variant<PutDomain, DeleteDomain, PutSet, DeleteSet, PutTarget, DeleteTarget,
                            PutBinding, DeleteBinding, PutCall, DeleteCall, PutSubscription,
                            DeleteSubscription, PutScanner, DeleteScanner, PutDoorKnock, PutGate,
                            PutBan, DeleteBan, AddAudit, PutSecret, PutRecord, PruneRecords>;

// Everything the store holds, as read at start. Expired bindings and bans are left out; door-knocks
// and audit entries are the newest limits::kDoorKnocks and limits::kAuditEntries, newest first.
struct Snapshot {
  std::vector<Domain> domains;
  std::vector<DispatcherSet> sets;
  std::vector<Target> targets;
  std::vector<Binding> bindings;
  std::vector<SavedCall> calls;
  std::vector<SavedSubscription> subscriptions;
  std::vector<ScannerPattern> scanners;
  std::vector<DoorKnock> door_knocks;
  GateSettings gate;
  std::vector<Ban> bans;
  std::vector<AuditEntry> audit;
  std::vector<Secret> secrets;
  std::vector<CallRecord> open_records;  // of calls that the process before did not see the end of
  TargetId last_target = 0;  // the highest id ever given to a target, deleted ones included
};

}  // namespace usher::storage
