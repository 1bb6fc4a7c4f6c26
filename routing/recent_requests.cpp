#include "routing/recent_requests.hpp"

#include <algorithm>
#include <charconv>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/explain_verdict.hpp"

namespace usher::routing {

namespace {

int number_of(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// What filters ask of a request.
struct Seen {
  std::string_view method, domain;
  bool drop = false;
  int status = 0;      // 0: none
  bool tried = false;  // the target that is asked for

  std::string_view kind() const {
    if (drop) return "drop";
    if (method == "REGISTER") return "registration";
    return method == "INVITE" ? "call" : "request";
  }
};

Seen look_at(const Trail& trail, std::string_view target) {
  Seen out;
  std::string_view next;  // the target that the next attempt is at
  bool attempted = false, over = false;
  for (const auto& [entry, bytes] : trail.steps) {
    const StepView step(bytes);
    const std::string_view what = step.what();
    if (what == step::kReceived) {
      out.method = step.field("method");
    } else if (what == step::kDomain) {
      out.domain = step.field("domain");
    } else if (what == step::kLookup) {
      const std::string_view aor = step.field("aor");
      out.domain = aor.substr(std::min(aor.rfind('@') + 1, aor.size()));
    } else if (what == step::kDropped) {
      out.drop = true;
      if (out.domain.empty()) out.domain = step.field("domain");
    } else if (what == step::kCandidates || what == step::kFailover) {
      next = step.field("target");
    } else if (what == step::kAttempt) {
      attempted = true;
      out.tried = out.tried || next == target;
    } else if (what == step::kAttemptEnded || what == step::kRegistered) {
      out.tried = out.tried || step.field("target") == target;
    } else if (what == step::kAnswered) {
      out.tried = out.tried || step.field("target") == target;
      out.status = 200;
      over = true;
    } else if (what == step::kResponse && !attempted && !over) {
      // Later ones answer what came within the call.
      out.status = number_of(step.field("status"));
    } else if (what == step::kEnded) {
      out.status = number_of(step.field("status"));
      over = true;
    }
  }
  if (out.drop) out.status = 0;
  return out;
}

bool is_asked_for(const Seen& seen, const RequestFilter& filter) {
  if (!filter.kind.empty() && seen.kind() != filter.kind) return false;
  if (!filter.method.empty() && seen.method != filter.method) return false;
  if (!filter.domain.empty() && !equals_without_case(seen.domain, filter.domain)) return false;
  if (filter.status && seen.status != *filter.status) return false;
  return !filter.target || seen.tried;
}

RecentRequest told(const Trail& trail, const Seen& seen, Instant now) {
  std::vector<Record> records;
  records.reserve(trail.steps.size());
  for (const auto& [entry, bytes] : trail.steps) {
    Record& r = records.emplace_back();
    r.sequence = entry->sequence;
    r.kind = entry->kind;
    r.at = entry->at;
    r.wall = entry->wall;
    r.trace = entry->trace;
    r.step = read_step(bytes);
  }
  Story story;
  story.now = now;
  for (const Record& r : records) story.steps.push_back(&r);
  RecentRequest out;
  out.trace = trail.begin->trace;
  out.at = trail.begin->wall;
  out.kind = seen.kind();
  const Step& received = records.front().step;
  out.method = received.field("method");
  out.from = received.field("from");
  out.to = received.field("to");
  out.source = trail.begin->remote.text();
  if (seen.status != 0) out.status = seen.status;
  out.verdict = judge(story);
  return out;
}

}  // namespace

RecentRequests recent_requests(const Recorder& recorder, const RequestFilter& filter,
                               std::uint64_t before, std::size_t limit, Instant now) {
  limit = std::clamp<std::size_t>(limit, 1, limits::kPageSize);
  const bool restricted = !filter.kind.empty() || !filter.method.empty() ||
                          !filter.domain.empty() || filter.status || filter.target;
  // Of calls, both the challenged INVITE and the one that goes on are looked at.
  const std::size_t most =
      restricted ? limits::kRequestsPerLook : std::min(2 * limit, limits::kRequestsPerLook);
  const Trails trails = recorder.trails(before, most, filter.source);
  const std::string target = filter.target ? std::to_string(*filter.target) : std::string{};
  RecentRequests out;
  out.next = trails.older;
  std::uint64_t last = before;
  for (const Trail& trail : trails.items) {
    const Seen seen = look_at(trail, target);
    if (is_asked_for(seen, filter)) {
      if (out.items.size() == limit) {
        out.next = last;
        break;
      }
      out.items.push_back(told(trail, seen, now));
    }
    last = trail.begin->sequence;
  }
  return out;
}

}  // namespace usher::routing
