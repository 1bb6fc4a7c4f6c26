#include "storage/sqlite/codec.hpp"

#include <charconv>
#include <utility>

#include "storage/sqlite/columns.hpp"

namespace usher::storage {

void bind_row(Statement& put, const Domain& domain) {
  put.bind(1, domain.domain)
      .bind(2, domain.setid)
      .bind(3, domain.enabled ? 1 : 0)
      .bind(4, domain.comment);
}

Result<void> read_row(const Statement& row, Domain& domain) {
  domain.domain = row.text(0);
  domain.setid = row.integer(1);
  domain.enabled = row.integer(2) != 0;
  domain.comment = row.text(3);
  return {};
}

void bind_row(Statement& put, const DispatcherSet& set) {
  std::string codes;
  for (const std::uint16_t code : set.failover.codes) {
    if (!codes.empty()) codes += ',';
    codes += std::to_string(code);
  }
  put.bind(1, set.setid)
      .bind(2, algorithm_name(set.algorithm))
      .bind(3, std::int64_t{set.health.interval.count()})
      .bind(4, std::int64_t{set.health.timeout.count()})
      .bind(5, std::int64_t{set.health.down_after})
      .bind(6, std::int64_t{set.health.up_after})
      .bind(7, codes)
      .bind(8, std::int64_t{set.failover.max_attempts})
      .bind(9, set.failover.follow_redirects ? 1 : 0)
      .bind(10, set.comment);
}

Result<void> read_row(const Statement& row, DispatcherSet& set) {
  set.setid = row.integer(0);
  const auto algorithm = parse_algorithm(row.text(1));
  if (!algorithm) return bad_column("algorithm", row.text(1), "not known");
  set.algorithm = *algorithm;
  set.health.interval = Duration{row.integer(2)};
  set.health.timeout = Duration{row.integer(3)};
  if (auto r = read_number(row, 4, "health_down_after", set.health.down_after); !r) return r;
  if (auto r = read_number(row, 5, "health_up_after", set.health.up_after); !r) return r;
  set.failover.codes.clear();
  auto codes = each_part(row.text(6), ',', [&](std::string_view part) -> Result<void> {
    std::uint16_t code = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), code);
    if (error != std::errc{} || end != part.data() + part.size()) {
      return bad_column("failover_codes", row.text(6), "expected numbers with commas between");
    }
    set.failover.codes.push_back(code);
    return {};
  });
  if (!codes) return codes;
  if (auto r = read_number(row, 7, "failover_attempts", set.failover.max_attempts); !r) return r;
  set.failover.follow_redirects = row.integer(8) != 0;
  set.comment = row.text(9);
  return {};
}

namespace {

// Comments have no line ends.
std::string maintenance_text(const std::vector<Maintenance>& windows) {
  std::string out;
  for (const Maintenance& window : windows) {
    out.append(out.empty() ? "" : "\n")
        .append(std::to_string(milliseconds(window.from)) + " ")
        .append(std::to_string(milliseconds(window.until)) + " ")
        .append(window.comment);
  }
  return out;
}

Result<void> read_maintenance(const Statement& row, int column, std::vector<Maintenance>& out) {
  out.clear();
  return each_part(row.text(column), '\n', [&](std::string_view part) -> Result<void> {
    const char* const end = part.data() + part.size();
    std::int64_t from = 0, until = 0;
    const auto [space, error] = std::from_chars(part.data(), end, from);
    if (error != std::errc{} || space == end || *space != ' ')
      return bad_column("maintenance", part, "expected FROM UNTIL COMMENT");
    const auto [rest, error2] = std::from_chars(space + 1, end, until);
    if (error2 != std::errc{} || rest == end || *rest != ' ' || until <= from)
      return bad_column("maintenance", part, "expected FROM UNTIL COMMENT");
    out.push_back({wall_time(from), wall_time(until), std::string{rest + 1, end}});
    return {};
  });
}

}  // namespace

void bind_row(Statement& put, const Target& target) {
  put.bind(1, target.id)
      .bind(2, target.setid)
      .bind(3, target.destination.text())
      .bind(4, std::int64_t{target.priority})
      .bind(5, std::int64_t{target.weight})
      .bind(6, networks_text(target.sources))
      .bind(7, target_state_name(target.state))
      .bind(8, target.comment)
      .bind(9, maintenance_text(target.maintenance));
}

Result<void> read_row(const Statement& row, Target& target) {
  target.id = row.integer(0);
  target.setid = row.integer(1);
  auto destination = net::Destination::parse(row.text(2));
  if (!destination) return bad_column("destination", row.text(2), destination.error().message);
  target.destination = std::move(*destination);
  if (auto r = read_number(row, 3, "priority", target.priority); !r) return r;
  if (auto r = read_number(row, 4, "weight", target.weight); !r) return r;
  if (auto r = read_networks(row, 5, "sources", target.sources); !r) return r;
  const auto state = parse_target_state(row.text(6));
  if (!state) return bad_column("state", row.text(6), "not known");
  target.state = *state;
  target.comment = row.text(7);
  return read_maintenance(row, 8, target.maintenance);
}

void bind_row(Statement& put, const Binding& binding) {
  put.bind(1, binding.token)
      .bind(2, binding.aor)
      .bind(3, binding.contact)
      .bind(4, binding.instance)
      .bind(5, std::int64_t{binding.q});
  bind_flow(put, 6, binding.flow);
  put.bind(10, binding.target)
      .bind(11, binding.user_agent)
      .bind(12, milliseconds(binding.registered))
      .bind(13, milliseconds(binding.expires));
}

Result<void> read_row(const Statement& row, Binding& binding) {
  binding.token = row.text(0);
  binding.aor = row.text(1);
  binding.contact = row.text(2);
  binding.instance = row.text(3);
  if (auto r = read_number(row, 4, "q", binding.q); !r) return r;
  if (auto r = read_flow(row, 5, binding.flow); !r) return r;
  binding.target = row.integer(9);
  binding.user_agent = row.text(10);
  binding.registered = wall_time(row.integer(11));
  binding.expires = wall_time(row.integer(12));
  return {};
}

void bind_row(Statement& put, const ScannerPattern& scanner) {
  put.bind(1, scanner.pattern).bind(2, scanner.comment);
}

Result<void> read_row(const Statement& row, ScannerPattern& scanner) {
  scanner.pattern = row.text(0);
  scanner.comment = row.text(1);
  return {};
}

void bind_row(Statement& put, const Secret& secret) {
  put.bind(1, secret.name).bind_blob(2, secret.value);
}

Result<void> read_row(const Statement& row, Secret& secret) {
  secret.name = row.text(0);
  secret.value = row.text(1);
  return {};
}

}  // namespace usher::storage
