// How Kamailio writes values into its tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/time.hpp"
#include "storage/sqlite/foreign_table.hpp"

namespace usher::storage {

// The value of one of the parameters in a dispatcher's `attrs`: "weight=50;duid=a".
std::optional<std::string_view> kamailio_attribute(std::string_view attrs, std::string_view name);

// Nothing but digits, in range.
std::optional<std::uint32_t> whole_number(std::string_view text);

// A point in time, in UTC: Unix seconds in any type, "YYYY-MM-DD HH:MM:SS" with or without a
// fraction, or a Julian day (a real number, as db_sqlite writes dates).
std::optional<WallTime> kamailio_time(const ForeignTable& row, int column);

// RFC 3261 §25.1 user: unreserved, escaped and user-unreserved characters.
bool is_sip_user(std::string_view text);

}  // namespace usher::storage
