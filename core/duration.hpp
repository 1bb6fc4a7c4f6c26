// Durations as an operator writes them: always with a unit.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace usher {

// "500ms", "4s", "3m", "1h", "2d"; a whole number and one unit of us, ms, s, m, h, d. A bare number
// is refused (Errc::syntax) with both likely readings: `"30" has no unit: did you mean 30s or
// 30ms?`.
Result<Duration> parse_duration(std::string_view text);

// The shortest exact spelling that parse_duration reads back: "500ms", "180s", "3m".
std::string duration_text(Duration d);

}  // namespace usher
