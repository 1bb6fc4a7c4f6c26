// When bindings end: a binary heap that knows each entry's place, since a refresh moves its end
// every time.
#include "core/check.hpp"
#include "routing/location.hpp"

namespace usher::routing {

std::optional<Instant> Location::next_expiry() const {
  if (heap_.empty()) return std::nullopt;
  return entries_[heap_.front()].due;
}

std::vector<storage::Binding> Location::expire(Instant now, std::size_t limit) {
  std::vector<storage::Binding> out;
  while (!heap_.empty() && out.size() < limit && entries_[heap_.front()].due <= now) {
    const std::uint32_t index = heap_.front();
    out.push_back(binding_of(entries_[index]));
    remove(index);
  }
  return out;
}

bool Location::sooner(std::size_t a, std::size_t b) const {
  return entries_[heap_[a]].due < entries_[heap_[b]].due;
}

void Location::heap_swap(std::size_t a, std::size_t b) {
  std::swap(heap_[a], heap_[b]);
  entries_[heap_[a]].heap_position = static_cast<std::uint32_t>(a);
  entries_[heap_[b]].heap_position = static_cast<std::uint32_t>(b);
}

void Location::heap_settle(std::size_t position) {
  while (position > 0 && sooner(position, (position - 1) / 2)) {
    heap_swap(position, (position - 1) / 2);
    position = (position - 1) / 2;
  }
  for (;;) {
    std::size_t least = position;
    for (const std::size_t child : {2 * position + 1, 2 * position + 2}) {
      if (child < heap_.size() && sooner(child, least)) least = child;
    }
    if (least == position) return;
    heap_swap(position, least);
    position = least;
  }
}

void Location::heap_push(std::uint32_t index) {
  heap_.push_back(index);
  entries_[index].heap_position = static_cast<std::uint32_t>(heap_.size() - 1);
  heap_settle(heap_.size() - 1);
}

void Location::heap_erase(std::uint32_t index) {
  const std::size_t position = entries_[index].heap_position;
  USHER_CHECK(position < heap_.size());
  heap_swap(position, heap_.size() - 1);
  heap_.pop_back();
  entries_[index].heap_position = kNone;
  if (position < heap_.size()) heap_settle(position);
}

}  // namespace usher::routing
