// Strings that many records share, counted: domains and User-Agent values of bindings.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace usher::routing {

class Pool {
 public:
  using Id = std::uint32_t;  // 0: the empty string

  // One more user of this string.
  Id take(std::string_view text) {
    if (text.empty()) return 0;
    if (const auto found = ids_.find(text); found != ids_.end()) {
      ++strings_[found->second - 1].users;
      return found->second;
    }
    if (free_.empty()) {
      strings_.emplace_back();
      free_.push_back(static_cast<Id>(strings_.size()));
    }
    const Id id = free_.back();
    free_.pop_back();
    Shared& s = strings_[id - 1];
    s.text = std::make_unique<std::string>(text);
    s.users = 1;
    ids_.emplace(*s.text, id);
    return id;
  }

  // One user less; the last one takes the string along.
  void give_back(Id id) {
    if (id == 0) return;
    Shared& s = strings_[id - 1];
    if (--s.users > 0) return;
    ids_.erase(*s.text);
    s.text.reset();
    free_.push_back(id);
  }

  // Valid while somebody uses it.
  std::string_view text(Id id) const {
    return id == 0 ? std::string_view{} : *strings_[id - 1].text;
  }

 private:
  struct Shared {
    std::unique_ptr<std::string> text;
    std::uint32_t users = 0;
  };
  std::deque<Shared> strings_;
  std::vector<Id> free_;
  boost::unordered_flat_map<std::string_view, Id> ids_;
};

}  // namespace usher::routing
