// Strangers who got silence: the newest are kept to be shown, and go to the store in batches.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::routing {

// The line that existing log watchers match: `Door-knock blocked: domain=<domain> src=<ip>
// (<reason>)`. What strangers wrote is escaped; an empty domain is "-".
std::string knock_line(const storage::DoorKnock& knock);

class Knocks {
 public:
  // `kept` newest first, as loaded.
  explicit Knocks(std::vector<storage::DoorKnock> kept);

  // Fields are cut to sane lengths. What comes faster than kBatch per kPeriod is shown and counted,
  // but not stored.
  void add(Instant now, storage::DoorKnock knock);
  std::vector<storage::DoorKnock> newest(std::size_t limit) const;
  std::size_t size() const { return kept_.size(); }

  // When the next batch is due, and the batch.
  std::optional<Instant> due() const { return due_; }
  std::vector<storage::Change> take_batch(Instant now);

  static constexpr std::size_t kBatch = 1000;
  static constexpr Duration kPeriod = std::chrono::seconds(1);

 private:
  std::deque<storage::DoorKnock> kept_;  // newest first
  std::vector<storage::Change> batch_;
  std::optional<Instant> due_;
};

}  // namespace usher::routing
