#include "storage/kamailio_values.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include "core/text.hpp"

namespace usher::storage {

namespace {

// As SQLite's datetime() writes it; a fraction of a second is cut off.
std::optional<WallTime> date_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  const std::string_view rest = text.substr(std::min(text.size(), kShape.size()));
  if (text.size() < kShape.size() || (!rest.empty() && rest.front() != '.')) return std::nullopt;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    const bool separator = text[i] == kShape[i] || (i == 10 && text[i] == 'T');
    if (kShape[i] == 'd' ? !digit : !separator) return std::nullopt;
  }
  const auto part = [text](std::size_t at, std::size_t size) {
    return whole_number(text.substr(at, size)).value_or(0);
  };
  using namespace std::chrono;
  const year_month_day date{year{static_cast<int>(part(0, 4))}, month{part(5, 2)}, day{part(8, 2)}};
  if (!date.ok() || part(11, 2) > 23 || part(14, 2) > 59 || part(17, 2) > 60) return std::nullopt;
  return WallTime{sys_days{date}} + hours{part(11, 2)} + minutes{part(14, 2)} +
         seconds{part(17, 2)};
}

}  // namespace

std::optional<std::string_view> kamailio_attribute(std::string_view attrs, std::string_view name) {
  while (!attrs.empty()) {
    std::string_view one = attrs.substr(0, attrs.find(';'));
    attrs.remove_prefix(std::min(attrs.size(), one.size() + 1));
    one.remove_prefix(std::min(one.size(), one.find_first_not_of(' ')));
    const std::size_t equals = one.find('=');
    if (equals != std::string_view::npos && equals_without_case(one.substr(0, equals), name)) {
      return one.substr(equals + 1);
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<WallTime> kamailio_time(const ForeignTable& row, int column) {
  constexpr std::int64_t kYear9999 = 253402300799;
  if (row.is_real(column)) {
    const double value = row.real(column);
    // As Unix seconds such a number is in January 1970.
    if (value >= 2'400'000 && value < 2'600'000) {
      constexpr double kJulianDayOf1970 = 2440587.5;
      return WallTime{
          std::chrono::milliseconds{std::llround((value - kJulianDayOf1970) * 86'400'000)}};
    }
    if (!(value >= 0 && value <= static_cast<double>(kYear9999))) return std::nullopt;
    return WallTime{std::chrono::seconds{static_cast<std::int64_t>(value)}};
  }
  if (const auto seconds = row.integer(column)) {
    if (*seconds < 0 || *seconds > kYear9999) return std::nullopt;
    return WallTime{std::chrono::seconds{*seconds}};
  }
  return date_time(row.text(column));
}

bool is_sip_user(std::string_view text) {
  constexpr std::string_view kOthers = "-_.!~*'()&=+$,;?/%";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace usher::storage
