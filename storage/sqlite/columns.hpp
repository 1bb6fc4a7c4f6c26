// Values that several tables have, to columns and back.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// The parts of a list, which is empty for an empty text.
template <class Take>
Result<void> each_part(std::string_view list, char separator, Take take) {
  while (!list.empty()) {
    const std::size_t end = list.find(separator);
    if (auto taken = take(list.substr(0, end)); !taken) return taken.error();
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  }
  return {};
}

// "10.0.1.0/28 2001:db8::/64".
std::string networks_text(const std::vector<net::Cidr>& networks);
Result<void> read_networks(const Statement& row, int column, std::string_view name,
                           std::vector<net::Cidr>& out);

// Four columns: transport, listener, remote_ip, remote_port. The connection is not kept: it means
// nothing to the next process.
void bind_flow(Statement& put, int first_parameter, const net::Flow& flow);
Result<void> read_flow(const Statement& row, int first_column, net::Flow& flow);

}  // namespace usher::storage
