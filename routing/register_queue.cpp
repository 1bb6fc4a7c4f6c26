#include "routing/register_queue.hpp"

#include <algorithm>
#include <utility>

#include "core/check.hpp"

namespace usher::routing {

bool RegisterQueue::Line::is_idle() const {
  return in_flight == 0 &&
         std::all_of(ranks.begin(), ranks.end(), [](const auto& r) { return r.empty(); });
}

bool RegisterQueue::has_room(storage::TargetId target) const {
  const auto line = lines_.find(target);
  return line == lines_.end() || line->second.in_flight < limits_.in_flight;
}

void RegisterQueue::began(storage::TargetId target) {
  ++lines_[target].in_flight;
}

void RegisterQueue::ended(storage::TargetId target) {
  const auto line = lines_.find(target);
  USHER_CHECK(line != lines_.end() && line->second.in_flight > 0);
  --line->second.in_flight;
  if (line->second.is_idle()) lines_.erase(line);
}

bool RegisterQueue::is_full_for(RegisterRank rank) const {
  if (size_ < limits_.waiting) return false;
  return std::none_of(lines_.begin(), lines_.end(), [&](const auto& line) {
    for (std::size_t r = static_cast<std::size_t>(rank) + 1; r < line.second.ranks.size(); ++r) {
      if (!line.second.ranks[r].empty()) return true;
    }
    return false;
  });
}

std::optional<RegisterQueue::Waiting> RegisterQueue::put(Waiting waiting) {
  const auto rank = static_cast<std::size_t>(waiting.rank);
  std::optional<Waiting> gives_way;
  if (size_ >= limits_.waiting) {
    for (std::size_t r = 2; r > rank && !gives_way; --r) {
      auto latest = lines_.end();
      for (auto line = lines_.begin(); line != lines_.end(); ++line) {
        if (line->second.ranks[r].empty()) continue;
        if (latest == lines_.end() ||
            line->second.ranks[r].back().due > latest->second.ranks[r].back().due)
          latest = line;
      }
      if (latest == lines_.end()) continue;
      gives_way = std::move(latest->second.ranks[r].back());
      latest->second.ranks[r].pop_back();
      --size_;
      if (latest->second.is_idle()) lines_.erase(latest);
    }
    if (!gives_way) return waiting;
  }
  auto& places = lines_[waiting.target].ranks[rank];
  // One that has waited elsewhere already keeps its time.
  auto place = places.end();
  while (place != places.begin() && std::prev(place)->due > waiting.due) --place;
  places.insert(place, std::move(waiting));
  ++size_;
  return gives_way;
}

std::optional<RegisterQueue::Waiting> RegisterQueue::take_first(
    std::map<storage::TargetId, Line>::iterator line, std::size_t rank) {
  std::optional<Waiting> first = std::move(line->second.ranks[rank].front());
  line->second.ranks[rank].pop_front();
  --size_;
  if (line->second.is_idle()) lines_.erase(line);
  return first;
}

std::optional<RegisterQueue::Waiting> RegisterQueue::next() {
  for (auto line = lines_.begin(); size_ > 0 && line != lines_.end(); ++line) {
    if (line->second.in_flight >= limits_.in_flight) continue;
    for (std::size_t rank = 0; rank < line->second.ranks.size(); ++rank) {
      if (!line->second.ranks[rank].empty()) return take_first(line, rank);
    }
  }
  return std::nullopt;
}

std::optional<RegisterQueue::Waiting> RegisterQueue::expired(Instant now) {
  for (auto line = lines_.begin(); size_ > 0 && line != lines_.end(); ++line) {
    for (std::size_t rank = 0; rank < line->second.ranks.size(); ++rank) {
      const auto& places = line->second.ranks[rank];
      if (!places.empty() && places.front().due <= now) return take_first(line, rank);
    }
  }
  return std::nullopt;
}

std::optional<Instant> RegisterQueue::next_deadline() const {
  std::optional<Instant> next;
  if (size_ == 0) return next;
  for (const auto& [target, line] : lines_) {
    for (const auto& places : line.ranks) {
      if (!places.empty() && (!next || places.front().due < *next)) next = places.front().due;
    }
  }
  return next;
}

std::vector<storage::TargetId> RegisterQueue::waited_for() const {
  std::vector<storage::TargetId> out;
  if (size_ == 0) return out;
  for (const auto& [target, line] : lines_) {
    if (std::any_of(line.ranks.begin(), line.ranks.end(),
                    [](const auto& places) { return !places.empty(); }))
      out.push_back(target);
  }
  return out;
}

std::vector<RegisterQueue::Waiting> RegisterQueue::take_all(storage::TargetId target) {
  std::vector<Waiting> out;
  const auto line = lines_.find(target);
  if (line == lines_.end()) return out;
  for (auto& places : line->second.ranks) {
    std::move(places.begin(), places.end(), std::back_inserter(out));
    places.clear();
  }
  size_ -= out.size();
  if (line->second.is_idle()) lines_.erase(line);
  return out;
}

std::size_t RegisterQueue::in_flight() const {
  std::size_t sum = 0;
  for (const auto& [target, line] : lines_) sum += line.in_flight;
  return sum;
}

}  // namespace usher::routing
