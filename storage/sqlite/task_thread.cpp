#include "storage/sqlite/task_thread.hpp"

#include <utility>

#include "core/limits.hpp"

namespace usher::storage {

TaskThread::~TaskThread() {
  stop();
}

bool TaskThread::run(Task task) {
  const std::lock_guard lock(mutex_);
  if (waiting_.size() >= limits::kStoreReads) return false;
  waiting_.push_back(std::move(task));
  changed_.notify_one();
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  return true;
}

void TaskThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  for (const Task& task : std::exchange(waiting_, {})) task(true);
}

void TaskThread::work() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      task = std::move(waiting_.front());
      waiting_.pop_front();
    }
    task(false);
  }
}

}  // namespace usher::storage
