#include "routing/dispatcher.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace usher::routing {

namespace {

void rotate_by(TargetOrder::iterator begin, TargetOrder::iterator end, std::uint64_t turns) {
  const auto size = static_cast<std::uint64_t>(end - begin);
  if (size > 1) std::rotate(begin, begin + static_cast<std::ptrdiff_t>(turns % size), end);
}

}  // namespace

TargetOrder Dispatcher::order(const storage::DispatcherSet& set, TargetOrder usable,
                              std::string_view aor) {
  if (usable.size() < 2) return usable;
  Turn& turn = sets_[set.setid];
  switch (set.algorithm) {
    case storage::Algorithm::round_robin:
      rotate_by(usable.begin(), usable.end(), turn.next++);
      return usable;
    case storage::Algorithm::weighted: return weighted(turn, std::move(usable));
    case storage::Algorithm::priority: {
      std::stable_sort(usable.begin(), usable.end(),
                       [](const auto* a, const auto* b) { return a->priority < b->priority; });
      const std::uint64_t turns = turn.next++;
      for (auto begin = usable.begin(); begin != usable.end();) {
        const auto end = std::find_if(
            begin, usable.end(), [&](const auto* t) { return t->priority != (*begin)->priority; });
        rotate_by(begin, end, turns);
        begin = end;
      }
      return usable;
    }
    case storage::Algorithm::hash: return hashed(std::move(usable), aor);
  }
  return usable;
}

// Each turn everybody earns his weight; the richest is chosen and pays what all have earned. A
// choice is never far from its share, and equal weights alternate.
TargetOrder Dispatcher::weighted(Turn& turn, TargetOrder usable) {
  std::erase_if(turn.credit, [&](const auto& entry) {
    return std::none_of(usable.begin(), usable.end(),
                        [&](const auto* t) { return t->id == entry.first; });
  });
  std::int64_t total = 0;
  for (const storage::Target* t : usable) {
    turn.credit[t->id] += t->weight;
    total += t->weight;
  }
  const auto richest = std::max_element(
      usable.begin(), usable.end(),
      [&](const auto* a, const auto* b) { return turn.credit[a->id] < turn.credit[b->id]; });
  turn.credit[(*richest)->id] -= total;
  std::rotate(usable.begin(), richest, richest + 1);
  std::stable_sort(usable.begin() + 1, usable.end(),
                   [](const auto* a, const auto* b) { return a->weight > b->weight; });
  return usable;
}

TargetOrder Dispatcher::hashed(TargetOrder usable, std::string_view aor) const {
  std::vector<std::pair<std::uint64_t, const storage::Target*>> scored;
  for (const storage::Target* t : usable) {
    std::string text{aor};
    text.append("\n").append(std::to_string(t->id));
    scored.emplace_back(siphash(key_, text), t);
  }
  std::sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second->id < b.second->id;
  });
  for (std::size_t i = 0; i < scored.size(); ++i) usable[i] = scored[i].second;
  return usable;
}

TargetOrder Dispatcher::sticky(const TargetOrder& usable, storage::TargetId first) const {
  const auto found =
      std::find_if(usable.begin(), usable.end(), [&](const auto* t) { return t->id == first; });
  if (found == usable.end()) return {};
  TargetOrder out = usable;
  rotate_by(out.begin(), out.end(), static_cast<std::uint64_t>(found - usable.begin()));
  return out;
}

}  // namespace usher::routing
