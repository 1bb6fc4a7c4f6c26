// The append-only file of call records: one line for each call that has ended. A record whose line
// is not written yet is marked in the database, so that neither a full disk nor kill -9 loses one;
// which lines kill -9 has left without their mark is read from the end of the file.
#pragma once

#include <string>
#include <unordered_set>

#include "core/result.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

class RecordFile {
 public:
  // The database must outlive it.
  static Result<RecordFile> prepare(Database& database, std::string path);

  // Writes the oldest lines that are missing. True: there may be more. The file is opened for it
  // each time, so that one that was moved away is made anew. Of one that was moved away after lines
  // were written and before they were marked, these are written again. Errc::io: the file or the
  // database.
  Result<bool> write();

 private:
  Database* database_ = nullptr;
  std::string path_;
  bool unmarked_ = true;                   // lines may be there without their mark
  std::unordered_set<std::string> there_;  // ids of lines; until all records have their mark
  Statement unfiled_, set_filed_, begin_, commit_, rollback_;
};

}  // namespace usher::storage
