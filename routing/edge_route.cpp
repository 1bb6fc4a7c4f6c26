// A request outside any dialog: who sent it, may he in, and which of the two ways it takes.
#include "core/text.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

namespace {

std::string counted_method(const sip::Message& request) {
  // Invented methods share one counter: their names are a stranger's to choose.
  return request.method() == sip::Method::other ? "other" : std::string{request.method_name()};
}

std::string named(const std::optional<sip::Uri>& uri) {
  if (!uri) return "?";
  const std::string aor = aor_text(*uri);
  return escaped(aor.empty() ? uri->raw.substr(0, 128) : std::string_view{aor});
}

}  // namespace

std::string Edge::Impl::describe(const sip::RouteNeeded& need, const Parties& parties) const {
  const sip::Message& m = *need.request;
  std::string text = escaped(m.method_name().substr(0, 32));
  text.append(" ").append(named(parties.from));
  if (m.method() != sip::Method::register_) text.append(" to ").append(named(parties.request));
  return text.append(" from ")
      .append(need.flow.remote.text())
      .append("/")
      .append(net::transport_name(need.flow.transport));
}

void Edge::Impl::knock(Now now, const sip::Message* request, const net::Flow& flow,
                       std::string domain, std::string reason, std::string_view why) {
  ++counters.drops[reason];
  recorder.dropped();
  capture.dropped();
  trace(now, step::kDropped, why.empty() ? std::string_view{reason} : why,
        {{"domain", domain}, {"reason", reason}}, true);
  storage::DoorKnock k;
  k.when = now.wall;
  k.domain = std::move(domain);
  k.source = flow.remote;
  k.reason = reason;
  if (request) {
    k.method = escaped(request->method_name().substr(0, 32));
    k.user_agent = escaped(request->header(sip::HeaderId::user_agent).substr(0, 128));
  }
  if (knocks.add(now, k))
    log.write(LogCategory::gate, LogLevel::warning,
              tracing.id && recorder.enabled() ? trace_text(tracing.id) : std::string{},
              knock_line(k));
  hold_against(now, flow, reason);
}

void Edge::Impl::reply(Now now, const sip::RouteNeeded& need, const sip::Reply& reply,
                       std::string_view who) {
  ++counters.local_replies[reply.status];
  trace(now, step::kResponse, reply.why.empty() ? "asked of the edge itself" : reply.why,
        {{"status", std::to_string(reply.status)}});
  if (reply.status >= 300) {
    log.write(
        LogCategory::gate, LogLevel::info, tracing.id ? trace_text(tracing.id) : std::string{},
        std::string{who} + " → refused with " + std::to_string(reply.status) + ": " + reply.why);
  }
  record_refusal(now, need, reply);
  stack.reply(now, need, reply);
}

void Edge::Impl::silence(Now now, const sip::RouteNeeded& need, std::string_view reason,
                         const std::string& why) {
  ++counters.drops[std::string{reason}];
  recorder.dropped();
  capture.dropped();
  trace(now, step::kDropped, why, {{"reason", reason}});
  log.write(LogCategory::gate, LogLevel::info, tracing.id ? trace_text(tracing.id) : std::string{},
            std::string{need.request->method_name()} + " from backend " + need.flow.remote.text() +
                " stays unanswered: " + why);
}

Journey& Edge::Impl::start(const sip::RouteNeeded& need, std::string who, sip::Cookie& mark) {
  mark = ++last_mark;
  Journey& j = journeys[mark];
  j.method = need.request->method();
  j.affinity = affinity.key_of(need.request->call_id(), need.request->from_tag());
  j.who = std::move(who);
  j.trace = tracing.id;
  j.key = trace_text(j.trace);
  return j;
}

// The stack may refuse by itself (an INVITE without Contact, a limit), and then no end of the
// journey is reported, but a call's.
void Edge::Impl::send_on(Now now, const sip::RouteNeeded& need, sip::Plan plan) {
  const sip::Cookie mark = plan.mark;
  const bool taken = stack.route(now, need, std::move(plan));
  if (!taken && need.request->method() != sip::Method::invite) end_journey(mark);
}

void Edge::Impl::route(Now now, const sip::RouteNeeded& need) {
  const sip::Message& request = *need.request;
  ++counters.requests[counted_method(request)];
  const Parties parties = Parties::of(request);
  const Origin origin = origin_of(*directory, need.flow.remote);
  const Tenant tenant = tenant_of(request, parties, *directory, self);
  const Routing routing(*this, &request, &parties, need.flow);
  if (request.method() == sip::Method::invite && request.to_tag().empty())
    join_trace(request, parties);

  if (!origin.is_backend()) {
    if (std::string reason = stranger(request, tenant, scanners); !reason.empty()) {
      knock(now, &request, need.flow, tenant.shown, std::move(reason));
      return;
    }
    if (!admit(now, need, parties, tenant)) return;
  }
  trace_origin(now, origin, tenant);
  if (const auto answer = gate(request, parties, origin, tenant, config.user_agent)) {
    reply(now, need, *answer, describe(need, parties));
    return;
  }
  // RFC 3261 §16.3 item 4: what we sent ourselves has come back.
  if (self.listens_at(need.flow.remote)) {
    reply(now, need, {482, "", "it comes from one of our own listeners", {}},
          describe(need, parties));
    return;
  }
  if (draining &&
      (request.method() == sip::Method::invite || request.method() == sip::Method::register_)) {
    reply(now, need, {503, "", std::string{kEnding}, {{"Retry-After", "10"}}},
          describe(need, parties));
    return;
  }
  if (refuse_new(now, need)) return;
  if (origin.is_backend()) {
    to_phone(now, need, parties, origin);
  } else {
    to_backend(now, need, parties, *tenant.domain);
  }
}

// Garbage is answered only where the sender is known: a backend, or somebody who at least names a
// tenant of ours.
void Edge::Impl::malformed(Now now, const sip::MalformedReceived& event) {
  const sip::Message* request = event.what.request.get();
  const bool from_backend = origin_of(*directory, event.flow.remote).is_backend();
  const std::string why = "malformed: " + escaped(event.what.reason);
  const auto warn = [&](const std::string& end) {
    log.write(LogCategory::sip, LogLevel::warning, trace_text(tracing.id),
              "malformed message from " + event.flow.remote.text() + ": " +
                  escaped(event.what.reason) + "; " + end);
  };
  if (!request) {
    const Routing routing(*this, nullptr, nullptr, event.flow);
    if (!from_backend) return knock(now, nullptr, event.flow, {}, "malformed", why);
    warn("dropped");
    ++counters.drops["malformed"];
    recorder.dropped();
    capture.dropped();
    trace(now, step::kDropped, why, {{"reason", "malformed"}});
    return;
  }
  const Parties parties = Parties::of(*request);
  const Routing routing(*this, request, &parties, event.flow);
  if (!from_backend) {
    const Tenant tenant = tenant_of(*request, parties, *directory, self);
    if (std::string reason = stranger(*request, tenant, scanners); !reason.empty())
      return knock(now, request, event.flow, tenant.shown, std::move(reason));
    if (!admit(now, {event.what.request, event.flow}, parties, tenant)) return;
  }
  warn("answered with " + std::to_string(event.what.status));
  ++counters.local_replies[event.what.status];
  trace(now, step::kResponse, why, {{"status", std::to_string(event.what.status)}});
  stack.reply_malformed(now, event);
}

}  // namespace usher::routing
