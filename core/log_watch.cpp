#include "core/log_watch.hpp"

#include <algorithm>

#include "core/text.hpp"

namespace usher {

namespace {

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' ||
         c == '+';
}

// A dot belongs to the name only when more of a name follows it: "a.test." ends a sentence.
bool goes_on(std::string_view rest, bool forward) {
  const auto at = [&](std::size_t i) { return forward ? rest[i] : rest[rest.size() - 1 - i]; };
  if (rest.empty()) return false;
  if (at(0) == '.') return rest.size() > 1 && is_word(at(1));
  return is_word(at(0));
}

}  // namespace

bool names_whole(std::string_view text, std::string_view name) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  for (auto from = text.begin();;) {
    const auto found = std::search(from, text.end(), name.begin(), name.end(), same);
    if (found == text.end() || name.empty()) return false;
    const auto begin = static_cast<std::size_t>(found - text.begin());
    if (!goes_on(text.substr(0, begin), false) && !goes_on(text.substr(begin + name.size()), true))
      return true;
    from = found + 1;
  }
}

std::optional<LogLevel> LogWatch::level_for(const LogLine& line) {
  std::optional<LogLevel> level;
  const auto wanted = [&](LogLevel at_least) {
    if (!level || at_least < *level) level = at_least;
  };
  for (const Watched& one : names_) {
    if (names_whole(line.text, one.name)) wanted(one.level);
  }
  std::string key{line.key};
  if (key.empty()) return level;
  const auto known = calls_.find(key);
  if (known != calls_.end()) wanted(known->second);
  if (!level) return level;
  if (known != calls_.end()) {
    known->second = *level;
    return level;
  }
  if (order_.size() == kKeys) {
    calls_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(key);
  calls_.emplace(std::move(key), *level);
  return level;
}

}  // namespace usher
