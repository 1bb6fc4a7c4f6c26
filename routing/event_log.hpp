// What has happened, for whoever watches: the newest events, in order, with rising numbers. A
// watcher keeps the number of the last one he has seen; whoever is too slow misses the oldest and
// can see how many.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "core/event_kind.hpp"
#include "core/time.hpp"

namespace usher::routing {

struct Event {
  std::uint64_t id = 0;
  WallTime at{};
  EventKind kind{};
  std::string subject;  // whom it is about: a target's destination, an AoR, a call's key, a network
  std::string text;     // in plain words, one line
};

class EventLog {
 public:
  // Numbers begin above `first`. Let them begin with the time, and a restart does not begin anew.
  EventLog(std::uint64_t first, std::size_t most) : first_(first), last_(first), most_(most) {}

  // Subject and text are cut after kTextBytes.
  void add(WallTime at, EventKind kind, std::string subject, std::string text);

  std::uint64_t last() const { return last_; }  // the number of the newest; the first, if none
  std::size_t size() const { return events_.size(); }
  // The oldest event with a number above `after`; null when there is none.
  const Event* next(std::uint64_t after) const;
  // How many of this log with a number above `after` have been given up. Those of the process
  // before are not known.
  std::uint64_t lost(std::uint64_t after) const;

  static constexpr std::size_t kTextBytes = 512;

 private:
  std::deque<Event> events_;  // consecutive numbers
  std::uint64_t first_, last_;
  std::size_t most_;
};

}  // namespace usher::routing
