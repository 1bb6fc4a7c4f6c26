// When each destination that is written as a name is asked for, and what DNS said last. Pure: it
// says what to ask and is told the answer.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/net/places.hpp"
#include "core/time.hpp"
#include "routing/directory.hpp"

namespace usher::routing {

class Names {
 public:
  struct State {
    WallTime until{};     // how long the last good answer was meant to hold
    bool kept = false;    // it is in use although the last question has failed
    std::string problem;  // of the last question; empty: none
  };

  // The destinations to ask for now, each once; those that no target has any more are forgotten.
  std::vector<net::Destination> due(Instant now, const Directory& directory);
  std::optional<Instant> next_deadline() const;

  struct Outcome {
    bool take = false;               // the places are the new ones; else the old ones stay
    std::optional<std::string> say;  // a line for the log: when it fails first, and when it is over
    bool bad = false;                // of the line: it fails
  };
  // `has_places`: an earlier answer is in use. An answer that is second best does not replace a
  // good one. A failure is followed by the next question after limits::kNameRetry, twice that after
  // the next, at most limits::kNameRetryMost.
  Outcome answered(Now now, const std::string& destination, const net::Located& located,
                   bool has_places);

  // By Destination::text(). Null: nobody has it, or it is an address.
  const State* state(const std::string& destination) const;

  // A question that is never answered is asked again.
  static constexpr Duration kPatience = std::chrono::minutes(2);

 private:
  struct Entry {
    Instant due{};
    Duration retry{};  // the last wait after a failure; zero: it has not failed
    bool second_best = false;
    State state;
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace usher::routing
