// One run: phones, backends, strangers, an operator and misfortune around one edge, all out of one
// seed.
#pragma once

#include <memory>
#include <vector>

#include "tests/sim/backend.hpp"
#include "tests/sim/edge_host.hpp"
#include "tests/sim/phone.hpp"

namespace usher::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  int calls = 200;
  bool log = false;  // the edge's own log lines, to standard error
};

// What is left of the edge after the quiet.
struct Remains {
  routing::EdgeCounts counts;
  std::size_t live_calls = 0;  // by target
  // Calls that were up although every end was over, by the Call-IDs of their two legs, and when the
  // operator ended them.
  struct Stuck {
    std::string origin_call_id, new_call_id;
    Instant ended{};
  };
  std::vector<Stuck> stuck;
  std::size_t live_legs = 0;  // of the agents
};

class World {
 public:
  explicit World(const RunOptions& options);

  void run();

  Trace trace;
  Mood mood;
  Remains remains;
  Duration took{};  // in virtual time

 private:
  void people();
  void directory();
  void pass(Instant until);
  void fate();
  void one_call();
  void one_errand();
  void one_watch();
  void misfortune();
  void one_operator_change();
  int agent_at(const storage::Target& target) const;  // -1: nobody
  void one_stranger();
  void quiet();
  UserAgent& any_phone() { return *phones_[rng_.below(phones_.size())]; }
  void note(Fact fact, int agent = -1);
  CallPlan& new_plan(bool towards_phone);

  RunOptions options_;
  Rng rng_;
  Clock clock_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Simulation> simulation_;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<EdgeHost> host_;
  std::vector<std::unique_ptr<Phone>> phones_;
  std::vector<std::unique_ptr<Backend>> backends_;
  std::vector<int> strangers_;
  std::vector<UserAgent*> agents_;
  std::size_t started_ = 0;
};

}  // namespace usher::sim
