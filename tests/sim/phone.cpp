#include "tests/sim/phone.hpp"

#include <algorithm>

#include "sip/grammar/grammar.hpp"
#include "tests/sim/backend.hpp"

namespace usher::sim {

namespace {

std::string via_of(const AgentInfo& info) {
  return std::string{"SIP/2.0/"} + std::string{net::via_transport(info.transport)} + " " +
         info.contact.substr(info.contact.find('@') + 1,
                             info.contact.find(';') - info.contact.find('@') - 1);
}

std::string q_of(const AgentInfo& info) {
  if (info.q == 1000) return {};
  return ";q=0." + std::to_string(info.q / 100);
}

}  // namespace

Phone::Phone(Simulation& simulation, int agent)
    : UserAgent(simulation, agent, via_of(simulation.trace.agents[static_cast<std::size_t>(agent)]),
                simulation.trace.agents[static_cast<std::size_t>(agent)].contact) {
  domain_ = info().aor.substr(info().aor.find('@') + 1);
  address_ = "<sip:" + info().aor + ">";
  register_id_ = new_call_id();
  register_tag_ = tag();
}

void Phone::start() {
  sim_.clock.in(milliseconds(rng_.below(3000)), [this] { register_now(); });
}

std::uint64_t Phone::way() {
  if (info().transport == net::Transport::udp) return 0;
  if (!sim_.network.connected(connection_)) connection_ = sim_.network.connect(agent_);
  return connection_;
}

void Phone::disconnected(std::uint64_t connection) {
  if (connection != connection_ || retired_) return;
  // What RFC 5626 §4.5 calls recovery: a new flow, and a registration over it.
  sim_.clock.in(milliseconds(500 + rng_.below(3000)), [this] {
    registering_ = false;
    register_now();
  });
}

void Phone::back() {
  registering_ = false;
  register_id_ = new_call_id();
  register_tag_ = tag();
  register_now();
}

std::string Phone::credentials(const TextRef& challenge, const std::string& method) {
  const std::string header = challenge->header("WWW-Authenticate");
  const auto value = sip::parse_auth(header);
  if (!value) return {};
  std::string nonce{sip::param_value(value->params, "nonce")};
  std::erase(nonce, '"');
  return "Authorization: Digest username=\"" + info().aor + "\", realm=\"" + domain_ +
         "\", nonce=\"" + nonce + "\", uri=\"sip:" + domain_ + "\", response=\"" +
         digest_of(info().aor, nonce, method) + "\"\n";
}

void Phone::register_now(bool away) {
  if (retired_ || registering_ || presence_ != Network::Presence::listening) return;
  registering_ = true;
  ++turn_;
  register_with({}, 0, away);
}

void Phone::register_with(const std::string& headers, unsigned attempt, bool away) {
  const unsigned asked = away ? 0 : 60 + static_cast<unsigned>(agent_ % 4) * 40;
  const int number = ++sim_.last_number;
  sim_.trace.errands[number] = {"REGISTER", agent_, {}, -1};
  Draft d{"REGISTER", "sip:" + domain_, address_ + ";tag=" + register_tag_,
          address_,   register_id_,     ++register_cseq_};
  d.headers = std::string{kNumber} + ": " + std::to_string(number) + "\n" + std::string{kDevice} +
              ": " + std::to_string(agent_) + "\nContact: <" + contact_ + ">" + q_of(info()) +
              "\nExpires: " + std::to_string(asked) + "\n" + headers;
  transactions_.request(
      d, way(), [this, attempt, away, turn = turn_, life = life_](const TextRef& response) {
        if (turn != turn_ || life != life_) return;
        if (response && response->status() < 200) return;
        if (response && response->status() == 401 && attempt < 2)
          return register_with(credentials(response, "REGISTER"), attempt + 1, away);
        registering_ = false;
        Duration wait = seconds(5 + rng_.below(20));
        if (response && response->status() == 200 && !away) wait = seconds(20 + rng_.below(12));
        sim_.clock.in(wait, [this, turn, again = life_] {
          if (turn == turn_ && again == life_) register_now();
        });
      });
}

void Phone::call_out(const CallPlan& p) {
  const std::string callee = "sip:9" + std::to_string(p.number % 100) + "@" + domain_;
  call(p, callee, address_, "<" + callee + ">",
       "User-Agent: SimPhone\nX-Device: " + std::to_string(agent_) + "\n");
}

void Phone::errand_out(int number, const std::string& method) {
  Draft d{method,
          "sip:700@" + domain_,
          address_ + ";tag=" + tag(),
          "<sip:700@" + domain_ + ">",
          new_call_id(),
          1};
  d.headers = std::string{kNumber} + ": " + std::to_string(number) + "\nEvent: dialog\n";
  transactions_.request(d, way(), [](const TextRef&) {});
}

void Phone::watch_out(const WatchPlan& p) {
  const std::string whom = "sip:9" + std::to_string(p.number % 100) + "@" + domain_;
  watch(p, whom, address_, "<" + whom + ">");
}

bool Phone::outside_dialog(const TextRef& request, std::uint64_t connection) {
  const auto known = sim_.plans.find(request->number());
  if (known != sim_.plans.end() && known->second.deaf) return true;
  transactions_.respond(request, 200, tag(), "Contact: <" + contact_ + ">\n", {}, connection);
  return true;
}

}  // namespace usher::sim
