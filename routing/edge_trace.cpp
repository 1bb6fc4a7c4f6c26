// The decision trace: what is told to the flight recorder, in words.
#include "core/duration.hpp"
#include "core/text.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

namespace {

constexpr std::size_t kShownTargets = 16;

std::string aor_or_uri(const std::optional<sip::Uri>& uri) {
  if (!uri) return {};
  std::string aor = aor_text(*uri);
  return aor.empty() ? std::string{uri->raw.substr(0, kStepValue)} : aor;
}

bool has_credentials(const sip::Message& m) {
  return m.count(sip::HeaderId::authorization) > 0 ||
         m.count(sip::HeaderId::proxy_authorization) > 0;
}

std::string label_of(const storage::Target& target) {
  return "target " + std::to_string(target.id) + " (" + target.destination.text() + ")";
}

std::string whole_ms(Duration d) {
  if (d > Duration{} && d < std::chrono::milliseconds(1)) return "less than 1ms";
  return duration_text(std::chrono::floor<std::chrono::milliseconds>(d));
}

}  // namespace

TraceId Edge::Impl::new_trace() {
  const TraceId id = siphash(HashKey{config.seed, ++last_trace}, "trace");
  return id == 0 ? 1 : id;
}

Edge::Impl::Routing::Routing(Impl& edge, const sip::Message* request, const Parties* parties,
                             const net::Flow& flow, TraceId id)
    : edge_(edge) {
  edge.tracing = {id == 0 ? edge.new_trace() : id, request, parties, &flow, id != 0};
  if (id == 0) edge.recorder.belongs_to(edge.tracing.id);
  if (id == 0 && request) edge.capture.begun(!request->to_tag().empty(), edge.tracing.id);
}

Edge::Impl::Routing::~Routing() {
  edge_.tracing = {};
}

void Edge::Impl::begin_trace(Now now, bool stranger) {
  if (tracing.begun || tracing.flow == nullptr) return;
  tracing.begun = true;
  if (tracing.request == nullptr) return begin_garbage(now, stranger);
  const sip::Message& m = *tracing.request;
  std::array<std::string, 3> who;
  if (tracing.parties)
    who = {aor_or_uri(tracing.parties->from), aor_or_uri(tracing.parties->to),
           aor_or_uri(tracing.parties->request)};
  std::string& step = step_text;
  step.clear();
  write_step(step, step::kReceived, {},
             {{"method", m.method_name()},
              {"from", who[0]},
              {"to", who[1]},
              {"request_uri", m.request_uri()},
              {"call_id", m.call_id()},
              {"source", tracing.flow->remote.text()},
              {"transport", net::transport_name(tracing.flow->transport)},
              {"credentials", has_credentials(m) ? "yes" : ""}});
  recorder.begin(now, tracing.id, m.call_id(), {who[0], who[1], who[2]}, *tracing.flow, step,
                 stranger);
}

// What is no request that could be read.
void Edge::Impl::begin_garbage(Now now, bool stranger) {
  step_text.clear();
  write_step(step_text, step::kReceived, {},
             {{"source", tracing.flow->remote.text()},
              {"transport", net::transport_name(tracing.flow->transport)}});
  recorder.begin(now, tracing.id, {}, {}, *tracing.flow, step_text, stranger);
}

void Edge::Impl::trace(Now now, std::string_view what, std::string_view why,
                       std::initializer_list<StepField> fields, bool stranger) {
  if (!recorder.enabled() || tracing.id == 0) return;
  begin_trace(now, stranger);
  trace(now, tracing.id, what, why, fields, stranger);
}

void Edge::Impl::trace(Now now, TraceId id, std::string_view what, std::string_view why,
                       std::initializer_list<StepField> fields, bool stranger) {
  if (!recorder.enabled()) return;
  step_text.clear();
  write_step(step_text, what, why, fields);
  recorder.note(now, id, step_text, {}, {}, stranger);
}

void Edge::Impl::trace_origin(Now now, const Origin& origin, const Tenant& tenant) {
  if (!recorder.enabled()) return;
  const std::string source = tracing.flow->remote.address.text();
  if (origin.is_backend()) {
    trace(now, step::kOrigin,
          source + " is an address of " + label_of(*origin.backends.front()) + " of set " +
              std::to_string(origin.backends.front()->setid),
          {{"side", "backend"}, {"target", std::to_string(origin.backends.front()->id)}});
  } else {
    trace(now, step::kOrigin, "no backend sends from " + source, {{"side", "phone"}});
  }
  if (tenant.domain && !origin.is_backend())
    trace(now, step::kDomain, tenant.shown + " is a domain of ours",
          {{"domain", tenant.domain->domain}, {"set", std::to_string(tenant.domain->setid)}});
}

void Edge::Impl::trace_candidates(Now now, const Candidates& possible, const TargetOrder& order,
                                  std::string_view how) {
  if (!recorder.enabled() || tracing.id == 0) return;
  begin_trace(now, false);
  step_text.clear();
  write_step(step_text, step::kCandidates, possible.usable.empty() ? possible.none : how, {});
  if (!order.empty()) write_field(step_text, "target", std::to_string(order.front()->id));
  std::size_t shown = 0;
  for (const storage::Target* t : order) {
    if (shown++ == kShownTargets) break;
    write_field(step_text, label_of(*t),
                shown == 1 ? std::string{"chosen"} : "in reserve, number " + std::to_string(shown));
  }
  for (const auto& [target, reason] : possible.rejected) {
    if (shown++ >= kShownTargets) break;
    write_field(step_text, label_of(*target), reason);
  }
  recorder.note(now, tracing.id, step_text);
}

void Edge::Impl::noted(Now now, const sip::Noted& e) {
  const auto id = parse_trace(e.key);
  if (id) capture.joined(e.call_id, e.new_call_id, *id);
  if (!id || !recorder.enabled()) return;
  const std::string peer = e.peer == net::Endpoint{} ? std::string{} : e.peer.text();
  const std::string time = e.time == Duration{} ? std::string{} : whole_ms(e.time);
  std::string_view what;
  switch (e.kind) {
    case sip::NoteKind::attempt: what = step::kAttempt; break;
    case sip::NoteKind::timer_armed: what = step::kTimerArmed; break;
    case sip::NoteKind::timer_fired: what = step::kTimerFired; break;
    case sip::NoteKind::local_response: what = step::kResponse; break;
    case sip::NoteKind::bye_unanswered: what = step::kByeLost; break;
  }
  step_text.clear();
  const bool sent = e.kind == sip::NoteKind::attempt;
  write_step(step_text, what, e.text,
             {{"destination", peer},
              {"transport", sent ? net::transport_name(e.transport) : std::string_view{}},
              {"status", e.status ? std::to_string(e.status) : std::string{}},
              {"timer", e.timer},
              {"time", time},
              {"call_id", e.new_call_id}});
  recorder.note(now, *id, step_text, e.call_id, e.new_call_id);
}

void Edge::Impl::trace_attempt_ended(Now now, const Journey& journey, const sip::AttemptEnded& e) {
  if (!recorder.enabled()) return;
  const storage::Target* target =
      journey.tries.empty() ? nullptr
                            : directory->target(static_cast<storage::TargetId>(e.attempt));
  std::string why = e.status > 0  ? "answered " + std::to_string(e.status)
                    : e.cancelled ? "given up: " + (e.reason.empty() ? "cancelled" : e.reason)
                                  : e.reason;
  if (why.empty()) why = "no answer";
  trace(now, journey.trace, step::kAttemptEnded, why,
        {{"target", target ? std::to_string(target->id) : std::string{}},
         {"destination", target ? target->destination.text() : e.place.text()},
         {"status", e.status > 0 ? std::to_string(e.status) : std::string{}},
         {"timed_out", e.timed_out ? "yes" : ""},
         {"cancelled", e.cancelled ? "yes" : ""},
         {"provisional", e.had_provisional ? "yes" : "no"},
         {"took", whole_ms(e.took)}});
}

void Edge::Impl::trace_call_ended(Now now, const Journey& journey, const sip::CallEnded& e) {
  if (!recorder.enabled()) return;
  trace(now, journey.trace, step::kEnded, e.why,
        {{"status", std::to_string(e.status)},
         {"answered", e.answered ? "yes" : "no"},
         {"ended_by", sip::ender_name(e.ended_by)},
         {"talk", e.answered ? whole_ms(e.ended - e.answered_at) : std::string{}},
         {"length", whole_ms(e.ended - e.started)}});
}

const Recorder& Edge::recorder() const {
  return impl_->recorder;
}

void Edge::enable_recorder(bool enabled) {
  impl_->recorder.enable(enabled);
  impl_->stack.set_notes(enabled || impl_->capture.enabled());
}

}  // namespace usher::routing
