// More than can be done at once: REGISTERs that wait for their backend, and new work that is
// refused.
#include <algorithm>
#include <array>
#include <tuple>

#include "core/limits.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

namespace {

// What makes work that lasts. OPTIONS and NOTIFY are not refused: a 503 would be taken for what the
// phone says about itself (rule 9), and to be silent would be as wrong.
bool makes_new_work(sip::Method method) {
  switch (method) {
    case sip::Method::invite:
    case sip::Method::register_:
    case sip::Method::subscribe:
    case sip::Method::refer:
    case sip::Method::message:
    case sip::Method::publish: return true;
    case sip::Method::ack:
    case sip::Method::bye:
    case sip::Method::cancel:
    case sip::Method::options:
    case sip::Method::prack:
    case sip::Method::update:
    case sip::Method::info:
    case sip::Method::notify:
    case sip::Method::other: break;
  }
  return false;
}

}  // namespace

void Edge::Impl::say(LogCategory category, LogLevel level,
                     const std::optional<std::string>& line) const {
  if (line) log.write(category, level, {}, *line);
}

// Spread, so that those who were refused together don't come back together.
sip::Reply Edge::Impl::busy(std::string why) {
  const auto middle = std::chrono::floor<std::chrono::seconds>(config.retry_after).count();
  const auto least = std::max<std::int64_t>(1, middle / 2);
  const std::uint64_t spread = static_cast<std::uint64_t>(middle) + 1;
  const std::uint64_t wait = static_cast<std::uint64_t>(least) + rng.below(spread);
  return {503, "", std::move(why), {{"Retry-After", std::to_string(wait)}}};
}

void Edge::Impl::look_at_load(Now now) {
  const sip::StackCounts counts = stack.counts();
  const sip::TransactionCounts& t = counts.transactions;
  const std::array tables{
      std::tuple{t.invite_client + t.invite_server + t.non_invite_client + t.non_invite_server,
                 limits::kTransactions, std::string_view{"transactions"}},
      std::tuple{counts.calls, limits::kCalls, std::string_view{"calls"}},
      std::tuple{counts.relays, limits::kRelays, std::string_view{"relayed requests"}},
      std::tuple{counts.subscriptions, limits::kSubscriptions, std::string_view{"subscriptions"}}};
  Overload::Load load;
  load.lag = lag;
  for (const auto& [used, most, name] : tables) {
    const double fill = static_cast<double>(used) / static_cast<double>(most);
    if (fill > load.fill) {
      load.fill = fill;
      load.table = name;
    }
  }
  const auto line = overload.update(now.mono, load);
  say(LogCategory::core, LogLevel::warning, line);
  if (line) event_log.add(now.wall, EventKind::storm, "overload", *line);
}

bool Edge::Impl::refuses_new(const sip::Message& request) const {
  const sip::Method method = request.method();
  if (overload.level() == Overload::Level::none || !request.to_tag().empty() ||
      !makes_new_work(method))
    return false;
  return overload.level() != Overload::Level::registers || method == sip::Method::register_;
}

bool Edge::Impl::refuse_new(Now now, const sip::RouteNeeded& need) {
  if (!refuses_new(*need.request)) return false;
  ++counters.overload_refused;
  const sip::Reply no = busy(overload.why());
  trace(now, step::kResponse, no.why, {{"status", std::to_string(no.status)}});
  ++counters.local_replies[no.status];
  stack.reply_stateless(now, need, no);
  return true;
}

RegisterRank Edge::Impl::rank_of(Now now, const sip::RouteNeeded& need, Affinity::Key key,
                                 bool bound) const {
  const bool answers = need.request->count(sip::HeaderId::authorization) > 0 ||
                       need.request->count(sip::HeaderId::proxy_authorization) > 0;
  if (answers && affinity.find(now.mono, key)) return RegisterRank::challenged;
  return bound ? RegisterRank::known : RegisterRank::first;
}

void Edge::Impl::let_wait(Now now, const sip::RouteNeeded& need, storage::TargetId target,
                          RegisterRank rank, const RegisterQueue::Waiting* queued,
                          std::string_view who) {
  RegisterQueue::Waiting waiting{need, target, rank, registers.due(now.mono), tracing.id};
  if (queued) waiting.due = queued->due;
  if (registers.is_full_for(rank)) {
    ++counters.registers_turned_away;
    reply(now, need, busy("too many registrations are waiting"), who);
    return;
  }
  if (!queued) {
    if (!stack.wait(now, waiting.need, trace_text(waiting.trace))) return;
    ++counters.registers_queued;
    trace(now, step::kQueued, "the target has enough REGISTERs to answer: it waits for its turn",
          {{"target", std::to_string(target)}});
  }
  if (const auto gives_way = registers.put(std::move(waiting)))
    turn_away(now, *gives_way, "too many registrations are waiting");
}

void Edge::Impl::turn_away(Now now, const RegisterQueue::Waiting& waiting, std::string why) {
  ++counters.registers_turned_away;
  const Parties parties = Parties::of(*waiting.need.request);
  const Routing routing(*this, waiting.need.request.get(), &parties, waiting.need.flow,
                        waiting.trace);
  reply(now, waiting.need, busy(std::move(why)), describe(waiting.need, parties));
}

void Edge::Impl::resume(Now now, const RegisterQueue::Waiting& waiting) {
  if (draining) return turn_away(now, waiting, std::string{kEnding});
  // The tenant may have gone while it waited.
  const Parties parties = Parties::of(*waiting.need.request);
  const Tenant tenant = tenant_of(*waiting.need.request, parties, *directory, self);
  if (!tenant.domain || !tenant.domain->enabled)
    return turn_away(now, waiting, "the domain is gone");
  const Routing routing(*this, waiting.need.request.get(), &parties, waiting.need.flow,
                        waiting.trace);
  to_backend(now, waiting.need, parties, *tenant.domain, &waiting);
}

void Edge::Impl::end_waits(Now now) {
  while (const auto waiting = registers.expired(now.mono))
    turn_away(now, *waiting, "its backend has been busy with other registrations");
  // Who waits for a target that can't be tried any more goes on to another one.
  for (const storage::TargetId id : registers.waited_for()) {
    const storage::Target* target = directory->target(id);
    if (target && takes_new(*target) && health.state(id) != HealthState::down &&
        !health.left_alone(id))
      continue;
    for (const RegisterQueue::Waiting& waiting : registers.take_all(id)) resume(now, waiting);
  }
}

void Edge::lag(Now now, Duration average) {
  impl_->lag = average;
  impl_->look_at_load(now);
}

}  // namespace usher::routing
