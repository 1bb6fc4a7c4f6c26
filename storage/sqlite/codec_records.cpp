// Call detail records.
#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/columns.hpp"

namespace usher::storage {

namespace {

// 0 stands for a time that has not come.
std::int64_t milliseconds_or_0(const std::optional<WallTime>& when) {
  return when ? milliseconds(*when) : 0;
}

std::optional<WallTime> time_of(const Statement& row, int column) {
  if (row.integer(column) == 0) return std::nullopt;
  return wall_time(row.integer(column));
}

}  // namespace

void bind_row(Statement& put, const CallRecord& r) {
  put.bind(1, r.id)
      .bind(2, r.from)
      .bind(3, r.to)
      .bind(4, r.domain)
      .bind(5, leg_side_name(r.origin_side))
      .bind(6, r.origin.address.text())
      .bind(7, std::int64_t{r.origin.port})
      .bind(8, r.target)
      .bind(9, r.destination)
      .bind(10, r.origin_call_id)
      .bind(11, r.new_call_id)
      .bind(12, std::int64_t{r.attempts})
      .bind(13, std::int64_t{r.failovers})
      .bind(14, std::int64_t{r.status})
      .bind(15, r.cause)
      .bind(16, call_ender_name(r.ended_by))
      .bind(17, milliseconds(r.started))
      .bind(18, milliseconds_or_0(r.ringing))
      .bind(19, milliseconds_or_0(r.answered))
      .bind(20, milliseconds_or_0(r.ended));
}

Result<void> read_row(const Statement& row, CallRecord& r) {
  r.id = row.text(0);
  r.from = row.text(1);
  r.to = row.text(2);
  r.domain = row.text(3);
  const auto side = parse_leg_side(row.text(4));
  if (!side) return bad_column("origin_side", row.text(4), "not known");
  r.origin_side = *side;
  const auto address = net::IpAddress::parse(row.text(5));
  if (!address) return bad_column("origin_ip", row.text(5), address.error().message);
  r.origin.address = *address;
  if (auto read = read_number(row, 6, "origin_port", r.origin.port); !read) return read;
  r.target = row.integer(7);
  r.destination = row.text(8);
  r.origin_call_id = row.text(9);
  r.new_call_id = row.text(10);
  if (auto read = read_number(row, 11, "attempts", r.attempts); !read) return read;
  if (auto read = read_number(row, 12, "failovers", r.failovers); !read) return read;
  if (auto read = read_number(row, 13, "status", r.status); !read) return read;
  r.cause = row.text(14);
  const auto ender = parse_call_ender(row.text(15));
  if (!ender) return bad_column("ended_by", row.text(15), "not known");
  r.ended_by = *ender;
  r.started = wall_time(row.integer(16));
  r.ringing = time_of(row, 17);
  r.answered = time_of(row, 18);
  r.ended = time_of(row, 19);
  return {};
}

}  // namespace usher::storage
