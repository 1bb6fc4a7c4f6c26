// Responses to INVITE: one final, the 100, the 408, and none that nobody gave.
#include <fmt/format.h>

#include <algorithm>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

bool is_final(const Trace& trace, std::size_t record) {
  return trace.records[record].text->status() >= 200;
}

// A device's refusal that says more than that the others did not answer (docs/specs/call.md,
// Forks).
bool says_more_than_408(int status) {
  return status >= 300 && status != 408 && status != 487 && (status < 500 || status >= 600);
}

// The 408 that the edge gave to `invite` at `when`: after 64·T1 of silence, or when those that ring
// together have rung for the whole limit.
void judge_408(const Trace& trace, const Story& story, const Terms& terms,
               const Story::Invite& invite, Instant when, Violations& out) {
  const auto complain = [&](const char* what) {
    out.push_back({"request_timeout", invite.call, what});
  };
  bool any_response = false, withheld = false;
  std::vector<const Story::Attempt*> group;  // the last attempts, made together
  for (const Story::Attempt& attempt : story.attempts) {
    if (attempt.call != invite.call || attempt.sent < invite.came || attempt.sent > when ||
        attempt.initial != invite.initial)
      continue;
    if (!group.empty() && group.front()->sent != attempt.sent) group.clear();
    group.push_back(&attempt);
    for (const std::size_t i : attempt.responses) {
      const Record& heard = trace.records[i];
      if (heard.at > when) continue;
      any_response = true;
      if (heard.text->status() == 408) return;  // passed on
      withheld =
          withheld || (is_phone(trace, attempt.agent) && says_more_than_408(heard.text->status()));
    }
  }
  if (group.empty()) return complain("a 408 without an attempt");
  if (!any_response) {
    if (when - group.front()->sent < 64 * kT1) complain("a 408 before 64*T1 of silence were over");
    return;
  }
  if (withheld && invite.initial) return complain("a 408 in the place of a device's refusal");
  // The limit runs from the first 1xx of them all, and anew from each 101-199.
  Instant first_sign = Instant::max(), last_progress{};
  bool cancelled = true;
  for (const Story::Attempt* attempt : group) {
    bool pending = false;
    for (const std::size_t i : attempt->responses) {
      const Record& heard = trace.records[i];
      const int status = heard.text->status();
      if (heard.at > when) break;
      if (status < 200) first_sign = std::min(first_sign, heard.at);
      if (status > 100 && status < 200) last_progress = std::max(last_progress, heard.at);
      pending = status < 200;
    }
    if (pending && !attempt->cancelled) cancelled = false;
  }
  const Instant began = last_progress == Instant{} ? first_sign : last_progress;
  if (began > when || when - began < terms.ring_limit || !cancelled)
    complain("a 408 after a response, without the ring limit and its CANCEL");
}

}  // namespace

void final_once(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  for (const Story::Invite& invite : story.invites) {
    if (!is_phone(trace, invite.agent) && !is_backend(trace, invite.agent)) continue;
    if (invite.altered || story.altered.contains(invite.call)) continue;
    if (story.of_strangers.contains(invite.call)) continue;
    std::set<std::string> finals;
    Instant first{};
    for (const std::size_t i : invite.responses) {
      if (!is_final(trace, i)) continue;
      // Timers H and L: its transaction is forgotten, and the request a new one.
      if (first == Instant{}) first = trace.records[i].at;
      if (trace.records[i].at - first >= 64 * kT1) break;
      finals.insert(std::to_string(trace.records[i].text->status()) + " with tag " +
                    std::string{trace.records[i].text->message->to_tag()});
    }
    if (finals.size() > 1) {
      out.push_back({"final_once", invite.call,
                     "an INVITE got different final responses: " + *finals.begin() + ", " +
                         *finals.rbegin()});
    }
    if (finals.empty() && !(terms.excuse_calls_at_crash &&
                            story.crash_between(invite.came, invite.came + seconds(600)))) {
      out.push_back({"final_once", invite.call, "an INVITE got no final response"});
    }
  }
}

void hundred(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Story::Invite& invite : story.invites) {
    if (!is_phone(trace, invite.agent) && !is_backend(trace, invite.agent)) continue;
    if (invite.altered || story.altered.contains(invite.call)) continue;
    if (story.of_strangers.contains(invite.call)) continue;
    if (story.crash_between(invite.came, invite.came + milliseconds(200))) continue;
    if (invite.responses.empty() ||
        trace.records[invite.responses.front()].at - invite.came > milliseconds(200)) {
      out.push_back({"hundred", invite.call, "nothing was sent within 200 ms of an INVITE"});
      continue;
    }
    std::size_t spontaneous = 0;
    for (const std::size_t i : invite.responses) {
      const Record& r = trace.records[i];
      if (r.text->status() != 100) continue;
      if (invite.initial && !r.text->message->to_tag().empty())
        out.push_back({"hundred", invite.call, "a 100 with a To tag"});
      const bool repeated = std::any_of(invite.arrivals.begin() + 1, invite.arrivals.end(),
                                        [&](std::size_t a) { return trace.records[a].at == r.at; });
      if (!repeated) ++spontaneous;
    }
    if (spontaneous > 2)
      out.push_back({"hundred", invite.call,
                     fmt::format("{} 100s, of which none was a repetition", spontaneous)});
  }
  // The backend's first one shows at once; of devices that ring together that of the quickest.
  std::map<std::size_t, const Story::Attempt*> first_responses;
  for (const Story::Attempt& attempt : story.attempts) {
    if (attempt.initial && !attempt.responses.empty())
      first_responses[attempt.responses.front()] = &attempt;
  }
  std::set<const Story::Invite*> seen;
  for (const auto& [record, found] : first_responses) {
    const Story::Attempt& attempt = *found;
    const Record& r = trace.records[record];
    if (r.text->status() != 100 || r.text->altered || story.altered.contains(attempt.call))
      continue;
    const Story::Invite* origin = nullptr;
    for (const Story::Invite& invite : story.invites) {
      if (invite.call == attempt.call && invite.initial && invite.agent != attempt.agent &&
          invite.came <= attempt.sent)
        origin = &invite;
    }
    if (origin == nullptr || origin->altered || !seen.insert(origin).second) continue;
    const bool superseded =
        std::any_of(story.attempts.begin(), story.attempts.end(), [&](const auto& other) {
          return other.call == attempt.call && other.sent > attempt.sent && other.sent <= r.at;
        });
    const bool told =
        std::any_of(origin->responses.begin(), origin->responses.end(), [&](std::size_t i) {
          const Record& sent = trace.records[i];
          return sent.at == r.at ? sent.text->status() == 100
                                 : sent.at < r.at && sent.text->status() > 100;
        });
    if (!superseded && !told && !story.crash_between(origin->came, r.at))
      out.push_back({"hundred", attempt.call, "a backend's first 100 was not shown at once"});
  }
}

void request_timeout(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  for (const Record& r : trace.records) {
    if (r.step == Step::edge_sends && r.text && r.text->status() == 408 &&
        r.text->method() != "INVITE" && r.text->message->cseq().method != sip::Method::invite)
      out.push_back({"request_timeout", r.call, "a 408 to a non-INVITE: " + r.text->what()});
  }
  for (const Story::Invite& invite : story.invites) {
    const auto timeout =
        std::find_if(invite.responses.begin(), invite.responses.end(),
                     [&](std::size_t i) { return trace.records[i].text->status() == 408; });
    if (timeout == invite.responses.end() || story.altered.contains(invite.call)) continue;
    judge_408(trace, story, terms, invite, trace.records[*timeout].at, out);
  }
}

void nothing_invented(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  if (!terms.calm) return;
  for (const Story::Invite& invite : story.invites) {
    std::set<int> given;
    bool tried = false;
    for (const Story::Attempt& attempt : story.attempts) {
      if (attempt.call != invite.call || attempt.initial != invite.initial) continue;
      tried = true;
      for (const std::size_t i : attempt.responses) given.insert(trace.records[i].text->status());
    }
    if (!tried) continue;
    for (const std::size_t i : invite.responses) {
      const int status = trace.records[i].text->status();
      if (status <= 100 || given.contains(status)) continue;
      // 487 after a CANCEL or BYE, 503 when no target is left, 408 by its own rule, 491, 500 and
      // 481 to a re-INVITE that has no place.
      if (status == 487 || status == 408) continue;
      if (status == 503 && invite.initial) continue;
      if (!invite.initial && (status == 491 || status == 500 || status == 481)) continue;
      out.push_back(
          {"nothing_invented", invite.call, fmt::format("a {} that no callee gave", status)});
      break;
    }
  }
}

}  // namespace usher::sim
