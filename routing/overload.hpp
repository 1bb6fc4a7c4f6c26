// When the process can't keep up, or a table of it is nearly full: new work is refused, new
// registrations before new calls. What is up goes on: requests within dialogs never ask here. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace usher::routing {

class Overload {
 public:
  enum class Level : std::uint8_t {
    none,
    registers,  // new REGISTERs are refused
    all,        // everything new that makes work
  };
  struct Load {
    Duration lag{};            // LagMeter's average
    double fill = 0;           // of the fullest table, 0 to 1
    std::string_view table{};  // its name
  };

  explicit Overload(Duration max_lag) : max_lag_(max_lag) {}

  // Rises at once; falls when the load has been under half of the lag (and well under the fill)
  // that led there for kCalm. Returns a line for the log when it begins, when it reaches `all` for
  // the first time since, and when it ends.
  std::optional<std::string> update(Instant now, const Load& load);
  // When it wants to be asked again though nothing happens.
  std::optional<Instant> due() const;

  Level level() const { return level_; }
  // In words, for the log and /readyz; empty at Level::none.
  const std::string& why() const { return why_; }

  static constexpr Duration kCalm = std::chrono::seconds(2);
  static constexpr double kFillRegisters = 0.90, kFillAll = 0.97;

 private:
  // The level that `load` asks for; `falling`: by the bounds for staying there.
  Level wanted(const Load& load, bool falling) const;

  Duration max_lag_;
  Level level_ = Level::none;
  bool told_all_ = false;
  Instant began_{}, checked_{};
  std::optional<Instant> calm_since_;
  std::string why_;
};

}  // namespace usher::routing
