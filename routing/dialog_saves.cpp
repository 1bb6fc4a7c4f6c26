#include "routing/dialog_saves.hpp"

#include <utility>

namespace usher::routing {

void DialogSaves::put(Instant now, const std::string& id, storage::Change put, bool first) {
  const auto [entry, fresh] = waiting_.try_emplace(id);
  if (fresh) entry->second.first = first;
  entry->second.change = std::move(put);
  if (!due_) due_ = now + kGather;
}

void DialogSaves::remove(Instant now, const std::string& id, storage::Change removal) {
  const auto [entry, fresh] = waiting_.try_emplace(id);
  if (!fresh && entry->second.first) {
    waiting_.erase(entry);
    if (waiting_.empty()) due_.reset();
    return;
  }
  entry->second.change = std::move(removal);
  if (!due_) due_ = now + kGather;
}

std::vector<storage::Change> DialogSaves::take() {
  std::vector<storage::Change> changes;
  changes.reserve(waiting_.size());
  for (auto& [id, waiting] : waiting_) changes.push_back(std::move(waiting.change));
  waiting_.clear();
  due_.reset();
  return changes;
}

}  // namespace usher::routing
