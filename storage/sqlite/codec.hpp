// Records to rows and back: the one place that knows the order of columns.
#pragma once

#include "core/result.hpp"
#include "storage/records.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

// For each record: `put` takes the columns in this order as parameters 1, 2, …; `all` returns them
// from column 0. A put of what exists changes it in place, so that references to it stay whole.
template <class Record>
struct Sql;

template <>
struct Sql<Domain> {
  static constexpr const char* table = "domains";
  static constexpr const char* all =
      "SELECT domain, setid, enabled, comment FROM domains ORDER BY domain";
  static constexpr const char* put =
      "INSERT INTO domains (domain, setid, enabled, comment) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (domain) DO UPDATE SET setid = ?2, enabled = ?3, comment = ?4";
  static constexpr const char* remove = "DELETE FROM domains WHERE domain = ?1";
};

template <>
struct Sql<DispatcherSet> {
  static constexpr const char* table = "sets";
  static constexpr const char* all =
      "SELECT setid, algorithm, health_interval_us, health_timeout_us, health_down_after, "
      "health_up_after, "
      "failover_codes, failover_attempts, failover_redirects, comment FROM sets ORDER BY setid";
  static constexpr const char* put =
      "INSERT INTO sets (setid, algorithm, health_interval_us, health_timeout_us, "
      "health_down_after, "
      "health_up_after, failover_codes, failover_attempts, failover_redirects, comment) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
      "ON CONFLICT (setid) DO UPDATE SET algorithm = ?2, health_interval_us = ?3, "
      "health_timeout_us = ?4, "
      "health_down_after = ?5, health_up_after = ?6, failover_codes = ?7, failover_attempts = ?8, "
      "failover_redirects = ?9, comment = ?10";
  static constexpr const char* remove = "DELETE FROM sets WHERE setid = ?1";
};

template <>
struct Sql<Target> {
  static constexpr const char* table = "targets";
  static constexpr const char* all =
      "SELECT id, setid, destination, priority, weight, sources, state, comment, maintenance FROM "
      "targets ORDER BY id";
  static constexpr const char* put =
      "INSERT INTO targets (id, setid, destination, priority, weight, sources, state, comment, "
      "maintenance) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
      "ON CONFLICT (id) DO UPDATE SET setid = ?2, destination = ?3, priority = ?4, weight = ?5, "
      "sources = ?6, "
      "state = ?7, comment = ?8, maintenance = ?9";
  static constexpr const char* remove = "DELETE FROM targets WHERE id = ?1";
};

template <>
struct Sql<Binding> {
  static constexpr const char* table = "bindings";
  static constexpr const char* all =
      "SELECT token, aor, contact, instance, q, transport, listener, remote_ip, remote_port, "
      "target, "
      "user_agent, registered, expires FROM bindings WHERE expires > ?1";
  static constexpr const char* put =
      "INSERT INTO bindings (token, aor, contact, instance, q, transport, listener, remote_ip, "
      "remote_port, "
      "target, user_agent, registered, expires) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
      "ON CONFLICT (token) DO UPDATE SET aor = ?2, contact = ?3, instance = ?4, q = ?5, transport "
      "= ?6, "
      "listener = ?7, remote_ip = ?8, remote_port = ?9, target = ?10, user_agent = ?11, registered "
      "= ?12, "
      "expires = ?13";
  static constexpr const char* remove = "DELETE FROM bindings WHERE token = ?1";
  static constexpr const char* forget_expired = "DELETE FROM bindings WHERE expires <= ?1";
};

// A call without its legs.
template <>
struct Sql<SavedCall> {
  static constexpr const char* table = "calls";
  static constexpr const char* all =
      "SELECT id, key, domain, target, started, answered, session_us FROM calls ORDER BY id";
  static constexpr const char* put =
      "INSERT OR REPLACE INTO calls (id, key, domain, target, started, answered, session_us) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
  static constexpr const char* remove = "DELETE FROM calls WHERE id = ?1";
  // Of the call with this record, if it has one.
  static constexpr const char* remove_legs_by_key =
      "DELETE FROM legs WHERE owner IN (SELECT id FROM calls WHERE key = ?1)";
  static constexpr const char* remove_by_key = "DELETE FROM calls WHERE key = ?1";
};

// A subscription without its legs.
template <>
struct Sql<SavedSubscription> {
  static constexpr const char* table = "subscriptions";
  static constexpr const char* all =
      "SELECT id, key, domain, package, subscriber_id, notifier_id, refer, expires "
      "FROM subscriptions ORDER BY id";
  static constexpr const char* put =
      "INSERT OR REPLACE INTO subscriptions (id, key, domain, package, subscriber_id, notifier_id, "
      "refer, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
  static constexpr const char* remove = "DELETE FROM subscriptions WHERE id = ?1";
};

// A leg and where it belongs: its owner's id, and 0 for the origin or subscriber, 1 for the
// answerer or notifier.
struct LegRow {
  std::string owner;
  int place = 0;
  SavedLeg leg;
};

template <>
struct Sql<LegRow> {
  static constexpr const char* table = "legs";
  static constexpr const char* all =
      "SELECT owner, place, side, is_uac, device, transport, listener, remote_ip, remote_port, "
      "call_id, local_tag, remote_tag, local_party, remote_party, remote_target, route_set, "
      "contact_user, local_cseq, remote_cseq, invite_cseq, session_uuid, "
      "peer_session_uuid FROM legs ORDER BY owner, place";
  static constexpr const char* put =
      "INSERT OR REPLACE INTO legs (owner, place, side, is_uac, device, transport, listener, "
      "remote_ip, remote_port, call_id, local_tag, remote_tag, local_party, remote_party, "
      "remote_target, route_set, contact_user, local_cseq, remote_cseq, invite_cseq, session_uuid, "
      "peer_session_uuid) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, "
      "?19, ?20, ?21, ?22)";
  static constexpr const char* remove = "DELETE FROM legs WHERE owner = ?1";
};

template <>
struct Sql<ScannerPattern> {
  static constexpr const char* table = "scanners";
  static constexpr const char* all = "SELECT pattern, comment FROM scanners ORDER BY pattern";
  static constexpr const char* put =
      "INSERT INTO scanners (pattern, comment) VALUES (?1, ?2) "
      "ON CONFLICT (pattern) DO UPDATE SET comment = ?2";
  static constexpr const char* remove = "DELETE FROM scanners WHERE pattern = ?1";
};

template <>
struct Sql<DoorKnock> {
  static constexpr const char* table = "door_knocks";
  static constexpr const char* all =
      "SELECT time, first, count, domain, source_ip, source_port, method, reason, user_agent FROM "
      "door_knocks ORDER BY time DESC, id DESC LIMIT ?1";
  static constexpr const char* put =
      "INSERT INTO door_knocks (time, first, count, domain, source_ip, source_port, method, "
      "reason, user_agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
      "ON CONFLICT (source_ip, reason) DO UPDATE SET time = ?1, first = ?2, count = ?3, domain = "
      "?4, source_port = ?6, method = ?7, user_agent = ?9";
  static constexpr const char* trim =
      "DELETE FROM door_knocks WHERE id IN (SELECT id FROM door_knocks ORDER BY time DESC, id DESC "
      "LIMIT -1 OFFSET ?1)";
};

template <>
struct Sql<GateSettings> {
  static constexpr const char* table = "gate";
  static constexpr const char* all =
      "SELECT mode, opened, limits, window_us, failures, knocks, scanner_hits, ban_us, "
      "longest_ban_us, trusted FROM gate WHERE id = 1";
  static constexpr const char* put =
      "INSERT OR REPLACE INTO gate (id, mode, opened, limits, window_us, failures, knocks, "
      "scanner_hits, ban_us, longest_ban_us, trusted) "
      "VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
};

template <>
struct Sql<Ban> {
  static constexpr const char* table = "bans";
  static constexpr const char* all =
      "SELECT network, reason, made_by, since, until, hits, times, enforced FROM bans "
      "WHERE until = 0 OR until > ?1";
  static constexpr const char* put =
      "INSERT INTO bans (network, reason, made_by, since, until, hits, times, enforced) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
      "ON CONFLICT (network) DO UPDATE SET reason = ?2, made_by = ?3, since = ?4, until = ?5, "
      "hits = ?6, times = ?7, enforced = ?8";
  static constexpr const char* remove = "DELETE FROM bans WHERE network = ?1";
  static constexpr const char* forget_expired = "DELETE FROM bans WHERE until > 0 AND until <= ?1";
};

template <>
struct Sql<AuditEntry> {
  static constexpr const char* table = "audit";
  static constexpr const char* all =
      "SELECT id, time, client, token, method, path, status, before, after FROM audit "
      "ORDER BY id DESC LIMIT ?1";
  static constexpr const char* put =
      "INSERT OR REPLACE INTO audit (id, time, client, token, method, path, status, before, after) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
  // Ids rise without gaps, so this keeps the newest.
  static constexpr const char* trim = "DELETE FROM audit WHERE id <= ?1";
};

// `put` takes one parameter more: 0 when a line is to be written to the file of records. A query's
// place is ?1 (ended) and ?2 (seq), the earliest end ?3.
#define USHER_CDR_COLUMNS                                                                    \
  "id, from_uri, to_uri, domain, origin_side, origin_ip, origin_port, target, destination, " \
  "origin_call_id, new_call_id, attempts, failovers, status, cause, ended_by, started, "     \
  "ringing, answered, ended"
template <>
struct Sql<CallRecord> {
  static constexpr const char* table = "cdrs";
  // Of the calls that are up.
  static constexpr const char* all = "SELECT " USHER_CDR_COLUMNS " FROM cdrs WHERE ended IS NULL";
  static constexpr const char* put =
      "INSERT INTO cdrs (id, from_uri, to_uri, domain, origin_side, origin_ip, origin_port, "
      "target, destination, origin_call_id, new_call_id, attempts, failovers, status, cause, "
      "ended_by, started, ringing, answered, ended, filed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
      "?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, nullif(?20, 0), ?21) ON "
      "CONFLICT (id) DO UPDATE SET from_uri = ?2, to_uri = ?3, domain = ?4, origin_side = ?5, "
      "origin_ip = ?6, origin_port = ?7, target = ?8, destination = ?9, origin_call_id = ?10, "
      "new_call_id = ?11, attempts = ?12, failovers = ?13, status = ?14, cause = ?15, ended_by "
      "= ?16, started = ?17, ringing = ?18, answered = ?19, ended = nullif(?20, 0), filed = ?21";
  static constexpr const char* is_over = "SELECT 1 FROM cdrs WHERE id = ?1 AND ended IS NOT NULL";
  static constexpr const char* prune_old =
      "DELETE FROM cdrs WHERE seq IN (SELECT seq FROM cdrs WHERE ended IS NOT NULL AND ended < ?1 "
      "ORDER BY ended LIMIT ?2)";
  // Rows are numbered as they come, and go in that order.
  static constexpr const char* prune_many =
      "DELETE FROM cdrs WHERE seq IN (SELECT seq FROM cdrs WHERE ended IS NOT NULL AND "
      "seq <= (SELECT max(seq) FROM cdrs) - ?1 ORDER BY seq LIMIT ?2)";
  static constexpr const char* by_id = "SELECT " USHER_CDR_COLUMNS
                                       ", seq FROM cdrs WHERE id = ?4 AND ended IS NOT NULL AND "
                                       "ended <= ?1 AND (ended < ?1 OR seq < ?2) AND ended >= ?3";
  static constexpr const char* by_call_id =
      "SELECT " USHER_CDR_COLUMNS
      ", seq FROM cdrs WHERE ended IS NOT NULL AND "
      "(origin_call_id = ?4 OR new_call_id = ?4) AND ended <= ?1 AND (ended < ?1 OR seq < ?2) AND "
      "ended >= ?3 ORDER BY ended DESC, seq DESC";
  static constexpr const char* by_domain =
      "SELECT " USHER_CDR_COLUMNS
      ", seq FROM cdrs WHERE ended IS NOT NULL AND domain = ?4 AND "
      "ended <= ?1 AND (ended < ?1 OR seq < ?2) AND ended >= ?3 ORDER BY ended DESC, seq DESC";
  static constexpr const char* by_end =
      "SELECT " USHER_CDR_COLUMNS
      ", seq FROM cdrs WHERE ended IS NOT NULL AND "
      "ended <= ?1 AND (ended < ?1 OR seq < ?2) AND ended >= ?3 ORDER BY ended DESC, seq DESC";
  static constexpr const char* unfiled = "SELECT " USHER_CDR_COLUMNS
                                         ", seq FROM cdrs WHERE ended IS NOT NULL AND filed = 0 "
                                         "ORDER BY seq LIMIT ?1";
  static constexpr const char* set_filed = "UPDATE cdrs SET filed = 1 WHERE seq = ?1";
};
#undef USHER_CDR_COLUMNS

template <>
struct Sql<Secret> {
  static constexpr const char* table = "secrets";
  static constexpr const char* all = "SELECT name, value FROM secrets ORDER BY name";
  static constexpr const char* put =
      "INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = "
      "?2";
};

void bind_row(Statement& put, const Domain& domain);
void bind_row(Statement& put, const DispatcherSet& set);
void bind_row(Statement& put, const Target& target);
void bind_row(Statement& put, const Binding& binding);
void bind_row(Statement& put, const SavedCall& call);
void bind_row(Statement& put, const SavedSubscription& subscription);
void bind_leg(Statement& put, std::string_view owner, int place, const SavedLeg& leg);
void bind_row(Statement& put, const ScannerPattern& scanner);
void bind_row(Statement& put, const DoorKnock& knock);
void bind_row(Statement& put, const GateSettings& settings);
void bind_row(Statement& put, const Ban& ban);
void bind_row(Statement& put, const AuditEntry& entry);
void bind_row(Statement& put, const Secret& secret);
void bind_row(Statement& put, const CallRecord& record);

// Errc::syntax: a column holds what its record cannot; the message names column and value.
Result<void> read_row(const Statement& row, Domain& domain);
Result<void> read_row(const Statement& row, DispatcherSet& set);
Result<void> read_row(const Statement& row, Target& target);
Result<void> read_row(const Statement& row, Binding& binding);
Result<void> read_row(const Statement& row, SavedCall& call);
Result<void> read_row(const Statement& row, SavedSubscription& subscription);
Result<void> read_row(const Statement& row, LegRow& leg);
Result<void> read_row(const Statement& row, ScannerPattern& scanner);
Result<void> read_row(const Statement& row, DoorKnock& knock);
Result<void> read_row(const Statement& row, GateSettings& settings);
Result<void> read_row(const Statement& row, Ban& ban);
Result<void> read_row(const Statement& row, AuditEntry& entry);
Result<void> read_row(const Statement& row, Secret& secret);
Result<void> read_row(const Statement& row, CallRecord& record);  // of the first 20 columns

}  // namespace usher::storage
