// Reads call records beside the writer: a connection of its own that cannot write, on another
// thread, so that a look through months keeps no registration waiting.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "storage/sqlite/database.hpp"
#include "storage/sqlite/task_thread.hpp"
#include "storage/store.hpp"

namespace usher::storage {

// One page. Errc::io, Errc::syntax: a row cannot be understood.
Result<RecordPage> read_page(Database& database, const RecordQuery& query);

class RecordReader {
 public:
  using Post = std::function<void(std::function<void()>)>;

  // `thread` outlives the reader.
  RecordReader(std::string path, Post post, TaskThread& thread);

  // As Store.
  void read(RecordQuery query, Store::Read done);
  // When the thread has stopped.
  void close() { database_.reset(); }

 private:
  Result<RecordPage> look(const RecordQuery& query);
  void answer(Store::Read done, Result<RecordPage> page);

  const std::string path_;
  const Post post_;
  TaskThread& thread_;
  std::optional<Database> database_;  // the thread's own
};

}  // namespace usher::storage
