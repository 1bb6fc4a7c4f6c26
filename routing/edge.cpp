#include "routing/edge.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/dialog_records.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

Edge::Impl::Impl(EdgeConfig given, storage::Snapshot loaded, const Log& given_log, Now now)
    : config(std::move(given)),
      log(given_log),
      recorder(config.recorder, HashKey{config.seed, 5}),
      capture(config.capture, config.recorder.local, HashKey{config.seed, 6}),
      stack(config.stack, log),
      self(config.own_endpoints, config.own_hosts),
      outlets(config.stack.listeners),
      gate_settings(std::move(loaded.gate)),
      // Tables are seeded afresh with each process; names that last come from the token key.
      knocks(HashKey{config.seed, 1}, std::move(loaded.door_knocks)),
      limiter(HashKey{config.seed, 2}),
      offences(HashKey{config.seed, 3}),
      bans(HashKey{config.seed, 4}),
      location(HashKey{config.seed, ~config.seed}),
      registrar(location, config.token_key, log),
      keep_alive(config.keep_alive),
      dispatcher(config.token_key),
      affinity(HashKey{~config.seed, config.seed}, kAffinityLifetime, kAffinities),
      event_log(static_cast<std::uint64_t>(now.wall.time_since_epoch().count()), limits::kEvents),
      health(log, config.seed, event_log),
      records(dialog_saves, config.keep_records, config.stack.timers.timeout(), now.mono),
      registers(config.registers),
      overload(config.max_lag),
      rng(config.seed ^ 0x0FF10ADULL),
      last_target(loaded.last_target) {
  directory = Directory::make(std::move(loaded.domains), std::move(loaded.sets),
                              std::move(loaded.targets), {}, self.names());
  stack.set_notes(recorder.enabled() || capture.enabled());
  for (storage::ScannerPattern& pattern : loaded.scanners) scanners.put(std::move(pattern));
  for (storage::Binding& binding : loaded.bindings) {
    // A connection does not outlive its process.
    binding.flow.connection = net::ConnectionId{};
    if (binding.expires > now.wall) location.put(binding, now);
  }
  if (gate_settings.opened == WallTime{}) gate_settings.opened = now.wall;
  for (storage::Ban& ban : loaded.bans) bans.put(now, std::move(ban));
  lift_protected(now);
  for (std::size_t i = 0; i < loaded.bindings.size(); ++i)
    keep_alive.watch(now.mono, loaded.bindings[i], keep_alive.place_of(i, loaded.bindings.size()));
  for (const auto& [id, target] : directory->targets()) last_target = std::max(last_target, id);
  for (const auto& [id, set] : directory->sets()) track_targets(now, id);
  look_at_maintenance(now, false);
  ask_names(now);
  records.reopen(std::move(loaded.open_records));
  restore(now, loaded.calls, loaded.subscriptions);
  give_up_open_records(now);
}

void Edge::Impl::track_targets(Now now, storage::SetId set) {
  const storage::DispatcherSet* found = directory->set(set);
  for (const storage::Target* t : directory->targets_of(set)) {
    health.track(now, *t, found ? found->health : storage::HealthPolicy{});
  }
}

void Edge::Impl::pump(Now now) {
  for (;;) {
    const std::vector<sip::StackEvent> events = stack.take_events();
    if (events.empty()) {
      const auto waiting = registers.next();
      if (!waiting) break;
      resume(now, *waiting);
    }
    for (const sip::StackEvent& event : events) handle(now, event);
  }
  recorder.settle();
  capture.settle();
  std::vector<sip::Send> sends = stack.take_sends();
  if (recorder.enabled()) {
    for (const sip::Send& send : sends) recorder.sent(now, send);
  }
  for (const sip::Send& send : sends) capture.sent(now, send);
  for (const sip::Send& send : sends) stack.count_sent(send, side_of(send.flow));
  out.sends.insert(out.sends.end(), std::make_move_iterator(sends.begin()),
                   std::make_move_iterator(sends.end()));
}

void Edge::Impl::handle(Now now, const sip::StackEvent& event) {
  if (const auto* need = std::get_if<sip::RouteNeeded>(&event)) {
    route(now, *need);
  } else if (const auto* bad = std::get_if<sip::MalformedReceived>(&event)) {
    malformed(now, *bad);
  } else if (const auto* attempt = std::get_if<sip::AttemptEnded>(&event)) {
    attempt_ended(now, *attempt);
  } else if (const auto* held = std::get_if<sip::ResponseHeld>(&event)) {
    response_held(now, *held);
  } else if (const auto* relay = std::get_if<sip::RelayEnded>(&event)) {
    relay_ended(now, *relay);
  } else if (std::holds_alternative<sip::PrivateMedia>(event)) {
    ++counters.private_media;
  } else if (const auto* large = std::get_if<sip::Fragmented>(&event)) {
    fragmented(now, *large);
  } else if (const auto* ringing = std::get_if<sip::CallRinging>(&event)) {
    call_ringing(now, *ringing);
  } else if (const auto* answered = std::get_if<sip::CallAnswered>(&event)) {
    call_answered(now, *answered);
  } else if (const auto* changed = std::get_if<sip::CallChanged>(&event)) {
    call_changed(now, *changed);
  } else if (auto* subscription = std::get_if<sip::SubscriptionChanged>(&event)) {
    dialog_saves.put(now.mono, subscription->checkpoint.id,
                     storage::PutSubscription{subscription_record(subscription->checkpoint)},
                     subscription->first);
  } else if (const auto* over = std::get_if<sip::SubscriptionEnded>(&event)) {
    dialog_saves.remove(now.mono, over->id, storage::DeleteSubscription{over->id});
  } else if (const auto* ended = std::get_if<sip::CallEnded>(&event)) {
    call_ended(now, *ended);
  } else if (const auto* probed = std::get_if<sip::ProbeEnded>(&event)) {
    probe_ended(now, *probed);
  } else if (const auto* note = std::get_if<sip::Noted>(&event)) {
    noted(now, *note);
  }
}

PersistId Edge::Impl::persist(std::vector<storage::Change> changes) {
  const PersistId id = ++last_persist;
  persists.emplace(id, std::nullopt);
  out.persists.push_back(Persist{id, std::move(changes)});
  return id;
}

// The log has each one, the events some of each target.
void Edge::Impl::fragmented(Now now, const sip::Fragmented& large) {
  log.write(LogCategory::sip, large.is_news ? LogLevel::warning : LogLevel::info, {}, large.text);
  if (large.is_news || limiter.may_log(now.mono, large.target.address, "fragments"))
    event_log.add(now.wall, EventKind::request_fragmented, large.target.text(), large.text);
}

void Edge::Impl::store_event(Now now, bool degraded, const std::optional<std::string>& line) {
  if (!line) return;
  say(LogCategory::storage, degraded ? LogLevel::warning : LogLevel::info, line);
  event_log.add(now.wall, degraded ? EventKind::store_degraded : EventKind::store_recovered,
                "store", *line);
}

void Edge::Impl::release(Now now, Held& held) {
  if (held.released) return;
  held.released = true;
  stack.release(now, held.relay, held.contacts ? &*held.contacts : nullptr, held.headers);
}

void Edge::Impl::on_time(Now now) {
  stack.on_time(now);
  pump(now);
  while (!holds.empty() && holds.front().due <= now.mono) {
    const auto waiting = persists.find(holds.front().id);
    if (waiting != persists.end() && waiting->second && !waiting->second->released) {
      ++counters.registers_unstored;
      store_event(now, true, store_watch.late());
      release(now, *waiting->second);
    }
    holds.pop_front();
  }
  for (const storage::TargetId id : health.due(now)) probe(now, id);
  if (const auto due = maintenance.next_deadline(); due && *due <= now.mono)
    look_at_maintenance(now);
  end_waits(now);
  if (overload.due() && *overload.due() <= now.mono) look_at_load(now);
  for (sip::Send& ping : keep_alive.due(now.mono, location)) {
    if (outlets.has(ping.flow)) out.sends.push_back(std::move(ping));
  }
  std::vector<storage::Change> gone;
  for (const storage::Binding& b : location.expire(now.mono, kExpirePerWakeUp)) {
    log.write(LogCategory::registration, LogLevel::info, {},
              b.aor + " expired: " + b.contact + " (token " + b.token + ") was not refreshed");
    event_log.add(now.wall, EventKind::binding_removed, b.aor, b.contact + " was not refreshed");
    gone.emplace_back(storage::DeleteBinding{b.token});
  }
  if (!gone.empty()) persist(std::move(gone));
  guard_on_time(now);
  if (auto change = records.on_time(now)) persist({std::move(*change)});
  if (dialog_saves.due() && *dialog_saves.due() <= now.mono) save_dialogs();
  affinity.expire(now.mono);
  registrar.on_time(now.mono);
  if (const auto due = names.next_deadline(); due && *due <= now.mono) ask_names(now);
  if (drain_until && *drain_until <= now.mono) drain_until.reset();
  pump(now);
}

std::optional<Instant> Edge::Impl::next_deadline() const {
  std::optional<Instant> next = names.next_deadline();
  const auto take = [&](const std::optional<Instant>& other) {
    if (other && (!next || *other < *next)) next = other;
  };
  take(stack.next_deadline());
  take(health.next_deadline());
  take(maintenance.next_deadline());
  take(location.next_expiry());
  take(keep_alive.next_deadline());
  take(knocks.due());
  take(bans.next_expiry());
  take(bans.flush_due());
  take(dialog_saves.due());
  take(records.due());
  take(affinity.next_expiry());
  take(registrar.next_deadline());
  if (!holds.empty()) take(holds.front().due);
  take(drain_until);
  take(registers.next_deadline());
  take(overload.due());
  return next;
}

Edge::Edge(EdgeConfig config, storage::Snapshot loaded, const Log& log, Now now)
    : impl_(std::make_unique<Impl>(std::move(config), std::move(loaded), log, now)) {}

Edge::~Edge() = default;

void Edge::receive(Now now, const net::Packet& packet) {
  if (impl_->is_banned(now, packet)) return;
  impl_->recorder.arrived(now, packet);
  impl_->capture.arrived(now, packet);
  impl_->stack.receive(now, packet, impl_->side_of(packet.flow));
  impl_->pump(now);
}

void Edge::flow_failed(Now now, const net::Flow& flow, std::string_view reason) {
  if (const std::size_t lost = impl_->location.connection_lost(flow.connection); lost > 0) {
    impl_->log.write(LogCategory::registration, LogLevel::info, {},
                     "connection to " + flow.remote.text() + " is gone (" + std::string{reason} +
                         "): " + std::to_string(lost) +
                         " binding(s) cannot be reached until they register again");
  }
  impl_->stack.flow_failed(now, flow, reason);
  impl_->pump(now);
}

void Edge::cut_off(Now now, const net::Flow& flow, std::string_view reason,
                   std::string_view detail) {
  const std::string transport{net::transport_name(flow.transport)};
  const bool backend = is_backend(flow.remote.address);
  impl_->log.write(LogCategory::net, backend ? LogLevel::warning : LogLevel::debug, {},
                   std::string{backend ? "backend " : ""} + flow.remote.text() + ": its " +
                       transport + " connection was cut off: " + escaped(detail));
  // Nothing is held against him (hold_against): it may be the fault of our own certificate.
  if (backend) return;
  const Impl::Routing routing(*impl_, nullptr, nullptr, flow);
  impl_->knock(now, nullptr, flow, {}, transport + ": " + std::string{reason},
               "its connection was cut off: " + escaped(detail));
}

bool Edge::is_backend(const net::IpAddress& address) const {
  return impl_->directory->is_backend(address);
}

std::vector<std::string> Edge::certificate_names(const net::Endpoint& backend) const {
  return impl_->directory->names_at(backend);
}

void Edge::on_time(Now now) {
  impl_->on_time(now);
}

void Edge::stored(Now now, PersistId id, const Result<void>& result) {
  const auto waiting = impl_->persists.find(id);
  if (waiting == impl_->persists.end()) return;
  Impl& e = *impl_;
  e.store_event(now, !result,
                e.store_watch.answered(result ? std::string{} : result.error().message));
  if (result && waiting->second && !waiting->second->released)
    e.store_event(now, false, e.store_watch.in_time());
  // Memory is the truth: a disk that refuses delays nobody (rule 12).
  if (waiting->second) impl_->release(now, *waiting->second);
  impl_->persists.erase(waiting);
  impl_->pump(now);
}

EdgeOutput Edge::take_output() {
  impl_->out.records = impl_->records.take();
  impl_->out.captured = impl_->capture.take();
  return std::exchange(impl_->out, {});
}
std::optional<Instant> Edge::next_deadline() const {
  return impl_->next_deadline();
}

}  // namespace usher::routing
