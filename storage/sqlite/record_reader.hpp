// Reads call records beside the writer: a connection of its own that cannot write, on a thread of
// its own, so that a look through months keeps no registration waiting. It starts with the first
// question.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "storage/sqlite/database.hpp"
#include "storage/store.hpp"

namespace usher::storage {

// One page. Errc::io, Errc::syntax: a row cannot be understood.
Result<RecordPage> read_page(Database& database, const RecordQuery& query);

class RecordReader {
 public:
  using Post = std::function<void(std::function<void()>)>;

  RecordReader(std::string path, Post post);
  ~RecordReader();  // stop()
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // As Store.
  void read(RecordQuery query, Store::Read done);
  // What waits is answered with Errc::unavailable.
  void stop();

 private:
  struct Question {
    RecordQuery query;
    Store::Read done;
  };
  void run();
  void answer(Question question, Result<RecordPage> page);

  const std::string path_;
  const Post post_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Question> waiting_;  // guarded by mutex_, as the next one
  bool stopping_ = false;
  std::optional<Database> database_;  // the thread's own
  std::thread thread_;
};

}  // namespace usher::storage
