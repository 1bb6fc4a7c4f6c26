#include "routing/knocks.hpp"

#include <algorithm>
#include <utility>

#include "core/limits.hpp"
#include "core/net/source.hpp"
#include "core/text.hpp"

namespace usher::routing {

std::string knock_line(const storage::DoorKnock& knock) {
  return "Door-knock blocked: domain=" +
         (knock.domain.empty() ? std::string{"-"} : escaped(knock.domain)) +
         " src=" + knock.source.address.text() + " (" + knock.reason + ")";
}

Knocks::Knocks(const HashKey& key, std::vector<storage::DoorKnock> kept)
    : key_(key), entries_(limits::kDoorKnocks) {
  for (auto k = kept.rbegin(); k != kept.rend(); ++k)
    entries_.obtain(key_of(*k)).knock = std::move(*k);
}

std::uint64_t Knocks::key_of(const storage::DoorKnock& knock) const {
  return net::source_key(key_, 'k', knock.source.address, knock.reason);
}

bool Knocks::count_line(Instant now, Entry& entry) {
  if (!period_end_) {
    period_end_ = now + kLogPeriod;
    ++period_;
    lines_ = 0;
  }
  if (entry.period != period_) {
    entry.period = period_;
    entry.lines = 0;
  }
  if (entry.lines >= kLines || lines_ >= kLinesOfAll) {
    ++unlogged_;
    return false;
  }
  ++entry.lines;
  ++lines_;
  return true;
}

bool Knocks::add(const Now& now, const storage::DoorKnock& knock) {
  const std::uint64_t key = key_of(knock);
  const bool fresh = entries_.find(key) == nullptr;
  Entry& entry = entries_.obtain(key);
  storage::DoorKnock& kept = entry.knock;
  if (fresh) {
    kept = knock;
    kept.first = now.wall;
    kept.count = 1;
  } else {
    ++kept.count;
    kept.source.port = knock.source.port;
    kept.domain = knock.domain;
    kept.method = knock.method;
    kept.user_agent = knock.user_agent;
  }
  kept.when = now.wall;
  if (kept.domain.size() > 255) kept.domain.resize(255);
  if (kept.method.size() > 32) kept.method.resize(32);
  if (kept.user_agent.size() > 128) kept.user_agent.resize(128);
  if (!entry.waits && waiting_.size() < limits::kDoorKnocks) {
    entry.waits = true;
    waiting_.push_back(key);
  }
  if (!due_) due_ = now.mono + kPeriod;
  return count_line(now.mono, entry);
}

std::vector<storage::DoorKnock> Knocks::newest(std::size_t limit) const {
  std::vector<storage::DoorKnock> out;
  entries_.each([&](const Entry& entry) {
    if (out.size() < limit) out.push_back(entry.knock);
    return out.size() < limit;
  });
  return out;
}

std::optional<Instant> Knocks::due() const {
  if (due_ && period_end_) return std::min(*due_, *period_end_);
  return due_ ? due_ : period_end_;
}

std::vector<storage::Change> Knocks::take_batch(Instant now) {
  if (!due_ || *due_ > now) return {};
  due_.reset();
  std::vector<storage::Change> batch;
  const std::size_t count = std::min(waiting_.size(), kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    // Its place may have been given to another one meanwhile.
    Entry* entry = entries_.peek(waiting_[i]);
    if (!entry || !entry->waits) continue;
    entry->waits = false;
    batch.emplace_back(storage::PutDoorKnock{entry->knock});
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  if (!waiting_.empty()) due_ = now + kPeriod;
  return batch;
}

std::uint64_t Knocks::take_unlogged(Instant now) {
  if (!period_end_ || *period_end_ > now) return 0;
  period_end_.reset();
  return std::exchange(unlogged_, 0);
}

}  // namespace usher::routing
