// From a phone: which backends of its tenant's set, in which order.
#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/edge_impl.hpp"
#include "routing/token.hpp"
#include "sip/b2bua/last_word.hpp"

namespace usher::routing {

namespace {

std::vector<std::uint16_t> failover_codes(const storage::FailoverPolicy& policy) {
  std::vector<std::uint16_t> out;
  std::copy_if(policy.codes.begin(), policy.codes.end(), std::back_inserter(out),
               [](std::uint16_t code) { return !sip::is_last_word(code); });
  return out;
}

std::string short_user(const std::optional<sip::Uri>& uri) {
  return uri && uri->is_sip && uri->user.size() <= 64 ? std::string{uri->user} : std::string{};
}

std::string names_of(const TargetOrder& order) {
  std::string out;
  for (const storage::Target* t : order) {
    out.append(out.empty() ? "" : ", then ").append(t->destination.text());
  }
  return out;
}

}  // namespace

// Health that is unknown counts as usable. A target known to be down is not tried, not even when
// all are: an answer at once lets the phone try elsewhere, where an attempt would take its time to
// fail; the probes find out who is back.
Edge::Impl::Candidates Edge::Impl::candidates(const storage::DispatcherSet& set) const {
  Candidates found;
  std::size_t down = 0, alone = 0, away = 0, maintained = 0, unreachable = 0, loops = 0;
  for (const storage::Target* t : directory->targets_of(set.setid)) {
    if (t->state != storage::TargetState::active) {
      found.rejected.emplace_back(
          t, t->state == storage::TargetState::draining ? "draining" : "disabled");
      ++away;
      continue;
    }
    if (!takes_new(*t)) {
      found.rejected.emplace_back(t, "in maintenance");
      ++maintained;
      continue;
    }
    if (health.state(t->id) == HealthState::down) {
      found.rejected.emplace_back(t, "down");
      ++down;
      continue;
    }
    if (health.left_alone(t->id)) {
      found.rejected.emplace_back(t, "left alone as its 503 asked for");
      ++alone;
      continue;
    }
    std::vector<net::Place> places = directory->places_of(*t);
    std::erase_if(places, [&](const net::Place& p) { return !flow_to(p); });
    if (places.empty()) {
      found.rejected.emplace_back(t, "without an address or listener");
      ++unreachable;
      continue;
    }
    std::erase_if(places, [&](const net::Place& p) { return self.listens_at(p.endpoint); });
    if (places.empty()) {
      found.rejected.emplace_back(t, "on our own listeners");
      ++loops;
      continue;
    }
    found.usable.push_back(t);
    found.places.push_back(std::move(places));
  }
  if (!found.usable.empty()) return found;
  const auto count = [&](std::size_t n, std::string_view what) {
    if (n > 0)
      found.none.append(found.none.empty() ? "" : ", ")
          .append(std::to_string(n))
          .append(" ")
          .append(what);
  };
  count(down, "down");
  count(alone, "left alone as their 503 asked for");
  count(away, "draining or disabled");
  count(maintained, "in maintenance");
  count(unreachable, "without an address or listener");
  count(loops, "on our own listeners");
  found.none = "no target of set " + std::to_string(set.setid) + " can be tried (" +
               (found.none.empty() ? "it has none" : found.none) + ")";
  found.loop = loops > 0 && down + alone + away + maintained + unreachable == 0;
  return found;
}

// Whoever challenged gets the answer, and who has the call that is to be replaced the pickup; a
// registration stays where it is, and what a registered phone says about itself goes there; calls
// are dispatched.
TargetOrder Edge::Impl::choose(Now now, const sip::RouteNeeded& need,
                               const storage::DispatcherSet& set, const Candidates& possible,
                               Affinity::Key key, const std::vector<storage::Binding>& bindings,
                               const std::string& aor, std::string& how,
                               std::optional<net::Endpoint>& first) {
  const TargetOrder& usable = possible.usable;
  if (const auto challenger = affinity.find(now.mono, key)) {
    if (auto order = dispatcher.sticky(usable, challenger->target); !order.empty()) {
      how = "it challenged";
      first = challenger->place;
      return order;
    }
  }
  if (const auto holder = stack.holder(*need.request, sip::Side::backend)) {
    // By its address alone when it had connected to us, from another port.
    const auto found = [&](auto is_it) -> TargetOrder {
      for (std::size_t i = 0; i < usable.size(); ++i) {
        const auto& places = possible.places[i];
        const auto place = std::find_if(places.begin(), places.end(), is_it);
        if (place == places.end()) continue;
        how = "it holds the dialog that is named";
        first = place->endpoint;
        return dispatcher.sticky(usable, usable[i]->id);
      }
      return {};
    };
    TargetOrder order = found([&](const net::Place& p) { return p.endpoint == *holder; });
    if (order.empty())
      order = found([&](const net::Place& p) { return p.endpoint.address == holder->address; });
    if (!order.empty()) return order;
  }
  if (need.request->method() != sip::Method::invite) {
    const auto rank = [&](const storage::Binding& b) { return b.flow == need.flow ? 0 : 1; };
    std::vector<const storage::Binding*> known;
    for (const storage::Binding& b : bindings) known.push_back(&b);
    std::stable_sort(known.begin(), known.end(),
                     [&](const auto* a, const auto* b) { return rank(*a) < rank(*b); });
    for (const storage::Binding* b : known) {
      if (auto order = dispatcher.sticky(usable, b->target); !order.empty()) {
        how = "registered there";
        return order;
      }
    }
  }
  how =
      std::string{storage::algorithm_name(set.algorithm)} + " of set " + std::to_string(set.setid);
  return dispatcher.order(set, usable, aor);
}

void Edge::Impl::to_backend(Now now, const sip::RouteNeeded& need, const Parties& parties,
                            const storage::Domain& domain, const RegisterQueue::Waiting* queued) {
  const sip::Message& request = *need.request;
  const std::string who = describe(need, parties);
  const storage::DispatcherSet* set = directory->set(domain.setid);
  if (!set) {
    reply(now, need,
          {503, "", "domain " + domain.domain + " has no dispatcher set", {{"Retry-After", "60"}}},
          who);
    return;
  }
  std::unique_ptr<Registration> registration;
  if (request.method() == sip::Method::register_) {
    auto read = registrar.read(request, parties, need.flow);
    if (const auto* no = std::get_if<sip::Reply>(&read)) {
      reply(now, need, *no, who);
      return;
    }
    registration = std::make_unique<Registration>(std::move(std::get<Registration>(read)));
  }
  const Candidates possible = candidates(*set);
  if (possible.usable.empty()) {
    trace_candidates(now, possible, {}, {});
    const auto wait = std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::seconds>(set->health.interval).count());
    sip::Reply no{possible.loop ? 482 : 503, "", possible.none, {}};
    if (!possible.loop) no.headers.emplace_back("Retry-After", std::to_string(wait));
    reply(now, need, no, who);
    return;
  }

  const std::string aor = registration   ? registration->aor
                          : parties.from ? aor_text(*parties.from)
                                         : std::string{};
  const std::vector<storage::Binding> bindings = location.by_aor(aor);
  const Affinity::Key key = affinity.key_of(request.call_id(), request.from_tag());
  std::string how;
  TargetOrder order;
  std::optional<net::Endpoint> first;
  if (queued) {
    how = "its turn";
    order = dispatcher.sticky(possible.usable, queued->target);
    if (const auto challenger = affinity.find(now.mono, key)) first = challenger->place;
  }
  if (order.empty()) order = choose(now, need, *set, possible, key, bindings, aor, how, first);
  trace_candidates(now, possible, order, how);
  if (registration && !registers.has_room(order.front()->id)) {
    let_wait(now, need, order.front()->id, rank_of(now, need, key, !bindings.empty()), queued, who);
    return;
  }
  sip::Cookie mark = 0;
  Journey& journey = start(need, who, mark);
  watch(now, journey, need, parties);
  const std::size_t most =
      std::min<std::size_t>(std::max(set->failover.max_attempts, 1U), limits::kAttemptsPerRequest);
  if (order.size() > most) order.resize(most);

  sip::Plan plan;
  list_attempts(now, order, possible, key, first, plan, journey);
  plan.failover_codes = failover_codes(set->failover);
  if (set->failover.follow_redirects) {
    for (std::size_t i = 0; i < possible.usable.size(); ++i) {
      for (const net::Place& place : possible.places[i])
        plan.redirects.push_back({.flow = *flow_to(place),
                                  .request_uri = possible.usable[i]->destination.text(),
                                  .mark = static_cast<std::uint64_t>(possible.usable[i]->id)});
    }
  }
  plan.towards = sip::Side::backend;
  // A registered phone is known to the backend by its token; another by its own name.
  plan.contact_user_new = short_user(parties.from);
  for (const storage::Binding& b : bindings) {
    if (b.flow != need.flow) continue;
    plan.contact_user_new = token_user(b.aor.substr(0, b.aor.rfind('@')), b.token);
    plan.device_origin = b.token;
  }
  plan.contact_user_origin = short_user(parties.request);
  plan.domain = domain.domain;
  plan.hidden = directory->hidden();
  plan.mark = mark;
  if (registration) {
    plan.hold_final = true;
    if (!registration->is_query()) {
      const net::ListenerId listener = plan.attempts.front().flow.listener;
      plan.contacts = Registrar::for_backend(*registration, outlets.sent_by(listener),
                                             plan.attempts.front().flow.transport);
      plan.replace_contacts = true;
    }
  }
  journey.failover_codes = plan.failover_codes;
  if (request.method() == sip::Method::invite) {
    set_live(journey, order.front()->id);
    open_record(now, journey, need, parties, domain.domain);
    call_started(now, journey);
  }
  plan.key = journey.key;
  const auto category = registration ? LogCategory::registration : LogCategory::call;
  if (log.wants(category, LogLevel::info)) {
    log.write(category, LogLevel::info, journey.key,
              who + " → " + names_of(order) + " (" + domain.domain + ", " + how + ")");
  }
  if (registration) {
    offers.add(*registration);
    pace(journey, order.front()->id);
  }
  journey.registration = std::move(registration);
  send_on(now, need, std::move(plan));
}

}  // namespace usher::routing
