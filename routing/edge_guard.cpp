// The gate's memory at work: who is limited, what is held against whom, who is banned and when that
// ends.
#include <algorithm>

#include "core/duration.hpp"
#include "core/net/source.hpp"
#include "core/text.hpp"
#include "core/time_text.hpp"
#include "routing/edge_impl.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"

namespace usher::routing {

namespace {

constexpr std::chrono::hours kFirstWeek{7 * 24};
// A source that has been banned is a repeater for so long after the end of it.
constexpr std::chrono::hours kMemory{24};

bool is_sensible(const sip::Message& request) {
  return request.method() == sip::Method::register_ || request.method() == sip::Method::invite;
}

std::string claimed_user(const sip::Message& request, const Parties& parties) {
  const auto& who = request.method() == sip::Method::register_ ? parties.to : parties.from;
  return who ? aor_text(*who).substr(0, 256) : std::string{};
}

// The nonces of all fields of these two names.
template <class Take>
void each_nonce(const sip::Message& message, sip::HeaderId one, sip::HeaderId other, Take take) {
  for (const sip::HeaderField& field : message.headers()) {
    if (field.id != one && field.id != other) continue;
    const auto value = sip::parse_auth(message.value(field));
    if (value) take(*value, sip::unquoted(sip::param_value(value->params, "nonce")));
  }
}

}  // namespace

bool Edge::Impl::enforces(WallTime wall) const {
  if (gate_settings.mode == storage::GateMode::enforce) return true;
  return gate_settings.mode == storage::GateMode::first_week &&
         wall - gate_settings.opened >= kFirstWeek;
}

std::string Edge::Impl::protected_owner(const net::Cidr& network) const {
  for (const auto& entry : directory->targets()) {
    const storage::Target& target = entry.second;
    const auto mine = [&](const std::string& what) {
      return what + " of target " + std::to_string(target.id) + " (" + target.destination.text() +
             ", set " + std::to_string(target.setid) + ")";
    };
    for (const net::Place& place : directory->places_of(target)) {
      const net::IpAddress& address = place.endpoint.address;
      if (network.contains(address)) return mine("the address " + address.text());
    }
    for (const net::Cidr& source : target.sources) {
      if (overlap(network, source)) return mine("the source network " + source.text());
    }
  }
  for (const net::Endpoint& own : config.own_endpoints) {
    if (!own.address.is_unspecified() && network.contains(own.address))
      return "our own address " + own.address.text();
  }
  for (const net::Cidr& trusted : gate_settings.trusted) {
    if (overlap(network, trusted)) return "the trusted network " + trusted.text();
  }
  return {};
}

bool Edge::Impl::is_protected(const net::IpAddress& address) const {
  const auto contains = [&](const net::Cidr& network) { return network.contains(address); };
  return directory->is_backend(address) ||
         std::any_of(config.own_endpoints.begin(), config.own_endpoints.end(),
                     [&](const net::Endpoint& own) { return own.address == address; }) ||
         std::any_of(gate_settings.trusted.begin(), gate_settings.trusted.end(), contains);
}

bool Edge::Impl::is_banned(Now now, const net::Packet& packet) {
  const net::IpAddress& from = packet.flow.remote.address;
  Bans::Enforced* found = bans.match(from);
  // The list holds no such address; who is a backend is asked first of all nevertheless (rule 7).
  if (!found || is_protected(from)) return false;
  bans.hit(*found, now.mono);
  ++counters.drops["banned"];
  // One of many tells what becomes of all: a flood is to cost no more than the look at its address,
  // and is not to push out what else the recorder has of strangers. A keep-alive tells nothing.
  if (recorder.enabled() && packet.data.size() >= kSmallestMessage && bans.tells(*found, now.mono))
    tell_banned(now, packet, *found->ban);
  return true;
}

void Edge::Impl::tell_banned(Now now, const net::Packet& packet, const storage::Ban& ban) {
  recorder.arrived(now, packet);
  const Routing routing(*this, nullptr, nullptr, packet.flow);
  recorder.dropped();
  const std::string until = ban.until == WallTime{} ? "it is lifted" : time_text(ban.until);
  trace(now, step::kDropped,
        ban.network.text() + " is banned until " + until + "; packet " + std::to_string(ban.hits) +
            " of this ban, one in " + duration_text(Bans::kTold) + " is told (" + ban.made_by +
            ": " + escaped(ban.reason) + ")",
        {{"reason", "banned"}}, true);
  recorder.settle();
}

Offences::Offender Edge::Impl::offender(const net::Endpoint& source, bool proven) const {
  const net::IpAddress from = source_of(source.address);
  return {from, location.phones_at(from), proven};
}

bool Edge::Impl::admit(Now now, const sip::RouteNeeded& need, const Parties& parties,
                       const Tenant& tenant) {
  if (is_protected(need.flow.remote.address)) return true;
  const sip::Message& request = *need.request;
  const bool enforcing = enforces(now.wall);
  const Offences::Offender from = offender(need.flow.remote, false);
  const std::string user = claimed_user(request, parties);
  if (is_sensible(request) && offences.held(now.mono, from.source, user)) {
    if (enforcing) {
      knock(now, &request, need.flow, tenant.shown, "failed authentication");
      return false;
    }
  }
  const std::string method{request.method() == sip::Method::other ? "other"
                                                                  : request.method_name()};
  const Limiter::Over over = limiter.take(now.mono,
                                          {.source = from.source,
                                           .phones = from.phones,
                                           .user = user,
                                           .domain = tenant.domain->domain,
                                           .method = method},
                                          gate_settings);
  if (over == Limiter::Over::none) return true;
  const std::string name{limit_name(over)};
  ++(enforcing ? counters.limited : counters.would_limit)[name];
  if (limiter.may_log(now.mono, from.source, name)) {
    log.write(LogCategory::gate, LogLevel::warning, {},
              std::string{enforcing ? "limited " : "would have limited "} +
                  need.flow.remote.address.text() + ": over the limit of its " + name + " (" +
                  escaped(user) + ", " + escaped(method.substr(0, 32)) + ", " +
                  std::to_string(from.phones) + " registered phone(s) there)");
  }
  if (!enforcing) return true;
  if (from.phones == 0) {
    knock(now, &request, need.flow, tenant.shown, "limit: " + name);
    return false;
  }
  ++counters.drops["limit: " + name];
  const std::string why = "over the limit of its " + name;
  if (!limiter.may_answer(now.mono, from.source, user)) {
    recorder.dropped();
    capture.dropped();
    trace(now, step::kDropped, why, {{"reason", "limit: " + name}}, true);
    return false;
  }
  trace(now, step::kResponse, why, {{"status", "503"}});
  ++counters.local_replies[503];
  stack.reply_stateless(now, need, {503, "", "too many requests at once", {{"Retry-After", "10"}}});
  return false;
}

// What its end will tell about its sender.
void Edge::Impl::watch(Now now, Journey& journey, const sip::RouteNeeded& need,
                       const Parties& parties) {
  if (!is_sensible(*need.request) || is_protected(need.flow.remote.address)) return;
  journey.judged = true;
  journey.source = need.flow.remote;
  journey.user = claimed_user(*need.request, parties);
  each_nonce(*need.request, sip::HeaderId::authorization, sip::HeaderId::proxy_authorization,
             [&](const sip::AuthValue&, const std::string& nonce) {
               journey.answered |=
                   offences.answers_challenge(now.mono, source_of(need.flow.remote.address), nonce);
             });
  journey.proven = journey.answered || net::is_reliable(need.flow.transport);
}

// A challenge is normal; one in answer to credentials that were made for a challenge of ours is a
// failed authentication, unless it says that the nonce had grown old. So is 403 or 404 to REGISTER.
void Edge::Impl::judge(Now now, const Journey& journey, const sip::AttemptEnded& e) {
  if (!journey.judged || !e.response || e.cancelled) return;
  const net::IpAddress source = source_of(journey.source.address);
  bool failed = journey.method == sip::Method::register_ && (e.status == 403 || e.status == 404);
  if (e.status == 401 || e.status == 407) {
    bool stale = false;
    each_nonce(*e.response, sip::HeaderId::www_authenticate, sip::HeaderId::proxy_authenticate,
               [&](const sip::AuthValue& challenge, const std::string& nonce) {
                 offences.challenged(now.mono, source, nonce);
                 stale |= equals_without_case(
                     sip::unquoted(sip::param_value(challenge.params, "stale")), "true");
               });
    failed = journey.answered && !stale;
  }
  if (!failed) return;
  ++counters.failures[std::string{sip::method_text(journey.method)}];
  const Offences::Offender who = offender(journey.source, journey.proven);
  const Offences::Verdict verdict = offences.failed(now.mono, who, journey.user, gate_settings);
  if (verdict.user_is_over) {
    const bool enforcing = enforces(now.wall);
    log.write(LogCategory::gate, LogLevel::warning, {},
              escaped(journey.user) + " at " + journey.source.address.text() +
                  (enforcing ? " gets silence for " : " would have got silence for ") +
                  duration_text(gate_settings.ban) + ": " + std::to_string(gate_settings.failures) +
                  " failed authentications");
    if (enforcing) offences.hold(now.mono, who.source, journey.user, gate_settings.ban);
  }
  if (verdict.ban)
    ban(now, journey.source.address, "failed-registrations",
        std::to_string(verdict.count) + " failed authentications, the last one of " +
            escaped(journey.user));
}

// Knocks that a limit or a ban of a user has caused are no further offence.
void Edge::Impl::hold_against(Now now, const net::Flow& flow, const std::string& reason) {
  const bool scanner = reason == "scanner";
  if (!scanner && reason != "not found" && reason != "disabled" && reason != "malformed") return;
  if (is_protected(flow.remote.address)) return;
  const Offences::Verdict verdict = offences.knocked(
      now.mono, offender(flow.remote, net::is_reliable(flow.transport)), scanner, gate_settings);
  if (!verdict.ban) return;
  ban(now, flow.remote.address, scanner ? "scanner" : "knocks",
      std::to_string(verdict.count) +
          (scanner ? " requests of a known scanner" : " door-knocks, the last one: " + reason));
}

void Edge::Impl::ban(Now now, const net::IpAddress& address, std::string_view rule,
                     std::string reason) {
  const net::Cidr network = source_network(address);
  if (!protected_owner(network).empty()) return;
  const storage::Ban* old = bans.find(network);
  const bool enforcing = enforces(now.wall);
  if (old && (old->enforced || !enforcing)) return;
  storage::Ban made;
  made.network = network;
  made.reason = std::move(reason);
  made.made_by = rule;
  made.since = now.wall;
  made.times = old ? old->times : bans.count_again(now, network, kMemory);
  made.enforced = enforcing;
  const Duration length = Bans::length(made.times, gate_settings.ban, gate_settings.longest_ban);
  made.until = now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(length);
  if (!bans.put(now, made)) {
    if (limiter.may_log(now.mono, {}, "bans"))
      log.write(LogCategory::gate, LogLevel::error, {},
                "the list of bans is full: " + network.text() + " is not banned");
    return;
  }
  ++(enforcing ? counters.bans : counters.would_ban)[made.made_by];
  event_log.add(now.wall, EventKind::ban_made, network.text(),
                std::string{enforcing ? "" : "dry run: "} + made.made_by + ": " + made.reason);
  log.write(LogCategory::gate, LogLevel::warning, {},
            std::string{enforcing ? "banned " : "would have banned "} + network.text() + " for " +
                duration_text(length) + " (" + made.made_by + "): " + made.reason);
  persist({storage::PutBan{std::move(made)}});
}

void Edge::Impl::lift(Now now, const net::Cidr& network, std::string_view why) {
  if (!bans.erase(network)) return;
  offences.forgive(now.mono, source_of(network.base));
  log.write(LogCategory::gate, LogLevel::info, {},
            "the ban of " + network.text() + " is over: " + std::string{why});
  event_log.add(now.wall, EventKind::ban_lifted, network.text(), std::string{why});
}

// Backends, our own addresses and trusted networks come and go; no ban outlives their coming.
void Edge::Impl::lift_protected(Now now) {
  std::vector<storage::Change> gone;
  std::vector<std::pair<net::Cidr, std::string>> whose;
  for (const auto& [network, ban] : bans.list()) {
    if (std::string owner = protected_owner(network); !owner.empty())
      whose.emplace_back(network, std::move(owner));
  }
  for (const auto& [network, owner] : whose) {
    lift(now, network, "it holds " + owner);
    gone.emplace_back(storage::DeleteBan{network});
  }
  if (!gone.empty()) persist(std::move(gone));
}

void Edge::Impl::apply_gate(Now now, const storage::Change& change) {
  if (const auto* put = std::get_if<storage::PutBan>(&change)) {
    bans.put(now, put->ban);
    event_log.add(now.wall, EventKind::ban_made, put->ban.network.text(),
                  put->ban.made_by + ": " + escaped(put->ban.reason));
    log.write(LogCategory::gate, LogLevel::info, {},
              "banned " + put->ban.network.text() + " (" + put->ban.made_by +
                  "): " + escaped(put->ban.reason));
  } else if (const auto* gone = std::get_if<storage::DeleteBan>(&change)) {
    lift(now, gone->network, "lifted by the operator");
  } else if (const auto* gate = std::get_if<storage::PutGate>(&change)) {
    gate_settings = gate->settings;
    lift_protected(now);
  }
}

void Edge::Impl::guard_on_time(Now now) {
  std::vector<storage::Change> changes = knocks.take_batch(now.mono);
  if (const std::uint64_t unlogged = knocks.take_unlogged(now.mono); unlogged > 0) {
    log.write(LogCategory::gate, LogLevel::warning, {},
              "Door-knocks blocked: " + std::to_string(unlogged) + " more in the last " +
                  duration_text(Knocks::kLogPeriod) + ", of whom there was no line each");
  }
  for (const storage::Ban& over : bans.expire(now.mono)) {
    log.write(LogCategory::gate, LogLevel::info, {},
              "the ban of " + over.network.text() + " is over: its time has passed" +
                  (over.hits > 0 ? ", " + std::to_string(over.hits) + " packet(s) dropped" : ""));
    event_log.add(now.wall, EventKind::ban_lifted, over.network.text(), "its time has passed");
    changes.emplace_back(storage::DeleteBan{over.network});
  }
  for (storage::Ban& changed : bans.take_changed(now.mono))
    changes.emplace_back(storage::PutBan{std::move(changed)});
  if (!changes.empty()) persist(std::move(changes));
}

}  // namespace usher::routing
