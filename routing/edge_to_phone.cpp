// From a backend: which phone it means, and over which flow that one is reached.
#include <algorithm>

#include "core/limits.hpp"
#include "routing/edge_impl.hpp"
#include "routing/token.hpp"

namespace usher::routing {

namespace {

// Asterisk takes any answer to its OPTIONS as "available", so that none is given in a phone's place
// (rule 9); NOTIFY tells of a state that only the phone can have taken note of.
bool speaks_of_presence(sip::Method method) {
  return method == sip::Method::options || method == sip::Method::notify;
}

// What is no INVITE is tried at one device after another until one takes it; what the user himself
// said is final.
const std::vector<std::uint16_t> kNextDevice{404, 408, 410, 430, 480, 500, 502, 503, 504};

}  // namespace

std::optional<net::Flow> Edge::Impl::way_to(const storage::Binding& binding,
                                            std::string& why) const {
  net::Flow flow = binding.flow;
  if (net::is_reliable(flow.transport) && flow.connection.value == 0) {
    // A phone behind NAT cannot be connected to; it comes back by itself.
    why = "its connection to " + flow.remote.text() + " is gone";
    return std::nullopt;
  }
  if (!outlets.has(flow)) {
    const auto listener = outlets.towards(flow.transport, flow.remote.address);
    if (!listener) {
      why =
          "there is no " + std::string{net::transport_name(flow.transport)} + " listener any more";
      return std::nullopt;
    }
    flow.listener = *listener;
  }
  if (self.listens_at(flow.remote)) {
    why = "it registered from one of our own listeners";
    return std::nullopt;
  }
  return flow;
}

void Edge::Impl::to_phone(Now now, const sip::RouteNeeded& need, const Parties& parties,
                          const Origin& origin) {
  const sip::Message& request = *need.request;
  const std::string who = describe(need, parties);
  const auto refuse = [&](int status, const std::string& why, std::string_view counted) {
    if (speaks_of_presence(request.method())) {
      silence(now, need, counted, why);
    } else {
      reply(now, need, {status, "", why, {}}, who);
    }
  };
  auto looked = find_phone(location, offers, *directory, origin, parties);
  if (const auto* no = std::get_if<NotFound>(&looked)) {
    if (no->ambiguous) {
      ++counters.ambiguous;
      trace(now, step::kLookup, no->why, {{"ambiguous", "yes"}});
      log.write(LogCategory::call, LogLevel::warning, {}, who + " → refused: " + no->why);
    }
    refuse(no->status, no->why, no->ambiguous ? "ambiguous" : "no binding");
    return;
  }
  Found& found = std::get<Found>(looked);
  trace(now, step::kLookup,
        found.aor + " is meant: by " +
            (found.how == "token"  ? "the token in the Request-URI"
             : found.how == "user" ? "the user name alone, the only one of its tenants"
                                   : "the address of record in " + std::string{found.how}),
        {{"aor", found.aor}, {"devices", std::to_string(found.bindings.size())}});

  sip::Plan plan;
  const std::string user = found.aor.substr(0, found.aor.rfind('@'));
  std::string unreachable;
  std::vector<std::string> instances;  // +sip.instance of each attempt
  std::uint16_t group = 0;  // the q of the devices that ring together (RFC 3261 §16.6, §20.10)
  for (const storage::Binding& b : found.bindings) {
    const auto flow = way_to(b, unreachable);
    if (!flow) continue;
    sip::Attempt attempt{.flow = *flow,
                         .request_uri = b.contact,
                         .contact_user_origin = token_user(user, b.token),
                         .device = b.token};
    // RFC 5626 §6: of several flows of one instance one is used, the one registered last.
    const auto same = b.instance.empty()
                          ? instances.end()
                          : std::find(instances.begin(), instances.end(), b.instance);
    if (same != instances.end()) {
      plan.attempts[static_cast<std::size_t>(same - instances.begin())].others.push_back(
          std::move(attempt));
      continue;
    }
    if (plan.attempts.size() == limits::kAttemptsPerRequest) break;
    instances.push_back(b.instance);
    attempt.parallel = !plan.attempts.empty() && b.q == group;
    plan.attempts.push_back(std::move(attempt));
    group = b.q;
  }
  if (plan.attempts.empty()) {
    refuse(480, found.aor + " cannot be reached: " + unreachable, "unreachable");
    return;
  }
  if (plan.attempts.size() > 1) plan.failover_codes = kNextDevice;
  plan.exhaustive = true;
  plan.towards = sip::Side::phone;
  plan.to_uri = "sip:" + escape_user(user) + "@" + found.domain;
  plan.contact_user_new = parties.from && parties.from->is_sip && parties.from->user.size() <= 64
                              ? std::string{parties.from->user}
                              : "";
  plan.contact_user_origin = token_user(user, found.bindings.front().token);
  plan.domain = found.domain;
  plan.hidden = directory->hidden();

  Journey& journey = start(need, who, plan.mark);
  journey.failover_codes = plan.failover_codes;
  if (request.method() == sip::Method::invite) {
    set_live(journey, origin.backends.front()->id);
    open_record(now, journey, need, parties, found.domain);
    call_started(now, journey);
  }
  plan.key = journey.key;
  if (log.wants(LogCategory::call, LogLevel::info)) {
    std::string line = who + " → " + found.aor + " at " + plan.attempts.front().flow.remote.text() +
                       " (by " + std::string{found.how};
    if (plan.attempts.size() > 1) {
      line += ", " + std::to_string(plan.attempts.size()) + " devices" +
              (request.method() == sip::Method::invite ? " by q" : " in turn");
    }
    log.write(LogCategory::call, LogLevel::info, journey.key, line + ")");
  }
  send_on(now, need, std::move(plan));
}

}  // namespace usher::routing
