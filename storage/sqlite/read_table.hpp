// Whole tables into records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "storage/records.hpp"
#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

// `parameter` is the one value that a selection may take.
template <class Record>
Result<void> read_table(Database& database, std::vector<Record>& out,
                        std::optional<std::int64_t> parameter = {}) {
  auto rows = Statement::prepare(database, Sql<Record>::all);
  if (!rows) return rows.error();
  if (parameter) rows->bind(1, *parameter);
  for (std::size_t number = 1;; ++number) {
    const Statement::Step step = rows->step();
    if (step == Statement::Step::done) return {};
    if (step == Statement::Step::failed)
      return database.error(std::string{"cannot read "} + Sql<Record>::table);
    if (auto read = read_row(*rows, out.emplace_back()); !read) {
      return fail(Errc::syntax, std::string{"table "} + Sql<Record>::table + ", row " +
                                    std::to_string(number) + ": " + read.error().message);
    }
  }
}

// What an operator makes: domains, sets, targets, scanners, the gate's settings. Errors as
// Store::load().
Result<void> read_configuration(Database& database, Snapshot& out);

}  // namespace usher::storage
