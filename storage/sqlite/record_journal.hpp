// Call records that the database has not committed yet: a file beside it, mapped into memory, that
// outlives the process (kill -9) without anybody waiting for a commit. A loss of power may take it;
// then the database's own promise holds. Writing to it touches memory alone, but a file system may
// make the first write to a page wait that it has just written back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.hpp"
#include "storage/records.hpp"

namespace usher::storage {

std::string journal_text(const CallRecord& record);
// Errc::syntax: not what journal_text() makes.
Result<CallRecord> read_journal_text(std::string_view text);

// Belongs to one thread. All places have one size, so what one call takes is no other's loss.
class RecordJournal {
 public:
  static constexpr std::size_t kPlaces = 4096;
  static constexpr std::size_t kPlaceBytes = 2048;

  // Opens or makes "<path>.calls" (mode 0600), with its space on the disk reserved. The caller has
  // the database's lock. Errc::io, with what to do.
  static Result<RecordJournal> open(const std::string& path);
  RecordJournal() = default;
  RecordJournal(RecordJournal&& other) noexcept;
  RecordJournal& operator=(RecordJournal&& other) noexcept;
  ~RecordJournal();

  // What the process before left; entries that cannot be read are left out.
  std::vector<CallRecord> left() const;
  void clear();

  // One place per id: this takes the place of what was there. False: all places are taken.
  bool put(const CallRecord& record);
  // The record is on its way to the database. What put() has made of it last, for forget(); 0: it
  // has no place.
  std::uint64_t send(const std::string& id);
  // Unless it has been put again since.
  void forget(const std::string& id, std::uint64_t edition);

  // From now on all the above does nothing. `arrived`: so has all that was on its way.
  void close(bool arrived);

 private:
  char* place(std::uint32_t number) const { return data_ + number * kPlaceBytes; }
  void free_all();
  void write(std::uint32_t number, std::string_view text, std::uint64_t edition);
  void give_up(std::uint32_t number);

  struct Taken {
    std::uint32_t place = 0;
    std::uint64_t edition = 0;
    bool sent = false;
  };

  char* data_ = nullptr;
  std::uint64_t editions_ = 0;
  std::unordered_map<std::string, Taken> taken_;
  std::vector<std::uint32_t> free_;
};

}  // namespace usher::storage
