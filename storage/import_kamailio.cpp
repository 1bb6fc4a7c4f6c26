#include "storage/import_kamailio.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "storage/kamailio_values.hpp"
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/foreign_table.hpp"

namespace usher::storage {

namespace {

constexpr SetId kLargestSet = std::int64_t{1} << 31;

// Kamailio's dispatcher: bits of `flags` that take a destination out of use. The others (2 trying,
// 8 probing, 16 no address look-up, 32 no ping) are states and habits of its own.
constexpr std::int64_t kInactive = 1;
constexpr std::int64_t kDisabled = 4;

bool is_set(std::optional<std::int64_t> number) {
  return number && *number >= 1 && *number <= kLargestSet;
}

class Reader {
 public:
  Reader(Database& database, const Snapshot& existing, const HashKey& token_key, WallTime now)
      : database_(database),
        existing_(existing),
        token_key_(token_key),
        now_(now),
        next_id_(existing.last_target + 1) {
    for (const Target& t : existing.targets) next_id_ = std::max(next_id_, t.id + 1);
  }

  Result<Import> read() {
    struct Part {
      const char* table;
      Result<void> (Reader::*read)();
    };
    std::size_t found = 0;
    for (const Part& part :
         {Part{"dispatcher", &Reader::read_dispatcher}, Part{"sip_domains", &Reader::read_domains},
          Part{"endpoint_locations", &Reader::read_locations}}) {
      const auto there = ForeignTable::exists(database_, part.table);
      if (!there) return there.error();
      if (!*there) continue;
      ++found;
      if (auto r = (this->*part.read)(); !r) return r.error();
    }
    if (found == 0) {
      return fail(Errc::syntax,
                  "has none of the tables sip_domains, dispatcher and endpoint_locations");
    }
    collect();
    return std::move(import_);
  }

 private:
  struct Row {
    std::string where;
    std::int64_t priority = 0;  // Kamailio's: higher first
    bool weighted = false;
    Target target;
  };

  void note(std::string where, std::string reason) {
    import_.notes.push_back({std::move(where), std::move(reason)});
  }

  Result<void> read_dispatcher();
  void read_target(const ForeignTable& row);
  void add_targets(SetId setid, std::vector<Row>& rows);
  Result<void> read_domains();
  void read_domain(const ForeignTable& row);
  Result<void> read_locations();
  void read_location(const ForeignTable& row);
  void collect();

  Database& database_;
  const Snapshot& existing_;
  const HashKey& token_key_;
  const WallTime now_;
  TargetId next_id_;
  std::set<SetId> sets_;  // that something of the file refers to
  std::map<SetId, std::vector<Row>> rows_;
  std::vector<Target> targets_;
  std::vector<Domain> domains_;
  std::vector<Binding> bindings_;
  std::unordered_set<std::string> existing_domains_;
  std::unordered_set<std::string> domain_names_;                 // of the rows read so far
  std::unordered_map<std::string, std::size_t> binding_of_aor_;  // index in bindings_
  std::unordered_set<std::string> bound_aors_;                   // of existing bindings
  std::unordered_set<std::string> tokens_;                       // of existing and new bindings
  Import import_;
};

Result<void> Reader::read_dispatcher() {
  auto table = ForeignTable::open(
      database_, "dispatcher",
      {"setid", "destination", "id", "flags", "priority", "attrs", "description"}, 2);
  if (!table) return table.error();
  for (;;) {
    const auto more = table->next();
    if (!more) return more.error();
    if (!*more) break;
    read_target(*table);
  }
  for (auto& [setid, rows] : rows_) add_targets(setid, rows);
  return {};
}

void Reader::read_target(const ForeignTable& row) {
  const std::int64_t id = row.integer(2).value_or(static_cast<std::int64_t>(row.number()));
  Row out;
  out.where = "dispatcher row " + std::to_string(id);
  const auto setid = row.integer(0);
  if (!is_set(setid))
    return note(out.where, "left out: setid " + usher::quoted(row.text(0)) +
                               " is not a number from 1 to 2^31");
  out.target.setid = *setid;
  const std::string written = row.text(1);
  auto destination = net::Destination::parse(written);
  if (!destination)
    return note(out.where, "left out: destination " + usher::quoted(written) + ": " +
                               destination.error().message);
  out.target.destination = std::move(*destination);

  const auto same = [&out](const Target& t) {
    return t.setid == out.target.setid && t.destination == out.target.destination;
  };
  if (std::any_of(existing_.targets.begin(), existing_.targets.end(), same)) {
    return note(out.where, "left out: set " + std::to_string(*setid) + " has " +
                               out.target.destination.text() + " already");
  }
  std::vector<Row>& rows = rows_[*setid];
  const auto twin =
      std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return same(r.target); });
  if (twin != rows.end())
    return note(out.where, "left out: the same destination as " + twin->where);

  const auto flags = row.integer(3);
  if (!flags && !row.is_null(3)) {
    out.target.state = TargetState::disabled;
    note(out.where, "flags " + usher::quoted(row.text(3)) + " is not a number: made disabled");
  } else if (flags.value_or(0) & (kInactive | kDisabled)) {
    out.target.state = TargetState::disabled;
    note(out.where, "flags " + std::to_string(*flags) +
                        ((*flags & kDisabled) ? " (disabled)" : " (inactive)") + ": made disabled");
  }
  if (!row.integer(4) && !row.is_null(4))
    note(out.where, "priority " + usher::quoted(row.text(4)) + " is not a number: taken as 0");
  // Bounded so that differences of two cannot overflow.
  out.priority =
      std::clamp<std::int64_t>(row.integer(4).value_or(0), -1'000'000'000, 1'000'000'000);
  const std::string attrs = row.text(5);
  if (const auto weight = kamailio_attribute(attrs, "weight")) {
    const auto value = whole_number(*weight);
    out.weighted = true;
    out.target.weight = std::clamp<std::uint32_t>(value.value_or(1), 1, 1000);
    if (value != out.target.weight) {
      note(out.where, "weight " + usher::quoted(*weight) + " is not from 1 to 1000: taken as " +
                          std::to_string(out.target.weight));
    }
  }
  out.target.comment = row.text(6);
  rows.push_back(std::move(out));
}

// Kamailio takes the highest priority first, we the lowest. The distance to the set's highest keeps
// order and spacing; where that does not fit our range, the rank keeps the order.
void Reader::add_targets(SetId setid, std::vector<Row>& rows) {
  if (rows.empty()) return;
  sets_.insert(setid);
  std::set<std::int64_t, std::greater<>> priorities;
  bool weighted = false;
  for (const Row& row : rows) {
    priorities.insert(row.priority);
    weighted |= row.weighted;
  }
  const bool spaced = *priorities.begin() - *priorities.rbegin() <= 1000;
  std::size_t room = limits::kTargetsPerSet;
  for (const Target& t : existing_.targets) room -= t.setid == setid && room > 0 ? 1 : 0;
  for (Row& row : rows) {
    if (room == 0) {
      note(row.where, "left out: set " + std::to_string(setid) + " has " +
                          std::to_string(limits::kTargetsPerSet) +
                          " targets, the most that a set takes");
      continue;
    }
    --room;
    const std::int64_t distance = *priorities.begin() - row.priority;
    const std::int64_t rank = std::distance(priorities.begin(), priorities.find(row.priority));
    row.target.priority = static_cast<std::int32_t>(spaced ? distance : rank);
    row.target.id = next_id_++;
    targets_.push_back(std::move(row.target));
  }
  const auto known = [setid](const DispatcherSet& s) { return s.setid == setid; };
  if (std::any_of(existing_.sets.begin(), existing_.sets.end(), known)) return;
  // Which algorithm was in use stands in the routing script, not in the database.
  if (weighted || priorities.size() > 1) {
    const std::string better = weighted ? "weighted" : "priority";
    note("set " + std::to_string(setid),
         "made with algorithm round-robin, though its rows differ in " +
             std::string{weighted ? "weight" : "priority"} + ": set it to " + better +
             " if that was in use");
  }
}

Result<void> Reader::read_domains() {
  auto table = ForeignTable::open(database_, "sip_domains",
                                  {"domain", "dispatcher_setid", "enabled", "comment"}, 2);
  if (!table) return table.error();
  for (const Domain& d : existing_.domains) existing_domains_.insert(d.domain);
  for (;;) {
    const auto more = table->next();
    if (!more) return more.error();
    if (!*more) return {};
    read_domain(*table);
  }
}

void Reader::read_domain(const ForeignTable& row) {
  const std::string where = "sip_domains row " + std::to_string(row.number());
  const std::string written = row.text(0);
  // A domain is a host: the same rules, without port and scheme.
  const auto host = net::Destination::parse(written);
  Domain out;
  if (host) out.domain = host->address ? host->address->uri_host() : host->host;
  if (!host || (lower(written) != out.domain && lower(written) != host->host &&
                lower(written) != out.domain + ".")) {
    return note(where, "left out: " + usher::quoted(written) + " is not a domain name");
  }
  const auto setid = row.integer(1);
  if (!is_set(setid)) {
    return note(where, "left out: domain " + out.domain + ": dispatcher_setid " +
                           usher::quoted(row.text(1)) + " is not a number from 1 to 2^31");
  }
  out.setid = *setid;
  const std::string enabled = lower(row.text(2));
  if (!row.is_null(2)) {
    constexpr std::string_view kYes[] = {"1", "true", "yes", "on", "y", "t", "enabled"};
    constexpr std::string_view kNo[] = {"0", "false", "no", "off", "n", "f", "disabled"};
    out.enabled = std::find(std::begin(kYes), std::end(kYes), enabled) != std::end(kYes);
    if (!out.enabled && std::find(std::begin(kNo), std::end(kNo), enabled) == std::end(kNo)) {
      note(where, "domain " + out.domain + ": enabled " + usher::quoted(enabled) +
                      " is neither yes nor no: made disabled");
    }
  }
  out.comment = row.text(3);

  if (!domain_names_.insert(out.domain).second) {
    return note(where, "left out: domain " + out.domain + " stands in an earlier row");
  }
  if (existing_domains_.contains(out.domain)) {
    return note(where, "left out: domain " + out.domain + " exists already");
  }
  sets_.insert(out.setid);
  domains_.push_back(std::move(out));
}

Result<void> Reader::read_locations() {
  auto table = ForeignTable::open(database_, "endpoint_locations",
                                  {"aor", "contact_ip", "expires", "contact_port"}, 3);
  if (!table) return table.error();
  for (const Binding& b : existing_.bindings) {
    bound_aors_.insert(b.aor);
    tokens_.insert(b.token);
  }
  for (;;) {
    const auto more = table->next();
    if (!more) return more.error();
    if (!*more) return {};
    read_location(*table);
  }
}

void Reader::read_location(const ForeignTable& row) {
  const std::string where = "endpoint_locations row " + std::to_string(row.number());
  const std::string written = row.text(0);
  const auto leave_out = [&](const std::string& reason) {
    note(where, "left out: " + usher::quoted(written) + ": " + reason);
  };

  std::string_view aor = written;
  if (equals_without_case(aor.substr(0, 4), "sip:")) aor.remove_prefix(4);
  const std::size_t at = aor.rfind('@');
  if (at == std::string_view::npos) return leave_out("expected user@domain");
  const std::string_view user = aor.substr(0, at);
  if (!is_sip_user(user)) return leave_out("not a user name");
  const auto host = net::Destination::parse(aor.substr(at + 1));
  if (!host) return leave_out("not a domain name");

  Binding out;
  out.aor = std::string{user} + "@" + (host->address ? host->address->uri_host() : host->host);
  const auto address = net::IpAddress::parse(row.text(1));
  if (!address)
    return leave_out("contact_ip " + usher::quoted(row.text(1)) + ": " + address.error().message);
  const std::int64_t port =
      row.text(3).empty() ? net::default_port(net::Transport::udp) : row.integer(3).value_or(0);
  if (port < 1 || port > 65535)
    return leave_out("contact_port " + usher::quoted(row.text(3)) + " is not from 1 to 65535");
  out.flow.remote = {*address, static_cast<std::uint16_t>(port)};
  out.contact = "sip:" + std::string{user} + "@" + address->uri_host() + ":" + std::to_string(port);
  const auto expires = kamailio_time(row, 2);
  if (!expires)
    return leave_out("expires " + usher::quoted(row.text(2)) +
                     " is neither Unix seconds nor YYYY-MM-DD HH:MM:SS");
  if (*expires <= now_) return leave_out("expired");
  out.registered = now_;
  out.expires = *expires;
  if (bound_aors_.contains(out.aor)) return leave_out("has a registration already");

  const auto [known, fresh] = binding_of_aor_.try_emplace(out.aor, bindings_.size());
  if (!fresh) {
    // The later expiry is the later registration.
    Binding& other = bindings_[known->second];
    if (out.expires > other.expires) {
      out.token = other.token;
      other = std::move(out);
    }
    return leave_out("another row of the same user; the one that expires last is taken");
  }
  const std::string hash = base32(siphash(token_key_, out.aor));
  out.token = hash.substr(hash.size() - limits::kContactUserToken);
  if (!tokens_.insert(out.token).second) {
    binding_of_aor_.erase(known);
    return leave_out("its token is taken; it comes back with its next registration");
  }
  bindings_.push_back(std::move(out));
}

// In the order in which each may refer to the ones before.
void Reader::collect() {
  for (const SetId setid : sets_) {
    const auto known = [setid](const DispatcherSet& s) { return s.setid == setid; };
    if (std::any_of(existing_.sets.begin(), existing_.sets.end(), known)) continue;
    import_.changes.push_back(PutSet{DispatcherSet{.setid = setid,
                                                   .algorithm = Algorithm::round_robin,
                                                   .health = {},
                                                   .failover = {},
                                                   .comment = {}}});
    ++import_.sets;
  }
  import_.targets = targets_.size();
  import_.domains = domains_.size();
  import_.locations = bindings_.size();
  for (Target& t : targets_) import_.changes.push_back(PutTarget{std::move(t)});
  for (Domain& d : domains_) import_.changes.push_back(PutDomain{std::move(d)});
  for (Binding& b : bindings_) import_.changes.push_back(PutBinding{std::move(b)});
}

}  // namespace

Result<Import> read_kamailio(const std::string& file, const Snapshot& existing,
                             const HashKey& token_key, WallTime now) {
  auto database = Database::open(file, OpenMode::read_only);
  if (!database) return database.error();
  // The first access of the file: says what it is not.
  if (const auto objects = database->number("SELECT count(*) FROM sqlite_master"); !objects) {
    const bool foreign =
        database->fault() == SqlFault::not_a_database || database->fault() == SqlFault::corrupt;
    return fail(foreign ? Errc::syntax : Errc::io, file + ": " + database->message());
  }
  auto import = Reader{*database, existing, token_key, now}.read();
  if (!import) return fail(import.error().code, file + ": " + import.error().message);
  return import;
}

}  // namespace usher::storage
