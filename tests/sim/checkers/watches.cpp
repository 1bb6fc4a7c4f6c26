// Subscriptions: whose NOTIFY, and when they are over.
#include <fmt/format.h>

#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

namespace {

// The longest interval that a subscriber asks for, and the last NOTIFY's time.
constexpr Duration kLongest = seconds(60) + 2 * kTimeout + seconds(12);

struct End {
  int agent = -1;
  std::optional<Instant> over;
};

}  // namespace

void own_notify(const Trace& trace, const Story& story, const Terms&, Violations& out) {
  for (const Record& r : trace.records) {
    if (r.fact != Fact::stray_notify || story.altered.contains(r.call)) continue;
    out.push_back({"own_notify", r.call, "a NOTIFY came to another's subscription"});
  }
}

void watches_end(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  std::map<int, End> subscribers;               // by number
  std::map<int, std::map<int, End>> notifiers;  // by number and leg
  for (const Record& r : trace.records) {
    if (r.fact != Fact::watch_begins && r.fact != Fact::watch_over) continue;
    End& end = r.caller ? subscribers[r.call] : notifiers[r.call][r.leg];
    end.agent = r.agent;
    if (r.fact == Fact::watch_over) end.over = r.at;
  }
  for (const auto& [number, subscriber] : subscribers) {
    if (!subscriber.over) {
      out.push_back({"watches_end", number, "a subscriber's subscription is not over at the end"});
      continue;
    }
    if (story.altered.contains(number) || story.of_strangers.contains(number)) continue;
    for (const auto& [leg, notifier] : notifiers[number]) {
      const Instant from = *subscriber.over - seconds(400);
      const Instant to = notifier.over.value_or(story.end);
      const bool excused = story.trouble_between(subscriber.agent, from, to) ||
                           story.trouble_between(notifier.agent, from, to) ||
                           (terms.excuse_calls_at_crash && story.crash_between(from, to));
      if (excused || (notifier.over && *notifier.over < *subscriber.over + kLongest)) continue;
      out.push_back({"watches_end", number, "a notifier goes on without its subscriber"});
    }
  }
}

}  // namespace usher::sim
