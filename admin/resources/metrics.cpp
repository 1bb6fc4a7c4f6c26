// /metrics: the edge's counts and counters in Prometheus' text format. Nothing is counted twice:
// each scrape reads what the rooms count anyway.
#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>
#include <algorithm>

#include <sstream>

#include "admin/resources/metrics_families.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"

namespace usher::admin {

namespace {

using prometheus::MetricFamily;

void add_process(Families& f, const Service& service) {
  const Now now = service.now();
  f.gauge("usher_build_info", "The running version; always 1.")
      .value(1, {{"version", service.version}});
  const double started =
      static_cast<double>(wall_time(now, service.started).time_since_epoch().count()) / 1000.0;
  f.gauge("usher_start_time_seconds", "Start of the process, seconds since 1970.").value(started);
  add_process_figures(f, started);
  f.gauge("usher_ready", "1 when the edge can serve, as /readyz says.")
      .value(service.edge.not_ready().empty() ? 1 : 0);
}

void add_traffic(Families& f, const routing::EdgeCounts& counts, const routing::EdgeCounters& c) {
  f.counter("usher_requests_total", "SIP requests received outside dialogs, by method.");
  for (const auto& [method, n] : c.requests) f.value(n, {{"method", method}});
  f.counter("usher_dropped_total", "SIP messages that got silence, by reason.");
  for (const auto& [reason, n] : c.drops) f.value(n, {{"reason", reason}});
  f.counter("usher_local_responses_total", "Final responses made by the edge itself, by status.");
  for (const auto& [status, n] : c.local_replies) f.value(n, {{"status", std::to_string(status)}});
  f.counter("usher_registers_total", "REGISTERs answered by a backend, by result.")
      .value(c.registers_granted, {{"result", "granted"}})
      .value(c.registers_refused, {{"result", "refused"}});
  f.counter("usher_calls_total", "Calls, by how far they came.")
      .value(c.calls_started, {{"event", "started"}})
      .value(c.calls_answered, {{"event", "answered"}})
      .value(c.calls_failed, {{"event", "failed"}});
  f.counter("usher_private_media_total",
            "Calls with an SDP address that only its own network knows, from a source outside it.")
      .value(c.private_media);
  f.counter("usher_failovers_total", "Attempts that went on to a further target.")
      .value(c.failovers);
  f.counter("usher_ambiguous_total",
            "Requests of backends refused because several tenants' users matched.")
      .value(c.ambiguous);
  f.counter("usher_probes_total", "Health probes of targets, by result.")
      .value(c.probes - std::min(c.probes, c.probe_failures), {{"result", "ok"}})
      .value(c.probe_failures, {{"result", "failed"}});

  const sip::StackCounts& s = counts.stack;
  f.counter("usher_messages_total", "SIP messages, by direction.")
      .value(s.messages_in, {{"direction", "in"}})
      .value(s.messages_out, {{"direction", "out"}});
  f.counter("usher_retransmissions_total", "Retransmissions: absorbed (in) and sent (out).")
      .value(s.transactions.retransmissions_in, {{"direction", "in"}})
      .value(s.transactions.retransmissions_out, {{"direction", "out"}});
  f.counter("usher_malformed_total", "Packets that are no usable SIP message.").value(s.malformed);
  f.counter("usher_stray_messages_total", "Responses and ACKs that match nothing, by kind.")
      .value(s.transactions.strays, {{"kind", "response"}})
      .value(s.stray_acks, {{"kind", "ack"}});
  f.counter("usher_merged_requests_total",
            "Requests refused with 482 as merged (RFC 3261 8.2.2.2).")
      .value(s.transactions.merged);
  f.counter("usher_refused_at_limit_total", "Transactions refused because a limit was met.")
      .value(s.transactions.refused_at_limit);
}

void add_gate_counts(Families& f, const routing::EdgeCounts& counts,
                     const routing::EdgeCounters& counters) {
  f.counter("usher_limited_total",
            "Requests over a limit of the gate, by limit; would: in dry-run.");
  for (const auto& [limit, count] : counters.limited)
    f.value(count, {{"limit", limit}, {"effect", "limited"}});
  for (const auto& [limit, count] : counters.would_limit)
    f.value(count, {{"limit", limit}, {"effect", "would"}});
  f.counter("usher_bans_made_total", "Bans made by the gate, by rule; would: in dry-run.");
  for (const auto& [rule, count] : counters.bans)
    f.value(count, {{"rule", rule}, {"effect", "banned"}});
  for (const auto& [rule, count] : counters.would_ban)
    f.value(count, {{"rule", rule}, {"effect", "would"}});
  f.counter("usher_failed_authentications_total", "Failed authentications, by method.");
  for (const auto& [method, count] : counters.failures) f.value(count, {{"method", method}});
  f.gauge("usher_bans", "Bans that are enforced.").value(counts.bans);
}

void add_alive(Families& f, const routing::EdgeCounts& counts) {
  const sip::StackCounts& s = counts.stack;
  f.gauge("usher_transactions", "Live transactions, by machine.")
      .value(s.transactions.invite_client, {{"kind", "invite_client"}})
      .value(s.transactions.invite_server, {{"kind", "invite_server"}})
      .value(s.transactions.non_invite_client, {{"kind", "non_invite_client"}})
      .value(s.transactions.non_invite_server, {{"kind", "non_invite_server"}});
  f.gauge("usher_calls", "Live calls.").value(s.calls);
  f.gauge("usher_legs", "Live legs.").value(s.legs);
  f.gauge("usher_subscriptions", "Live subscriptions.").value(s.subscriptions);
  f.gauge("usher_exchanges", "Requests between the legs of calls.").value(s.exchanges);
  f.gauge("usher_relays", "Requests outside dialogs on their way.").value(s.relays);
  f.gauge("usher_timers", "Armed timers.").value(s.timers);
  f.gauge("usher_registrations", "Live bindings.").value(counts.registrations);
  f.gauge("usher_domains", "Domains.").value(counts.domains);
  f.gauge("usher_door_knocks", "Door-knocks kept for a look.").value(counts.door_knocks);
}

void add_targets(Families& f, const Service& service) {
  struct Row {
    Labels labels;
    routing::TargetStatus status;
  };
  std::vector<Row> rows;
  for (const auto& [id, target] : service.edge.directory().targets()) {
    rows.push_back(Row{{{"setid", std::to_string(target.setid)},
                        {"target", std::to_string(id)},
                        {"destination", target.destination.text()}},
                       service.edge.target_status(id)});
  }
  f.gauge("usher_target_up", "1 up, 0 down; absent while unknown.");
  for (const Row& r : rows) {
    if (r.status.health != routing::HealthState::unknown)
      f.value(r.status.health == routing::HealthState::up ? 1 : 0, r.labels);
  }
  f.gauge("usher_target_rtt_seconds", "Round trip of the last answered probe.");
  for (const Row& r : rows) {
    if (r.status.rtt) f.value(seconds(*r.status.rtt), r.labels);
  }
  f.gauge("usher_target_calls", "Live calls of a target.");
  for (const Row& r : rows) f.value(r.status.live_calls, r.labels);
  f.counter("usher_target_attempts_total",
            "Requests given to a target, counted when they are over.");
  for (const Row& r : rows) f.value(r.status.attempts, r.labels);
  f.counter("usher_target_failures_total", "Attempts that failed at a target.");
  for (const Row& r : rows) f.value(r.status.failures, r.labels);
}

void add_store(Families& f, const storage::StoreHealth& h) {
  f.gauge("usher_store_up", "1 while the store takes writes.").value(h.ok ? 1 : 0);
  f.gauge("usher_store_queue", "Changes waiting for the writer.").value(h.queued);
  f.gauge("usher_store_last_commit_seconds", "How long the last commit took.")
      .value(seconds(h.last_commit));
  f.histogram("usher_store_commit_duration_seconds", "How long commits took.")
      .value(h.commit_times);
  f.gauge("usher_record_file_up",
          "1 while the file of call records is up to date, or none is kept.")
      .value(h.record_file.empty() ? 1 : 0);
  f.counter("usher_store_commits_total", "Commits.").value(h.commits);
  f.counter("usher_store_failed_batches_total", "Batches that were refused.")
      .value(h.failed_batches);
  f.counter("usher_store_dropped_total", "Changes that were given up.").value(h.dropped);
  f.counter("usher_store_unremembered_total",
            "Call records that a kill of the process would have cost until they were written.")
      .value(h.unremembered);
}

void add_load(Families& f, const Service& service, const routing::EdgeCounts& counts,
              const net::TransportCounts& t) {
  const LagMeter::View lag = service.lag();
  f.gauge("usher_lag_seconds", "How late timers and packets are served.")
      .value(seconds(lag.average), {{"kind", "average"}})
      .value(seconds(lag.worst), {{"kind", "worst"}});
  f.gauge("usher_overloaded", "1 while new work is refused.")
      .value(service.edge.overload().empty() ? 0 : 1);
  f.gauge("usher_queue", "What waits, by queue; the store's has a metric of its own.")
      .value(counts.registers_waiting, {{"queue", "registers"}})
      .value(t.datagrams_queued, {{"queue", "datagrams"}});
  f.gauge("usher_registers_in_flight", "REGISTERs that backends have not answered yet.")
      .value(counts.registers_in_flight);
  const routing::EdgeCounters& c = service.edge.counters();
  f.counter("usher_registers_queued_total", "REGISTERs that had to wait for their backend.")
      .value(c.registers_queued);
  f.counter("usher_registers_turned_away_total",
            "REGISTERs that waited for too long, or found the queue full.")
      .value(c.registers_turned_away);
  f.counter("usher_overload_refused_total", "Requests refused because of overload.")
      .value(c.overload_refused);
}

void add_transports(Families& f, const net::TransportCounts& t) {
  f.counter("usher_datagrams_total", "UDP datagrams, by direction.")
      .value(t.datagrams_in, {{"direction", "in"}})
      .value(t.datagrams_out, {{"direction", "out"}});
  f.counter("usher_datagrams_failed_total", "UDP datagrams that could not be sent.")
      .value(t.datagrams_failed);
  f.counter("usher_datagrams_overflowed_total",
            "UDP datagrams that came while the receive buffer was full.")
      .value(t.datagrams_overflowed);
  f.counter("usher_stream_messages_total", "Messages over streams, by direction.")
      .value(t.stream_messages_in, {{"direction", "in"}})
      .value(t.stream_messages_out, {{"direction", "out"}});
  f.counter("usher_receive_wakeups_total", "Wake-ups to receive datagrams.")
      .value(t.receive_wakeups);
  f.gauge("usher_connections", "Open stream connections.").value(t.connections);
}

// Without a capture server both stay 0.
void add_captures(Families& f, const net::DatagramSender::Counts& c) {
  f.counter("usher_hep_packets_total", "Packets sent to the capture server.").value(c.sent);
  f.counter("usher_hep_lost_total", "Packets for the capture server that were lost on the way.")
      .value(c.lost);
}

// Of this administration.
void add_http(Families& f, const HttpCounts& c) {
  f.gauge("usher_http_connections", "Open connections of the administration.").value(c.connections);
  f.gauge("usher_http_streams", "Of these, streams of events or of a backup's file.")
      .value(c.streams);
  f.counter("usher_http_requests_total", "Requests to the administration.").value(c.requests);
  f.counter("usher_http_refused_total", "Connections closed because there were too many.")
      .value(c.refused);
  f.counter("usher_http_bad_requests_total", "Requests that are no HTTP or beyond a limit.")
      .value(c.bad);
  f.counter("usher_http_timeouts_total", "Connections closed because the client was too slow.")
      .value(c.timed_out);
  f.counter("usher_http_handshake_failures_total", "Connections that came to no TLS.")
      .value(c.handshakes_failed);
}

class EdgeMetrics : public prometheus::Collectable {
 public:
  explicit EdgeMetrics(const Service& service) : service_(service) {}
  std::vector<MetricFamily> Collect() const override {
    Families f;
    const routing::EdgeCounts counts = service_.edge.counts();
    add_process(f, service_);
    add_traffic(f, counts, service_.edge.counters());
    add_messages(f, service_.edge.traffic());
    add_call_records(f, service_.edge.records());
    add_alive(f, counts);
    add_gate_counts(f, counts, service_.edge.counters());
    add_targets(f, service_);
    add_store(f, service_.store.health());
    const net::TransportCounts transports = service_.transports();
    add_load(f, service_, counts, transports);
    add_transports(f, transports);
    add_captures(f, service_.captures());
    add_http(f, service_.http());
    return f.take();
  }

 private:
  const Service& service_;
};

}  // namespace

void add_metrics(Router& router, const Context& context) {
  Route route;
  route.method = "GET";
  route.pattern = "/metrics";
  route.produces = {"text/plain"};
  route.handler = [metrics = EdgeMetrics(context.service)](const Call&, const Respond& respond) {
    std::ostringstream text;
    prometheus::TextSerializer{}.Serialize(text, metrics.Collect());
    respond(Answer{200, "text/plain; version=0.0.4; charset=utf-8", text.str(), {}, false});
  };
  router.add(std::move(route));
}

}  // namespace usher::admin
