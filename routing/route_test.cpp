// POST /v1/route-test: the decision without its effects. It asks what route() asks, in its order.
#include <algorithm>

#include "core/net/source.hpp"
#include "routing/edge_impl.hpp"
#include "routing/route_test.hpp"
#include "sip/parse/datagram.hpp"

namespace usher::routing {

namespace {

// A URI gets its brackets; a name-addr has them.
std::string party_of(const std::string& given, const std::string& otherwise) {
  const std::string& text = given.empty() ? otherwise : given;
  return text.find('<') == std::string::npos ? "<" + text + ">" : text;
}

Result<sip::MessageRef> message_of(const RouteQuestion& q) {
  for (const std::string* text : {&q.method, &q.request_uri, &q.from, &q.to}) {
    if (text->find_first_of("\r\n") != std::string::npos)
      return fail(Errc::syntax, "a line end stands in it");
  }
  const std::string source = q.source.text();
  const std::string from = party_of(q.from, q.request_uri);
  const bool registers = q.to.empty() && q.method == "REGISTER";
  const std::string to = registers ? from : party_of(q.to, q.request_uri);
  const std::string text = q.method + " " + q.request_uri + " SIP/2.0\r\nVia: SIP/2.0/" +
                           std::string{net::via_transport(q.transport)} + " " + source +
                           ";branch=z9hG4bKroutetest\r\nMax-Forwards: 70\r\nFrom: " + from +
                           ";tag=route-test\r\nTo: " + to + "\r\nCall-ID: route-test\r\nCSeq: 1 " +
                           q.method + "\r\nContact: <sip:route-test@" + source +
                           ">\r\nContent-Length: 0\r\n\r\n";
  sip::Parsed parsed = sip::parse_datagram(Bytes{text});
  if (auto* message = std::get_if<sip::MessageRef>(&parsed)) return *message;
  return fail(Errc::syntax, std::get<sip::Malformed>(parsed).reason);
}

void add_step(RouteTest& out, std::string_view what, std::string why) {
  out.steps.push_back({std::string{what}, std::move(why), {}});
}

void settle_on(RouteTest& out, std::string_view outcome, int status, std::string reason) {
  out.outcome = outcome;
  out.status = status;
  out.reason = std::move(reason);
  add_step(out, outcome == "dropped" ? step::kDropped : step::kResponse, out.reason);
}

}  // namespace

void Edge::Impl::test_to_backend(Now now, const sip::RouteNeeded& need, const Parties& parties,
                                 const storage::Domain& domain, RouteTest& test) {
  const storage::DispatcherSet* set = directory->set(domain.setid);
  if (!set)
    return settle_on(test, "refused", 503, "domain " + domain.domain + " has no dispatcher set");
  const bool registers_there = need.request->method() == sip::Method::register_;
  if (registers_there) {
    const auto read = registrar.read(*need.request, parties, need.flow);
    if (const auto* no = std::get_if<sip::Reply>(&read))
      return settle_on(test, "refused", no->status, no->why);
  }
  const Candidates possible = candidates(*set);
  const auto rejected = [&] {
    for (const auto& [target, why] : possible.rejected)
      test.candidates.push_back({.target = target->id,
                                 .destination = target->destination.text(),
                                 .rejected = std::string{why}});
  };
  if (possible.usable.empty()) {
    rejected();
    return settle_on(test, "refused", possible.loop ? 482 : 503, possible.none);
  }
  const auto& who = registers_there ? parties.to : parties.from;
  const std::string aor = who ? aor_text(*who) : std::string{};
  const Dispatcher before = dispatcher;  // choosing moves the turn
  std::string how;
  std::optional<net::Endpoint> first;
  TargetOrder order = choose(now, need, *set, possible,
                             affinity.key_of(need.request->call_id(), need.request->from_tag()),
                             location.by_aor(aor), aor, how, first);
  dispatcher = before;
  const std::size_t most =
      std::min<std::size_t>(std::max(set->failover.max_attempts, 1U), limits::kAttemptsPerRequest);
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool tried = i < most;
    test.candidates.push_back({.target = order[i]->id,
                               .destination = order[i]->destination.text(),
                               .chosen = i == 0,
                               .order = tried ? static_cast<int>(i) + 1 : 0,
                               .rejected = tried ? "" : "the set's failover.max_attempts"});
  }
  rejected();
  add_step(test, step::kCandidates, how);
  test.outcome = "relayed";
  test.reason = "to " + order.front()->destination.text() + " (" + how + ")";
  if (registers_there && !registers.has_room(order.front()->id))
    add_step(test, step::kQueued,
             "the target has enough REGISTERs to answer: it would wait for its turn");
}

void Edge::Impl::test_to_phone(const Origin& origin, const Parties& parties,
                               RouteTest& test) const {
  auto looked = find_phone(location, offers, *directory, origin, parties);
  if (const auto* no = std::get_if<NotFound>(&looked))
    return settle_on(test, "refused", no->status, no->why);
  const Found& found = std::get<Found>(looked);
  test.domain = found.domain;
  add_step(test, step::kLookup, found.aor + " is meant (by " + std::string{found.how} + ")");
  int reachable = 0;
  std::string unreachable;
  for (const storage::Binding& b : found.bindings) {
    std::string why;
    const bool can_be = way_to(b, why).has_value();
    test.candidates.push_back({.destination = b.contact + " at " + b.flow.remote.text(),
                               .chosen = can_be && reachable == 0,
                               .order = can_be ? ++reachable : 0,
                               .rejected = why});
    if (!can_be) unreachable = why;
  }
  if (reachable == 0)
    return settle_on(test, "refused", 480, found.aor + " cannot be reached: " + unreachable);
  test.outcome = "relayed";
  test.reason = "to " + found.aor + ", " + std::to_string(reachable) + " device(s)";
}

Result<RouteTest> Edge::test_route(Now now, const RouteQuestion& question) const {
  Impl& e = *impl_;
  const auto message = message_of(question);
  if (!message) return message.error();
  const sip::Message& request = **message;
  net::Flow flow;
  flow.transport = question.transport;
  flow.remote = question.source;
  flow.listener =
      e.outlets.towards(question.transport, question.source.address).value_or(net::ListenerId{});

  RouteTest out;
  const Parties parties = Parties::of(request);
  const Origin origin = origin_of(*e.directory, flow.remote);
  const Tenant tenant = tenant_of(request, parties, *e.directory, e.self);
  const net::IpAddress& source = flow.remote.address;
  out.from_backend = origin.is_backend();
  if (origin.is_backend()) {
    const storage::Target& target = *origin.backends.front();
    out.origin_target = target.id;
    out.origin = source.text() + " is an address of target " + std::to_string(target.id) + " (" +
                 target.destination.text() + ") of set " + std::to_string(target.setid);
  } else {
    out.origin = "no backend sends from " + source.text();
  }
  add_step(out, step::kOrigin, out.origin);
  if (tenant.domain) {
    out.domain = tenant.domain->domain;
    add_step(
        out, step::kDomain,
        tenant.shown + " is a domain of ours, with set " + std::to_string(tenant.domain->setid));
  }
  const auto done = [&](std::string_view outcome, int status, std::string reason) {
    settle_on(out, outcome, status, std::move(reason));
    return out;
  };

  if (!origin.is_backend()) {
    if (e.bans.match(source) && !e.is_protected(source))
      return done("dropped", 0, source.text() + " is banned");
    if (const std::string reason = stranger(request, tenant, e.scanners); !reason.empty())
      return done("dropped", 0, reason + ": " + tenant.shown);
    const auto& who = request.method() == sip::Method::register_ ? parties.to : parties.from;
    const std::string user = who ? aor_text(*who).substr(0, 256) : std::string{};
    if (!e.is_protected(source) && e.enforces(now.wall) &&
        e.offences.held(now.mono, source_of(source), user))
      return done("dropped", 0, user + " has failed to authenticate too often from there");
  }
  if (const auto answer = gate(request, parties, origin, tenant, e.config.user_agent)) {
    const bool good = answer->status < 300;
    return done(good ? "answered" : "refused", answer->status,
                good ? "asked of the edge itself" : answer->why);
  }
  if (e.self.listens_at(flow.remote))
    return done("refused", 482, "it comes from one of our own listeners");
  if (e.draining &&
      (request.method() == sip::Method::invite || request.method() == sip::Method::register_))
    return done("refused", 503, std::string{kEnding});
  if (e.refuses_new(request)) return done("refused", 503, e.overload.why());
  if (origin.is_backend()) {
    e.test_to_phone(origin, parties, out);
  } else {
    e.test_to_backend(now, {*message, flow}, parties, *tenant.domain, out);
  }
  return out;
}

}  // namespace usher::routing
