// SQLite's C interface as two owning values: a connection and a prepared statement. Only values are
// bound; no SQL text is ever put together from them.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace usher::storage {

enum class OpenMode : std::uint8_t { read_only, read_write };

// Why a call of the engine failed, as far as it decides what happens next.
enum class SqlFault : std::uint8_t {
  none,
  reference,  // of a foreign key; this and the next two: the same change fails again
  duplicate,  // of a unique key
  value,      // that the schema or the engine does not take
  not_a_database,
  corrupt,
  read_only,
  busy,   // another process holds a lock
  other,  // disk full, I/O error, no memory
};

class Database {
 public:
  Database() = default;
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  // Never creates a file. The first access of the file happens with the first statement, not here.
  static Result<Database> open(const std::string& path, OpenMode mode);

  // Runs statements that return nothing of interest. False: see fault() and message().
  bool execute(const char* sql);
  // The first column of the first row of a statement without parameters.
  Result<std::int64_t> number(const char* sql);
  Result<std::string> text(const char* sql);

  // A statement that takes long fails soon after `flag`, which outlives this, has become true.
  void give_up_when(const std::atomic<bool>& flag);

  bool in_transaction() const;
  // Of the call that failed last; meaningless after a success.
  SqlFault fault() const;
  std::string message() const;                // SQLite's words, with its extended result code
  Error error(std::string_view doing) const;  // Errc::io: "<doing>: <message>"

  sqlite3* handle() const { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // `sql` is one statement. The database must outlive the statement.
  static Result<Statement> prepare(const Database& database, std::string_view sql);

  // Parameters are numbered from 1. Text is copied; any bytes are kept as they are.
  Statement& bind(int parameter, std::int64_t value);
  Statement& bind(int parameter, std::string_view text);
  Statement& bind_blob(int parameter, std::string_view bytes);

  enum class Step : std::uint8_t { row, done, failed };
  Step step();
  // Steps a statement that returns no rows, and makes it ready for the next use, whatever comes of
  // it.
  bool run();
  void reset();  // also forgets the bound values

  // Columns are numbered from 0; views are good until the next step() or reset().
  enum class Type : std::uint8_t { null, integer, real, text, blob };
  Type type(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;  // also of a blob

 private:
  sqlite3_stmt* handle_ = nullptr;
  bool bound_ = true;  // false: a bind failed since the last reset
};

}  // namespace usher::storage
