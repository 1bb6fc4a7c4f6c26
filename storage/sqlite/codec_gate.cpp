// The gate's records, and what the operator changed.
#include <array>
#include <charconv>

#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/columns.hpp"

namespace usher::storage {

namespace {

struct NamedLimit {
  std::string_view name;
  RateLimit GateSettings::*limit;
};
constexpr std::array<NamedLimit, 5> kLimits{{{"source", &GateSettings::source},
                                             {"phone", &GateSettings::phone},
                                             {"user", &GateSettings::user},
                                             {"domain", &GateSettings::domain},
                                             {"method", &GateSettings::method}}};

// "source=50/300".
Result<void> read_limit(std::string_view part, GateSettings& settings) {
  const auto bad = [&] { return bad_column("limits", part, "expected NAME=PER_SECOND/BURST"); };
  for (const NamedLimit& named : kLimits) {
    if (!part.starts_with(named.name) || part.substr(named.name.size(), 1) != "=") continue;
    const std::string_view numbers = part.substr(named.name.size() + 1);
    RateLimit limit;
    const char* const end = numbers.data() + numbers.size();
    const auto [slash, error] = std::from_chars(numbers.data(), end, limit.per_second);
    if (error != std::errc{} || slash == end || *slash != '/') return bad();
    const auto [rest, error2] = std::from_chars(slash + 1, end, limit.burst);
    if (error2 != std::errc{} || rest != end) return bad();
    settings.*named.limit = limit;
    return {};
  }
  return bad();
}

}  // namespace

void bind_row(Statement& put, const GateSettings& settings) {
  std::string limits;
  for (const NamedLimit& named : kLimits) {
    const RateLimit& limit = settings.*named.limit;
    limits.append(limits.empty() ? "" : " ")
        .append(named.name)
        .append("=" + std::to_string(limit.per_second) + "/" + std::to_string(limit.burst));
  }
  put.bind(1, gate_mode_name(settings.mode))
      .bind(2, milliseconds(settings.opened))
      .bind(3, limits)
      .bind(4, std::int64_t{settings.window.count()})
      .bind(5, std::int64_t{settings.failures})
      .bind(6, std::int64_t{settings.knocks})
      .bind(7, std::int64_t{settings.scanner_hits})
      .bind(8, std::int64_t{settings.ban.count()})
      .bind(9, std::int64_t{settings.longest_ban.count()})
      .bind(10, networks_text(settings.trusted));
}

Result<void> read_row(const Statement& row, GateSettings& settings) {
  const auto mode = parse_gate_mode(row.text(0));
  if (!mode) return bad_column("mode", row.text(0), "not known");
  settings.mode = *mode;
  settings.opened = wall_time(row.integer(1));
  auto limits = each_part(row.text(2), ' ',
                          [&](std::string_view part) { return read_limit(part, settings); });
  if (!limits) return limits;
  settings.window = Duration{row.integer(3)};
  if (auto r = read_number(row, 4, "failures", settings.failures); !r) return r;
  if (auto r = read_number(row, 5, "knocks", settings.knocks); !r) return r;
  if (auto r = read_number(row, 6, "scanner_hits", settings.scanner_hits); !r) return r;
  settings.ban = Duration{row.integer(7)};
  settings.longest_ban = Duration{row.integer(8)};
  return read_networks(row, 9, "trusted", settings.trusted);
}

void bind_row(Statement& put, const Ban& ban) {
  put.bind(1, ban.network.text())
      .bind(2, ban.reason)
      .bind(3, ban.made_by)
      .bind(4, milliseconds(ban.since))
      .bind(5, milliseconds(ban.until))
      .bind(6, static_cast<std::int64_t>(ban.hits))
      .bind(7, std::int64_t{ban.times})
      .bind(8, ban.enforced ? 1 : 0);
}

Result<void> read_row(const Statement& row, Ban& ban) {
  const auto network = net::Cidr::parse(row.text(0));
  if (!network) return bad_column("network", row.text(0), network.error().message);
  ban.network = *network;
  ban.reason = row.text(1);
  ban.made_by = row.text(2);
  ban.since = wall_time(row.integer(3));
  ban.until = wall_time(row.integer(4));
  if (auto r = read_number(row, 5, "hits", ban.hits); !r) return r;
  if (auto r = read_number(row, 6, "times", ban.times); !r) return r;
  ban.enforced = row.integer(7) != 0;
  return {};
}

void bind_row(Statement& put, const DoorKnock& knock) {
  put.bind(1, milliseconds(knock.when))
      .bind(2, milliseconds(knock.first))
      .bind(3, static_cast<std::int64_t>(knock.count))
      .bind(4, knock.domain)
      .bind(5, knock.source.address.text())
      .bind(6, std::int64_t{knock.source.port})
      .bind(7, knock.method)
      .bind(8, knock.reason)
      .bind(9, knock.user_agent);
}

Result<void> read_row(const Statement& row, DoorKnock& knock) {
  knock.when = wall_time(row.integer(0));
  knock.first = wall_time(row.integer(1));
  if (auto r = read_number(row, 2, "count", knock.count); !r) return r;
  knock.domain = row.text(3);
  const auto address = net::IpAddress::parse(row.text(4));
  if (!address) return bad_column("source_ip", row.text(4), address.error().message);
  knock.source.address = *address;
  if (auto r = read_number(row, 5, "source_port", knock.source.port); !r) return r;
  knock.method = row.text(6);
  knock.reason = row.text(7);
  knock.user_agent = row.text(8);
  return {};
}

void bind_row(Statement& put, const AuditEntry& entry) {
  put.bind(1, entry.id)
      .bind(2, milliseconds(entry.when))
      .bind(3, entry.client)
      .bind(4, entry.token)
      .bind(5, entry.method)
      .bind(6, entry.path)
      .bind(7, std::int64_t{entry.status})
      .bind(8, entry.before)
      .bind(9, entry.after);
}

Result<void> read_row(const Statement& row, AuditEntry& entry) {
  entry.id = row.integer(0);
  entry.when = wall_time(row.integer(1));
  entry.client = row.text(2);
  entry.token = row.text(3);
  entry.method = row.text(4);
  entry.path = row.text(5);
  if (auto r = read_number(row, 6, "status", entry.status); !r) return r;
  entry.before = row.text(7);
  entry.after = row.text(8);
  return {};
}

}  // namespace usher::storage
