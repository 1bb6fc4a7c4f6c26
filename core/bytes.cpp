#include "core/bytes.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <new>

#include "core/check.hpp"

namespace usher {

Bytes::Block* Bytes::allocate(std::size_t capacity) {
  USHER_CHECK(capacity < std::numeric_limits<std::uint32_t>::max() - sizeof(Block));
  auto* block = static_cast<Block*>(::operator new(sizeof(Block) + capacity));
  block->references = 1;
  block->size = 0;
  block->capacity = static_cast<std::uint32_t>(capacity);
  return block;
}

void Bytes::release() noexcept {
  if (block_ && --block_->references == 0) ::operator delete(block_);
  block_ = nullptr;
}

Bytes::Bytes(std::string_view text) : block_(allocate(text.size())) {
  if (!text.empty()) std::memcpy(block_->data(), text.data(), text.size());
  block_->size = static_cast<std::uint32_t>(text.size());
}

BytesWriter::BytesWriter(std::size_t capacity_hint) : block_(Bytes::allocate(capacity_hint)) {}

BytesWriter::~BytesWriter() {
  if (block_) ::operator delete(block_);
}

BytesWriter& BytesWriter::operator<<(std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  append({digits, static_cast<std::size_t>(end - digits)});
  return *this;
}

void BytesWriter::grow(std::size_t at_least) {
  const std::size_t wanted =
      std::max<std::size_t>(block_->size + at_least, std::size_t{block_->capacity} * 2);
  Bytes::Block* larger = Bytes::allocate(wanted);
  std::memcpy(larger->data(), block_->data(), block_->size);
  larger->size = block_->size;
  ::operator delete(block_);
  block_ = larger;
}

Bytes BytesWriter::finish() {
  Bytes result;
  result.block_ = std::exchange(block_, nullptr);
  return result;
}

}  // namespace usher
