// The one thread that writes: it takes what is queued, writes it in groups, answers, and keeps what
// the disk refused. It may wait; nobody waits for it but close().
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "storage/sqlite/batch.hpp"
#include "storage/sqlite/batch_writer.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/record_file.hpp"
#include "storage/store.hpp"

namespace usher::storage {

class WriterThread {
 public:
  using Post = std::function<void(std::function<void()>)>;

  // The database belongs to this thread from the first apply() until stop() has returned, and
  // outlives it.
  WriterThread(Database& database, BatchWriter writer, std::optional<RecordFile> file, Post post);
  ~WriterThread();  // stop()
  WriterThread(const WriterThread&) = delete;
  WriterThread& operator=(const WriterThread&) = delete;

  // As Store. From one thread. `committed` (may be empty) is called when the database has the
  // changes, also those that were answered with an error and kept; never when it will not.
  void apply(std::vector<Change> changes, Durability durability, Store::Done done,
             Store::Done committed);
  StoreHealth health() const;
  void stop();

 private:
  void run();
  // Moves the inbox to the backlog, waiting while there is nothing to do. True: stop after this
  // round.
  bool take();
  void write_group();
  void probe();
  void file_records();
  void succeeded(Duration took, std::size_t finished, std::vector<Answer> answers);
  void failed(const Error& error);
  void answer(std::vector<Answer> answers);

  Database& database_;
  BatchWriter writer_;
  std::optional<RecordFile> file_;
  const Post post_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Batch> inbox_;  // guarded by mutex_, as all down to health_
  std::size_t waiting_ = 0;   // changes in inbox_ and backlog_
  bool urgent_ = false;       // a required batch asks for a try before the pause is over
  bool stopping_ = false;
  StoreHealth health_;

  Backlog backlog_;  // the thread's own, as all below
  bool failing_ = false;
  std::chrono::milliseconds pause_{};
  enum class Filing : std::uint8_t { done, more, failed };
  Filing filing_ = Filing::done;

  std::thread thread_;
};

}  // namespace usher::storage
