// How a call begins, on either side.
#include <algorithm>

#include "tests/sim/user_agent.hpp"

namespace usher::sim {

namespace {

std::string without_tag(std::string_view value) {
  const std::size_t at = value.find(";tag=");
  return std::string{value.substr(0, at)};
}

// The callee decides who refreshes.
std::string first_session_lines(const CallPlan& plan) {
  if (plan.session == 0) return {};
  return "Supported: timer\nSession-Expires: " + std::to_string(plan.session) + "\n";
}

}  // namespace

void UserAgent::call(const CallPlan& p, const std::string& uri, const std::string& from,
                     const std::string& to, const std::string& headers) {
  const int id = ++sim_.last_leg;
  Leg& leg = legs_[id];
  leg.id = id;
  leg.number = p.number;
  leg.caller = true;
  leg.call_id = new_call_id();
  leg.local_tag = tag();
  leg.local = from;
  leg.remote = to;
  leg.first_uri = leg.target = uri;
  leg.cseq = static_cast<unsigned>(1 + rng_.below(1000));
  leg.headers = headers;
  dialogs_[leg.call_id + "|" + leg.local_tag] = id;
  fact(Fact::leg_begins, leg);
  send_invite(leg);
  const auto stop = [this, id, life = life_] {
    if (life != life_) return;
    Leg* found = find(id);
    if (found == nullptr || found->phase > Phase::early) return;
    found->cancelled = true;
    // §9.1: not before a provisional response has come.
    if (found->phase == Phase::early) transactions_.cancel(found->branch, way());
  };
  if (p.cancels) sim_.clock.in(*p.cancels, stop);
  sim_.clock.in(p.patience, stop);
}

void UserAgent::send_invite(Leg& leg) {
  Draft d = draft(leg, "INVITE");
  d.headers = std::string{kNumber} + ": " + std::to_string(leg.number) + "\nContact: <" + contact_ +
              ">\nAllow: INVITE, ACK, CANCEL, BYE, UPDATE, INFO, PRACK\n" +
              (plan(leg).caller_reliable ? "Supported: 100rel\n" : "") +
              first_session_lines(plan(leg)) + leg.headers;
  if (!plan(leg).late_offer) d.body = session(leg);
  auto branch = std::make_shared<std::string>();
  *branch = transactions_.request(d, way(), [this, id = leg.id, branch](const TextRef& response) {
    heard(id, *branch, response);
  });
  leg.branch = *branch;
}

void UserAgent::heard(int id, const std::string& branch, const TextRef& response) {
  Leg* leg = find(id);
  if (leg == nullptr) return;
  const int status = response ? response->status() : 0;
  if (status >= 200 && status < 300) return answered(*leg, response);
  if (leg->branch != branch || leg->phase > Phase::early) return;
  if (status == 0) return over(*leg, "no final response");
  if (status < 200) {
    const bool first = leg->phase == Phase::trying;
    leg->phase = Phase::early;
    if (first && leg->cancelled) transactions_.cancel(leg->branch, way());
    return heard_reliable(*leg, response);
  }
  if (status == 401 && !leg->challenged && !leg->cancelled) {
    if (const std::string lines = credentials(response, "INVITE"); !lines.empty()) {
      leg->challenged = true;
      leg->phase = Phase::trying;
      ++leg->cseq;
      leg->headers += lines;
      return send_invite(*leg);
    }
  }
  over(*leg, std::to_string(status));
}

void UserAgent::answered(Leg& leg, const TextRef& response) {
  const sip::Message& m = *response->message;
  if (!leg.remote_tag.empty() && leg.phase > Phase::early) {
    // Once more; the same ACK (§13.2.2.4).
    if (leg.remote_tag == m.to_tag() && leg.ack_cseq == m.cseq().number && !leg.ack.empty())
      transactions_.again(leg.ack, way());
    if (leg.remote_tag == m.to_tag()) return;
  }
  leg.remote_tag = m.to_tag();
  const std::string contact = uri_in(response->header("Contact"));
  if (!contact.empty()) leg.target = contact;
  const bool late = leg.phase == Phase::over;
  if (plan(leg).never_acks && !late && !leg.cancelled) {
    fact(Fact::leg_answers, leg, "and never ACKs");
    leg.phase = Phase::answered;
    later(seconds(120), leg.id, [](UserAgent& self, Leg& l) { self.hang_up(l, "long forgotten"); });
    return;
  }
  acknowledge(leg, response, plan(leg).late_offer);
  if (late) {
    // Its INVITE was given up: §9.1 and §13.2.2.4.
    leg.phase = Phase::up;
    return hang_up(leg, "answered too late");
  }
  if (leg.cancelled) {
    leg.phase = Phase::up;
    fact(Fact::leg_up, leg);
    return hang_up(leg, "the CANCEL came too late");
  }
  up(leg);
}

void UserAgent::acknowledge(Leg& leg, const TextRef& response, bool with_answer) {
  Draft d = draft(leg, "ACK");
  d.cseq = response->message->cseq().number;
  if (with_answer) d.body = session(leg);
  leg.ack = transactions_.once(d, way());
  leg.ack_cseq = d.cseq;
}

void UserAgent::invited(const TextRef& request, std::uint64_t connection) {
  const int number = request->number();
  const auto known = sim_.plans.find(number);
  if (known == sim_.plans.end()) {
    transactions_.respond(request, 404, tag(), {}, {}, connection);
    return;
  }
  const CallPlan& p = known->second;
  if (p.deaf) return;
  if (!may_call(request, connection)) return;
  if (p.trying) transactions_.respond(request, 100, {}, {}, {}, connection);
  for (int fork = 0; fork <= (info().role == Role::backend ? p.forks : 0); ++fork) {
    const int id = new_callee(request, connection).id;
    if (p.rings) later(*p.rings + milliseconds(70) * fork, id, &UserAgent::progress);
    const bool decides = info().role != Role::backend || fork == p.fork_that_decides;
    if (p.final != 0 && decides) later(p.decides, id, &UserAgent::decide);
  }
}

UserAgent::Leg& UserAgent::new_callee(const TextRef& request, std::uint64_t connection) {
  const sip::Message& m = *request->message;
  const int id = ++sim_.last_leg;
  Leg& leg = legs_[id];
  leg.id = id;
  leg.number = request->number();
  leg.invite = request;
  leg.connection = connection;
  leg.call_id = std::string{m.call_id()};
  leg.local_tag = tag();
  leg.remote_tag = std::string{m.from_tag()};
  leg.local = std::string{m.to_value()};
  leg.remote = without_tag(m.from_value());
  leg.target = uri_in(request->header("Contact"));
  leg.cseq = static_cast<unsigned>(rng_.below(1000));
  dialogs_[leg.call_id + "|" + leg.local_tag] = id;
  fact(Fact::leg_begins, leg);
  // A callee gives up as well.
  later(seconds(400), id, [](UserAgent& self, Leg& l) {
    if (l.phase > Phase::early) return;
    self.transactions_.respond(l.invite, 480, l.local_tag, {}, {}, l.connection);
    self.over(l, "nobody came");
    self.others_over(l, "nobody came");
  });
  return leg;
}

void UserAgent::progress(Leg& leg) {
  if (leg.phase > Phase::early) return;
  leg.phase = Phase::early;
  if (plan(leg).callee_reliable && leg.invite->header("Supported") == "100rel")
    return send_reliable(leg);
  const bool media = plan(leg).early_media;
  transactions_.respond(leg.invite, media ? 183 : 180, leg.local_tag, callee_headers(leg),
                        media ? session(leg) : "", leg.connection);
}

std::string UserAgent::callee_headers(const Leg& leg) const {
  return "Contact: <" + contact_ + ">\n" + std::string{kLeg} + ": " + std::to_string(leg.id) + "\n";
}

void UserAgent::decide(Leg& leg) {
  if (leg.phase > Phase::early) return;
  const CallPlan& p = plan(leg);
  const bool success = p.final < 300;
  // RFC 3262 §3: no 2xx while a session of ours is not acknowledged.
  if (success && leg.reliable.open && leg.reliable.with_session) {
    leg.decision_waits = true;
    return;
  }
  std::string headers = callee_headers(leg);
  if (success) headers += session_headers(leg, leg.invite);
  if (p.retry_after > 0) headers += "Retry-After: " + std::to_string(p.retry_after) + "\n";
  std::string text = transactions_.respond(leg.invite, p.final, leg.local_tag, headers,
                                           success ? session(leg) : "", leg.connection);
  if (!success) {
    over(leg, std::to_string(p.final));
    return others_over(leg, "another fork refused");
  }
  leg.phase = Phase::answered;
  fact(Fact::leg_answers, leg);
  await_ack(leg, std::move(text), leg.invite->message->cseq().number);
  if (p.hangs_up_before_ack)
    later(milliseconds(5), leg.id,
          [](UserAgent& self, Leg& l) { self.hang_up(l, "before the ACK"); });
  if (p.two_answer) one_more_answer(leg);
  others_over(leg, "another fork answered");
}

void UserAgent::cancelled(const TextRef& request, std::uint64_t connection) {
  const TextRef invite = transactions_.cancelled(request);
  if (!invite) {
    transactions_.respond(request, 481, tag(), {}, {}, connection);
    return;
  }
  transactions_.respond(request, 200, tag(), {}, {}, connection);
  if (transactions_.answered(invite)) return;
  for (auto& [id, leg] : legs_) {
    if (leg.invite != invite || leg.phase > Phase::early) continue;
    transactions_.respond(invite, 487, leg.local_tag, {}, {}, leg.connection);
    over(leg, "CANCEL");
    return others_over(leg, "CANCEL");
  }
  transactions_.respond(invite, 487, tag(), {}, {}, connection);
}

}  // namespace usher::sim
