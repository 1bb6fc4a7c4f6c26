// /v1/status: what is alive. /v1/timers: what the timers really are. /v1/log: levels, changeable at
// run time.
#include <algorithm>
#include <array>

#include "admin/fields.hpp"
#include "admin/page.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/duration.hpp"
#include "core/log_watch.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

template <class Map, class KeyText>
Json numbers(const Map& map, KeyText key_text) {
  Json::Object out;
  for (const auto& [key, count] : map) out.emplace_back(key_text(key), Json{count});
  return out;
}

Json counts_json(const routing::EdgeCounts& c, const net::TransportCounts& t,
                 const HttpCounts& http) {
  const sip::TransactionCounts& tx = c.stack.transactions;
  return Json::Object{{"transactions", Json::Object{{"invite_client", tx.invite_client},
                                                    {"invite_server", tx.invite_server},
                                                    {"non_invite_client", tx.non_invite_client},
                                                    {"non_invite_server", tx.non_invite_server}}},
                      {"calls", c.stack.calls},
                      {"legs", c.stack.legs},
                      {"subscriptions", c.stack.subscriptions},
                      {"exchanges", c.stack.exchanges},
                      {"relays", c.stack.relays},
                      {"probes", c.stack.probes},
                      {"timers", c.stack.timers},
                      {"connections", t.connections},
                      {"http_connections", http.connections},
                      {"http_streams", http.streams},
                      {"registrations", c.registrations},
                      {"affinities", c.affinities},
                      {"pending_persists", c.pending_persists},
                      {"domains", c.domains},
                      {"sets", c.sets},
                      {"targets", c.targets},
                      {"door_knocks", c.door_knocks},
                      {"bans", c.bans},
                      {"would_be_bans", c.would_be_bans},
                      {"limiter_entries", c.limiter_entries},
                      {"offence_entries", c.offence_entries}};
}

Json counters_json(const routing::EdgeCounters& c, const sip::StackCounts& s,
                   const net::TransportCounts& t, const net::DatagramSender::Counts& captures,
                   const HttpCounts& http) {
  const auto same = [](const std::string& name) { return name; };
  const auto number = [](int status) { return std::to_string(status); };
  return Json::Object{{"requests", numbers(c.requests, same)},
                      {"drops", numbers(c.drops, same)},
                      {"local_replies", numbers(c.local_replies, number)},
                      {"limited", numbers(c.limited, same)},
                      {"would_limit", numbers(c.would_limit, same)},
                      {"bans", numbers(c.bans, same)},
                      {"would_ban", numbers(c.would_ban, same)},
                      {"failed_authentications", numbers(c.failures, same)},
                      {"registers_granted", c.registers_granted},
                      {"registers_refused", c.registers_refused},
                      {"registers_unstored", c.registers_unstored},
                      {"registers_queued", c.registers_queued},
                      {"registers_turned_away", c.registers_turned_away},
                      {"overload_refused", c.overload_refused},
                      {"calls_started", c.calls_started},
                      {"calls_answered", c.calls_answered},
                      {"calls_failed", c.calls_failed},
                      {"failovers", c.failovers},
                      {"ambiguous", c.ambiguous},
                      {"probes", c.probes},
                      {"probe_failures", c.probe_failures},
                      {"messages_in", s.messages_in},
                      {"messages_out", s.messages_out},
                      {"malformed", s.malformed},
                      {"stray_acks", s.stray_acks},
                      {"strays", s.transactions.strays},
                      {"merged", s.transactions.merged},
                      {"refused_at_limit", s.transactions.refused_at_limit},
                      {"retransmissions_in", s.transactions.retransmissions_in},
                      {"retransmissions_out", s.transactions.retransmissions_out},
                      {"datagrams_in", t.datagrams_in},
                      {"datagrams_out", t.datagrams_out},
                      {"datagrams_failed", t.datagrams_failed},
                      {"datagrams_overflowed", t.datagrams_overflowed},
                      {"stream_messages_in", t.stream_messages_in},
                      {"stream_messages_out", t.stream_messages_out},
                      {"hep_packets", captures.sent},
                      {"hep_lost", captures.lost},
                      {"http_requests", http.requests},
                      {"http_refused", http.refused},
                      {"http_bad_requests", http.bad},
                      {"http_timeouts", http.timed_out},
                      {"http_handshake_failures", http.handshakes_failed}};
}

Json store_json(const storage::StoreHealth& h) {
  return Json::Object{{"ok", h.ok},           {"reason", h.reason},
                      {"queued", h.queued},   {"last_commit_ms", milliseconds(h.last_commit)},
                      {"commits", h.commits}, {"failed_batches", h.failed_batches},
                      {"dropped", h.dropped}};
}

Json load_json(const Service& service, const routing::EdgeCounts& c,
               const net::TransportCounts& t) {
  const LagMeter::View lag = service.lag();
  return Json::Object{{"lag_ms", milliseconds(lag.average)},
                      {"worst_lag_ms", milliseconds(lag.worst)},
                      {"overload", service.edge.overload()},
                      {"queues", Json::Object{{"registers", c.registers_waiting},
                                              {"registers_in_flight", c.registers_in_flight},
                                              {"store", service.store.health().queued},
                                              {"datagrams", t.datagrams_queued}}}};
}

Answer status(const Service& service) {
  const Now now = service.now();
  const routing::EdgeCounts counts = service.edge.counts();
  const net::TransportCounts transports = service.transports();
  const auto uptime = std::chrono::floor<std::chrono::seconds>(now.mono - service.started);
  return json_answer(
      200, Json::Object{{"version", service.version},
                        {"started", time_text(wall_time(now, service.started))},
                        {"uptime", duration_text(uptime)},
                        {"uptime_s", uptime.count()},
                        {"ready", service.edge.not_ready().empty()},
                        {"page", has_page()},
                        {"load", load_json(service, counts, transports)},
                        {"counts", counts_json(counts, transports, service.http())},
                        {"counters", counters_json(service.edge.counters(), counts.stack,
                                                   transports, service.captures(), service.http())},
                        {"store", store_json(service.store.health())}});
}

Answer timers(const Service& service) {
  const TimersConfig& t = service.config.timers;
  const Duration timeout = 64 * t.t1;
  Json::Object out;
  const auto add = [&](const char* name, Duration d, const char* meaning) {
    out.emplace_back(
        name,
        Json::Object{{"value", duration_text(d)}, {"ms", milliseconds(d)}, {"meaning", meaning}});
  };
  add("t1", t.t1, "RFC 3261 17.1.1.1: round-trip estimate, first retransmission");
  add("t2", t.t2, "RFC 3261 17.1.2.2: longest retransmission interval");
  add("t4", t.t4, "RFC 3261 17.1.2.2: how long a message stays in the network");
  add("trying", t.trying, "own 100 to an INVITE when the upstream has sent none");
  add("attempt", t.attempt, "per target without any response, while another target is left");
  add("hunt_limit", t.hunt_limit,
      "silence of several targets, after which no further one is tried");
  add("ring_limit", t.ring_limit, "ringing without an answer; restarted by 101 to 199");
  if (t.call_probe != Duration{})
    add("call_probe", t.call_probe, "between two OPTIONS within each dialog of a call");
  add("flow_recovery", t.flow_recovery,
      "for a registered phone of a call to connect again, when its connection is gone");
  add("drain", t.drain, "for running calls to end after SIGTERM");
  add("timer_a", t.t1, "INVITE client: first retransmission, then doubled");
  add("timer_b", timeout, "INVITE client: no response at all");
  add("timer_d", std::max<Duration>(timeout, std::chrono::seconds(32)),
      "INVITE client: absorbs retransmitted final responses");
  add("timer_e", t.t1, "non-INVITE client: first retransmission, then doubled up to t2");
  add("timer_f", timeout, "non-INVITE client: no final response");
  add("timer_g", t.t1, "INVITE server: first retransmission of the final response");
  add("timer_h", timeout, "INVITE server: no ACK");
  add("timer_i", t.t4, "INVITE server: absorbs retransmitted ACKs");
  add("timer_j", timeout, "non-INVITE server: absorbs retransmitted requests");
  add("timer_k", t.t4, "non-INVITE client: absorbs retransmitted responses");
  add("timer_l", timeout, "RFC 6026: INVITE server, Accepted");
  add("timer_m", timeout, "RFC 6026: INVITE client, Accepted");
  return json_answer(200, std::move(out));
}

constexpr std::array<LogCategory, kLogCategories> kCategories{
    LogCategory::core,   LogCategory::net,          LogCategory::sip,
    LogCategory::call,   LogCategory::registration, LogCategory::gate,
    LogCategory::health, LogCategory::storage,      LogCategory::admin};

Answer log_levels(const Service& service) {
  Json::Object out;
  for (const LogCategory c : kCategories)
    out.emplace_back(std::string(category_name(c)), level_name(service.log.level(c)));
  Json::Object watched;
  if (const LogWatch* watch = service.log.watch()) {
    for (const Watched& one : watch->names()) watched.emplace_back(one.name, level_name(one.level));
  }
  out.emplace_back("watch", std::move(watched));
  return json_answer(200, std::move(out));
}

std::string no_level(const std::string& text) {
  return "\"" + text + "\" is none of debug, info, warning, error, off";
}

// Users, domains and addresses whose lines have a level of their own.
std::optional<std::vector<Watched>> watched_names(Fields& fields) {
  const Json* given = fields.object("watch");
  if (given == nullptr) return std::nullopt;
  if (given->object()->size() > LogWatch::kNames) {
    fields.fault("watch", "at most " + std::to_string(LogWatch::kNames) + " names");
    return std::nullopt;
  }
  std::vector<Watched> names;
  for (const auto& [name, value] : *given->object()) {
    if (name.empty() || name.size() > LogWatch::kNameBytes || !is_printable(name) ||
        name.find(' ') != std::string::npos) {
      fields.fault("watch",
                   usher::quoted(name.substr(0, 64)) +
                       " is no name such as \"401@a.test\", \"a.test\" or \"192.0.2.1\", of 1 to " +
                       std::to_string(LogWatch::kNameBytes) + " bytes without spaces");
      continue;
    }
    const std::string* text = value.text();
    const auto level = text != nullptr ? parse_level(*text) : std::nullopt;
    if (level)
      names.push_back({name, *level});
    else
      fields.fault("watch." + name, text != nullptr ? no_level(*text)
                                                    : "expected a level such as \"debug\", found " +
                                                          std::string(kind_of(value)));
  }
  return names;
}

// Not kept over a restart: the configuration file says how a process starts.
Answer set_log_levels(const Service& service, const Call& call) {
  std::vector<Fault> faults;
  std::vector<std::pair<LogCategory, LogLevel>> wanted;
  Fields fields(call.body, faults);
  for (const LogCategory c : kCategories) {
    const auto text = fields.text(category_name(c), 16);
    if (!text) continue;
    if (const auto level = parse_level(*text))
      wanted.emplace_back(c, *level);
    else
      fields.fault(category_name(c), no_level(*text));
  }
  const auto names = watched_names(fields);
  fields.finish();
  if (!faults.empty()) return invalid(std::move(faults));
  for (const auto& [category, level] : wanted) service.log.set_level(category, level);
  if (names)
    service.log.set_watch(names->empty() ? nullptr
                                         : std::make_shared<LogWatch>(*names, service.log.watch()));
  return log_levels(service);
}

}  // namespace

void add_status(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/status", {}, [&service](const Call&) { return status(service); });
  router.add("GET", "/v1/timers", {}, [&service](const Call&) { return timers(service); });
  router.add("GET", "/v1/log", {}, [&service](const Call&) { return log_levels(service); });
  router.add("PUT", "/v1/log", {},
             [&service](const Call& call) { return set_log_levels(service, call); });
}

}  // namespace usher::admin
