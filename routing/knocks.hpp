// Strangers who got silence, one entry per address and reason: the newest are kept to be shown, and
// go to the store in batches. A flood costs neither a log line nor a row per packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/recent.hpp"
#include "storage/records.hpp"

namespace usher::routing {

// The line that existing log watchers match: `Door-knock blocked: domain=<domain> src=<ip>
// (<reason>)`. What strangers wrote is escaped; an empty domain is "-".
std::string knock_line(const storage::DoorKnock& knock);

class Knocks {
 public:
  // `kept` newest first, as loaded.
  Knocks(const HashKey& key, std::vector<storage::DoorKnock> kept);

  // `knock` is one, at `now`. Fields are cut to sane lengths. True: it is to be logged, which holds
  // for the first kLines of an entry and kLinesOfAll of all per kLogPeriod.
  bool add(const Now& now, const storage::DoorKnock& knock);
  std::vector<storage::DoorKnock> newest(std::size_t limit) const;
  std::size_t size() const { return entries_.size(); }

  // When something is due: the next batch, or a line about those that had none.
  std::optional<Instant> due() const;
  // Entries that have changed; more than kBatch wait for the next period.
  std::vector<storage::Change> take_batch(Instant now);
  // How many had no line in the period that is over; 0: none, or it is not over.
  std::uint64_t take_unlogged(Instant now);

  static constexpr std::size_t kBatch = 1000;
  static constexpr Duration kPeriod = std::chrono::seconds(1);
  static constexpr Duration kLogPeriod = std::chrono::seconds(60);
  static constexpr std::uint32_t kLines = 10;
  static constexpr std::uint32_t kLinesOfAll = 300;

 private:
  struct Entry {
    storage::DoorKnock knock;
    bool waits = false;  // for the store
    std::uint64_t period = 0;
    std::uint32_t lines = 0;  // in that period
  };
  bool count_line(Instant now, Entry& entry);
  std::uint64_t key_of(const storage::DoorKnock& knock) const;

  HashKey key_;
  RecentTable<Entry> entries_;
  std::vector<std::uint64_t> waiting_;  // keys of entries
  std::optional<Instant> due_;
  std::optional<Instant> period_end_;
  std::uint64_t period_ = 1;
  std::uint32_t lines_ = 0;
  std::uint64_t unlogged_ = 0;
};

}  // namespace usher::routing
