#include "routing/recorder/ring.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <type_traits>

#include "core/check.hpp"

namespace usher::routing {

static_assert(std::is_trivially_copyable_v<RingEntry>);
static_assert(alignof(RingEntry) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

// A fifth for the entries fits messages of some 500 bytes on average, notes among them.
RecordRing::RecordRing(std::size_t memory)
    : entries_size_(std::max<std::size_t>(memory / 5 / sizeof(RingEntry), 16)),
      texts_size_(std::max<std::size_t>(memory - memory / 5, 4096)),
      entries_(std::make_unique_for_overwrite<std::byte[]>(entries_size_ * sizeof(RingEntry))),
      texts_(std::make_unique_for_overwrite<char[]>(texts_size_)) {}

void RecordRing::add(const RingEntry& entry, std::string_view text) {
  USHER_CHECK(text.size() <= texts_size_ / 4);
  // A text lies in one piece.
  if (end_ % texts_size_ + text.size() > texts_size_) end_ += texts_size_ - end_ % texts_size_;
  const std::uint64_t place = end_;
  end_ += text.size();
  while (first_ < next_ && (next_ - first_ == entries_size_ ||
                            entries()[first_ % entries_size_].place + texts_size_ < end_))
    ++first_;
  if (!text.empty()) std::memcpy(texts_.get() + place % texts_size_, text.data(), text.size());
  RingEntry* const made =
      new (entries_.get() + next_ % entries_size_ * sizeof(RingEntry)) RingEntry(entry);
  made->place = place;
  made->length = static_cast<std::uint32_t>(text.size());
  ++next_;
}

std::size_t RecordRing::text_bytes() const {
  return size() == 0 ? 0 : static_cast<std::size_t>(end_ - (*this)[0].place);
}

}  // namespace usher::routing
