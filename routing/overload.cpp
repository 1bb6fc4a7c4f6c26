#include "routing/overload.hpp"

#include "core/duration.hpp"

namespace usher::routing {

namespace {

constexpr Duration kLookAgain = std::chrono::milliseconds(500);
constexpr double kFillFalls = 0.05;

std::string words(const Overload::Load& load, Duration max_lag) {
  if (load.fill >= Overload::kFillRegisters) {
    return std::string{load.table} + " are at " +
           std::to_string(static_cast<int>(load.fill * 100)) + "% of their limit";
  }
  return "the process is " +
         duration_text(std::chrono::floor<std::chrono::milliseconds>(load.lag)) +
         " behind (overload.max_lag is " + duration_text(max_lag) + ")";
}

}  // namespace

Overload::Level Overload::wanted(const Load& load, bool falling) const {
  const Duration lag = falling ? max_lag_ / 2 : max_lag_;
  const double fill = falling ? kFillFalls : 0;
  if (load.lag >= lag || load.fill >= kFillAll - fill) return Level::all;
  if (load.lag >= lag / 2 || load.fill >= kFillRegisters - fill) return Level::registers;
  return Level::none;
}

std::optional<std::string> Overload::update(Instant now, const Load& load) {
  checked_ = now;
  const Level rises_to = wanted(load, false);
  if (rises_to > level_) {
    const bool begins = level_ == Level::none;
    level_ = rises_to;
    calm_since_.reset();
    why_ = words(load, max_lag_);
    if (begins) {
      began_ = now;
      told_all_ = false;
    }
    if (!begins && (told_all_ || level_ != Level::all)) return std::nullopt;
    told_all_ = level_ == Level::all;
    return std::string{begins ? "overload begins: " : "overload: "} + why_ +
           "; new registrations " + (level_ == Level::all ? "and calls " : "") +
           "are refused with 503, what is up goes on";
  }
  if (level_ == Level::none) return std::nullopt;
  const Level falls_to = wanted(load, true);
  if (falls_to >= level_) {
    calm_since_.reset();
    return std::nullopt;
  }
  if (!calm_since_) calm_since_ = now;
  if (now - *calm_since_ < kCalm) return std::nullopt;
  level_ = falls_to;
  calm_since_.reset();
  if (level_ != Level::none) return std::nullopt;
  why_.clear();
  return "overload is over after " +
         duration_text(std::chrono::ceil<std::chrono::seconds>(now - began_));
}

std::optional<Instant> Overload::due() const {
  if (level_ == Level::none) return std::nullopt;
  return checked_ + kLookAgain;
}

}  // namespace usher::routing
