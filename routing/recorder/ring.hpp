// Memory of fixed size in which the newest entries push out the oldest. Entries and their texts lie
// apart, so that a search reads the entries alone, one after the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/net/flow.hpp"
#include "core/time.hpp"

namespace usher::routing {

enum class RecordKind : std::uint8_t { received, sent, begin, note };

inline bool is_message(RecordKind kind) {
  return kind == RecordKind::received || kind == RecordKind::sent;
}

struct RingEntry {
  std::uint64_t sequence = 0;  // of all rings together
  std::uint64_t trace = 0;     // 0: none
  // Hashes; 0: none. Of all: the Call-ID first. Messages: then the text. `begin`: then the AoRs of
  // From, To and Request-URI; `note`: then the Call-ID of the other leg.
  std::array<std::uint64_t, 4> keys{};
  Instant at{};
  WallTime wall{};
  std::uint64_t place = 0;   // of its text
  std::uint32_t length = 0;  // of its text
  std::uint32_t bytes = 0;   // on the wire; more than `length`: it is truncated
  net::Endpoint remote;
  net::ListenerId listener;
  net::Transport transport = net::Transport::udp;
  RecordKind kind = RecordKind::received;
  bool dropped = false;
};

class RecordRing {
 public:
  // `memory` in bytes, for entries and texts together. The system gives it page by page, as it is
  // first written to.
  explicit RecordRing(std::size_t memory);

  // `text` is copied; at most a quarter of the texts' memory.
  void add(const RingEntry& entry, std::string_view text);

  std::size_t size() const { return static_cast<std::size_t>(next_ - first_); }
  std::size_t memory() const { return entries_size_ * sizeof(RingEntry) + texts_size_; }
  std::size_t text_bytes() const;
  // From the oldest, 0, to size() - 1.
  const RingEntry& operator[](std::size_t i) const {
    return entries()[(first_ + i) % entries_size_];
  }
  std::string_view text(const RingEntry& entry) const {
    return {texts_.get() + entry.place % texts_size_, entry.length};
  }

 private:
  RingEntry* entries() const { return reinterpret_cast<RingEntry*>(entries_.get()); }

  std::size_t entries_size_, texts_size_;
  std::unique_ptr<std::byte[]> entries_;
  std::unique_ptr<char[]> texts_;
  std::uint64_t first_ = 0, next_ = 0;  // entries ever pushed out, and ever written
  std::uint64_t end_ = 0;               // the same of the texts' bytes
};

}  // namespace usher::routing
