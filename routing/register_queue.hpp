// REGISTERs wait here for their turn at a backend, so that a storm of them (a power cut, a restart)
// meets it at the pace of its own answers and delays no call. Pure: it holds what waits and says
// who is next.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/time.hpp"
#include "sip/stack.hpp"
#include "storage/records.hpp"

namespace usher::routing {

// Who goes first; within a rank, who came first.
enum class RegisterRank : std::uint8_t {
  challenged,  // the answer to a challenge: an Asterisk nonce lives 32 s
  known,       // a refresh: without it a phone that works now is lost
  first,
};

class RegisterQueue {
 public:
  struct Limits {
    std::size_t in_flight = 64;    // per backend
    std::size_t waiting = 10'000;  // altogether
    Duration wait = std::chrono::seconds(5);
  };
  struct Waiting {
    sip::RouteNeeded need;  // it has its transaction already: Stack::wait()
    storage::TargetId target = 0;
    RegisterRank rank = RegisterRank::first;
    Instant due{};            // when it has waited for too long
    std::uint64_t trace = 0;  // TraceId
  };

  explicit RegisterQueue(const Limits& limits) : limits_(limits) {}

  bool has_room(storage::TargetId target) const;
  // A REGISTER is on its way to the target: also beyond its room, when it comes from another that
  // has failed.
  void began(storage::TargetId target);
  void ended(storage::TargetId target);  // of an earlier began()

  Instant due(Instant now) const { return now + limits_.wait; }
  // Whether put() would give back what it is given.
  bool is_full_for(RegisterRank rank) const;
  // When there is no place left, the latest of the last rank gives way and is returned.
  std::optional<Waiting> put(Waiting waiting);

  // The next one whose target has room; nothing: nobody.
  std::optional<Waiting> next();
  // One that has waited for too long.
  std::optional<Waiting> expired(Instant now);
  std::optional<Instant> next_deadline() const;
  // The targets that are waited for, and all who wait for one: it is gone, or down.
  std::vector<storage::TargetId> waited_for() const;
  std::vector<Waiting> take_all(storage::TargetId target);

  std::size_t size() const { return size_; }
  std::size_t in_flight() const;

 private:
  struct Line {
    std::size_t in_flight = 0;
    std::array<std::deque<Waiting>, 3> ranks;  // each by due
    bool is_idle() const;
  };
  std::optional<Waiting> take_first(std::map<storage::TargetId, Line>::iterator line,
                                    std::size_t rank);

  Limits limits_;
  std::map<storage::TargetId, Line> lines_;  // without idle ones
  std::size_t size_ = 0;
};

}  // namespace usher::routing
