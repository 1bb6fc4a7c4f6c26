// What outlives a process: calls and subscriptions are told to the store and taken over from it,
// phones that come back get theirs, and a process that is to end lets its calls end first.
#include <algorithm>
#include <memory>

#include "core/duration.hpp"
#include "core/text.hpp"
#include "routing/dialog_records.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

namespace {

constexpr std::size_t kBatch = 1000;  // changes of one batch to the store

std::string who_of(const sip::CallCheckpoint& call) {
  return "restored call of " + escaped(call.origin.dialog.remote_party) + " to " +
         escaped(call.origin.dialog.local_party);
}

// What the directory hides, and where the backends of these dialogs were: the addresses of host
// names are not known again yet.
std::shared_ptr<const sip::HiddenHosts> hidden_hosts(
    const Directory& directory, const std::vector<storage::SavedCall>& calls,
    const std::vector<storage::SavedSubscription>& subscriptions) {
  auto hidden = std::make_shared<sip::HiddenHosts>(*directory.hidden());
  const auto hide = [&](const storage::SavedLeg& leg) {
    if (leg.side == storage::LegSide::backend)
      hidden->addresses.insert(leg.flow.remote.address.text());
  };
  for (const storage::SavedCall& call : calls) {
    hide(call.origin);
    hide(call.answerer);
  }
  for (const storage::SavedSubscription& subscription : subscriptions) {
    hide(subscription.subscriber);
    hide(subscription.notifier);
  }
  return hidden;
}

}  // namespace

Result<void> Edge::Impl::find_way(sip::LegCheckpoint& leg) const {
  if (outlets.has(leg.flow)) return {};
  const auto listener = outlets.towards(leg.flow.transport, leg.flow.remote.address);
  if (!listener)
    return fail(Errc::unavailable, "there is no " +
                                       std::string{net::transport_name(leg.flow.transport)} +
                                       " listener any more");
  leg.flow.listener = *listener;
  return {};
}

Result<void> Edge::Impl::restore(Now now, const storage::SavedCall& saved,
                                 const std::shared_ptr<const sip::HiddenHosts>& hidden) {
  auto checkpoint = call_checkpoint(saved);
  if (!checkpoint) return checkpoint.error();
  for (sip::LegCheckpoint* leg : {&checkpoint->origin, &checkpoint->answerer}) {
    if (auto found = find_way(*leg); !found) return found;
  }
  const sip::Cookie mark = ++last_mark;
  Journey& journey = journeys[mark];
  journey.key = checkpoint->key;
  journey.trace = parse_trace(journey.key).value_or(0);
  journey.method = sip::Method::invite;
  journey.who = who_of(*checkpoint);
  journey.saved = checkpoint->id;
  set_live(journey, saved.target);
  step_text.clear();
  write_step(
      step_text, step::kRestored, "an established call of the process before goes on",
      {{"up", duration_text(std::chrono::ceil<std::chrono::seconds>(now.wall - saved.answered))}});
  recorder.note(now, journey.trace, step_text, checkpoint->origin.dialog.call_id,
                checkpoint->answerer.dialog.call_id);
  // Towards a backend the attempt's mark is its target.
  const auto attempt = checkpoint->answerer.side == sip::Side::backend
                           ? static_cast<std::uint64_t>(saved.target)
                           : std::uint64_t{0};
  capture.call_begun(journey.trace);
  capture.joined(checkpoint->origin.dialog.call_id, checkpoint->answerer.dialog.call_id,
                 journey.trace);
  auto restored = stack.restore(now, {std::move(*checkpoint), mark, attempt, hidden});
  if (restored) resume_record(journey, saved);
  if (restored) return {};
  end_journey(mark);
  return restored.error();
}

Result<void> Edge::Impl::restore(Now now, const storage::SavedSubscription& saved,
                                 const std::shared_ptr<const sip::HiddenHosts>& hidden) {
  auto checkpoint = subscription_checkpoint(saved);
  if (!checkpoint) return checkpoint.error();
  for (sip::LegCheckpoint* leg : {&checkpoint->subscriber, &checkpoint->notifier}) {
    if (auto found = find_way(*leg); !found) return found;
  }
  return stack.restore(now, {std::move(*checkpoint), hidden});
}

void Edge::Impl::restore(Now now, const std::vector<storage::SavedCall>& calls,
                         const std::vector<storage::SavedSubscription>& subscriptions) {
  if (calls.empty() && subscriptions.empty()) return;
  const auto hidden = hidden_hosts(*directory, calls, subscriptions);
  std::vector<storage::Change> changes;
  const auto restore_each = [&](const auto& saved, std::string_view kind, auto removal) {
    std::size_t restored = 0;
    for (const auto& one : saved) {
      if (const auto result = restore(now, one, hidden); !result) {
        // Of what has expired meanwhile there may be many, and nobody misses it.
        const bool expired = result.error().code == Errc::not_found;
        log.write(LogCategory::call, expired ? LogLevel::debug : LogLevel::warning, one.key,
                  std::string{kind} + " " + one.id +
                      " cannot be gone on with: " + result.error().message);
        records.lost(one.key, result.error().message);
        changes.push_back(removal(one.id));
      } else {
        ++restored;
      }
    }
    return std::to_string(restored) + " " + std::string{kind} + "(s)";
  };
  const std::string restored =
      restore_each(calls, "call", [](const std::string& id) { return storage::DeleteCall{id}; }) +
      " and " + restore_each(subscriptions, "subscription", [](const std::string& id) {
        return storage::DeleteSubscription{id};
      });
  // Their CSeq numbers have jumped: the next restart must start from these.
  for (const sip::StackEvent& event : stack.take_events()) {
    if (const auto* call = std::get_if<sip::CallChanged>(&event)) {
      changes.emplace_back(
          storage::PutCall{call_record(call->checkpoint, journeys.at(call->mark).live)});
    } else if (const auto* subscription = std::get_if<sip::SubscriptionChanged>(&event)) {
      changes.emplace_back(storage::PutSubscription{subscription_record(subscription->checkpoint)});
    }
  }
  for (std::size_t i = 0; i < changes.size(); i += kBatch) {
    const auto begin = changes.begin() + static_cast<std::ptrdiff_t>(i);
    const auto end =
        changes.begin() + static_cast<std::ptrdiff_t>(std::min(i + kBatch, changes.size()));
    persist({std::make_move_iterator(begin), std::make_move_iterator(end)});
  }
  log.write(LogCategory::call, LogLevel::info, {}, restored + " of the process before go on");
}

void Edge::Impl::call_changed(Now now, const sip::CallChanged& e) {
  const auto found = journeys.find(e.mark);
  if (found == journeys.end()) return;
  found->second.saved = e.checkpoint.id;
  dialog_saves.put(now.mono, e.checkpoint.id,
                   storage::PutCall{call_record(e.checkpoint, found->second.live)}, e.first);
}

void Edge::Impl::save_dialogs() {
  if (auto changes = dialog_saves.take(); !changes.empty()) persist(std::move(changes));
}

// A device without +sip.instance is known by its Contact, which names another port after it has
// connected again: a new one at the address of the only one of its AoR whose connection is gone is
// taken for that.
void Edge::Impl::came_back(Now now, const storage::Binding& binding,
                           const std::optional<net::Flow>& was) {
  std::size_t moved = stack.rebind(now, binding.token, binding.flow, was);
  const bool is_new = binding.registered == now.wall && net::is_reliable(binding.flow.transport);
  if (moved == 0 && is_new && binding.instance.empty()) {
    std::vector<std::string> gone;
    for (const storage::Binding& b : location.by_aor(binding.aor)) {
      if (b.token != binding.token && b.instance.empty() && b.flow.connection.value == 0 &&
          b.flow.transport == binding.flow.transport &&
          b.flow.remote.address == binding.flow.remote.address)
        gone.push_back(b.token);
    }
    if (gone.size() == 1) moved = stack.rebind(now, gone.front(), binding.flow);
  }
  if (moved == 0) return;
  log.write(LogCategory::call, LogLevel::info, {},
            binding.aor + " is back at " + binding.flow.remote.text() + ": " +
                std::to_string(moved) + " leg(s) of its dialogs go there");
}

void Edge::Impl::drain(Now now, Duration limit) {
  if (draining) return;
  draining = true;
  drain_until = now.mono + limit;
  log.write(LogCategory::core, LogLevel::info, {},
            "draining: no new calls and registrations; " + std::to_string(calls_up()) +
                " call(s) may end by themselves");
}

std::size_t Edge::Impl::calls_up() const {
  return stack.counts().calls;
}

// Established calls are kept, for the next process; one that has no answer yet would be lost
// without a word.
void Edge::Impl::stop(Now now) {
  for (const sip::CallView& call : stack.calls()) {  // a copy: ending one changes the stack
    if (call.answered_at == Instant{}) static_cast<void>(stack.end_call(now, call.call, kEnding));
  }
  pump(now);
  records.close_held(now.mono);
  save_dialogs();
}

}  // namespace usher::routing
