// A table that another program wrote: columns may be absent, and a column holds values of any type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

class ForeignTable {
 public:
  // True for a table or view of that name.
  static Result<bool> exists(Database& database, const char* table);
  // The first `required` of `columns` must be there (Errc::syntax names the missing one); another
  // that is absent reads as NULL. Names are ours, never the file's. The database must outlive the
  // table.
  static Result<ForeignTable> open(Database& database, const char* table,
                                   std::initializer_list<const char*> columns,
                                   std::size_t required);

  // Goes to the next row; false after the last. Errc::io, Errc::syntax when the file is corrupt
  // there.
  Result<bool> next();
  std::size_t number() const { return number_; }  // of the row, from 1, in the table's own order

  // Columns are numbered from 0 in the order of open().
  bool is_null(int column) const { return row_.type(column) == Statement::Type::null; }
  bool is_real(int column) const { return row_.type(column) == Statement::Type::real; }
  // A whole number, however it is kept: 10, 10.0 or '10'.
  std::optional<std::int64_t> integer(int column) const;
  double real(int column) const { return row_.real(column); }
  std::string text(int column) const;  // without blanks around; empty for NULL

 private:
  Database* database_ = nullptr;
  const char* table_ = nullptr;
  Statement row_;
  std::size_t number_ = 0;
};

}  // namespace usher::storage
