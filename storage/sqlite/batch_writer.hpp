// Batches to SQL: one transaction for a group, one savepoint for each batch in it. No thread of its
// own.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "storage/sqlite/batch.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

class BatchWriter {
 public:
  // Prepares all statements. The database must outlive the writer. `files_records`: call records
  // are marked for RecordFile.
  static Result<BatchWriter> prepare(Database& database, bool files_records);

  // Writes the oldest `count` batches in one transaction. The value holds each batch's own outcome:
  // applied whole, or refused whole by the schema (Errc::conflict, Errc::range) without harm to its
  // neighbours. The error is the disk's (Errc::io): nothing of the group is applied.
  Result<std::vector<Result<void>>> write(const std::deque<Batch>& batches, std::size_t count);

 private:
  Result<void> write_batch(const Batch& batch);
  Result<void> apply(const Change& change);
  bool put_legs(const std::string& owner, const SavedLeg& first, const SavedLeg& second);
  Result<void> trim_door_knocks();
  bool add_audit(const AuditEntry& entry);
  bool prune_records(const PruneRecords& prune);
  Error disk_error();
  // Why a change was refused, naming what it would have broken; Errc::io when it was the disk.
  Error refusal(const Change& change);
  Error in_use(SetId setid);

  Database* database_ = nullptr;
  Statement begin_, commit_, rollback_, savepoint_, rollback_to_, release_;
  Statement put_domain_, delete_domain_, put_set_, delete_set_, put_target_, delete_target_;
  Statement put_call_, delete_call_, put_subscription_, delete_subscription_;
  Statement put_leg_, delete_legs_;
  Statement put_binding_, delete_binding_, put_scanner_, delete_scanner_, put_knock_, put_secret_;
  Statement put_gate_, put_ban_, delete_ban_, add_audit_, trim_audit_;
  Statement put_record_, prune_old_, prune_many_;
  Statement trim_knocks_, same_destination_, targets_of_set_, domains_of_set_;
  bool files_records_ = false;
  std::size_t untrimmed_ = 0;  // door-knocks written since the last trim
};

}  // namespace usher::storage
