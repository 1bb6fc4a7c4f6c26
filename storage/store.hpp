// The one door to what is kept. Memory is the truth while the process runs; the store is its log:
// read once at start, written in batches, never asked on a message's path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/histogram.hpp"
#include "core/result.hpp"
#include "storage/records.hpp"

namespace usher::storage {

// What becomes of a batch that the disk refuses.
//
// required: an operator's write. It is answered with the error and never applied: what was answered
// with an
//   error does not appear later.
// eventual: what memory already holds and the network has already seen: registrations, calls,
// door-knocks. It is
//   answered with the error, kept in order, and tried again until the disk takes it, so that a disk
//   that recovers ends up in agreement with memory. What is kept is bounded: beyond three quarters
//   of limits::kStoreQueue, changes of bindings and calls that a later kept change supersedes are
//   forgotten, then the oldest batches are given up and counted in StoreHealth::dropped.
//
// A batch that a rule of the schema refuses (Errc::conflict, Errc::range) would be refused again:
// it is answered and never retried, whatever its durability.
enum class Durability : std::uint8_t { required, eventual };

// Bounds of StoreHealth::commit_times.
inline constexpr Duration kCommitBounds[] = {
    std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(10)};

struct StoreHealth {
  bool ok = true;             // false from a failed write until the next one that succeeds
  std::string reason;         // what failed last, when not ok
  std::size_t queued = 0;     // changes waiting for the writer, those kept for another try included
  Duration last_commit{};     // how long the last commit took
  std::uint64_t commits = 0;  // transactions of the engine; one may hold many batches
  std::uint64_t failed_batches = 0;  // batches answered with an error, Errc::limit included
  std::uint64_t dropped = 0;         // changes of eventual batches that were given up
  std::uint64_t unremembered = 0;    // records that remember() found no room for
  std::string record_file;           // why the file of call records lags; empty: it does not
  Histogram commit_times{kCommitBounds};
};

// A copy of the store that was made while it worked. It lies in a folder of the host and is named
// by us, after the second it was asked for: "2026-11-23T20-15-03Z.db" (UTC).
struct Backup {
  std::string name;
  std::uint64_t bytes = 0;
  WallTime made{};
  friend bool operator==(const Backup&, const Backup&) = default;
};

struct BackupRequest {
  enum class What : std::uint8_t { make, list, read, piece, remove };
  What what = What::list;
  std::string name{};        // of read, piece and remove
  WallTime now{};            // of make and read
  std::uint64_t offset = 0;  // of piece
};

struct BackupAnswer {
  std::vector<Backup> backups;  // make: the new one; list: all, newest first
  Snapshot held;                // read: of it what an operator makes, as a start would read it
  std::string piece;            // of the file: kBackupPiece bytes from `offset` on, or fewer
};
inline constexpr std::size_t kBackupPiece = 65536;

class Store {
 public:
  // The answer to a batch. Called on the thread that `post` (given to the engine) leads to.
  using Done = std::function<void(Result<void>)>;

  // The answer to a question, likewise.
  using Read = std::function<void(Result<RecordPage>)>;

  using Copied = std::function<void(Result<BackupAnswer>)>;

  virtual ~Store() = default;

  // Reads everything; called once, before the first apply(). Bindings that expired before `now` are
  // left out and forgotten. Errc::syntax: a row cannot be understood, named in the message;
  // Errc::io.
  virtual Result<Snapshot> load(WallTime now) = 0;

  // Applies the changes in order, all or none, after all earlier batches. `done` (may be empty) is
  // called once, when they are durable against the death of the process, or with the reason why
  // they are not:
  //   Errc::limit     the queue is full (limits::kStoreQueue changes): refused, nothing is kept
  //   Errc::io        the disk said no, to this batch or to one before it; see Durability
  //   Errc::conflict  a domain or target of a set that does not exist, a set that is in use, a
  //   destination
  //                   that its set has already; the message names both
  //   Errc::range     a value that the schema does not take
  // Answers come in the order of the batches, except Errc::limit, which comes at once. Deleting
  // what is not there succeeds. Never blocks on the disk and never calls `done` before returning.
  virtual void apply(std::vector<Change> batch, Durability durability, Done done) = 0;

  // Keeps a record through the death of the process until the next apply() that has it has
  // succeeded: load() of the next process sees it as if it had. Waits for no commit. Bounded:
  // what finds no room (StoreHealth::unremembered) is only as durable as its apply().
  virtual void remember(const CallRecord& record) = 0;

  // Looks up records of ended calls as they stand in the database: what is still queued is not
  // among them. Never blocks and never calls `done` before returning. Errc::limit: too many
  // questions wait (limits::kStoreReads); Errc::io; Errc::syntax: a row cannot be understood;
  // Errc::unavailable: the store was closed meanwhile.
  virtual void read(RecordQuery query, Read done) = 0;

  // What is to be done with the backups. A copy is as of one moment; the store is written
  // meanwhile, and read() answers. Never blocks and never calls `done` before returning.
  // Errc::limit: there are limits::kBackups already, or too many questions wait; Errc::conflict:
  // one of this second is there; Errc::not_found; Errc::io: the disk said no, the message names the
  // place; Errc::syntax, Errc::unsupported: a copy that is damaged, or of a newer version;
  // Errc::unavailable: the store was closed meanwhile. A copy that fails leaves nothing.
  virtual void backups(BackupRequest request, Copied done) = 0;

  // Cheap; also good after close().
  virtual StoreHealth health() const = 0;

  // Writes what is queued and closes; the last answers are on their way through `post` when it
  // returns. A disk that refuses is asked once more, then what is left counts as dropped. No
  // apply() after this.
  virtual void close() = 0;
};

}  // namespace usher::storage
