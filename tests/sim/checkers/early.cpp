// Early dialogs, their PRACKs, and who of several that answered is told.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

using Dialog = std::pair<std::string, std::string>;  // Call-ID, the callee's tag

Dialog dialog_of(const Text& text) {
  return {std::string{text.message->call_id()}, std::string{text.message->to_tag()}};
}

bool makes_dialog(const Text& text) {
  return text.status() > 100 && text.status() < 300 && !text.message->to_tag().empty();
}

}  // namespace

void early_dialogs(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Story::Invite& invite : story.invites) {
    if (!invite.initial || story.altered.contains(invite.call)) continue;
    std::map<std::string, std::string> leg_of_tag, tag_of_leg, answered;
    for (const std::size_t i : invite.responses) {
      const Text& text = *trace.records[i].text;
      const std::string leg = text.header(kLeg);
      if (leg.empty() || !makes_dialog(text)) continue;
      const std::string tag{text.message->to_tag()};
      if (leg_of_tag.try_emplace(tag, leg).first->second != leg ||
          tag_of_leg.try_emplace(leg, tag).first->second != tag) {
        out.push_back({"early_dialogs", invite.call,
                       "callees' dialogs and the tags shown to the caller do not pair off: leg " +
                           leg + " with tag " + tag});
        break;
      }
      if (text.status() >= 200) answered[leg] = tag;
    }
    if (answered.size() > 1) {
      out.push_back({"early_dialogs", invite.call,
                     fmt::format("the caller was told of {} that answered", answered.size())});
    }
  }
}

void own_dialog(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  std::map<std::string, Dialog> made;  // by the callee's leg
  for (const Record& r : trace.records) {
    if (!r.text || !r.text->message || r.text->altered) continue;
    const std::string leg = r.text->header(kLeg);
    if (leg.empty()) continue;
    if (r.step == Step::agent_sends && r.text->is_response() && makes_dialog(*r.text)) {
      made.try_emplace(leg, dialog_of(*r.text));
    } else if (r.step == Step::agent_receives && r.text->is_request() &&
               !story.altered.contains(r.call)) {
      const auto known = made.find(leg);
      if (known != made.end() && known->second == dialog_of(*r.text)) continue;
      out.push_back(
          {"own_dialog", r.call, r.text->what() + " for leg " + leg + " came to another dialog"});
    }
  }
}

void one_winner(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  struct Answered {
    int call = 0;
    std::string leg;
    bool by_another = false;  // the process that called it has crashed
  };
  std::map<std::string, int> called_by;  // by Call-ID
  int process = 0;
  std::map<Dialog, Answered> answered;
  std::set<Dialog> acked, byed;      // a BYE of either side; it may overtake the 2xx
  std::map<std::string, bool> told;  // by leg
  for (const Record& r : trace.records) {
    if (r.fact == Fact::edge_crashed) ++process;
    if (!r.text || !r.text->message || r.text->altered) continue;
    const sip::Message& m = *r.text->message;
    const bool answer = m.cseq().method == sip::Method::invite && !m.is_request() &&
                        m.status() / 100 == 2 && !r.text->header(kLeg).empty();
    if (answer && r.step == Step::edge_receives) {
      const auto called = called_by.find(std::string{m.call_id()});
      const bool by_another = called != called_by.end() && called->second != process;
      answered.try_emplace(dialog_of(*r.text), Answered{r.call, r.text->header(kLeg), by_another});
    } else if (answer && r.step == Step::edge_sends) {
      told[r.text->header(kLeg)] = true;
    } else if (m.is_request() && m.cseq().method == sip::Method::bye &&
               r.step == Step::edge_receives) {
      byed.emplace(std::string{m.call_id()}, std::string{m.from_tag()});
    } else if (m.is_request() && r.step == Step::edge_sends) {
      if (m.cseq().method == sip::Method::invite) called_by[std::string{m.call_id()}] = process;
      if (m.cseq().method == sip::Method::ack) acked.insert(dialog_of(*r.text));
      if (m.cseq().method == sip::Method::bye) byed.insert(dialog_of(*r.text));
    }
  }
  for (const auto& [dialog, a] : answered) {
    if (told.contains(a.leg) || a.by_another || (acked.contains(dialog) && byed.contains(dialog)))
      continue;
    if (story.excused(a.call, terms) || story.of_strangers.contains(a.call)) continue;
    out.push_back({"one_winner", a.call,
                   "leg " + a.leg + " answered, the caller was not told, and it got no " +
                       (acked.contains(dialog) ? "BYE" : "ACK")});
  }
}

void pracks(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  for (const auto& entry : story.legs) {
    const Story::Leg& leg = entry.second;
    if (!leg.not_pracked || story.excused(leg.call, terms)) continue;
    const Story::Leg* caller = nullptr;
    for (const int other : story.legs_of.at(leg.call)) {
      if (story.legs.at(other).caller) caller = &story.legs.at(other);
    }
    // Who gives up, or lives in another early dialog's call by now, acknowledges no more.
    const auto gone = [&](const std::optional<Instant>& at) { return at && *at < *leg.over; };
    if (caller == nullptr || gone(caller->over) || gone(caller->up) || gone(caller->answers))
      continue;
    const bool cancelled =
        std::any_of(trace.records.begin(), trace.records.end(), [&](const Record& r) {
          return r.step == Step::agent_sends && r.agent == caller->agent && r.text &&
                 r.call == leg.call && r.text->is_request() && r.text->method() == "CANCEL";
        });
    if (!cancelled)
      out.push_back({"pracks", leg.call, "a reliable response got no PRACK for 64*T1"});
  }
}

void by_q(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  const auto q_of = [&](const Story::Attempt& a) {
    return trace.agents[static_cast<std::size_t>(a.agent)].q;
  };
  for (const Story::Attempt& lower : story.attempts) {
    if (!lower.initial || !is_phone(trace, lower.agent) || q_of(lower) == 1000) continue;
    if (story.altered.contains(lower.call)) continue;
    const Story::Attempt* higher = nullptr;  // the one before it
    for (const Story::Attempt& other : story.attempts) {
      if (other.call == lower.call && other.initial && is_phone(trace, other.agent) &&
          q_of(other) > q_of(lower) && !story.crash_between(other.sent, lower.sent) &&
          !story.crash_between(lower.sent, other.sent))
        higher = &other;
    }
    if (higher == nullptr) continue;
    const bool ended =
        std::any_of(higher->responses.begin(), higher->responses.end(), [&](std::size_t i) {
          return trace.records[i].at <= lower.sent && trace.records[i].text->status() >= 200;
        });
    const bool given_up = higher->cancelled && *higher->cancelled <= lower.sent;
    const bool silent =
        higher->responses.empty() || trace.records[higher->responses.front()].at > lower.sent;
    if (higher->sent >= lower.sent || (!ended && !given_up && !silent))
      out.push_back({"by_q", lower.call, "a device rang before the one of a higher q was done"});
  }
}

namespace {

// The first final response to an attempt, if it is a 503 that the edge can still know for one: its
// transaction lasts 64·T1 without a response, and as long after a CANCEL. Null: none.
const Record* awaited_503(const Trace& trace, const Story& story, const Story::Attempt& attempt) {
  Instant until = attempt.sent + kTimeout;
  for (const std::size_t i : attempt.responses) {
    const Record& said = trace.records[i];
    if (attempt.cancelled && *attempt.cancelled < said.at) until = *attempt.cancelled + kTimeout;
    if (said.at >= until || said.text->altered) return nullptr;
    if (said.text->status() < 200) {
      until = Instant::max();
      continue;
    }
    // The next process knows nothing of the call.
    const bool known = said.text->status() == 503 && !story.crash_between(attempt.sent, said.at);
    return known ? &said : nullptr;
  }
  return nullptr;
}

}  // namespace

void left_alone(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Story::Attempt& asked : story.attempts) {
    if (!asked.initial || !is_backend(trace, asked.agent)) continue;
    const Record* said = awaited_503(trace, story, asked);
    const int wait = said ? said->text->integer("Retry-After") : 0;
    if (wait == 0) continue;
    const Instant until = said->at + seconds(wait);
    // A target that has gone and come back is another one: what was asked of it came from its past.
    if (story.crash_between(said->at, until) || story.target_changed_between(asked.sent, until))
      continue;
    for (const Story::Invite& invite : story.invites) {
      if (!invite.initial || invite.came <= said->at || invite.came >= until) continue;
      const bool tried =
          std::any_of(story.attempts.begin(), story.attempts.end(), [&](const auto& a) {
            return a.initial && a.agent == asked.agent && a.sent == invite.came &&
                   a.call == invite.call;
          });
      if (!tried) continue;
      out.push_back({"left_alone", invite.call,
                     "sent to " + trace.agents[static_cast<std::size_t>(asked.agent)].name +
                         ", which had asked for quiet in call " + std::to_string(asked.call)});
    }
  }
}

}  // namespace usher::sim
