// Structured log lines with levels per category. A Log is passed where it is needed; there is no
// global.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace usher {

enum class LogLevel : std::uint8_t { debug, info, warning, error, off };
enum class LogCategory : std::uint8_t {
  core,
  net,
  sip,
  call,
  registration,
  gate,
  health,
  storage,
  admin
};
inline constexpr std::size_t kLogCategories = 9;

std::string_view level_name(LogLevel level);
std::optional<LogLevel> parse_level(std::string_view text);
std::string_view category_name(LogCategory category);
std::optional<LogCategory> parse_category(std::string_view text);

struct LogLine {
  LogLevel level;
  LogCategory category;
  std::string_view key;   // the call key: the same on both legs of a call; empty outside calls
  std::string_view text;  // one line, no line ends
};

class LogWatch;

class Log {
 public:
  using Sink = std::function<void(const LogLine&)>;
  Log() = default;  // drops everything
  explicit Log(Sink sink) : sink_(std::move(sink)) {}

  // Ask before building an expensive text.
  bool wants(LogCategory category, LogLevel level) const {
    return sink_ && (watch_ || level >= levels_[static_cast<std::size_t>(category)]);
  }
  void write(LogCategory category, LogLevel level, std::string_view key,
             std::string_view text) const {
    if (wants(category, level)) write_or_not(LogLine{level, category, key, text});
  }
  LogLevel level(LogCategory category) const { return levels_[static_cast<std::size_t>(category)]; }
  void set_level(LogCategory category, LogLevel level) {
    levels_[static_cast<std::size_t>(category)] = level;
  }
  // Whose lines have a level of their own. Null: nobody's.
  void set_watch(std::shared_ptr<LogWatch> watch) { watch_ = std::move(watch); }
  const LogWatch* watch() const { return watch_.get(); }

 private:
  void write_or_not(const LogLine& line) const;

  Sink sink_;
  std::shared_ptr<LogWatch> watch_;
  std::array<LogLevel, kLogCategories> levels_{LogLevel::info, LogLevel::info, LogLevel::info,
                                               LogLevel::info, LogLevel::info, LogLevel::info,
                                               LogLevel::info, LogLevel::info, LogLevel::info};
};

}  // namespace usher
