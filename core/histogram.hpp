// How often something took how long: counts between fixed bounds, as Prometheus adds them up. An
// observation is a few comparisons and three additions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/time.hpp"

namespace usher {

class Histogram {
 public:
  static constexpr std::size_t kMostBounds = 15;

  // `bounds` rise, are at most kMostBounds and outlive the histogram: constants.
  explicit Histogram(std::span<const Duration> bounds) : bounds_(bounds) {}

  void observe(Duration took) {
    std::size_t i = 0;
    while (i < bounds_.size() && took > bounds_[i]) ++i;
    ++counts_[i];
    ++count_;
    sum_ += took;
  }

  std::span<const Duration> bounds() const { return bounds_; }
  // Observations up to bound `i` and above the one before it; i == bounds().size(): above all.
  std::uint64_t between(std::size_t i) const { return counts_[i]; }
  std::uint64_t count() const { return count_; }
  Duration sum() const { return sum_; }

 private:
  std::span<const Duration> bounds_;
  std::array<std::uint64_t, kMostBounds + 1> counts_{};
  std::uint64_t count_ = 0;
  Duration sum_{};
};

}  // namespace usher
