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

struct Target {
  TargetId id = 0;
  SetId setid = 0;
  net::Destination destination;
  std::int32_t priority = 0;       // lower first (algorithm priority); 0–1000
  std::uint32_t weight = 1;        // share of calls (algorithm weighted); 1–1000
  std::vector<net::Cidr> sources;  // further networks this backend sends from
  TargetState state = TargetState::active;
  std::string comment;
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

// One knock of a stranger that got silence.
struct DoorKnock {
  WallTime when{};
  std::string domain;
  net::Endpoint source;
  std::string method;
  std::string reason;
  std::string user_agent;
  friend bool operator==(const DoorKnock&, const DoorKnock&) = default;
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
struct AddDoorKnock {
  DoorKnock knock;
};
struct PutSecret {
  Secret secret;
};

using Change = std::variant<PutDomain, DeleteDomain, PutSet, DeleteSet, PutTarget, DeleteTarget,
                            PutBinding, DeleteBinding, PutCall, DeleteCall, PutSubscription,
                            DeleteSubscription, PutScanner, DeleteScanner, AddDoorKnock, PutSecret>;

// Everything the store holds, as read at start. Expired bindings are left out; door-knocks are the
// newest limits::kDoorKnocks, newest first.
struct Snapshot {
  std::vector<Domain> domains;
  std::vector<DispatcherSet> sets;
  std::vector<Target> targets;
  std::vector<Binding> bindings;
  std::vector<SavedCall> calls;
  std::vector<SavedSubscription> subscriptions;
  std::vector<ScannerPattern> scanners;
  std::vector<DoorKnock> door_knocks;
  std::vector<Secret> secrets;
  TargetId last_target = 0;  // the highest id ever given to a target, deleted ones included
};

}  // namespace usher::storage
