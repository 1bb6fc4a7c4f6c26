#include "core/log_watch.hpp"

#include <algorithm>

#include "core/check.hpp"
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

LogWatch::LogWatch(std::vector<Watched> names, const LogWatch* before) : names_(std::move(names)) {
  USHER_CHECK(names_.size() <= kNames);
  if (before == nullptr) return;
  for (const std::string& key : before->order_) {
    Names whose;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      for (std::size_t old = 0; old < before->names_.size(); ++old) {
        if (before->calls_.at(key)[old] && before->names_[old].name == names_[i].name) whose.set(i);
      }
    }
    if (whose.any()) remember(key, whose);
  }
}

void LogWatch::remember(const std::string& key, const Names& whose) {
  if (order_.size() == kKeys) {
    calls_.erase(order_.front());
    order_.pop_front();
  }
  order_.push_back(key);
  calls_.emplace(key, whose);
}

std::optional<LogLevel> LogWatch::level_for(const LogLine& line) {
  Names whose;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (names_whole(line.text, names_[i].name)) whose.set(i);
  }
  if (!line.key.empty()) {
    const std::string key{line.key};
    const auto known = calls_.find(key);
    if (known != calls_.end())
      whose = known->second |= whose;
    else if (whose.any())
      remember(key, whose);
  }
  std::optional<LogLevel> level;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (whose[i] && (!level || names_[i].level < *level)) level = names_[i].level;
  }
  return level;
}

}  // namespace usher
