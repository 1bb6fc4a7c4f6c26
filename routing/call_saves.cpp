#include "routing/call_saves.hpp"

#include <utility>

namespace usher::routing {

void CallSaves::put(Instant now, storage::SavedCall call, bool first) {
  const auto [entry, fresh] = waiting_.try_emplace(call.id);
  if (fresh) entry->second.first = first;
  entry->second.call = std::move(call);
  if (!due_) due_ = now + kGather;
}

void CallSaves::remove(Instant now, const std::string& id) {
  const auto [entry, fresh] = waiting_.try_emplace(id);
  if (!fresh && entry->second.first) {
    waiting_.erase(entry);
    if (waiting_.empty()) due_.reset();
    return;
  }
  entry->second.call.reset();
  if (!due_) due_ = now + kGather;
}

std::vector<storage::Change> CallSaves::take() {
  std::vector<storage::Change> changes;
  changes.reserve(waiting_.size());
  for (auto& [id, waiting] : waiting_) {
    if (waiting.call) {
      changes.emplace_back(storage::PutCall{std::move(*waiting.call)});
    } else {
      changes.emplace_back(storage::DeleteCall{id});
    }
  }
  waiting_.clear();
  due_.reset();
  return changes;
}

}  // namespace usher::routing
