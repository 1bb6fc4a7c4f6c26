// Early dialogs: reliable provisional responses (RFC 3262) on both sides, and a callee that has
// forked.
#include "tests/sim/user_agent.hpp"

namespace usher::sim {

void UserAgent::send_reliable(Leg& leg) {
  Reliable& r = leg.reliable;
  r.rseq = r.rseq == 0 ? 1 + static_cast<std::uint32_t>(rng_.below(1'000'000)) : r.rseq + 1;
  r.with_session = plan(leg).early_media && leg.provisionals == 0;
  ++leg.provisionals;
  r.text = transactions_.respond(
      leg.invite, r.with_session ? 183 : 180, leg.local_tag,
      callee_headers(leg) + "Require: 100rel\nRSeq: " + std::to_string(r.rseq) + "\n",
      r.with_session ? session(leg) : "", leg.connection);
  r.interval = kT1;
  r.began = sim_.clock.now().mono;
  r.open = true;
  later(kT1, leg.id,
        [rseq = r.rseq](UserAgent& self, Leg& l) { self.repeat_reliable(l.id, rseq); });
}

// §3: at T1, doubled each time, over every transport; after 64·T1 the INVITE is refused.
void UserAgent::repeat_reliable(int id, std::uint32_t rseq) {
  Leg* leg = find(id);
  if (leg == nullptr || leg->phase > Phase::early) return;
  Reliable& r = leg->reliable;
  if (!r.open || r.rseq != rseq) return;
  if (sim_.clock.now().mono - r.began >= kTimeout) {
    fact(Fact::not_pracked, *leg);
    transactions_.respond(leg->invite, 504, leg->local_tag, callee_headers(*leg), {},
                          leg->connection);
    over(*leg, "no PRACK");
    return others_over(*leg, "no PRACK for another fork");
  }
  transactions_.again(r.text, leg->connection);
  r.interval = 2 * r.interval;
  later(r.interval, id, [rseq](UserAgent& self, Leg& l) { self.repeat_reliable(l.id, rseq); });
}

void UserAgent::pracked(Leg& leg, const TextRef& prack, std::uint64_t connection) {
  Reliable& r = leg.reliable;
  const std::string wanted = std::to_string(r.rseq) + " " +
                             std::to_string(leg.invite ? leg.invite->message->cseq().number : 0) +
                             " INVITE";
  if (!r.open || prack->header("RAck") != wanted) {
    transactions_.respond(prack, 481, {}, {}, {}, connection);
    return;
  }
  r.open = false;
  transactions_.respond(prack, 200, {}, {}, {}, connection);
  if (leg.phase > Phase::early) return;
  if (leg.decision_waits) return decide(leg);
  if (leg.provisionals < plan(leg).reliable_responses) send_reliable(leg);
}

void UserAgent::heard_reliable(Leg& leg, const TextRef& response) {
  const auto rseq = static_cast<std::uint32_t>(response->integer("RSeq"));
  if (rseq == 0 || response->header("Require") != "100rel" || leg.cancelled) return;
  const std::string tag{response->message->to_tag()};
  std::uint32_t& last = leg.rseqs[tag];
  // §4: a repetition, or one that has overtaken another: it comes again.
  if (last != 0 && rseq != last + 1) return;
  last = rseq;
  Draft d = draft(leg, "PRACK");
  d.uri = uri_in(response->header("Contact"));
  d.to = leg.remote + ";tag=" + tag;
  const std::string whom = std::string{kLeg} + ": " + response->header(kLeg) + "\n";
  d.headers = "RAck: " + std::to_string(rseq) + " " +
              std::to_string(response->message->cseq().number) + " INVITE\n" + whom;
  send_prack(leg, std::move(d), whom);
}

void UserAgent::send_prack(Leg& leg, Draft d, const std::string& whom) {
  d.cseq = ++leg.cseq;
  transactions_.request(d, way(), [this, id = leg.id, d, whom, life = life_](const TextRef& said) {
    Leg* found = life == life_ ? find(id) : nullptr;
    if (found == nullptr || found->phase > Phase::early || found->cancelled) return;
    // §12.2.2: another request has overtaken it.
    if (said && said->status() == 500) return send_prack(*found, d, whom);
    if (!said || said->status() != 200 || !plan(*found).early_update) return;
    Draft update = d;
    update.method = "UPDATE";
    update.cseq = ++found->cseq;
    update.headers = "Contact: <" + contact_ + ">\n" + whom;
    transactions_.request(update, way(), [](const TextRef&) {});
  });
}

// The other legs that one INVITE has made are over with it.
void UserAgent::others_over(const Leg& leg, const std::string& why) {
  for (auto& [id, other] : legs_) {
    if (id != leg.id && other.invite == leg.invite && other.phase <= Phase::early) over(other, why);
  }
}

// A second fork answers too, before it has heard that the first did.
void UserAgent::one_more_answer(Leg& leg) {
  for (auto& [id, other] : legs_) {
    if (id == leg.id || other.invite != leg.invite || other.phase > Phase::early) continue;
    if (other.reliable.open && other.reliable.with_session) continue;
    other.phase = Phase::answered;
    fact(Fact::leg_answers, other);
    await_ack(
        other,
        transactions_.respond_beside(other.invite, other.local_tag,
                                     callee_headers(other) + session_headers(other, other.invite),
                                     session(other), other.connection),
        other.invite->message->cseq().number);
    return;
  }
}

}  // namespace usher::sim
