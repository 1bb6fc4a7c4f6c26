#include "storage/records_csv.hpp"

#include <fmt/format.h>
#include <algorithm>

#include "core/time_text.hpp"

namespace usher::storage {

namespace {

void add(std::string& line, std::string_view cell) {
  if (!line.empty()) line += ',';
  const bool formula =
      !cell.empty() && std::string_view{"=+-@\t\r"}.find(cell.front()) != std::string_view::npos;
  if (!formula && cell.find_first_of(",\"\r\n") == std::string_view::npos) {
    line += cell;
    return;
  }
  line += '"';
  if (formula) line += '\'';
  for (const char c : cell) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

std::string number(std::int64_t value) {
  return fmt::format("{}", value);
}

std::string time(const std::optional<WallTime>& when) {
  return when ? time_text(*when) : std::string{};
}

}  // namespace

std::string csv_header() {
  return "id,from,to,domain,origin_side,origin,target,destination,origin_call_id,new_call_id,"
         "attempts,failovers,status,cause,ended_by,started,ringing,answered,ended,setup_ms,talk_s"
         "\r\n";
}

std::string csv_line(const CallRecord& r) {
  const auto setup = setup_time(r);
  const auto talk = talk_time(r);
  std::string line;
  line.reserve(512);
  add(line, r.id);
  add(line, r.from);
  add(line, r.to);
  add(line, r.domain);
  add(line, leg_side_name(r.origin_side));
  add(line, r.origin.text());
  add(line, r.target == 0 ? std::string{} : number(r.target));
  add(line, r.destination);
  add(line, r.origin_call_id);
  add(line, r.new_call_id);
  add(line, number(r.attempts));
  add(line, number(r.failovers));
  add(line, number(r.status));
  add(line, r.cause);
  add(line, call_ender_name(r.ended_by));
  add(line, time_text(r.started));
  add(line, time(r.ringing));
  add(line, time(r.answered));
  add(line, time(r.ended));
  add(line, setup ? number(setup->count()) : std::string{});
  add(line,
      talk ? fmt::format("{}.{:03}", talk->count() / 1000, talk->count() % 1000) : std::string{});
  return line += "\r\n";
}

std::optional<std::chrono::milliseconds> setup_time(const CallRecord& r) {
  if (!r.answered) return std::nullopt;
  return std::max(*r.answered - r.started, std::chrono::milliseconds{0});
}

std::optional<std::chrono::milliseconds> talk_time(const CallRecord& r) {
  if (!r.answered || !r.ended) return std::nullopt;
  return std::max(*r.ended - *r.answered, std::chrono::milliseconds{0});
}

}  // namespace usher::storage
