// A target's places: where its name leads to, which of them is tried first, and what each has said.
#include <algorithm>
#include <tuple>

#include "core/limits.hpp"
#include "routing/edge_impl.hpp"

namespace usher::routing {

std::optional<net::Flow> Edge::Impl::flow_to(const net::Place& place) const {
  const auto listener = outlets.towards(place.transport, place.endpoint.address);
  if (!listener) return std::nullopt;
  return net::Flow{place.transport, *listener, net::ConnectionId{}, place.endpoint};
}

// RFC 3263 §4.3 goes on to the next place in the order of RFC 2782; one that has failed lately
// comes after those that have not. The same key gives the same order, so that a challenge and its
// answer meet one endpoint.
std::vector<net::Place> Edge::Impl::in_turn(Now now, storage::TargetId id,
                                            std::vector<net::Place> places, Affinity::Key key,
                                            const std::optional<net::Endpoint>& first) const {
  if (places.size() < 2) return places;
  const auto alone = [&](const net::Place& p) {
    return place_health.alone(now.mono, id, p.endpoint).has_value();
  };
  if (!std::all_of(places.begin(), places.end(), alone)) std::erase_if(places, alone);
  Rng by_key(key);
  places = net::in_order(std::move(places), by_key);
  const auto serves = [&](const net::Place& p) {
    return place_health.problem(id, p.endpoint).empty();
  };
  std::stable_partition(places.begin(), places.end(), serves);
  if (first) {
    std::stable_partition(places.begin(), places.end(),
                          [&](const net::Place& p) { return p.endpoint == *first && serves(p); });
  }
  return places;
}

// The places of each target before the next target's; each target has one at least.
void Edge::Impl::list_attempts(Now now, const TargetOrder& order, const Candidates& possible,
                               Affinity::Key key, const std::optional<net::Endpoint>& first,
                               sip::Plan& plan, Journey& journey) const {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const storage::TargetId id = order[i]->id;
    const auto at = std::find(possible.usable.begin(), possible.usable.end(), order[i]);
    std::vector<net::Place> places =
        in_turn(now, id, possible.places[static_cast<std::size_t>(at - possible.usable.begin())],
                key, first);
    const std::size_t room =
        limits::kAttemptsPerRequest - plan.attempts.size() - (order.size() - 1 - i);
    if (places.size() > room) places.resize(room);
    for (const net::Place& place : places) {
      plan.attempts.push_back(
          {.flow = *flow_to(place), .request_uri = "", .mark = static_cast<std::uint64_t>(id)});
      journey.tries.push_back(id);
    }
  }
}

void Edge::Impl::probe(Now now, storage::TargetId id) {
  const storage::Target* target = directory->target(id);
  if (!target) return;
  std::vector<net::Flow> flows;
  std::vector<net::Endpoint> endpoints;
  for (const net::Place& place : directory->places_of(*target)) {
    const auto flow = flow_to(place);
    if (!flow) continue;
    flows.push_back(*flow);
    endpoints.push_back(place.endpoint);
  }
  if (flows.empty()) {
    ++counters.probes;
    ++counters.probe_failures;
    health.probed(now, id, 0,
                  directory->places_of(*target).empty() ? "its host name does not resolve"
                                                        : "no listener of ours reaches its address",
                  Duration{0});
    return;
  }
  const std::vector<ProbeRounds::Mark> marks = probe_rounds.begin(id, endpoints);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    sip::Attempt attempt;
    attempt.flow = flows[i];
    attempt.request_uri = target->destination.text();
    attempt.mark = static_cast<std::uint64_t>(id);
    stack.probe(now, attempt, health.timeout_of(id), marks[i]);
  }
}

void Edge::Impl::probe_ended(Now now, const sip::ProbeEnded& e) {
  ++counters.probes;
  if (e.status == 0) ++counters.probe_failures;
  const auto ended = probe_rounds.ended(e.mark, e.status);
  if (!ended) return;
  if (ended->well) {
    place_health.answered(ended->target, ended->place);
  } else if (has_place(ended->target, ended->place)) {
    place_health.failed(ended->target, ended->place,
                        e.status == 0 ? "OPTIONS unanswered: " + e.reason
                                      : "OPTIONS answered with " + std::to_string(e.status));
  }
  if (ended->decides) health.probed(now, ended->target, e.status, e.reason, e.rtt);
}

// What is said by where it has been once concerns nobody any more.
bool Edge::Impl::has_place(storage::TargetId id, const net::Endpoint& place) const {
  const storage::Target* target = directory->target(id);
  if (!target) return false;
  const auto& places = directory->places_of(*target);
  return std::any_of(places.begin(), places.end(),
                     [&](const net::Place& p) { return p.endpoint == place; });
}

void Edge::Impl::request_failed(Now now, storage::TargetId id, const net::Endpoint& place,
                                std::string_view reason) {
  const storage::Target* target = directory->target(id);
  if (!target) return;
  if (has_place(id, place)) place_health.failed(id, place, reason);
  health.request_failed(now, id, reason, !place_health.all_fail(id, directory->places_of(*target)));
}

void Edge::Impl::request_answered(storage::TargetId id, const net::Endpoint& place) {
  place_health.answered(id, place);
  health.request_answered(id);
}

// RFC 3261 §21.5.4 means the server that said it; the target only when no other one serves it.
void Edge::Impl::leave_alone(Now now, storage::TargetId id, const net::Endpoint& place,
                             Duration wait) {
  if (!has_place(id, place)) return;
  place_health.leave_alone(now.mono, id, place, wait);
  const auto& places = directory->places_of(*directory->target(id));
  for (const net::Place& p : places) {
    if (p.endpoint == place || !place_health.problem(id, p.endpoint).empty()) continue;
    const auto until = place_health.alone(now.mono, id, p.endpoint);
    if (!until) return;
    wait = std::min(wait, *until - now.mono);  // the first one that may be asked again
  }
  health.leave_alone(now, id, wait);
}

void Edge::Impl::ask_names(Now now) {
  for (net::Destination& destination : names.due(now.mono, *directory))
    out.resolve.push_back(std::move(destination));
}

void Edge::resolved(Now now, const net::Destination& destination, net::Located located) {
  Impl& e = *impl_;
  const std::string name = destination.text();
  const std::vector<net::Place>& known = e.directory->places_of(name);
  // Servers turn their answers round; the order of RFC 2782 is not that of the records.
  const auto rank = [](const net::Place& p) {
    return std::tuple{p.priority, p.endpoint, p.transport};
  };
  if (!located.places.empty()) {
    for (const net::Place& old : known) {
      if (std::find(located.unanswered.begin(), located.unanswered.end(), old.host) !=
          located.unanswered.end())
        located.places.push_back(old);
    }
  }
  std::vector<net::Place>& places = located.places;
  std::sort(places.begin(), places.end(),
            [&](const net::Place& a, const net::Place& b) { return rank(a) < rank(b); });
  // One endpoint under several hosts or priorities is one place, at its best.
  std::vector<net::Place> different;
  for (net::Place& place : places) {
    if (different.size() < limits::kPlacesPerName &&
        std::none_of(different.begin(), different.end(),
                     [&](const net::Place& p) { return p.endpoint == place.endpoint; }))
      different.push_back(std::move(place));
  }
  places = std::move(different);

  const Names::Outcome outcome = e.names.answered(now, name, located, !known.empty());
  if (outcome.say) {
    e.log.write(LogCategory::health, outcome.bad ? LogLevel::warning : LogLevel::info, {},
                "host name of a target: " + *outcome.say);
  }
  if (!outcome.take) return;
  const DirectoryRef next = e.directory->with_places(name, std::move(places));
  if (next == e.directory) return;
  e.directory = next;
  e.lift_protected(now);
  for (const auto& [id, target] : next->targets()) {
    if (target.destination.address || target.destination.text() != name) continue;
    e.place_health.keep(id, next->places_of(target));
    e.health.probe_soon(now, id);
  }
}

// What REST shows of a name.
void Edge::Impl::describe_name(const storage::Target& target, TargetStatus& status) const {
  if (target.destination.address) return;
  const Names::State* state = names.state(target.destination.text());
  if (state) {
    status.name_until = state->until;
    status.name_kept = state->kept;
    status.name_problem = state->problem;
  }
  for (const net::Place& place : directory->places_of(target)) {
    status.places.push_back({place, place_health.problem(target.id, place.endpoint)});
    if (std::find(status.addresses.begin(), status.addresses.end(), place.endpoint.address) ==
        status.addresses.end())
      status.addresses.push_back(place.endpoint.address);
  }
}

}  // namespace usher::routing
