// The edge's process: it gives an Edge its packets, time and storage answers and does what it
// decides, as main.cpp's Driver does with sockets; and it can crash.
#pragma once

#include <memory>
#include <optional>

#include "routing/edge.hpp"
#include "tests/sim/network.hpp"
#include "tests/sim/store.hpp"

namespace usher::sim {

inline constexpr const char* kEdgeAddress = "127.0.0.1:5060";

class EdgeHost {
 public:
  struct Times {
    Duration attempt = seconds(4);
    Duration ring_limit = seconds(180);
    Duration call_probe{};
  };
  EdgeHost(Clock& clock, Network& network, MemoryStore& store, Trace& trace, Log log, Times times,
           std::uint64_t seed);

  void start();
  void crash();
  bool running() const { return edge_ != nullptr; }
  routing::Edge& edge() { return *edge_; }

  // As the operator's REST calls do: written first, then made live.
  void change(const storage::Change& change);
  void end_call(sip::CallId call, std::string_view why);

  std::optional<Instant> next_deadline() const;
  void on_time();

 private:
  void drain();

  Clock& clock_;
  Network& network_;
  MemoryStore& store_;
  Trace& trace_;
  Log log_;
  Times times_;
  std::uint64_t seed_;
  std::uint64_t life_ = 0;
  std::unique_ptr<routing::Edge> edge_;
};

}  // namespace usher::sim
