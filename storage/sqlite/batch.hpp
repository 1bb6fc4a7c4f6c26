// A batch on its way to the disk, and those that wait for it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "storage/store.hpp"

namespace usher::storage {

struct Batch {
  std::vector<Change> changes;
  Durability durability = Durability::required;
  Store::Done done;
  bool answered = false;    // an eventual batch that failed and is kept
  Store::Done committed{};  // besides, when the database has it, however often that failed before
};

// An answer that waits to be posted.
using Answer = std::pair<Store::Done, Result<void>>;

// What the writer has taken and not finished, oldest first. One thread's.
class Backlog {
 public:
  void push(Batch batch);
  bool empty() const { return batches_.empty(); }
  std::size_t changes() const { return changes_; }
  const std::deque<Batch>& batches() const { return batches_; }

  // How many batches from the oldest make up at most `changes` changes; at least one when there is
  // any.
  std::size_t group(std::size_t changes) const;
  // Takes the oldest batch out.
  Batch pop();

  // The disk failed: every batch that has no answer yet gets `error`; required ones go, eventual
  // ones stay.
  std::vector<Answer> refuse(const Error& error);

  // Keeps at most `limit` changes: forgets changes of bindings and calls that a later one
  // supersedes, then gives up the oldest batches. Call when all kept batches are answered. Returns
  // how many changes were given up.
  std::size_t bound(std::size_t limit);

 private:
  void forget_superseded();

  std::deque<Batch> batches_;
  std::size_t changes_ = 0;
};

}  // namespace usher::storage
