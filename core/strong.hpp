// Strong types: a number that means one thing and converts to nothing else.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace usher {

template <class Tag, class Rep>
struct Strong {
  Rep value{};
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;
};

// A slot of a slab and the generation it was handed out in: an id that outlived its object matches
// nothing. Default-constructed, it names no object.
template <class Tag>
struct SlabId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 0: no object
  constexpr explicit operator bool() const { return generation != 0; }
  constexpr std::uint64_t packed() const { return (std::uint64_t{generation} << 32) | index; }
  static constexpr SlabId unpack(std::uint64_t v) {
    return {static_cast<std::uint32_t>(v), static_cast<std::uint32_t>(v >> 32)};
  }
  friend constexpr auto operator<=>(const SlabId&, const SlabId&) = default;
};

}  // namespace usher

template <class Tag, class Rep>
struct std::hash<usher::Strong<Tag, Rep>> {
  std::size_t operator()(const usher::Strong<Tag, Rep>& s) const {
    return std::hash<Rep>{}(s.value);
  }
};

template <class Tag>
struct std::hash<usher::SlabId<Tag>> {
  std::size_t operator()(const usher::SlabId<Tag>& id) const {
    return std::hash<std::uint64_t>{}(id.packed());
  }
};
