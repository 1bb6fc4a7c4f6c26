#include "storage/sqlite/batch.hpp"

#include <string_view>
#include <unordered_set>

#include "core/check.hpp"

namespace usher::storage {

namespace {

// The binding, call, subscription or call record a change is about; empty for all other changes.
// Contact tokens are shorter than the ids of records, these than the names of calls and
// subscriptions, which are random, so that one cannot be taken for the other.
std::string_view subject_of(const Change& change) {
  if (const auto* put = std::get_if<PutBinding>(&change)) return put->binding.token;
  if (const auto* remove = std::get_if<DeleteBinding>(&change)) return remove->token;
  if (const auto* put = std::get_if<PutCall>(&change)) return put->call.id;
  if (const auto* remove = std::get_if<DeleteCall>(&change)) return remove->id;
  if (const auto* put = std::get_if<PutSubscription>(&change)) return put->subscription.id;
  if (const auto* remove = std::get_if<DeleteSubscription>(&change)) return remove->id;
  if (const auto* put = std::get_if<PutRecord>(&change)) return put->record.id;
  return {};
}

}  // namespace

void Backlog::push(Batch batch) {
  changes_ += batch.changes.size();
  batches_.push_back(std::move(batch));
}

std::size_t Backlog::group(std::size_t changes) const {
  std::size_t count = 0;
  std::size_t sum = 0;
  for (const Batch& batch : batches_) {
    sum += batch.changes.size();
    if (count > 0 && sum > changes) break;
    ++count;
  }
  return count;
}

Batch Backlog::pop() {
  USHER_CHECK(!batches_.empty());
  Batch batch = std::move(batches_.front());
  batches_.pop_front();
  changes_ -= batch.changes.size();
  return batch;
}

std::vector<Answer> Backlog::refuse(const Error& error) {
  std::vector<Answer> answers;
  std::deque<Batch> kept;
  for (Batch& batch : batches_) {
    if (!batch.answered) {
      answers.emplace_back(std::move(batch.done), error);
      batch.done = nullptr;
      batch.answered = true;
    }
    if (batch.durability == Durability::eventual) {
      kept.push_back(std::move(batch));
    } else {
      changes_ -= batch.changes.size();
    }
  }
  batches_ = std::move(kept);
  return answers;
}

std::size_t Backlog::bound(std::size_t limit) {
  if (changes_ > limit) forget_superseded();
  std::size_t given_up = 0;
  while (changes_ > limit) given_up += pop().changes.size();
  return given_up;
}

// A put or delete of a binding or call says everything about it, so an earlier one of the same
// makes no difference once both are applied. Only eventual batches are here: a later required
// change that might yet fail supersedes nothing.
void Backlog::forget_superseded() {
  std::unordered_set<std::string_view> later;
  // The views look into the changes that stay, which therefore must not move while they are in use.
  std::vector<std::vector<bool>> keep(batches_.size());
  for (std::size_t b = batches_.size(); b-- > 0;) {
    const std::vector<Change>& changes = batches_[b].changes;
    keep[b].resize(changes.size());
    for (std::size_t c = changes.size(); c-- > 0;) {
      const std::string_view subject = subject_of(changes[c]);
      keep[b][c] = subject.empty() || later.insert(subject).second;
    }
  }
  later.clear();

  std::deque<Batch> kept;
  changes_ = 0;
  for (std::size_t b = 0; b < batches_.size(); ++b) {
    Batch& batch = batches_[b];
    std::vector<Change> changes;
    for (std::size_t c = 0; c < batch.changes.size(); ++c) {
      if (keep[b][c]) changes.push_back(std::move(batch.changes[c]));
    }
    if (changes.empty()) continue;
    batch.changes = std::move(changes);
    changes_ += batch.changes.size();
    kept.push_back(std::move(batch));
  }
  batches_ = std::move(kept);
}

}  // namespace usher::storage
