// Values that several tables have, to columns and back.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/net/flow.hpp"
#include "core/result.hpp"
#include "core/text.hpp"
#include "core/time.hpp"
#include "storage/sqlite/database.hpp"

namespace usher::storage {

inline std::int64_t milliseconds(WallTime t) {
  return t.time_since_epoch().count();
}

inline WallTime wall_time(std::int64_t ms) {
  return WallTime{std::chrono::milliseconds{ms}};
}

inline Error bad_column(std::string_view column, std::string_view value, std::string_view reason) {
  return fail(Errc::syntax, std::string{column} + " " + quoted(value) + ": " + std::string{reason});
}

template <class Number>
Result<void> read_number(const Statement& row, int column, std::string_view name, Number& out) {
  const std::int64_t value = row.integer(column);
  if (!std::in_range<Number>(value)) return bad_column(name, row.text(column), "out of range");
  out = static_cast<Number>(value);
  return {};
}

// Four columns: transport, listener, remote_ip, remote_port. The connection is not kept: it means
// nothing to the next process.
void bind_flow(Statement& put, int first_parameter, const net::Flow& flow);
Result<void> read_flow(const Statement& row, int first_column, net::Flow& flow);

}  // namespace usher::storage
