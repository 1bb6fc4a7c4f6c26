// Virtual time: what happens next, in the order in which it was planned where instants are equal.
#pragma once

#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "core/time.hpp"

namespace usher::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class Clock {
 public:
  Now now() const {
    return {now_, WallTime{milliseconds(1'700'000'000'000)} +
                      std::chrono::duration_cast<milliseconds>(now_.time_since_epoch())};
  }

  void in(Duration after, std::function<void()> what) {
    planned_.push({now_ + after, ++order_, std::move(what)});
  }

  std::optional<Instant> next() const {
    if (planned_.empty()) return std::nullopt;
    return planned_.top().when;
  }

  // The next planned thing happens now.
  void step() {
    auto what = std::move(const_cast<Planned&>(planned_.top()).what);
    now_ = planned_.top().when;
    planned_.pop();
    what();
  }

  // Time passes up to `when`; nothing planned may lie before it.
  void move_to(Instant when) {
    if (when > now_) now_ = when;
  }

 private:
  struct Planned {
    Instant when{};
    std::uint64_t order = 0;
    std::function<void()> what;
    bool operator<(const Planned& other) const {
      return when != other.when ? when > other.when : order > other.order;
    }
  };
  std::priority_queue<Planned> planned_;
  Instant now_{std::chrono::hours(1)};
  std::uint64_t order_ = 0;
};

}  // namespace usher::sim
