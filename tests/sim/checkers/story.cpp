#include "tests/sim/checkers/story.hpp"

#include <algorithm>

namespace usher::sim {

namespace {

bool has_role(const Trace& trace, int agent, Role role) {
  return agent >= 0 && agent < static_cast<int>(trace.agents.size()) &&
         trace.agents[static_cast<std::size_t>(agent)].role == role;
}

std::string key_of(const Record& record, int process = 0) {
  return std::to_string(record.agent) + "|" + std::to_string(process) + "|" +
         std::string{record.text->branch()};
}

}  // namespace

bool is_phone(const Trace& trace, int agent) {
  return has_role(trace, agent, Role::phone);
}
bool is_backend(const Trace& trace, int agent) {
  return has_role(trace, agent, Role::backend);
}

Story::Story(const Trace& trace) {
  std::map<std::string, std::size_t> by_arrival, by_attempt;
  std::set<int> removed;
  int process = 0;
  for (std::size_t i = 0; i < trace.records.size(); ++i) {
    const Record& r = trace.records[i];
    end = r.at;
    if (r.step == Step::fact) {
      switch (r.fact) {
        case Fact::leg_begins:
          legs[r.leg] = {r.leg, r.agent, r.call, r.caller, r.at, {}, {}, {}, {}, false};
          legs_of[r.call].push_back(r.leg);
          break;
        case Fact::leg_answers: legs[r.leg].answers = r.at; break;
        case Fact::leg_up: legs[r.leg].up = r.at; break;
        case Fact::leg_over:
          legs[r.leg].over = r.at;
          legs[r.leg].why = r.note;
          break;
        case Fact::vanished:
        case Fact::died:
        case Fact::revived:
        case Fact::disconnected: troubles[r.agent].push_back(r.at); break;
        case Fact::edge_crashed:
          edge_away.emplace_back(r.at, r.at);
          ++process;
          break;
        case Fact::edge_started:
          if (!edge_away.empty()) edge_away.back().second = r.at;
          break;
        case Fact::altered: altered.insert(r.call); break;
        case Fact::target_removed:
          removed.insert(r.agent);
          target_changes.push_back(r.at);
          break;
        case Fact::target_added:
          removed.erase(r.agent);
          target_changes.push_back(r.at);
          break;
        case Fact::target_changed: target_changes.push_back(r.at); break;
        case Fact::not_pracked: legs[r.leg].not_pracked = true; break;
        case Fact::watch_begins:
        case Fact::watch_over:
        case Fact::stray_notify:
        case Fact::none:
        case Fact::store_slow:
        case Fact::edge_refused_input: break;
      }
      continue;
    }
    if (!r.text || !r.text->message) continue;
    const sip::Message& m = *r.text->message;
    if (r.text->altered && m.is_request()) read_altered(trace, r);
    if (m.is_request() && (r.step == Step::edge_receives || r.step == Step::edge_sends)) {
      if (m.cseq().method == sip::Method::bye) byes[r.call].push_back(r.at);
      if (m.cseq().method == sip::Method::ack && r.step == Step::edge_receives &&
          !r.text->altered && is_caller_up(r))
        established.try_emplace(r.call, r.at);
    }
    if (r.step == Step::edge_receives && removed.contains(r.agent)) of_strangers.insert(r.call);
    if (r.step == Step::edge_receives && r.text->method() == "INVITE" && m.is_request()) {
      const auto [found, fresh] = by_arrival.try_emplace(key_of(r, process), invites.size());
      if (fresh) {
        Invite invite;
        invite.agent = r.agent;
        invite.call = r.call;
        invite.branch = r.text->branch();
        invite.initial = m.to_tag().empty();
        invite.came = r.at;
        invites.push_back(std::move(invite));
      }
      Invite& invite = invites[found->second];
      invite.altered = invite.altered || r.text->altered;
      invite.arrivals.push_back(i);
    } else if (r.step == Step::edge_sends && m.is_request()) {
      if (r.text->method() == "INVITE") {
        const auto [found, fresh] = by_attempt.try_emplace(key_of(r), attempts.size());
        if (fresh)
          attempts.push_back(
              {r.agent, r.call, std::string{r.text->branch()}, m.to_tag().empty(), r.at, {}, {}});
      } else if (r.text->method() == "CANCEL") {
        const auto found = by_attempt.find(key_of(r));
        if (found != by_attempt.end() && !attempts[found->second].cancelled)
          attempts[found->second].cancelled = r.at;
      }
    } else if (m.cseq().method == sip::Method::invite && !m.is_request()) {
      if (r.step == Step::edge_sends) {
        const auto found = by_arrival.find(key_of(r, process));
        if (found != by_arrival.end()) invites[found->second].responses.push_back(i);
        const int leg = m.status() / 100 == 2 ? r.text->integer(kLeg) : 0;
        if (leg != 0) told.insert(leg);
      } else if (r.step == Step::edge_receives) {
        const auto found = by_attempt.find(key_of(r));
        if (found != by_attempt.end()) attempts[found->second].responses.push_back(i);
      }
    }
  }
  if (!edge_away.empty() && edge_away.back().second < edge_away.back().first)
    edge_away.back().second = end;
}

void Story::read_altered(const Trace& trace, const Record& record) {
  const Text& text = *record.text;
  if (text.method() != "REGISTER") return;
  const auto errand = trace.errands.find(record.call);
  Altered said;
  if (record.step == Step::edge_receives) {
    said.phone = record.agent;
  } else if (record.step == Step::agent_receives && errand != trace.errands.end()) {
    said.phone = errand->second.from;
  }
  if (said.phone < 0) return;
  said.aor = aor_in(text.message->to_value());
  said.device = text.header(kDevice);
  for (const sip::HeaderField& field : text.message->headers()) {
    if (field.id == sip::HeaderId::contact)
      said.contacts.push_back(uri_in(text.message->value(field)));
  }
  altered_registers.push_back(std::move(said));
}

bool Story::is_caller_up(const Record& ack) const {
  const auto ids = legs_of.find(ack.call);
  return ids != legs_of.end() && std::any_of(ids->second.begin(), ids->second.end(), [&](int id) {
           const Leg& leg = legs.at(id);
           return leg.caller && leg.agent == ack.agent && leg.up && *leg.up <= ack.at;
         });
}

bool Story::survives(int call, Instant crash, const Terms& terms) const {
  const auto up = established.find(call);
  if (up == established.end() || up->second + written_within(terms) >= crash) return false;
  const auto ends = byes.find(call);
  // A BYE is repeated for 64·T1, after the time that another one may take.
  return ends == byes.end() ||
         std::none_of(ends->second.begin(), ends->second.end(), [&](Instant at) {
           return at <= crash && at + kTimeout + seconds(4) >= crash;
         });
}

bool Story::crash_between(Instant from, Instant to) const {
  return std::any_of(edge_away.begin(), edge_away.end(),
                     [&](const auto& away) { return away.first <= to && away.second >= from; });
}

bool Story::target_changed_between(Instant from, Instant to) const {
  return std::any_of(target_changes.begin(), target_changes.end(),
                     [&](Instant at) { return at >= from && at <= to; });
}

bool Story::trouble_between(int agent, Instant from, Instant to) const {
  const auto found = troubles.find(agent);
  if (found == troubles.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(),
                     [&](Instant at) { return at >= from && at <= to; });
}

bool Story::excused(int call, const Terms& terms) const {
  if (altered.contains(call)) return true;
  const auto found = legs_of.find(call);
  if (found == legs_of.end()) return false;
  Instant from = end, to{};
  for (const int id : found->second) {
    const Leg& leg = legs.at(id);
    from = std::min(from, leg.begins);
    to = std::max(to, leg.over.value_or(end));
  }
  // Agents are away for a minute at most, and what was said to them is repeated for 32 s.
  from -= seconds(100);
  for (const int id : found->second) {
    if (trouble_between(legs.at(id).agent, from, to)) return true;
  }
  for (const Attempt& attempt : attempts) {
    if (attempt.call == call && trouble_between(attempt.agent, from, to)) return true;
  }
  return terms.excuse_calls_at_crash &&
         std::any_of(edge_away.begin(), edge_away.end(), [&](const auto& away) {
           return away.first <= to && away.second >= from + seconds(65) &&
                  !survives(call, away.first, terms);
         });
}

Violations check_all(const Trace& trace, const Remains& remains, const Terms& terms) {
  const Story story(trace);
  Violations out;
  final_once(trace, story, terms, out);
  hundred(trace, story, terms, out);
  request_timeout(trace, story, terms, out);
  agreement(trace, story, terms, out);
  nothing_invented(trace, story, terms, out);
  hidden_hosts(trace, story, terms, out);
  own_contact(trace, story, terms, out);
  right_party(trace, story, terms, out);
  silence(trace, story, terms, out);
  presence(trace, story, terms, out);
  way_back(trace, story, terms, out);
  credentials(trace, story, terms, out);
  early_dialogs(trace, story, terms, out);
  own_dialog(trace, story, terms, out);
  one_winner(trace, story, terms, out);
  pracks(trace, story, terms, out);
  by_q(trace, story, terms, out);
  left_alone(trace, story, terms, out);
  own_notify(trace, story, terms, out);
  watches_end(trace, story, terms, out);
  durable(trace, story, terms, out);
  no_stuck_calls(trace, terms, remains, out);
  nothing_left(remains, out);
  return out;
}

}  // namespace usher::sim
