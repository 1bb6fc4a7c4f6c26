#include "core/log.hpp"

#include "core/log_watch.hpp"

namespace usher {

namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warning", "error", "off"};
constexpr std::array<std::string_view, kLogCategories> kCategoryNames{
    "core", "net", "sip", "call", "registration", "gate", "health", "storage", "admin"};

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == text) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view level_name(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> parse_level(std::string_view text) {
  return find_name<LogLevel>(kLevelNames, text);
}

std::string_view category_name(LogCategory category) {
  return kCategoryNames[static_cast<std::size_t>(category)];
}

std::optional<LogCategory> parse_category(std::string_view text) {
  return find_name<LogCategory>(kCategoryNames, text);
}

void Log::write_or_not(const LogLine& line) const {
  // Asked of each line: one that is written anyway may name whom the call's later ones belong to.
  const std::optional<LogLevel> own = watch_ ? watch_->level_for(line) : std::nullopt;
  if (line.level >= own.value_or(level(line.category))) sink_(line);
}

}  // namespace usher
