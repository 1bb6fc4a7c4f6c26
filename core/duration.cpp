#include "core/duration.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include "core/text.hpp"

namespace usher {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t microseconds;
};

// Longest first: duration_text takes the first that divides.
constexpr std::array<Unit, 6> kUnits{{{"d", 86'400'000'000},
                                      {"h", 3'600'000'000},
                                      {"m", 60'000'000},
                                      {"s", 1'000'000},
                                      {"ms", 1'000},
                                      {"us", 1}}};

Error not_a_duration(std::string_view text) {
  return fail(Errc::syntax,
              quoted(text) +
                  " is not a duration: expected a whole number and a unit (us, ms, s, m, h, "
                  "d), such as \"500ms\" or \"30s\"");
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  // from_chars would take a minus sign; a duration has none.
  if (text.empty() || text.front() < '0' || text.front() > '9') return not_a_duration(text);
  const auto [rest, ec] = std::from_chars(text.data(), end, count);
  const std::string_view unit{rest, static_cast<std::size_t>(end - rest)};
  if (unit.empty()) {
    return fail(Errc::syntax, quoted(text) + " has no unit: did you mean " + escaped(text) +
                                  "s or " + escaped(text) + "ms?");
  }
  for (const Unit& u : kUnits) {
    if (u.name != unit) continue;
    if (ec != std::errc{} || count > std::numeric_limits<std::int64_t>::max() / u.microseconds) {
      return fail(Errc::range, quoted(text) + " is longer than any duration that can be held");
    }
    return Duration{count * u.microseconds};
  }
  return not_a_duration(text);
}

std::string duration_text(Duration d) {
  const std::int64_t count = d.count();
  if (count == 0) return "0s";
  for (const Unit& u : kUnits) {
    if (count % u.microseconds == 0) {
      return std::to_string(count / u.microseconds).append(u.name);
    }
  }
  return std::to_string(count) + "us";
}

}  // namespace usher
