// Calls that stayed up when both their ends were over.
#include <algorithm>
#include <optional>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

// How long the edge waits for the response to a BYE that it has passed on (timers.attempt).
constexpr Duration kAttempt = seconds(4);

// A BYE of a call, in either direction: the edge knows of the end.
struct Known {
  Instant at{};
  std::optional<Instant> confirmed;  // by the edge
  std::string branch;
};

// The callee's tag in the call: of the dialog whose 2xx the caller was told of. Other forks have
// the same Call-ID.
std::string tag_told(const Trace& trace, const Remains::Stuck& call) {
  std::map<std::string, std::string> tags;  // by leg
  for (const Record& r : trace.records) {
    if (!r.text || r.text->altered || r.text->status() / 100 != 2) continue;
    const sip::Message& m = *r.text->message;
    if (m.cseq().method != sip::Method::invite) continue;
    const std::string leg = r.text->header(kLeg);
    if (r.step == Step::edge_receives && m.call_id() == call.new_call_id)
      tags.try_emplace(leg, m.to_tag());
    if (r.step == Step::edge_sends && m.call_id() == call.origin_call_id && tags.contains(leg))
      return tags[leg];
  }
  return {};
}

std::vector<Known> byes_of(const Trace& trace, const Remains::Stuck& call) {
  std::vector<Known> byes;
  const std::string tag = tag_told(trace, call);
  for (const Record& r : trace.records) {
    if (r.at >= call.ended) break;
    if (!r.text || !r.text->message || r.text->altered) continue;
    const sip::Message& m = *r.text->message;
    if (m.cseq().method != sip::Method::bye) continue;
    const bool of_new =
        m.call_id() == call.new_call_id && (m.to_tag() == tag || m.from_tag() == tag);
    if (m.call_id() != call.origin_call_id && !of_new) continue;
    if (m.is_request() && (r.step == Step::edge_receives || r.step == Step::edge_sends)) {
      // One that crosses another, or passes it on: the call ends with that one.
      const bool crosses = std::any_of(byes.begin(), byes.end(), [&](const Known& other) {
        return r.at <= std::min(other.confirmed.value_or(Instant::max()), other.at + kAttempt);
      });
      if (crosses) continue;
      byes.push_back({r.at, {}, std::string{r.text->branch()}});
    } else if (r.step == Step::edge_sends && m.status() >= 200) {
      for (Known& bye : byes) {
        if (bye.branch == r.text->branch() && !bye.confirmed) bye.confirmed = r.at;
      }
    }
  }
  return byes;
}

// A session that the edge watches (RFC 4028): a 2xx has told it the interval.
bool has_session(const Trace& trace, const Remains::Stuck& call) {
  return std::any_of(trace.records.begin(), trace.records.end(), [&](const Record& r) {
    return r.step == Step::edge_sends && r.text && r.text->is_response() &&
           r.text->status() / 100 == 2 && r.text->message->call_id() == call.origin_call_id &&
           !r.text->header("Session-Expires").empty();
  });
}

}  // namespace

void no_stuck_calls(const Trace& trace, const Terms& terms, const Remains& remains,
                    Violations& out) {
  const Duration written = written_within(terms);
  for (const Remains::Stuck& call : remains.stuck) {
    const int number =
        std::max(trace.call_of_id(call.origin_call_id), trace.call_of_id(call.new_call_id));
    if (terms.calm) {
      out.push_back({"no_stuck_calls", number, "nothing was lost and nobody failed: it stayed up"});
      continue;
    }
    if (terms.call_probe > Duration{}) {
      out.push_back({"no_stuck_calls", number, "the edge asks, and did not notice the end"});
      continue;
    }
    if (has_session(trace, call)) {
      out.push_back({"no_stuck_calls", number, "its session had a timer, and stayed up"});
      continue;
    }
    for (const Known& bye : byes_of(trace, call)) {
      const Instant over = std::min(bye.confirmed.value_or(Instant::max()), bye.at + kAttempt);
      const bool lost =
          std::any_of(trace.records.begin(), trace.records.end(), [&](const Record& r) {
            return r.fact == Fact::edge_crashed && r.at >= bye.at && r.at <= over + written;
          });
      if (lost) continue;
      out.push_back({"no_stuck_calls", number, "the edge knew of a BYE, and the call stayed up"});
      break;
    }
  }
}

}  // namespace usher::sim
