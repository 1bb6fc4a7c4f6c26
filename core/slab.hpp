// Objects behind generation-checked ids (core/strong.hpp): a late timer for a dead object finds
// nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/strong.hpp"

namespace usher {

// Objects are held in chunks and never move while they live. Ids are reused only with a new
// generation.
template <class T, class Tag>
class Slab {
 public:
  using Id = SlabId<Tag>;

  // The reference stays valid until erase() of this id.
  template <class... Args>
  std::pair<Id, T&> emplace(Args&&... args) {
    if (free_.empty()) grow();
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& s = slot(index);
    s.object.emplace(std::forward<Args>(args)...);
    ++size_;
    return {Id{index, s.generation}, *s.object};
  }

  // Null when the object is gone.
  T* find(Id id) {
    if (!id || id.index >= chunks_.size() * kChunk) return nullptr;
    Slot& s = slot(id.index);
    return s.generation == id.generation && s.object ? &*s.object : nullptr;
  }
  const T* find(Id id) const { return const_cast<Slab*>(this)->find(id); }

  // True when it existed.
  bool erase(Id id) {
    if (!find(id)) return false;
    Slot& s = slot(id.index);
    s.object.reset();
    if (++s.generation == 0) s.generation = 1;
    free_.push_back(id.index);
    --size_;
    return true;
  }

  std::size_t size() const { return size_; }

  // Calls f(Id, const T&) for each live object in the order of the ids, from slot `index` on, until
  // f returns false.
  template <class F>
  void visit(std::uint32_t index, F&& f) const {
    for (; index < chunks_.size() * kChunk; ++index) {
      const Slot& s = chunks_[index / kChunk][index % kChunk];
      if (s.object && !f(Id{index, s.generation}, *s.object)) return;
    }
  }

  // Calls f(Id, T&) for each live object; f must not emplace or erase.
  template <class F>
  void for_each(F&& f) {
    for (std::uint32_t i = 0; i < chunks_.size() * kChunk; ++i) {
      Slot& s = slot(i);
      if (s.object) f(Id{i, s.generation}, *s.object);
    }
  }

 private:
  static constexpr std::uint32_t kChunk = 256;
  struct Slot {
    std::optional<T> object;
    std::uint32_t generation = 1;
  };

  Slot& slot(std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }

  void grow() {
    const auto base = static_cast<std::uint32_t>(chunks_.size() * kChunk);
    chunks_.push_back(std::make_unique<Slot[]>(kChunk));
    for (std::uint32_t i = kChunk; i > 0; --i) free_.push_back(base + i - 1);
  }

  std::vector<std::unique_ptr<Slot[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace usher
