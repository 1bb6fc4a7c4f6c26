#include "storage/sqlite/foreign_table.hpp"

#include <charconv>
#include <cmath>

namespace usher::storage {

Result<bool> ForeignTable::exists(Database& database, const char* table) {
  auto found = Statement::prepare(database,
                                  "SELECT count(*) FROM sqlite_master "
                                  "WHERE type IN ('table', 'view') AND name = ?1 COLLATE NOCASE");
  if (!found) return found.error();
  if (found->bind(1, table).step() != Statement::Step::row) return database.error("cannot read");
  return found->integer(0) > 0;
}

Result<ForeignTable> ForeignTable::open(Database& database, const char* table,
                                        std::initializer_list<const char*> columns,
                                        std::size_t required) {
  auto has = Statement::prepare(
      database, "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2 COLLATE NOCASE");
  if (!has) return has.error();
  std::string list;
  std::size_t number = 0;
  for (const char* column : columns) {
    if (has->bind(1, table).bind(2, column).step() != Statement::Step::row)
      return database.error("cannot read");
    const bool there = has->integer(0) > 0;
    has->reset();
    if (!there && number < required) {
      return fail(Errc::syntax, std::string{"table "} + table + " has no column " + column);
    }
    list += std::string{list.empty() ? "" : ", "} + (there ? column : "NULL");
    ++number;
  }
  auto row = Statement::prepare(database, "SELECT " + list + " FROM " + table);
  if (!row) return row.error();
  ForeignTable opened;
  opened.database_ = &database;
  opened.table_ = table;
  opened.row_ = std::move(*row);
  return opened;
}

Result<bool> ForeignTable::next() {
  const Statement::Step step = row_.step();
  if (step == Statement::Step::failed) {
    Error error = database_->error(std::string{"cannot read table "} + table_);
    if (database_->fault() == SqlFault::corrupt) error.code = Errc::syntax;
    return error;
  }
  ++number_;
  return step == Statement::Step::row;
}

std::optional<std::int64_t> ForeignTable::integer(int column) const {
  switch (row_.type(column)) {
    case Statement::Type::integer: return row_.integer(column);
    case Statement::Type::real: {
      const double value = row_.real(column);
      // 2^53: up to here a double holds each whole number.
      if (std::nearbyint(value) != value || std::fabs(value) > 9007199254740992.0)
        return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    case Statement::Type::text:
    case Statement::Type::blob: {
      const std::string value = text(column);
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
      return number;
    }
    case Statement::Type::null: break;
  }
  return std::nullopt;
}

std::string ForeignTable::text(int column) const {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::string_view value = row_.text(column);
  const std::size_t first = value.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return std::string{value.substr(first, value.find_last_not_of(kBlanks) - first + 1)};
}

}  // namespace usher::storage
