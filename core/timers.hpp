// Timers as data: who wants to be told what, and when. Nothing here reads a clock or sleeps.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/strong.hpp"
#include "core/time.hpp"

namespace usher {

struct TimerTag {};
using TimerId = SlabId<TimerTag>;

// One FIFO ("lane") per distinct duration: as every timer of a lane has the same length, appending
// keeps the lane sorted, so arming, cancelling and expiring cost O(1). SIP uses about nine
// durations. A duration that finds all lanes taken goes to an ordered set, at O(log n). Timers that
// are due at the same instant fire in the order they were armed.
template <class Key>
class TimerQueue {
 public:
  // `now` may repeat; one that goes backwards costs O(log n) but is still exact. A zero or negative
  // duration is due at once.
  TimerId arm(Instant now, Duration after, Key key) {
    const std::uint32_t lane = lane_for(after);
    const std::uint32_t index = take_node();
    Node& n = nodes_[index];
    n.due = now + after;
    n.order = ++order_;
    n.key = std::move(key);
    n.lane = lane;
    link(index);
    ++size_;
    return {index, n.generation};
  }

  // True when the timer was still armed. The id of a fired or cancelled timer is harmless.
  bool cancel(TimerId id) {
    if (!id || id.index >= nodes_.size() || nodes_[id.index].generation != id.generation)
      return false;
    unlink(id.index);
    give_back(id.index);
    return true;
  }

  // When the earliest timer is due; nothing when none is armed.
  std::optional<Instant> next() const {
    const std::uint32_t index = earliest();
    if (index == kNone) return std::nullopt;
    return nodes_[index].due;
  }

  // The earliest timer due at or before `now`, disarmed; nothing when none is.
  std::optional<Key> pop(Instant now) {
    const std::uint32_t index = earliest();
    if (index == kNone || nodes_[index].due > now) return std::nullopt;
    Key key = std::move(nodes_[index].key);
    unlink(index);
    give_back(index);
    return key;
  }

  std::size_t size() const { return size_; }

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  static constexpr std::uint32_t kMaxLanes = 31;
  static constexpr std::uint32_t kNoLane = kMaxLanes;  // in `others_`

  struct Node {
    Instant due{};
    std::uint64_t order = 0;
    Key key{};
    std::uint32_t previous = kNone;
    std::uint32_t next = kNone;
    std::uint32_t lane = 0;
    std::uint32_t generation = 1;
  };
  struct Lane {
    Duration length{};
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
  };

  struct Other {
    Instant due{};
    std::uint64_t order = 0;
    std::uint32_t index = kNone;
    friend auto operator<=>(const Other&, const Other&) = default;
  };

  std::uint32_t lane_for(Duration length) {
    std::uint32_t empty = kNone;
    for (std::uint32_t i = 0; i < lanes_.size(); ++i) {
      if (lanes_[i].length == length) return i;
      if (empty == kNone && lanes_[i].head == kNone) empty = i;
    }
    if (empty != kNone) {
      lanes_[empty].length = length;
      return empty;
    }
    if (lanes_.size() == kMaxLanes) return kNoLane;
    lanes_.push_back(Lane{length, kNone, kNone});
    return static_cast<std::uint32_t>(lanes_.size() - 1);
  }

  bool before(const Node& a, const Node& b) const {
    return a.due != b.due ? a.due < b.due : a.order < b.order;
  }

  void link(std::uint32_t index) {
    Node& n = nodes_[index];
    // A `now` behind the previous one would break the order of its lane.
    if (n.lane != kNoLane && lanes_[n.lane].tail != kNone &&
        nodes_[lanes_[n.lane].tail].due > n.due) {
      n.lane = kNoLane;
    }
    if (n.lane == kNoLane) {
      others_.insert(Other{n.due, n.order, index});
      return;
    }
    Lane& lane = lanes_[n.lane];
    n.previous = lane.tail;
    n.next = kNone;
    (n.previous == kNone ? lane.head : nodes_[n.previous].next) = index;
    lane.tail = index;
  }

  void unlink(std::uint32_t index) {
    Node& n = nodes_[index];
    if (n.lane == kNoLane) {
      others_.erase(Other{n.due, n.order, index});
      return;
    }
    Lane& lane = lanes_[n.lane];
    (n.previous == kNone ? lane.head : nodes_[n.previous].next) = n.next;
    (n.next == kNone ? lane.tail : nodes_[n.next].previous) = n.previous;
  }

  std::uint32_t take_node() {
    if (!free_.empty()) {
      const std::uint32_t index = free_.back();
      free_.pop_back();
      return index;
    }
    nodes_.emplace_back();
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  void give_back(std::uint32_t index) {
    Node& n = nodes_[index];
    n.key = Key{};
    if (++n.generation == 0) n.generation = 1;
    free_.push_back(index);
    --size_;
  }

  std::uint32_t earliest() const {
    std::uint32_t best = others_.empty() ? kNone : others_.begin()->index;
    for (const Lane& lane : lanes_) {
      if (lane.head != kNone && (best == kNone || before(nodes_[lane.head], nodes_[best])))
        best = lane.head;
    }
    return best;
  }

  std::vector<Node> nodes_;
  std::vector<std::uint32_t> free_;
  std::vector<Lane> lanes_;
  std::set<Other> others_;
  std::uint64_t order_ = 0;
  std::size_t size_ = 0;
};

}  // namespace usher
