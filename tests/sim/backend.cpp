#include "tests/sim/backend.hpp"

#include <algorithm>
#include <charconv>

#include "sip/grammar/grammar.hpp"

namespace usher::sim {

// Keyed by what a password would be; it only has to show that nobody touched it on the way.
std::string digest_of(std::string_view user, std::string_view nonce, std::string_view method) {
  return base32(siphash(HashKey{11, 12}, std::string{user}.append(nonce).append(method)));
}

Backend::Backend(Simulation& simulation, int agent)
    : UserAgent(simulation, agent,
                std::string{"SIP/2.0/"} +
                    std::string{net::via_transport(
                        simulation.trace.agents[static_cast<std::size_t>(agent)].transport)} +
                    " " + simulation.trace.agents[static_cast<std::size_t>(agent)].at.text(),
                "sip:pbx@" + simulation.trace.agents[static_cast<std::size_t>(agent)].at.text() +
                    (simulation.trace.agents[static_cast<std::size_t>(agent)].transport ==
                             net::Transport::tcp
                         ? ";transport=tcp"
                         : "")) {
  host_ = info().at.address.text();
}

std::uint64_t Backend::way() {
  if (info().transport == net::Transport::udp) return 0;
  if (!sim_.network.connected(connection_)) connection_ = sim_.network.connect(agent_);
  return connection_;
}

const Backend::Registered* Backend::anybody() {
  const Instant now = sim_.clock.now().mono;
  std::erase_if(registered_, [&](const auto& r) { return r.second.until < now; });
  if (registered_.empty()) return nullptr;
  auto chosen = registered_.begin();
  std::advance(chosen, static_cast<std::ptrdiff_t>(rng_.below(registered_.size())));
  return &chosen->second;
}

void Backend::call_out(const CallPlan& p, const Registered& callee, bool by_token) {
  const std::string uri = by_token ? callee.uri : "sip:" + callee.aor;
  call(p, uri, "\"Colleague\" <sip:300@" + host_ + ">", "<" + uri + ">",
       "P-Asserted-Identity: <sip:300@" + host_ + ">\nDiversion: <sip:301@" + host_ +
           ":5060>;reason=no-answer\n");
}

void Backend::watch_out(const WatchPlan& p, const Registered& whom) {
  watch(p, whom.uri, "<sip:asterisk@" + host_ + ">", "<" + whom.uri + ">");
}

void Backend::errand_out(int number, const std::string& method, const Registered& whom,
                         bool by_token) {
  const std::string uri = by_token ? whom.uri : "sip:" + whom.aor;
  Draft d{method,          uri,           "<sip:asterisk@" + host_ + ">;tag=" + tag(),
          "<" + uri + ">", new_call_id(), 1};
  d.headers =
      std::string{kNumber} + ": " + std::to_string(number) + "\nContact: <" + contact_ + ">\n";
  if (method == "NOTIFY") d.headers += "Event: message-summary\nSubscription-State: terminated\n";
  transactions_.request(d, way(), [](const TextRef&) {});
}

bool Backend::outside_dialog(const TextRef& request, std::uint64_t connection) {
  if (request->method() == "REGISTER") {
    registers(request, connection);
    return true;
  }
  if (request->number() == 0 && request->method() != "OPTIONS") return false;
  transactions_.respond(request, 200, tag(),
                        "Contact: <" + contact_ + ">\nWarning: 399 " + host_ + " \"simulated\"\n",
                        {}, connection);
  return true;
}

bool Backend::authorized(const TextRef& request, std::string_view method) {
  const std::string header = request->header("Authorization");
  const auto value = sip::parse_auth(header);
  if (!value) return false;
  const auto get = [&](std::string_view name) {
    std::string text{sip::param_value(value->params, name)};
    std::erase(text, '"');
    return text;
  };
  const std::string nonce = get("nonce");
  return nonces_.contains(nonce) && get("response") == digest_of(get("username"), nonce, method);
}

void Backend::challenge(const TextRef& request, std::uint64_t connection) {
  const std::string nonce = rng_.token(16);
  nonces_[nonce] = true;
  transactions_.respond(request, 401, tag(),
                        "WWW-Authenticate: Digest realm=\"sim\", nonce=\"" + nonce +
                            "\", algorithm=MD5, qop=\"auth\"\n",
                        {}, connection);
}

bool Backend::may_call(const TextRef& invite, std::uint64_t connection) {
  const auto known = sim_.plans.find(invite->number());
  if (known == sim_.plans.end() || !known->second.challenges) return true;
  if (authorized(invite, "INVITE")) return true;
  challenge(invite, connection);
  return false;
}

void Backend::registers(const TextRef& request, std::uint64_t connection) {
  if (!authorized(request, "REGISTER")) return challenge(request, connection);
  const Instant now = sim_.clock.now().mono;
  const std::string aor = aor_in(request->message->to_value());
  const std::string written = request->header("Contact");
  const auto contacts = sip::parse_contacts(written);
  if (!contacts || contacts->contacts.empty()) {
    transactions_.respond(request, 400, tag(), {}, {}, connection);
    return;
  }
  unsigned asked = 3600;
  const std::string header = request->header("Expires");
  std::from_chars(header.data(), header.data() + header.size(), asked);
  std::string headers;
  for (const sip::NameAddr& contact : contacts->contacts) {
    unsigned own = asked;
    const std::string_view given = sip::param_value(contact.params, "expires");
    std::from_chars(given.data(), given.data() + given.size(), own);
    const std::string uri{contact.uri.raw};
    if (own == 0) {
      registered_.erase(uri);
      continue;
    }
    own = std::min(own, 120U);
    int device = -1;
    const std::string number = request->header(kDevice);
    std::from_chars(number.data(), number.data() + number.size(), device);
    registered_[uri] = {aor, uri, device, now + seconds(own)};
  }
  for (const auto& [uri, r] : registered_) {
    if (r.aor != aor || r.until <= now) continue;
    const auto left = std::chrono::duration_cast<seconds>(r.until - now).count();
    headers += "Contact: <" + uri + ">;expires=" + std::to_string(left) + "\n";
  }
  transactions_.respond(request, 200, tag(), headers, {}, connection);
}

}  // namespace usher::sim
