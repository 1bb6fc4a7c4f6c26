// A table of bounded size: what was asked for longest ago gives way to what is new. Keys are keyed
// hashes, since strangers choose what they are made of.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace usher::routing {

template <class Value>
class RecentTable {
 public:
  explicit RecentTable(std::size_t capacity) : capacity_(capacity) {}

  // Null when there is none. Becomes the most recent one. Good until the next obtain() or erase().
  Value* find(std::uint64_t key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    unlink(found->second);
    link_newest(found->second);
    return &nodes_[found->second].value;
  }

  // As find(), but it does not become more recent.
  Value* peek(std::uint64_t key) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &nodes_[found->second].value;
  }

  // As find(); made when there is none.
  Value& obtain(std::uint64_t key) {
    if (Value* known = find(key)) return *known;
    std::uint32_t place = kNone;
    if (index_.size() >= capacity_) {
      place = oldest_;
      index_.erase(nodes_[place].key);
      unlink(place);
    } else if (!free_.empty()) {
      place = free_.back();
      free_.pop_back();
    } else {
      place = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
    }
    nodes_[place].key = key;
    nodes_[place].value = Value{};
    index_.emplace(key, place);
    link_newest(place);
    return nodes_[place].value;
  }

  void erase(std::uint64_t key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    unlink(found->second);
    nodes_[found->second].value = Value{};
    free_.push_back(found->second);
    index_.erase(found);
  }

  std::size_t size() const { return index_.size(); }

  // Most recent first, until `visit` says false.
  template <class Visit>
  void each(Visit visit) const {
    for (std::uint32_t i = newest_; i != kNone && visit(nodes_[i].value); i = nodes_[i].older) {
    }
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  struct Node {
    std::uint64_t key = 0;
    std::uint32_t newer = kNone, older = kNone;
    Value value{};
  };

  void unlink(std::uint32_t place) {
    const Node& n = nodes_[place];
    (n.newer == kNone ? newest_ : nodes_[n.newer].older) = n.older;
    (n.older == kNone ? oldest_ : nodes_[n.older].newer) = n.newer;
  }
  void link_newest(std::uint32_t place) {
    nodes_[place].newer = kNone;
    nodes_[place].older = newest_;
    (newest_ == kNone ? oldest_ : nodes_[newest_].newer) = place;
    newest_ = place;
  }

  std::size_t capacity_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> free_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> index_;
  std::uint32_t newest_ = kNone, oldest_ = kNone;
};

}  // namespace usher::routing
