// Whole stories of a few: lines below their category's level that name a watched user, domain or
// address are written all the same, and with them every line of the calls that such a line belongs
// to.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/log.hpp"

namespace usher {

class LogWatch {
 public:
  // "401@a.test", "a.test", "192.0.2.1". A line names one when it stands there whole: not as a part
  // of a longer name, number or address. The newest kKeys calls are remembered.
  explicit LogWatch(std::vector<std::string> names) : names_(std::move(names)) {}

  // Whether the line is to be written. Remembers its call when it is.
  bool takes(const LogLine& line);
  const std::vector<std::string>& names() const { return names_; }

  static constexpr std::size_t kNames = 16;
  static constexpr std::size_t kNameBytes = 256;
  static constexpr std::size_t kKeys = 1000;

 private:
  std::vector<std::string> names_;
  std::unordered_set<std::string> keys_;
  std::deque<std::string> order_;
};

// Whether `name` stands in `text` as a whole, without case.
bool names_whole(std::string_view text, std::string_view name);

}  // namespace usher
