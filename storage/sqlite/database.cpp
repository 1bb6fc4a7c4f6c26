#include "storage/sqlite/database.hpp"

#include <sqlite3.h>

#include <utility>

#include "core/check.hpp"

namespace usher::storage {

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

// close_v2 waits for the last statement, so that the order of destruction in an owner does not
// matter.
Database::~Database() {
  sqlite3_close_v2(handle_);
}

Result<Database> Database::open(const std::string& path, OpenMode mode) {
  // NOMUTEX: an owner that shares a connection between threads brings its own mutex.
  const int flags = (mode == OpenMode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                    SQLITE_OPEN_NOMUTEX;
  Database database;
  if (sqlite3_open_v2(path.c_str(), &database.handle_, flags, nullptr) != SQLITE_OK) {
    return database.error("cannot open " + path);
  }
  sqlite3_extended_result_codes(database.handle_, 1);
  // Bounds the wait for an operator's own `sqlite3 usher.db` that holds the write lock.
  sqlite3_busy_timeout(database.handle_, 1000);
  return database;
}

bool Database::execute(const char* sql) {
  return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

Result<std::int64_t> Database::number(const char* sql) {
  auto statement = Statement::prepare(*this, sql);
  if (!statement) return statement.error();
  if (statement->step() != Statement::Step::row) return error(sql);
  return statement->integer(0);
}

Result<std::string> Database::text(const char* sql) {
  auto statement = Statement::prepare(*this, sql);
  if (!statement) return statement.error();
  if (statement->step() != Statement::Step::row) return error(sql);
  return std::string{statement->text(0)};
}

void Database::give_up_when(const std::atomic<bool>& flag) {
  constexpr int kSteps = 10'000;  // of the engine, between two looks
  const auto look = [](void* given) {
    return static_cast<const std::atomic<bool>*>(given)->load() ? 1 : 0;
  };
  sqlite3_progress_handler(handle_, kSteps, look, const_cast<std::atomic<bool>*>(&flag));
}

bool Database::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

SqlFault Database::fault() const {
  const int code = sqlite3_extended_errcode(handle_);
  if (code == SQLITE_CONSTRAINT_FOREIGNKEY) return SqlFault::reference;
  if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
    return SqlFault::duplicate;
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return SqlFault::none;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH: return SqlFault::value;
    case SQLITE_NOTADB: return SqlFault::not_a_database;
    case SQLITE_CORRUPT: return SqlFault::corrupt;
    case SQLITE_READONLY: return SqlFault::read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return SqlFault::busy;
    default: return SqlFault::other;
  }
}

std::string Database::message() const {
  if (handle_ == nullptr) return "out of memory";
  return std::string{sqlite3_errmsg(handle_)} + " (SQLite code " +
         std::to_string(sqlite3_extended_errcode(handle_)) + ")";
}

Error Database::error(std::string_view doing) const {
  return fail(Errc::io, std::string{doing} + ": " + message());
}

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), bound_(other.bound_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(bound_, other.bound_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Result<Statement> Statement::prepare(const Database& database, std::string_view sql) {
  Statement statement;
  const int rc = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                    SQLITE_PREPARE_PERSISTENT, &statement.handle_, nullptr);
  if (rc != SQLITE_OK) return database.error(sql);
  return statement;
}

Statement& Statement::bind(int parameter, std::int64_t value) {
  bound_ &= sqlite3_bind_int64(handle_, parameter, value) == SQLITE_OK;
  return *this;
}

// An empty view may carry a null pointer, which SQLite would take for NULL.
Statement& Statement::bind(int parameter, std::string_view text) {
  bound_ &= sqlite3_bind_text64(handle_, parameter, text.empty() ? "" : text.data(), text.size(),
                                SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK;
  return *this;
}

Statement& Statement::bind_blob(int parameter, std::string_view bytes) {
  bound_ &= sqlite3_bind_blob64(handle_, parameter, bytes.empty() ? "" : bytes.data(), bytes.size(),
                                SQLITE_TRANSIENT) == SQLITE_OK;
  return *this;
}

Statement::Step Statement::step() {
  if (!bound_) return Step::failed;
  const int rc = sqlite3_step(handle_);
  if (rc == SQLITE_ROW) return Step::row;
  return rc == SQLITE_DONE ? Step::done : Step::failed;
}

bool Statement::run() {
  const Step outcome = step();
  USHER_CHECK(outcome != Step::row);
  // sqlite3_reset() repeats the error of the step, so fault() and message() still tell it
  // afterwards.
  sqlite3_reset(handle_);
  bound_ = true;
  return outcome == Step::done;
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  bound_ = true;
}

Statement::Type Statement::type(int column) const {
  switch (sqlite3_column_type(handle_, column)) {
    case SQLITE_INTEGER: return Type::integer;
    case SQLITE_FLOAT: return Type::real;
    case SQLITE_TEXT: return Type::text;
    case SQLITE_BLOB: return Type::blob;
    default: return Type::null;
  }
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(handle_, column);
}

std::string_view Statement::text(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return bytes == nullptr ? std::string_view{}
                          : std::string_view{static_cast<const char*>(bytes), size};
}

}  // namespace usher::storage
