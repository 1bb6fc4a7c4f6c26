// A thread for what takes long beside the writer, one thing after another. It starts with the
// first.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace usher::storage {

class TaskThread {
 public:
  // `ending`: it was still waiting when the thread was stopped, and is called by whoever stops it.
  using Task = std::function<void(bool ending)>;

  TaskThread() = default;
  ~TaskThread();  // stop()
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  // False: limits::kStoreReads wait already, and this one is not taken.
  bool run(Task task);
  // Waits for the task under way, which may look at stopping(). No run() after this.
  void stop();
  const std::atomic<bool>& stopping() const { return stopping_; }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace usher::storage
