// A level of their own for a few: lines that name a watched user, domain or address are written
// from that level on, whatever their category's is, and with them every line of the calls that such
// a line belongs to.
#pragma once

#include <bitset>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/log.hpp"

namespace usher {

struct Watched {
  std::string name;  // "401@a.test", "a.test", "192.0.2.1"
  LogLevel level = LogLevel::debug;
};

class LogWatch {
 public:
  // A line names one when it stands there whole: not as a part of a longer name, number or address.
  // At most kNames; the newest kKeys calls are remembered. `before`: those of the names that stay
  // are taken over.
  explicit LogWatch(std::vector<Watched> names, const LogWatch* before = nullptr);

  // The level that this line is written from, the most talkative of those it is watched by;
  // nothing: its category's. Remembers its call.
  std::optional<LogLevel> level_for(const LogLine& line);
  const std::vector<Watched>& names() const { return names_; }

  static constexpr std::size_t kNames = 16;
  static constexpr std::size_t kNameBytes = 256;
  static constexpr std::size_t kKeys = 1000;

 private:
  using Names = std::bitset<kNames>;  // by their places in names_
  void remember(const std::string& key, const Names& whose);

  std::vector<Watched> names_;
  std::unordered_map<std::string, Names> calls_;  // by their keys: whose they are
  std::deque<std::string> order_;
};

// Whether `name` stands in `text` as a whole, without case.
bool names_whole(std::string_view text, std::string_view name);

}  // namespace usher
