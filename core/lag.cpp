#include "core/lag.hpp"

#include <algorithm>
#include <utility>

namespace usher {

namespace {

constexpr Duration kWindow = std::chrono::milliseconds(100);
constexpr Duration kPeriod = std::chrono::seconds(30);
constexpr Duration::rep kForgotten = 64;  // windows after which no average is left

}  // namespace

void LagMeter::move_to(Instant now) {
  const Duration::rep passed = (now - window_) / kWindow;
  if (passed > 0) {
    for (Duration::rep i = 0; i < std::min(passed, kForgotten); ++i) {
      average_ += (std::exchange(in_window_, Duration{}) - average_) / 4;
    }
    if (passed >= kForgotten) average_ = Duration{};
    window_ += passed * kWindow;
  }
  if (now - period_ >= kPeriod) {
    before_ = now - period_ < 2 * kPeriod ? in_period_ : Duration{};
    in_period_ = Duration{};
    period_ = now;
  }
}

void LagMeter::note(Instant now, Duration late) {
  move_to(now);
  in_window_ = std::max(in_window_, late);
  in_period_ = std::max(in_period_, late);
}

LagMeter::View LagMeter::read(Instant now) const {
  LagMeter seen = *this;
  seen.move_to(now);
  return {seen.average_, std::max(seen.in_period_, seen.before_)};
}

}  // namespace usher
