// Calendar time as people and programs read it (RFC 3339).
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace usher {

// "2026-01-31T12:00:00.123Z"
std::string time_text(WallTime when);

// Takes what time_text() gives, any fraction of a second (beyond milliseconds it is cut off), and
// offsets ("+02:00"). Errc::syntax: anything else, a date without a time included.
Result<WallTime> parse_time(std::string_view text);

}  // namespace usher
