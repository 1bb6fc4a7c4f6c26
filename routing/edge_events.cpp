// What came of what was routed: health, affinity, registrations, counts.
#include <algorithm>

#include "routing/edge_impl.hpp"

namespace usher::routing {

// At most one backend owes an answer to a REGISTER.
void Edge::Impl::pace(Journey& journey, storage::TargetId target) {
  if (journey.paced != 0) registers.ended(journey.paced);
  journey.paced = target;
  if (target != 0) registers.began(target);
}

void Edge::Impl::set_live(Journey& journey, storage::TargetId target) {
  if (journey.live == target) return;
  if (journey.live != 0) {
    const auto count = live_calls.find(journey.live);
    if (count != live_calls.end() && --count->second == 0) live_calls.erase(count);
  }
  journey.live = target;
  if (target != 0) ++live_calls[target];
}

void Edge::Impl::attempt_ended(Now now, const sip::AttemptEnded& e) {
  const auto target = static_cast<storage::TargetId>(e.attempt);
  // Of an attempt that had been given up, too: it has no mark then.
  if (e.retry_after.count() > 0) leave_alone(now, target, e.place, e.retry_after);
  const auto found = journeys.find(e.mark);
  if (found == journeys.end()) return;
  trace_attempt_ended(now, found->second, e);
  if (found->second.tries.empty()) return;
  Journey& journey = found->second;

  judge(now, journey, e);
  health.attempted(target);
  if (e.status == 401 || e.status == 407)
    affinity.set(now.mono, journey.affinity, {target, e.place});
  if (!e.cancelled) {
    if (e.status == 503) {
      request_failed(now, target, e.place, "answered 503");
    } else if (e.status > 0) {
      request_answered(target, e.place);
    } else if (e.timed_out && !e.had_provisional) {
      request_failed(now, target, e.place,
                     "no answer to " + std::string{sip::method_text(journey.method)});
    } else if (!e.timed_out) {
      request_failed(now, target, e.place, e.reason);
    }
  }
  if (journey.registration) pace(journey, 0);
  const bool next =
      !e.cancelled && journey.current + 1 < journey.tries.size() &&
      (e.status == 0 || std::find(journey.failover_codes.begin(), journey.failover_codes.end(),
                                  e.status) != journey.failover_codes.end());
  if (!next) return;
  ++counters.failovers;
  ++journey.current;
  if (journey.live != 0) set_live(journey, journey.tries[journey.current]);
  if (journey.registration) pace(journey, journey.tries[journey.current]);
  const storage::Target* failed = directory->target(target);
  trace(now, journey.trace, step::kFailover, "the next target is tried",
        {{"target", std::to_string(journey.tries[journey.current])}});
  log.write(journey.registration ? LogCategory::registration : LogCategory::call, LogLevel::warning,
            journey.key,
            journey.who + ": " +
                (failed ? failed->destination.text() : "target " + std::to_string(target)) +
                (failed && !failed->destination.address ? " at " + e.place.text() : "") +
                " failed (" +
                (e.status > 0  ? std::to_string(e.status)
                 : e.timed_out ? std::string{"no answer in its time"}
                               : e.reason) +
                "), the next one is tried");
}

void Edge::Impl::response_held(Now now, const sip::ResponseHeld& e) {
  Held held{e.relay, std::nullopt, {}, false};
  const auto found = journeys.find(e.mark);
  if (found == journeys.end() || !found->second.registration) {
    release(now, held);
    return;
  }
  const Journey& journey = found->second;
  const sip::Message& response = *e.response;
  const auto target = static_cast<storage::TargetId>(e.attempt);
  if (response.status() >= 300) {
    // A redirection would show where the backends are.
    if (response.status() < 400) held.contacts.emplace();
    release(now, held);
    return;
  }
  Registrar::Granted granted = registrar.granted(now, *journey.registration, response, target);
  log.write(LogCategory::registration, LogLevel::info, journey.key,
            journey.who + ": " + std::to_string(response.status()) + " " + granted.summary);
  trace(now, journey.trace, step::kRegistered, granted.summary,
        {{"status", std::to_string(response.status())}, {"target", std::to_string(target)}});
  held.contacts = std::move(granted.contacts);
  held.headers = std::move(granted.headers);
  const bool grants = std::any_of(
      granted.changes.begin(), granted.changes.end(),
      [](const storage::Change& c) { return std::holds_alternative<storage::PutBinding>(c); });
  if (grants) ++counters.registers_granted;
  if (granted.changes.empty()) {
    release(now, held);
    return;
  }
  for (const storage::Change& change : granted.changes) {
    if (const auto* gone = std::get_if<storage::DeleteBinding>(&change))
      event_log.add(now.wall, EventKind::binding_removed, journey.registration->aor,
                    "token " + gone->token + " unregistered");
    const auto* put = std::get_if<storage::PutBinding>(&change);
    if (!put) continue;
    const auto before = std::find_if(granted.before.begin(), granted.before.end(),
                                     [&](const auto& b) { return b.first == put->binding.token; });
    came_back(now, put->binding,
              before == granted.before.end() ? std::nullopt : std::optional{before->second});
    if (before == granted.before.end())
      event_log.add(now.wall, EventKind::binding_added, put->binding.aor,
                    put->binding.contact + " at " + put->binding.flow.remote.text());
    keep_alive_for(now, put->binding);
  }
  const PersistId id = persist(std::move(granted.changes));
  persists[id] = std::move(held);
  holds.push_back({now.mono + kStoreWait, id});
}

void Edge::Impl::keep_alive_for(Now now, const storage::Binding& binding) {
  if (!keep_alive.watch(now.mono, binding)) return;
  log.write(LogCategory::registration, LogLevel::info, {},
            binding.aor + " is behind NAT (" + binding.contact + " at " +
                binding.flow.remote.text() + "): it gets keep-alives");
}

void Edge::Impl::relay_ended(Now now, const sip::RelayEnded& e) {
  const auto found = journeys.find(e.mark);
  if (found == journeys.end()) return;
  const Journey& journey = found->second;
  trace(now, journey.trace, step::kEnded,
        e.status == 0 ? "nobody answered, and no response is made up for that (RFC 4320 4.2)"
        : e.local     ? "answered here"
                      : "answered by the other side",
        {{"status", std::to_string(e.status)}});
  if (journey.registration && e.status >= 300 && e.status != 401 && e.status != 407) {
    ++counters.registers_refused;
    log.write(LogCategory::registration, LogLevel::info, journey.key,
              journey.who + ": refused with " + std::to_string(e.status) +
                  (e.local ? " by ourselves" : ""));
  }
  end_journey(e.mark);
}

void Edge::Impl::call_started(Now now, const Journey& journey) {
  ++counters.calls_started;
  capture.call_begun(journey.trace);
  event_log.add(now.wall, EventKind::call_started, journey.key, journey.who);
}

void Edge::Impl::call_answered(Now now, const sip::CallAnswered& e) {
  ++counters.calls_answered;
  const auto found = journeys.find(e.mark);
  if (found == journeys.end()) return;
  trace(
      now, found->second.trace, step::kAnswered, "2xx: the ACK of the originator is waited for",
      {{"target", found->second.tries.empty() ? std::string{} : std::to_string(e.place.attempt)}});
  event_log.add(now.wall, EventKind::call_answered, found->second.key, found->second.who);
  if (e.place.attempt != 0)
    set_live(found->second, static_cast<storage::TargetId>(e.place.attempt));
  record_answer(now, found->second, e);
}

void Edge::Impl::call_ended(Now now, const sip::CallEnded& e) {
  if (!e.answered) ++counters.calls_failed;
  const auto found = journeys.find(e.mark);
  if (found == journeys.end()) return;
  trace_call_ended(now, found->second, e);
  const std::string how =
      ": ended" + (e.answered ? std::string{} : " unanswered with " + std::to_string(e.status)) +
      ": " + e.why;
  log.write(LogCategory::call, LogLevel::info, found->second.key, found->second.who + how);
  event_log.add(now.wall, EventKind::call_ended, found->second.key, found->second.who + how);
  if (!found->second.saved.empty())
    dialog_saves.remove(now.mono, found->second.saved, storage::DeleteCall{found->second.saved});
  record_end(now, found->second, e);
  end_journey(e.mark);
}

void Edge::Impl::end_journey(sip::Cookie mark) {
  const auto found = journeys.find(mark);
  if (found == journeys.end()) return;
  set_live(found->second, 0);
  pace(found->second, 0);
  if (found->second.method == sip::Method::invite) capture.call_ended(found->second.trace);
  if (found->second.registration) offers.remove(*found->second.registration);
  journeys.erase(found);
}

}  // namespace usher::routing
