// A user agent in a dialog: what it sends and answers once it is a call, and how it ends.
#include "tests/sim/user_agent.hpp"

#include <algorithm>

namespace usher::sim {

UserAgent::UserAgent(Simulation& simulation, int agent, std::string via, std::string contact)
    : sim_(simulation),
      agent_(agent),
      contact_(std::move(contact)),
      rng_(simulation.rng.next()),
      transactions_(simulation.clock, simulation.network, agent, std::move(via), rng_.next()) {}

void UserAgent::fact(Fact fact, const Leg& leg, std::string note) {
  Record record;
  record.at = sim_.clock.now().mono;
  record.agent = agent_;
  record.call = leg.number;
  record.fact = fact;
  record.leg = leg.id;
  record.caller = leg.caller;
  record.note = std::move(note);
  sim_.trace.add(std::move(record));
}

UserAgent::Leg* UserAgent::find(int id) {
  const auto found = legs_.find(id);
  return found == legs_.end() ? nullptr : &found->second;
}

UserAgent::Leg* UserAgent::find(std::string_view call_id, std::string_view local_tag) {
  const auto found = dialogs_.find(std::string{call_id} + "|" + std::string{local_tag});
  return found == dialogs_.end() ? nullptr : find(found->second);
}

const CallPlan& UserAgent::plan(const Leg& leg) const {
  return sim_.plans[leg.number];
}

std::size_t UserAgent::live_legs() const {
  return static_cast<std::size_t>(std::count_if(
      legs_.begin(), legs_.end(), [](const auto& l) { return l.second.phase != Phase::over; }));
}

void UserAgent::later(Duration after, int leg, std::function<void(UserAgent&, Leg&)> what) {
  sim_.clock.in(after, [this, leg, what = std::move(what), life = life_] {
    if (life != life_) return;
    if (Leg* found = find(leg)) what(*this, *found);
  });
}

void UserAgent::die(Duration away, Network::Presence how) {
  ++life_;
  Record record;
  record.at = sim_.clock.now().mono;
  record.agent = agent_;
  record.fact = Fact::died;
  sim_.trace.add(std::move(record));
  for (auto& [id, leg] : legs_) {
    if (leg.phase != Phase::over) over(leg, "its agent died");
  }
  transactions_.forget();
  legs_.clear();
  dialogs_.clear();
  for (auto& [id, watch] : watches_) watch_over(watch, "its agent died");
  watches_.clear();
  presence_ = how;
  sim_.network.break_all_of(agent_, false);
  sim_.clock.in(away, [this] {
    presence_ = Network::Presence::listening;
    Record revived;
    revived.at = sim_.clock.now().mono;
    revived.agent = agent_;
    revived.fact = Fact::revived;
    sim_.trace.add(std::move(revived));
    back();
  });
}

void UserAgent::disconnected(std::uint64_t) {}

void UserAgent::receive(const TextRef& text, std::uint64_t connection) {
  if (!text->readable()) return;
  if (text->is_response()) return transactions_.response(text);
  const std::string_view method = text->method();
  if (transactions_.absorbs(text, connection)) return;
  if (method == "ACK") return acked(text);
  if (method == "CANCEL") return cancelled(text, connection);
  request(text, connection);
}

void UserAgent::request(const TextRef& request, std::uint64_t connection) {
  const sip::Message& m = *request->message;
  if (watch_request(request, connection)) return;
  if (m.to_tag().empty()) {
    if (m.method() == sip::Method::invite) return invited(request, connection);
    if (!outside_dialog(request, connection))
      transactions_.respond(request, 501, tag(), {}, {}, connection);
    return;
  }
  Leg* leg = find(m.call_id(), m.to_tag());
  if (leg == nullptr || leg->remote_tag != m.from_tag() ||
      (leg->phase == Phase::over && m.method() != sip::Method::bye)) {
    transactions_.respond(request, 481, {}, {}, {}, connection);
    return;
  }
  in_dialog(*leg, request, connection);
}

void UserAgent::in_dialog(Leg& leg, const TextRef& request, std::uint64_t connection) {
  const sip::Message& m = *request->message;
  if (m.method() == sip::Method::invite) return reinvited(leg, request, connection);
  if (m.method() == sip::Method::prack) return pracked(leg, request, connection);
  if (m.method() == sip::Method::bye) {
    transactions_.respond(request, 200, {}, {}, {}, connection);
    if (leg.invite && leg.phase < Phase::answered)
      transactions_.respond(leg.invite, 487, leg.local_tag, {}, {}, leg.connection);
    if (leg.phase != Phase::over) over(leg, "BYE");
    return;
  }
  const bool update = m.method() == sip::Method::update;
  const bool refresh = update && !request->header("Session-Expires").empty();
  if (refresh && leg.phase == Phase::up) session_refreshed(leg);
  transactions_.respond(request, 200, {},
                        (update ? "Contact: <" + contact_ + ">\n" : "") +
                            (refresh ? session_headers(leg, request) : ""),
                        update && !m.body().empty() ? session(leg) : "", connection);
}

void UserAgent::reinvited(Leg& leg, const TextRef& request, std::uint64_t connection) {
  if (leg.inviting || leg.phase == Phase::answered || leg.answer.open || leg.phase < Phase::up ||
      leg.phase == Phase::ending) {
    transactions_.respond(request, leg.phase == Phase::ending ? 481 : 491, {}, {}, {}, connection);
    return;
  }
  const CallPlan& p = plan(leg);
  transactions_.respond(request, 100, {}, {}, {}, connection);
  sim_.clock.in(p.reinvite_takes, [this, id = leg.id, request, connection, life = life_] {
    if (life != life_) return;
    Leg* found = find(id);
    if (found == nullptr || transactions_.answered(request)) return;
    if (found->phase == Phase::over || found->phase == Phase::ending) {
      transactions_.respond(request, 487, {}, {}, {}, connection);
      return;
    }
    const int status = plan(*found).reinvite_answer;
    ++found->versions;
    if (status < 300 && plan(*found).session > 0) session_refreshed(*found);
    std::string text = transactions_.respond(
        request, status, {},
        "Contact: <" + contact_ + ">\n" + (status < 300 ? session_headers(*found, request) : ""),
        status < 300 ? session(*found) : "", connection);
    if (status < 300 && !text.empty()) {
      found->connection = connection;
      await_ack(*found, std::move(text), request->message->cseq().number);
    }
  });
}

void UserAgent::await_ack(Leg& leg, std::string text, unsigned cseq) {
  leg.answer = {std::move(text), cseq, kT1, sim_.clock.now().mono, true};
  sim_.clock.in(kT1, [this, id = leg.id, cseq, life = life_] {
    if (life == life_) repeat_answer(id, cseq);
  });
}

void UserAgent::repeat_answer(int id, unsigned cseq) {
  Leg* leg = find(id);
  if (leg == nullptr || !leg->answer.open || leg->answer.cseq != cseq) return;
  if (sim_.clock.now().mono - leg->answer.began >= kTimeout) {
    leg->answer.open = false;
    return hang_up(*leg, "no ACK");  // §13.3.1.4
  }
  transactions_.again(leg->answer.text, leg->connection);
  leg->answer.interval = std::min(2 * leg->answer.interval, kT2);
  sim_.clock.in(leg->answer.interval, [this, id, cseq, life = life_] {
    if (life == life_) repeat_answer(id, cseq);
  });
}

void UserAgent::acked(const TextRef& ack) {
  const sip::Message& m = *ack->message;
  Leg* leg = find(m.call_id(), m.to_tag());
  if (leg == nullptr || leg->remote_tag != m.from_tag()) return;
  if (leg->answer.open && leg->answer.cseq == m.cseq().number) leg->answer.open = false;
  if (leg->phase == Phase::answered && !leg->answer.open) up(*leg);
}

void UserAgent::up(Leg& leg) {
  leg.phase = Phase::up;
  fact(Fact::leg_up, leg);
  start_session(leg);
  const CallPlan& p = plan(leg);
  const auto& talk = leg.caller ? p.caller_hangs_up : p.callee_hangs_up;
  const Duration spread = talk ? *talk : seconds(150);
  sim_.clock.in(spread, [this, id = leg.id, life = life_] {
    if (life != life_) return;
    Leg* found = find(id);
    if (found != nullptr && found->phase == Phase::up) hang_up(*found, "it has talked enough");
  });
  for (std::size_t i = 0; i < p.acts.size(); ++i) {
    if (p.acts[i].by_caller != leg.caller) continue;
    sim_.clock.in(p.acts[i].at, [this, id = leg.id, i, life = life_] {
      if (life == life_) act(id, i);
    });
  }
}

// An INVITE that was answered stays so: its 2xx goes on until its ACK, whatever became of the call.
void UserAgent::over(Leg& leg, std::string why) {
  leg.phase = Phase::over;
  fact(Fact::leg_over, leg, std::move(why));
  if (leg.caller) ++sim_.calls_over;
}

Draft UserAgent::draft(Leg& leg, std::string method) {
  return {std::move(method),
          leg.target,
          leg.local + ";tag=" + leg.local_tag,
          leg.remote + (leg.remote_tag.empty() ? "" : ";tag=" + leg.remote_tag),
          leg.call_id,
          leg.cseq};
}

void UserAgent::hang_up(Leg& leg, std::string why) {
  if (leg.phase == Phase::ending || leg.phase == Phase::over) return;
  leg.phase = Phase::ending;
  ++leg.cseq;
  transactions_.request(draft(leg, "BYE"), way(),
                        [this, id = leg.id, why](const TextRef& response) {
                          if (response && response->status() < 200) return;
                          Leg* found = find(id);
                          if (found == nullptr || found->phase == Phase::over) return;
                          over(*found, why + (response ? "" : ", BYE unanswered"));
                        });
}

void UserAgent::act(int id, std::size_t which) {
  Leg* leg = find(id);
  if (leg == nullptr || leg->phase != Phase::up) return;
  const CallPlan::Act& what = plan(*leg).acts[which];
  if (what.method == "INVITE") return reinvite(*leg);
  ++leg->cseq;
  Draft d = draft(*leg, what.method);
  if (what.method == "UPDATE") d.headers = "Contact: <" + contact_ + ">\n";
  if (what.method == "NOTIFY") d.headers = "Event: refer\nSubscription-State: active\n";
  transactions_.request(d, way(), [](const TextRef&) {});
}

void UserAgent::reinvite(Leg& leg) {
  if (leg.phase != Phase::up || leg.inviting || leg.answer.open) return;
  leg.inviting = true;
  ++leg.cseq;
  ++leg.versions;
  Draft d = draft(leg, "INVITE");
  d.headers = "Contact: <" + contact_ + ">\n" + session_headers(leg, nullptr);
  d.body = session(leg);
  leg.branch = transactions_.request(
      d, way(), [this, id = leg.id](const TextRef& response) { reinvite_heard(id, response); });
  if (plan(leg).reinvite_cancelled) {
    sim_.clock.in(milliseconds(60), [this, branch = leg.branch, life = life_] {
      if (life == life_) transactions_.cancel(branch, way());
    });
  }
}

void UserAgent::reinvite_heard(int id, const TextRef& response) {
  Leg* leg = find(id);
  if (leg == nullptr) return;
  if (response && response->status() < 200) return;
  const unsigned cseq = response ? response->message->cseq().number : 0;
  if (response && response->status() < 300) {
    if (leg->ack_cseq == cseq && !leg->ack.empty()) return transactions_.again(leg->ack, way());
    leg->inviting = false;
    if (plan(*leg).session > 0 && leg->phase == Phase::up) session_refreshed(*leg);
    return acknowledge(*leg, response, false);
  }
  leg->inviting = false;
  if (leg->phase != Phase::up) return;
  // §12.2.1.2: the dialog is gone.
  if (!response || response->status() == 481 || response->status() == 408)
    return hang_up(*leg, "a re-INVITE failed");
  if (response->status() == 491 && ++leg->glares < 3) {
    // §14.1: the owner of the Call-ID waits longer.
    const Duration wait = leg->caller ? milliseconds(2100 + 10 * rng_.below(190))
                                      : milliseconds(10 * rng_.below(200));
    later(wait, id, &UserAgent::reinvite);
  } else if (plan(*leg).session > 0) {
    later(seconds(3), id, &UserAgent::refresh_session);
  }
}

std::string UserAgent::session(Leg& leg) const {
  const std::string host = info().at.address.text();
  return "v=0\r\no=- " + std::to_string(leg.id) + " " + std::to_string(leg.versions) + " IN IP4 " +
         host + "\r\ns=-\r\nc=IN IP4 " + host + "\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n" +
         (leg.versions % 2 == 1 ? "a=sendonly\r\n" : "a=sendrecv\r\n");
}

}  // namespace usher::sim
