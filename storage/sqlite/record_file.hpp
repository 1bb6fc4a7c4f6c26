// The append-only file of call records: a line for each call that has ended. A record whose line is
// not written yet is marked in the database, so that neither a full disk nor kill -9 loses one;
// kill -9 between the line and the mark leaves a line twice, with the same id.
#pragma once

#include <string>

#include "core/result.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

class RecordFile {
 public:
  // The database must outlive it.
  static Result<RecordFile> prepare(Database& database, std::string path);

  // Writes the oldest lines that are missing. True: there may be more. The file is opened for it
  // each time, so that one that was moved away is made anew. Errc::io: the file or the database.
  Result<bool> write();

 private:
  Database* database_ = nullptr;
  std::string path_;
  Statement unfiled_, set_filed_, begin_, commit_, rollback_;
};

}  // namespace usher::storage
