// The trace, sorted: legs, outages, and the requests as the edge met them. Made once for all
// checkers.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/checkers/checkers.hpp"

namespace usher::sim {

struct Story {
  explicit Story(const Trace& trace);

  struct Leg {
    int leg = 0, agent = -1, call = 0;
    bool caller = false;
    Instant begins{};
    std::optional<Instant> answers, up, over;
    std::string why;
    bool not_pracked = false;
  };
  std::map<int, Leg> legs;
  std::map<int, std::vector<int>> legs_of;  // by call
  std::set<int> told;                       // legs whose 2xx the edge has passed on

  // An INVITE that came to a process of the edge: its sender and branch. The next process after a
  // crash meets a repetition as if it were the first.
  struct Invite {
    int agent = -1, call = 0;
    std::string branch;
    bool initial = true, altered = false;
    Instant came{};
    std::vector<std::size_t> arrivals;   // records
    std::vector<std::size_t> responses;  // that the edge sent
  };
  std::vector<Invite> invites;  // in order of arrival

  // An INVITE that the edge sent.
  struct Attempt {
    int agent = -1, call = 0;
    std::string branch;
    bool initial = true;
    Instant sent{};
    std::vector<std::size_t> responses;  // that came to the edge, unaltered or not
    std::optional<Instant> cancelled;
  };
  std::vector<Attempt> attempts;

  // What a REGISTER said when the network had altered it, on either side of the edge: whoever read
  // it believes this.
  struct Altered {
    int phone = -1;  // that had sent it
    std::string aor;
    std::string device;  // its number
    std::vector<std::string> contacts;
  };
  std::vector<Altered> altered_registers;

  std::vector<std::pair<Instant, Instant>> edge_away;
  std::map<int, std::vector<Instant>> troubles;  // by agent: died, back, disconnected
  std::set<int> altered;                         // calls
  std::set<int> of_strangers;                    // calls of backends whose target was removed then
  std::vector<Instant> target_changes;           // by the operator
  Instant end{};

  // When the edge had the caller's ACK of the 2xx, and each BYE that it received or sent, by call.
  std::map<int, Instant> established;
  std::map<int, std::vector<Instant>> byes;

  // The call was up and written down when the edge crashed, and nobody was ending it: it goes on.
  bool survives(int call, Instant crash, const Terms& terms) const;
  bool crash_between(Instant from, Instant to) const;
  bool target_changed_between(Instant from, Instant to) const;
  bool trouble_between(int agent, Instant from, Instant to) const;
  // A call whose end nobody can be blamed for: the network changed its messages, an agent of it
  // died or lost its stream, or the edge crashed before it was written down or while it ended.
  bool excused(int call, const Terms& terms) const;

 private:
  bool is_caller_up(const Record& ack) const;
  void read_altered(const Trace& trace, const Record& record);
};

// Changes of calls are gathered for 50 ms, and a batch that is written waits for the one before.
inline Duration written_within(const Terms& terms) {
  return milliseconds(50) + (terms.slow_store ? seconds(4) : milliseconds(400));
}

// Agents that are none of these have no business with the edge.
bool is_phone(const Trace& trace, int agent);
bool is_backend(const Trace& trace, int agent);

}  // namespace usher::sim
