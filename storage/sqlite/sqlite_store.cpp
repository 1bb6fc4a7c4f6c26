#include "storage/sqlite/sqlite_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"
#include "storage/backups.hpp"
#include "storage/sqlite/batch_writer.hpp"
#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/lock_file.hpp"
#include "storage/sqlite/read_table.hpp"
#include "storage/sqlite/record_file.hpp"
#include "storage/sqlite/record_journal.hpp"
#include "storage/sqlite/record_reader.hpp"
#include "storage/sqlite/schema.hpp"
#include "storage/sqlite/task_thread.hpp"
#include "storage/sqlite/writer_thread.hpp"

namespace usher::storage {

namespace {

// The legs of calls and subscriptions, each taken once by its owner. A dialog without both, or a
// leg without its owner, is a file that somebody has edited: named, not guessed at.
class Legs {
 public:
  explicit Legs(std::vector<LegRow> rows) {
    for (LegRow& row : rows) rows_.emplace(std::pair{std::move(row.owner), row.place}, row.leg);
  }
  Result<void> take(std::string_view kind, const std::string& owner, int place, SavedLeg& out) {
    auto row = rows_.extract({owner, place});
    if (row.empty()) {
      const std::string name{kind};
      return fail(Errc::syntax, "table " + name + "s: " + name + " " + usher::quoted(owner) +
                                    " has no leg " + std::to_string(place) + " in table legs");
    }
    out = std::move(row.mapped());
    return {};
  }
  Result<void> all_taken() const {
    if (rows_.empty()) return {};
    const auto& [owner, place] = rows_.begin()->first;
    return fail(Errc::syntax, "table legs: leg " + std::to_string(place) + " of " +
                                  usher::quoted(owner) + " has no call or subscription");
  }

 private:
  std::map<std::pair<std::string, int>, SavedLeg> rows_;
};

Result<void> join(Snapshot& s, Legs legs) {
  for (SavedCall& call : s.calls) {
    if (auto r = legs.take("call", call.id, 0, call.origin); !r) return r;
    if (auto r = legs.take("call", call.id, 1, call.answerer); !r) return r;
  }
  for (SavedSubscription& one : s.subscriptions) {
    if (auto r = legs.take("subscription", one.id, 0, one.subscriber); !r) return r;
    if (auto r = legs.take("subscription", one.id, 1, one.notifier); !r) return r;
  }
  return legs.all_taken();
}

// Makes the file for its owner alone: it will hold the key of the Contact tokens.
Result<void> create(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return fail(Errc::io, "cannot create " + path + ": " + std::generic_category().message(errno));
  ::close(fd);
  return {};
}

bool writable(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// What the file system alone can say against `path`, so that it is said in its words.
Result<void> check_place(const std::filesystem::path& path) {
  std::error_code ec;
  const auto directory = path.parent_path();
  if (!std::filesystem::is_directory(directory, ec)) {
    return fail(Errc::io,
                directory.string() + " is not a directory: make it, or name another file");
  }
  if (!writable(directory)) {
    return fail(Errc::io, "directory " + directory.string() +
                              " is read-only for this process; beside " + path.filename().string() +
                              " its log and lock must be written: allow it");
  }
  const auto status = std::filesystem::status(path, ec);
  if (!std::filesystem::exists(status)) return {};
  if (!std::filesystem::is_regular_file(status)) {
    return fail(Errc::io, path.string() + " is not a file: name another");
  }
  if (!writable(path))
    return fail(Errc::io, path.string() + " is read-only for this process: allow it to write");
  return {};
}

// For a file that inspect() found to be ours or empty.
Result<Database> open_for_writing(const std::string& path) {
  auto database = Database::open(path, OpenMode::read_write);
  if (!database) return database;
  const auto mode = database->text("PRAGMA journal_mode = WAL");
  if (!mode) return mode.error();
  if (*mode != "wal")
    return fail(Errc::io, path + ": the file system does not support SQLite's WAL mode");
  const char* settings[] = {
      // No fsync per commit: see open_sqlite() for what that may cost.
      "PRAGMA synchronous = NORMAL",
      "PRAGMA foreign_keys = ON",
      // A log that grew while something read for long is cut back, not kept at its size for ever.
      "PRAGMA journal_size_limit = 67108864",
      // Nothing in a file that was tampered with gets to run functions.
      "PRAGMA trusted_schema = OFF",
  };
  for (const char* setting : settings) {
    if (!database->execute(setting)) return database->error(path);
  }
  return database;
}

constexpr const char* kTakeOver = "cannot take over the call records of the process before";

class SqliteStore final : public Store {
 public:
  SqliteStore(LockFile lock, Database database, RecordJournal journal, SqliteOptions options)
      : lock_(std::move(lock)),
        database_(std::move(database)),
        journal_(std::make_shared<RecordJournal>(std::move(journal))),
        options_(std::move(options)),
        reader_(options_.path, options_.post, reading_) {}

  ~SqliteStore() override { close(); }

  Result<void> start() {
    // What a batch may have to undo stays in memory: it is small, and files in the folder for
    // temporary ones would make that disk another one that has to work.
    if (!database_.execute("PRAGMA temp_store = MEMORY")) return database_.error("temp_store");
    const bool files = !options_.record_file.empty();
    auto writer = BatchWriter::prepare(database_, files);
    if (!writer) return writer.error();
    std::optional<RecordFile> file;
    if (files) {
      auto prepared = RecordFile::prepare(database_, options_.record_file);
      if (!prepared) return prepared.error();
      file = std::move(*prepared);
    }
    writer_ = std::make_unique<WriterThread>(database_, std::move(*writer), std::move(file),
                                             options_.post);
    return {};
  }

  // On the caller's thread: the writer leaves the database alone before the first apply().
  Result<Snapshot> load(WallTime now) override {
    USHER_CHECK(!applied_ && !closed_);
    if (auto taken = take_over_journal(); !taken) return taken.error();
    Snapshot s;
    const std::int64_t now_ms = now.time_since_epoch().count();
    const auto bindings = database_.number("SELECT count(*) FROM bindings");
    if (!bindings) return bindings.error();
    s.bindings.reserve(static_cast<std::size_t>(*bindings));
    if (auto r = read_configuration(database_, s); !r) return r.error();
    if (auto r = read_table(database_, s.bindings, now_ms); !r) return r.error();
    std::vector<LegRow> legs;
    if (auto r = read_table(database_, s.calls); !r) return r.error();
    if (auto r = read_table(database_, s.subscriptions); !r) return r.error();
    if (auto r = read_table(database_, legs); !r) return r.error();
    if (auto r = join(s, Legs{std::move(legs)}); !r) return r.error();
    if (auto r = read_table(database_, s.door_knocks, std::int64_t{limits::kDoorKnocks}); !r)
      return r.error();
    if (auto r = read_table(database_, s.bans, now_ms); !r) return r.error();
    if (auto r = read_table(database_, s.audit, std::int64_t{limits::kAuditEntries}); !r)
      return r.error();
    if (auto r = read_table(database_, s.secrets); !r) return r.error();
    if (auto r = read_table(database_, s.open_records); !r) return r.error();
    const auto last = database_.number(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'targets'");
    if (!last) return last.error();
    s.last_target = *last;
    if (s.bindings.size() != static_cast<std::size_t>(*bindings)) {
      auto forget = Statement::prepare(database_, Sql<Binding>::forget_expired);
      if (!forget) return forget.error();
      // A failure leaves rows behind that the next load() leaves out again.
      forget->bind(1, now_ms).run();
    }
    // A failure leaves rows behind, as above.
    if (auto forget = Statement::prepare(database_, Sql<Ban>::forget_expired); forget)
      forget->bind(1, now_ms).run();
    return s;
  }

  void apply(std::vector<Change> batch, Durability durability, Done done) override {
    USHER_CHECK(!closed_);
    applied_ = true;
    Done committed = forgetting(batch);
    writer_->apply(std::move(batch), durability, std::move(done), std::move(committed));
  }

  void remember(const CallRecord& record) override {
    USHER_CHECK(!closed_);
    if (!journal_->put(record)) ++unremembered_;
  }

  void read(RecordQuery query, Read done) override {
    USHER_CHECK(!closed_ && query.limit > 0 && query.limit <= limits::kPageSize);
    reader_.read(std::move(query), std::move(done));
  }

  // A copy that takes its time keeps no look at the records waiting.
  void backups(BackupRequest request, Copied done) override {
    USHER_CHECK(!closed_);
    TaskThread& thread = request.what == BackupRequest::What::make ? copying_ : reading_;
    const auto work = [this, request = std::move(request), done, &thread](bool ending) {
      answer(done,
             ending ? Result<BackupAnswer>{fail(Errc::unavailable, "the process is ending")}
                    : serve_backups(request, options_.path, options_.backups, thread.stopping()));
    };
    if (!thread.run(work))
      answer(done, fail(Errc::limit, "too many questions about backups are waiting"));
  }

  StoreHealth health() const override {
    StoreHealth health = closed_ ? last_health_ : writer_->health();
    health.unremembered = unremembered_;
    return health;
  }

  void close() override {
    if (std::exchange(closed_, true) || !writer_) return;
    copying_.stop();
    reading_.stop();
    reader_.close();  // before the writer: the last one to close tidies up the log
    writer_->stop();
    last_health_ = writer_->health();
    writer_.reset();
    journal_->close(last_health_.ok && last_health_.dropped == 0);
    database_ = Database{};
    lock_ = LockFile{};
  }

 private:
  void answer(Copied done, Result<BackupAnswer> found) {
    // A std::function can be copied, so what it holds must be.
    options_.post([done = std::move(done), found = std::make_shared<Result<BackupAnswer>>(
                                               std::move(found))] { done(std::move(*found)); });
  }

  // What the process before remembered and did not commit becomes rows. Where the end of a call is
  // among it, that of its checkpoint may be missing: such a call does not go on.
  Result<void> take_over_journal() {
    const std::vector<CallRecord> left = journal_->left();
    if (!left.empty()) {
      if (!database_.execute("BEGIN IMMEDIATE")) return database_.error(kTakeOver);
      if (auto put = put_records(left); !put) {
        database_.execute("ROLLBACK");
        return put;
      }
      if (!database_.execute("COMMIT")) return database_.error(kTakeOver);
    }
    journal_->clear();
    return {};
  }

  Result<void> put_records(const std::vector<CallRecord>& records) {
    auto put = Statement::prepare(database_, Sql<CallRecord>::put);
    if (!put) return put.error();
    auto remove_legs = Statement::prepare(database_, Sql<SavedCall>::remove_legs_by_key);
    if (!remove_legs) return remove_legs.error();
    auto remove_call = Statement::prepare(database_, Sql<SavedCall>::remove_by_key);
    if (!remove_call) return remove_call.error();
    auto is_over = Statement::prepare(database_, Sql<CallRecord>::is_over);
    if (!is_over) return is_over.error();
    for (const CallRecord& record : records) {
      // An end is final: its row may have been written before the process was killed.
      const Statement::Step over = is_over->bind(1, record.id).step();
      is_over->reset();
      if (over == Statement::Step::failed) return database_.error(kTakeOver);
      if (over == Statement::Step::row) continue;
      bind_row(*put, record);
      put->bind(21, options_.record_file.empty() ? 1 : 0);
      if (!put->run()) return database_.error(kTakeOver);
      if (!record.ended) continue;
      if (!remove_legs->bind(1, record.id).run() || !remove_call->bind(1, record.id).run())
        return database_.error(kTakeOver);
    }
    return {};
  }

  // What the batch has made durable needs no other place.
  Done forgetting(const std::vector<Change>& batch) {
    std::vector<std::pair<std::string, std::uint64_t>> kept;
    for (const Change& change : batch) {
      const auto* put = std::get_if<PutRecord>(&change);
      const auto edition = put ? journal_->send(put->record.id) : 0;
      if (edition != 0) kept.emplace_back(put->record.id, edition);
    }
    if (kept.empty()) return {};
    return [journal = journal_, kept = std::move(kept)](const Result<void>&) {
      for (const auto& [id, edition] : kept) journal->forget(id, edition);
    };
  }

  // Destroyed from below: the file is closed before its lock is given up.
  LockFile lock_;
  Database database_;
  std::shared_ptr<RecordJournal> journal_;  // answers may come after close()
  SqliteOptions options_;
  std::unique_ptr<WriterThread> writer_;
  TaskThread reading_;
  TaskThread copying_;
  RecordReader reader_;
  bool applied_ = false;
  bool closed_ = false;
  std::uint64_t unremembered_ = 0;
  StoreHealth last_health_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite(SqliteOptions options) {
  USHER_CHECK(options.post);
  std::error_code ec;
  // One file has one lock, whatever link or relative path leads to it.
  const auto path =
      std::filesystem::weakly_canonical(std::filesystem::absolute(options.path, ec), ec);
  if (ec || options.path.empty())
    return fail(Errc::io, "\"" + options.path + "\" is not a usable path");
  options.path = path.string();
  options.backups = options.backups.empty()
                        ? options.path + ".backups"
                        : std::filesystem::absolute(options.backups, ec).string();
  if (auto placed = check_place(path); !placed) return placed.error();

  auto lock = LockFile::take(options.path);
  if (!lock) return lock.error();
  if (!std::filesystem::exists(path, ec)) {
    if (auto created = create(options.path); !created) return created.error();
  }
  if (auto ours = inspect(options.path); !ours) return ours.error();

  auto database = open_for_writing(options.path);
  if (!database) return database.error();
  if (auto migrated = migrate(*database); !migrated) return migrated.error();
  if (auto tested = self_test(*database); !tested) return tested.error();

  auto journal = RecordJournal::open(options.path);
  if (!journal) return journal.error();
  auto store = std::make_unique<SqliteStore>(std::move(*lock), std::move(*database),
                                             std::move(*journal), std::move(options));
  if (auto started = store->start(); !started) return started.error();
  return std::unique_ptr<Store>{std::move(store)};
}

}  // namespace usher::storage
