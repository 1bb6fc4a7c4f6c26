#include "core/time_text.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <optional>

#include "core/text.hpp"

namespace usher {

namespace {

// Reads fixed-width numbers and signs from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count, int most) {
    if (rest_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = 10 * value + (c - '0');
    }
    rest_.remove_prefix(count);
    return value <= most ? std::optional{value} : std::nullopt;
  }
  bool take(char c) {
    if (rest_.empty() || lower(rest_.front()) != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // The digits of a fraction, as milliseconds.
  std::optional<int> fraction() {
    int value = 0;
    std::size_t count = 0;
    for (; !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; ++count) {
      if (count < 3) value = 10 * value + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (count == 0) return std::nullopt;
    for (; count < 3; ++count) value *= 10;
    return value;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<std::chrono::milliseconds> time_of_day(Reader& r) {
  const auto hour = r.digits(2, 23);
  if (!hour || !r.take(':')) return std::nullopt;
  const auto minute = r.digits(2, 59);
  if (!minute || !r.take(':')) return std::nullopt;
  const auto second = r.digits(2, 60);  // 60: a leap second
  if (!second) return std::nullopt;
  std::optional<int> fraction = 0;
  if (r.take('.')) fraction = r.fraction();
  if (!fraction) return std::nullopt;
  return std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second) +
         std::chrono::milliseconds(*fraction);
}

std::optional<std::chrono::minutes> offset(Reader& r) {
  if (r.take('z')) return std::chrono::minutes{0};
  const bool ahead = r.take('+');
  if (!ahead && !r.take('-')) return std::nullopt;
  const auto hours = r.digits(2, 23);
  if (!hours || !r.take(':')) return std::nullopt;
  const auto minutes = r.digits(2, 59);
  if (!minutes) return std::nullopt;
  const auto sum = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return ahead ? sum : -sum;
}

std::optional<WallTime> read(std::string_view text) {
  Reader r(text);
  const auto year = r.digits(4, 9999);
  if (!year || !r.take('-')) return std::nullopt;
  const auto month = r.digits(2, 12);
  if (!month || !r.take('-')) return std::nullopt;
  const auto day = r.digits(2, 31);
  if (!day || !(r.take('t') || r.take(' '))) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  const auto time = time_of_day(r);
  const auto ahead = time ? offset(r) : std::nullopt;
  if (!date.ok() || !ahead || !r.done()) return std::nullopt;
  return WallTime{std::chrono::sys_days{date}} + *time - *ahead;
}

}  // namespace

std::string time_text(WallTime when) {
  const auto day = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day date{day};
  const auto of_day = (when - day).count();  // milliseconds
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(of_day / 3'600'000),
                static_cast<int>(of_day / 60'000 % 60), static_cast<int>(of_day / 1000 % 60),
                static_cast<int>(of_day % 1000));
  return text.data();
}

Result<WallTime> parse_time(std::string_view text) {
  if (const auto when = read(text)) return *when;
  return fail(Errc::syntax,
              quoted(text) + " is not a time: expected RFC 3339, such as \"2026-01-31T12:00:00Z\"");
}

}  // namespace usher
