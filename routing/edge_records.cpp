// A record for each call: what of it is known when, and what the process before left open.
#include "routing/edge_impl.hpp"

namespace usher::routing {

namespace {

std::string uri_text(const std::optional<sip::Uri>& uri) {
  return uri ? record_text(uri->raw) : std::string{};
}

}  // namespace

// At the beginning of a call. One that goes on with another has its trace already, see
// join_trace().
void Edge::Impl::open_record(Now now, Journey& journey, const sip::RouteNeeded& need,
                             const Parties& parties, const std::string& domain) {
  auto record =
      std::make_unique<storage::CallRecord>(new_record(now, journey.key, need, parties, domain));
  record->target = journey.live;
  records.begin(now.mono, journey.affinity, *record);
  journey.record = std::move(record);
}

// An INVITE that goes on with a call belongs to that one's trace.
void Edge::Impl::join_trace(const sip::Message& invite, const Parties& parties) {
  const std::string* id =
      records.goes_on_with(affinity.key_of(invite.call_id(), invite.from_tag()),
                           record_text(invite.call_id()), uri_text(parties.from));
  const auto trace = id ? parse_trace(*id) : std::nullopt;
  if (!trace) return;
  tracing.id = *trace;
  recorder.belongs_to(*trace);
  capture.begun(false, *trace);
}

storage::CallRecord Edge::Impl::new_record(Now now, const std::string& key,
                                           const sip::RouteNeeded& need, const Parties& parties,
                                           const std::string& domain) const {
  storage::CallRecord record;
  record.id = key;
  record.from = uri_text(parties.from);
  record.to = uri_text(parties.to);
  record.domain = record_text(domain);
  record.origin_side = directory->is_backend(need.flow.remote.address) ? storage::LegSide::backend
                                                                       : storage::LegSide::phone;
  record.origin = need.flow.remote;
  record.origin_call_id = record_text(need.request->call_id());
  record.started = now.wall;
  return record;
}

// A call that ends before anything was tried. What is refused by the bare limits, without state, is
// no call: it would be one again with each repetition.
void Edge::Impl::record_refusal(Now now, const sip::RouteNeeded& need, const sip::Reply& reply) {
  const sip::Message& request = *need.request;
  if (request.method() != sip::Method::invite || reply.status < 300 || !request.to_tag().empty())
    return;
  const Parties parties = Parties::of(request);
  const Origin origin = origin_of(*directory, need.flow.remote);
  const Tenant tenant = tenant_of(request, parties, *directory, self);
  storage::CallRecord record = new_record(now, trace_text(tracing.id), need, parties,
                                          tenant.domain ? tenant.domain->domain : "");
  if (origin.is_backend()) record.target = origin.backends.front()->id;
  record.status = reply.status;
  record.cause = record_text(reply.why);
  record.ended = now.wall;
  records.begin(now.mono, affinity.key_of(request.call_id(), request.from_tag()), record);
  records.close(now.mono, std::move(record));
}

void Edge::Impl::call_ringing(Now now, const sip::CallRinging& e) {
  const auto found = journeys.find(e.mark);
  if (found == journeys.end()) return;
  trace(now, found->second.trace, step::kRinging, "a first 18x has come",
        {{"destination", e.destination.text()}});
  if (found->second.record) records.ringing(*found->second.record, e, now);
}

void Edge::Impl::record_answer(Now now, Journey& journey, const sip::CallAnswered& e) {
  if (!journey.record) return;
  if (journey.live != 0) journey.record->target = journey.live;
  journey.record->failovers = static_cast<std::uint32_t>(journey.current);
  records.answered(*journey.record, e, now);
}

void Edge::Impl::record_end(Now now, Journey& journey, const sip::CallEnded& e) {
  if (!journey.record) return;
  storage::CallRecord record = std::move(*journey.record);
  journey.record.reset();
  // Towards a backend the attempt's mark is its target.
  const auto tried = static_cast<storage::TargetId>(e.place.attempt);
  if (record.origin_side == storage::LegSide::phone && tried != 0) record.target = tried;
  if (e.place.attempts > 0)  // a call of an earlier process has none
    record.failovers = static_cast<std::uint32_t>(journey.current);
  records.ended(std::move(record), e, journey.affinity, now);
}

// The record of a call of the process before; one that wrote none knew less.
void Edge::Impl::resume_record(Journey& journey, const storage::SavedCall& saved) {
  auto record = records.take_open(saved.key);
  if (!record) {
    record.emplace();
    record->id = saved.key;
    record->from = record_text(saved.origin.remote_party);
    record->to = record_text(saved.origin.local_party);
    record->domain = saved.domain;
    record->origin_side = saved.origin.side;
    record->origin = saved.origin.flow.remote;
    record->origin_call_id = record_text(saved.origin.call_id);
    record->new_call_id = record_text(saved.id);
    record->target = saved.target;
    record->destination = saved.answerer.flow.remote.text();
    record->attempts = 1;
    record->started = saved.started;
  }
  record->answered = saved.answered;
  record->status = 200;
  journey.record = std::make_unique<storage::CallRecord>(std::move(*record));
}

void Edge::Impl::give_up_open_records(Now now) {
  const std::size_t lost = records.give_up_open(now);
  if (lost > 0)
    log.write(LogCategory::call, LogLevel::warning, {},
              std::to_string(lost) + " call(s) of the process before ended with it");
}

const CallRecords& Edge::records() const {
  return impl_->records;
}

}  // namespace usher::routing
