// The operator's side: what he sees and what he changes.
#include <algorithm>
#include <charconv>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

const Directory& Edge::directory() const {
  return *impl_->directory;
}
std::vector<storage::ScannerPattern> Edge::scanners() const {
  return impl_->scanners.list();
}
std::optional<sip::CallView> Edge::call(sip::CallId id) const {
  return impl_->stack.call(id);
}
void Edge::each_call(sip::CallId after,
                     const std::function<bool(const sip::CallView&)>& visit) const {
  impl_->stack.each_call(after, visit);
}
std::vector<sip::CallView> Edge::calls() const {
  return impl_->stack.calls();
}
std::optional<sip::SubscriptionView> Edge::subscription(sip::SubscriptionId id) const {
  return impl_->stack.subscription(id);
}
void Edge::each_subscription(sip::SubscriptionId after,
                             const std::function<bool(const sip::SubscriptionView&)>& visit) const {
  impl_->stack.each_subscription(after, visit);
}
const sip::Traffic& Edge::traffic() const {
  return impl_->stack.traffic();
}
const EdgeCounters& Edge::counters() const {
  return impl_->counters;
}
std::vector<storage::DoorKnock> Edge::door_knocks(std::size_t limit) const {
  return impl_->knocks.newest(limit);
}
const storage::GateSettings& Edge::gate_settings() const {
  return impl_->gate_settings;
}
bool Edge::gate_enforces(WallTime now) const {
  return impl_->enforces(now);
}
const std::map<net::Cidr, storage::Ban>& Edge::bans() const {
  return impl_->bans.list();
}
std::string Edge::protected_owner(const net::Cidr& network) const {
  return impl_->protected_owner(network);
}
storage::TargetId Edge::last_target_id() const {
  return impl_->last_target;
}
void Edge::drain(Now now, Duration limit) {
  impl_->drain(now, limit);
}
bool Edge::draining() const {
  return impl_->draining;
}
bool Edge::drained() const {
  return impl_->draining && (!impl_->drain_until || impl_->calls_up() == 0);
}
void Edge::stop(Now now) {
  impl_->stop(now);
}
void Edge::set_times(const sip::CallTimes& times) {
  impl_->stack.set_times(times);
}

TargetStatus Edge::target_status(storage::TargetId id) const {
  TargetStatus status = impl_->health.status(id);
  if (const auto live = impl_->live_calls.find(id); live != impl_->live_calls.end())
    status.live_calls = live->second;
  if (const storage::Target* t = impl_->directory->target(id)) impl_->describe_name(*t, status);
  if (const auto* window = impl_->maintenance.of(id)) status.maintenance_until = window->until;
  return status;
}

const TargetHistory* Edge::target_history(storage::TargetId id) const {
  return impl_->health.history(id);
}

std::string Edge::not_usable(storage::SetId set) const {
  const storage::DispatcherSet* found = impl_->directory->set(set);
  return found ? impl_->candidates(*found).none
               : "there is no dispatcher set " + std::to_string(set);
}

DomainUse Edge::domain_use(const std::string& lower_case_name) const {
  DomainUse out;
  out.registrations = impl_->location.count_in(lower_case_name);
  each_call({}, [&](const sip::CallView& call) {
    out.live_calls += call.domain == lower_case_name ? 1 : 0;
    return true;
  });
  out.subscriptions = impl_->stack.subscriptions_of(lower_case_name);
  return out;
}

Paged<storage::Binding> Edge::registrations(const RegistrationFilter& filter,
                                            const Page& page) const {
  const std::string domain = lower(filter.domain);
  Paged<storage::Binding> out;
  std::size_t from = 0;
  const char* const end = page.cursor.data() + page.cursor.size();
  if (!page.cursor.empty() && std::from_chars(page.cursor.data(), end, from).ptr != end) return out;
  std::size_t next = 0;
  out.items = impl_->location.page(from, std::clamp<std::size_t>(page.limit, 1, limits::kPageSize),
                                   {domain, filter.user, filter.source}, next);
  if (next != 0) out.next = std::to_string(next);
  return out;
}

EdgeCounts Edge::counts() const {
  EdgeCounts out;
  out.stack = impl_->stack.counts();
  out.registrations = impl_->location.size();
  out.domains = impl_->directory->domains().size();
  out.sets = impl_->directory->sets().size();
  out.targets = impl_->directory->targets().size();
  out.door_knocks = impl_->knocks.size();
  out.pending_persists = impl_->persists.size() + impl_->dialog_saves.size();
  out.affinities = impl_->affinity.size();
  out.bans = impl_->bans.enforced();
  out.would_be_bans = impl_->bans.size() - impl_->bans.enforced();
  out.limiter_entries = impl_->limiter.size();
  out.offence_entries = impl_->offences.size();
  out.registers_waiting = impl_->registers.size();
  out.registers_in_flight = impl_->registers.in_flight();
  return out;
}

const EventLog& Edge::events() const {
  return impl_->event_log;
}

void Edge::note(Now now, EventKind kind, std::string subject, std::string text) {
  impl_->event_log.add(now.wall, kind, std::move(subject), std::move(text));
}

std::string Edge::overload() const {
  return impl_->overload.why();
}

std::vector<std::string> Edge::not_ready() const {
  std::vector<std::string> out;
  if (impl_->outlets.size() == 0) out.emplace_back("there is no listener");
  if (impl_->draining)
    out.push_back(std::string{kEnding} + ": it takes no new calls and registrations, " +
                  std::to_string(impl_->calls_up()) + " call(s) are left");
  const Directory& d = *impl_->directory;
  bool enabled = false;
  for (const auto& [name, domain] : d.domains()) {
    if (!domain.enabled) continue;
    enabled = true;
    const storage::DispatcherSet* set = d.set(domain.setid);
    if (set && !impl_->candidates(*set).usable.empty()) return out;
  }
  out.emplace_back(enabled ? "no domain has a target that could be tried"
                           : "there is no enabled domain");
  return out;
}

void Edge::Impl::apply_other(Now now, const storage::Change& change) {
  if (const auto* scanner = std::get_if<storage::PutScanner>(&change)) {
    scanners.put(scanner->scanner);
  } else if (const auto* gone = std::get_if<storage::DeleteScanner>(&change)) {
    scanners.erase(gone->pattern);
  } else if (const auto* binding = std::get_if<storage::PutBinding>(&change)) {
    location.put(binding->binding, now);
  } else if (const auto* lost = std::get_if<storage::DeleteBinding>(&change)) {
    location.erase(lost->token);
  } else {
    apply_gate(now, change);
  }
}

void Edge::apply(Now now, const std::vector<storage::Change>& changes) {
  Impl& e = *impl_;
  e.directory = e.directory->with(changes);
  bool targets = false;
  for (const storage::Change& change : changes) {
    if (const auto* put = std::get_if<storage::PutTarget>(&change)) {
      e.last_target = std::max(e.last_target, put->target.id);
      e.health.track(now, put->target, e.directory->set(put->target.setid)->health);
      e.place_health.keep(put->target.id, e.directory->places_of(put->target));
      targets = true;
    } else if (const auto* gone = std::get_if<storage::DeleteTarget>(&change)) {
      e.health.forget(gone->id);
      e.place_health.keep(gone->id, {});
    } else if (const auto* set = std::get_if<storage::PutSet>(&change)) {
      e.track_targets(now, set->set.setid);
    } else if (const auto* gone_set = std::get_if<storage::DeleteSet>(&change)) {
      e.dispatcher.forget(gone_set->setid);
    } else {
      e.apply_other(now, change);
    }
  }
  if (!targets) return;
  e.look_at_maintenance(now);
  e.ask_names(now);
  e.lift_protected(now);
}

Result<void> Edge::remove_registration(Now now, const std::string& token) {
  const auto binding = impl_->location.by_token(token);
  if (!binding)
    return fail(Errc::not_found, "there is no registration with token " + quoted(token));
  impl_->location.erase(token);
  impl_->persist({storage::DeleteBinding{token}});
  impl_->event_log.add(now.wall, EventKind::binding_removed, binding->aor,
                       binding->contact + " removed by the operator");
  impl_->log.write(
      LogCategory::registration, LogLevel::info, {},
      binding->aor + ": " + binding->contact + " (token " + token + ") removed by the operator");
  return {};
}

Result<void> Edge::end_call(Now now, sip::CallId call, std::string_view why) {
  auto result = impl_->stack.end_call(now, call, why);
  impl_->pump(now);
  return result;
}

}  // namespace usher::routing
