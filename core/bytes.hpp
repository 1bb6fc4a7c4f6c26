// Shared immutable bytes: one allocation, one reference count, no locking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace usher {

// A buffer that several owners read and nobody changes: a received packet, bytes kept for
// retransmission. The count is not atomic: a Bytes and its copies belong to the reactor thread.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(std::string_view text);  // copies
  Bytes(const Bytes& other) noexcept : block_(other.block_) {
    if (block_) ++block_->references;
  }
  Bytes(Bytes&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Bytes& operator=(Bytes other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Bytes() { release(); }

  std::string_view view() const {
    return block_ ? std::string_view{block_->data(), block_->size} : std::string_view{};
  }
  std::size_t size() const { return block_ ? block_->size : 0; }
  bool empty() const { return size() == 0; }

 private:
  friend class BytesWriter;
  struct Block {
    std::uint32_t references;
    std::uint32_t size;
    std::uint32_t capacity;
    char* data() { return reinterpret_cast<char*>(this + 1); }
  };
  static Block* allocate(std::size_t capacity);
  void release() noexcept;

  Block* block_ = nullptr;
};

// Writes a new Bytes front to back, growing as needed.
class BytesWriter {
 public:
  explicit BytesWriter(std::size_t capacity_hint = 1024);
  BytesWriter(const BytesWriter&) = delete;
  BytesWriter& operator=(const BytesWriter&) = delete;
  ~BytesWriter();

  BytesWriter& operator<<(std::string_view text) {
    append(text);
    return *this;
  }
  BytesWriter& operator<<(std::uint64_t number);  // decimal
  void append(std::string_view text) {
    if (block_->capacity - block_->size < text.size()) grow(text.size());
    if (!text.empty()) std::memcpy(block_->data() + block_->size, text.data(), text.size());
    block_->size += static_cast<std::uint32_t>(text.size());
  }
  std::string_view view() const { return {block_->data(), block_->size}; }

  // Hands the buffer over; the writer must not be used again.
  Bytes finish();

 private:
  void grow(std::size_t at_least);
  Bytes::Block* block_;
};

}  // namespace usher
