#include "admin/resources/representation.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

#include "core/duration.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

using storage::DispatcherSet;
using storage::Domain;
using storage::Target;
using namespace std::chrono_literals;

namespace {

bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  char last = '.';
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (c == '.') {
      if (label == 0 || last == '-') return false;
      label = 0;
    } else if (letter || (c == '-' && label > 0)) {
      if (++label > 63) return false;
    } else {
      return false;
    }
    last = c;
  }
  if (label == 0 || last == '-') return false;
  // A name of digits and dots alone is a mistyped address.
  return name.find_first_not_of("0123456789.") != std::string_view::npos;
}

template <class T>
void take(std::optional<T> from, T& to) {
  if (from) to = std::move(*from);
}

template <class T>
void take_number(std::optional<std::int64_t> from, T& to) {
  if (from) to = static_cast<T>(*from);
}

void same_number(Fields& fields, std::string_view name, std::int64_t own) {
  const auto value = fields.integer(name, 1, kHighestSetId * kHighestSetId - 1);
  if (value && *value != own)
    fields.fault(name, "is " + std::to_string(*value) + ", the path says " + std::to_string(own));
}

void read_health(const Json& body, storage::HealthPolicy& health, std::vector<Fault>& faults) {
  Fields fields(body, faults, "health.");
  const std::size_t before = faults.size();
  take(fields.duration("interval", 1s, 1h), health.interval);
  take(fields.duration("timeout", 100ms, 32s), health.timeout);
  take_number(fields.integer("down_after", 1, 20), health.down_after);
  take_number(fields.integer("up_after", 1, 20), health.up_after);
  if (faults.size() == before && health.timeout >= health.interval) {
    fields.fault("timeout", duration_text(health.timeout) + " is not below the interval, " +
                                duration_text(health.interval));
  }
  fields.finish();
}

void read_failover(const Json& body, storage::FailoverPolicy& failover,
                   std::vector<Fault>& faults) {
  Fields fields(body, faults, "failover.");
  if (const Json::Array* codes = fields.array("codes", 200)) {
    failover.codes.clear();
    for (std::size_t i = 0; i < codes->size(); ++i) {
      const std::int64_t* code = (*codes)[i].integer();
      const std::string name = "codes[" + std::to_string(i) + "]";
      if (!code || *code < 400 || *code > 599) {
        fields.fault(name, "expected a final status, 400 to 599");
      } else if (*code == 401 || *code == 407 || *code == 486 || *code == 487) {
        fields.fault(name, std::to_string(*code) + " never goes on to the next target");
      } else {
        failover.codes.push_back(static_cast<std::uint16_t>(*code));
      }
    }
    std::sort(failover.codes.begin(), failover.codes.end());
    failover.codes.erase(std::unique(failover.codes.begin(), failover.codes.end()),
                         failover.codes.end());
  }
  take_number(fields.integer("max_attempts", 1, 8), failover.max_attempts);
  take(fields.flag("follow_redirects"), failover.follow_redirects);
  fields.finish();
}

void read_sources(Fields& fields, std::vector<net::Cidr>& sources) {
  const Json::Array* items = fields.array("sources", kSourcesPerTarget);
  if (!items) return;
  sources.clear();
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string name = "sources[" + std::to_string(i) + "]";
    const std::string* text = (*items)[i].text();
    if (!text) {
      fields.fault(name, "expected a network such as \"10.0.1.0/28\", found " +
                             std::string(kind_of((*items)[i])));
      continue;
    }
    const Result<net::Cidr> network = net::Cidr::parse(*text);
    if (!network) {
      fields.fault(name, network.error().message);
    } else if (network->bits == 0) {
      fields.fault(name, "every address would count as this backend");
    } else if (std::find(sources.begin(), sources.end(), *network) == sources.end()) {
      sources.push_back(*network);
    }
  }
}

void read_maintenance(Fields& fields, WallTime now, std::vector<storage::Maintenance>& windows,
                      std::vector<Fault>& faults) {
  const Json::Array* items = fields.array("maintenance", limits::kMaintenances);
  if (!items) return;
  windows.clear();
  std::vector<std::pair<storage::Maintenance, std::string>> all;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string name = "maintenance[" + std::to_string(i) + "]";
    if ((*items)[i].object() == nullptr) {
      fields.fault(name, "expected an object, found " + std::string{kind_of((*items)[i])});
      continue;
    }
    Fields window((*items)[i], faults, fields.path(name) + ".");
    const std::size_t before = faults.size();
    storage::Maintenance m;
    const auto time = [&](std::string_view member, WallTime& out) {
      window.require(member);
      const auto text = window.text(member, 64);
      if (!text) return;
      const Result<WallTime> when = parse_time(*text);
      if (when)
        out = *when;
      else
        window.fault(member, when.error().message);
    };
    time("from", m.from);
    time("until", m.until);
    take(window.text("comment", kCommentBytes), m.comment);
    if (faults.size() == before) {
      if (m.until <= m.from)
        window.fault("until", "is not later than from");
      else if (m.until - m.from > limits::kMaintenance)
        window.fault("until", "is more than 7 days after from");
    }
    window.finish();
    if (faults.size() == before && m.until > now) all.emplace_back(std::move(m), name);
  }
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.first.from < b.first.from; });
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].first.from < all[i - 1].first.until)
      fields.fault(all[i].second, "begins before " + all[i - 1].second + " has ended");
  }
  for (auto& [window, name] : all) windows.push_back(std::move(window));
}

}  // namespace

Result<std::string> normal_domain(std::string_view text) {
  const Error bad =
      fail(Errc::syntax, usher::quoted(text) + " is neither a host name nor an IP address");
  if (const auto address = net::IpAddress::parse(text)) return address->uri_host();
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::string name = lower(text);
  if (!is_host_name(name)) return bad;
  return name;
}

Json writable(const Domain& d) {
  return Json::Object{
      {"domain", d.domain}, {"setid", d.setid}, {"enabled", d.enabled}, {"comment", d.comment}};
}

Json writable(const DispatcherSet& s) {
  Json::Array codes(s.failover.codes.begin(), s.failover.codes.end());
  return Json::Object{{"setid", s.setid},
                      {"algorithm", storage::algorithm_name(s.algorithm)},
                      {"health", Json::Object{{"interval", duration_text(s.health.interval)},
                                              {"timeout", duration_text(s.health.timeout)},
                                              {"down_after", s.health.down_after},
                                              {"up_after", s.health.up_after}}},
                      {"failover", Json::Object{{"codes", std::move(codes)},
                                                {"max_attempts", s.failover.max_attempts},
                                                {"follow_redirects", s.failover.follow_redirects}}},
                      {"comment", s.comment}};
}

Json writable(const Target& t) {
  Json::Array sources;
  for (const net::Cidr& network : t.sources) sources.emplace_back(network.text());
  Json::Array maintenance;
  for (const storage::Maintenance& window : t.maintenance)
    maintenance.emplace_back(Json::Object{{"from", time_text(window.from)},
                                          {"until", time_text(window.until)},
                                          {"comment", window.comment}});
  return Json::Object{{"id", t.id},
                      {"setid", t.setid},
                      {"destination", t.destination.text()},
                      {"priority", t.priority},
                      {"weight", t.weight},
                      {"sources", std::move(sources)},
                      {"state", storage::target_state_name(t.state)},
                      {"comment", t.comment},
                      {"maintenance", std::move(maintenance)}};
}

Domain read_domain(const Json& body, std::string domain, std::vector<Fault>& faults) {
  Domain d;
  d.domain = std::move(domain);
  Fields fields(body, faults);
  fields.require("setid");
  take_number(fields.integer("setid", 1, kHighestSetId), d.setid);
  take(fields.flag("enabled"), d.enabled);
  take(fields.text("comment", kCommentBytes), d.comment);
  if (const auto name = fields.text("domain", 255)) {
    const Result<std::string> normal = normal_domain(*name);
    if (!normal || *normal != d.domain)
      fields.fault("domain",
                   "is " + usher::quoted(*name) + ", the path says " + usher::quoted(d.domain));
  }
  fields.finish();
  return d;
}

DispatcherSet read_set(const Json& body, storage::SetId setid, std::vector<Fault>& faults) {
  DispatcherSet s;
  s.setid = setid;
  Fields fields(body, faults);
  same_number(fields, "setid", setid);
  if (const auto name = fields.text("algorithm", 32)) {
    const auto algorithm = storage::parse_algorithm(*name);
    if (algorithm)
      s.algorithm = *algorithm;
    else
      fields.fault("algorithm",
                   usher::quoted(*name) + " is none of round-robin, weighted, priority, hash");
  }
  if (const Json* health = fields.object("health")) read_health(*health, s.health, faults);
  if (const Json* failover = fields.object("failover"))
    read_failover(*failover, s.failover, faults);
  take(fields.text("comment", kCommentBytes), s.comment);
  fields.read_only("targets");
  fields.finish();
  return s;
}

Target read_target(const Json& body, storage::SetId setid, storage::TargetId id, WallTime now,
                   std::vector<Fault>& faults) {
  Target t;
  t.id = id;
  t.setid = setid;
  Fields fields(body, faults);
  same_number(fields, "setid", setid);
  if (id != 0)
    same_number(fields, "id", id);
  else
    fields.read_only("id");
  fields.require("destination");
  if (const auto text = fields.text("destination", 300)) {
    Result<net::Destination> destination = net::Destination::parse(*text);
    if (destination)
      t.destination = std::move(*destination);
    else
      fields.fault("destination", destination.error().message);
  }
  take_number(fields.integer("priority", 0, 1000), t.priority);
  take_number(fields.integer("weight", 1, 1000), t.weight);
  read_sources(fields, t.sources);
  if (const auto name = fields.text("state", 32)) {
    const auto state = storage::parse_target_state(*name);
    if (state)
      t.state = *state;
    else
      fields.fault("state", usher::quoted(*name) + " is none of active, draining, disabled");
  }
  take(fields.text("comment", kCommentBytes), t.comment);
  read_maintenance(fields, now, t.maintenance, faults);
  for (const char* shown :
       {"maintenance_until", "health", "reason", "rtt_ms", "changed", "retry_after", "live_calls",
        "attempts", "failures", "addresses", "resolved", "resolve_problem"}) {
    fields.read_only(shown);
  }
  fields.finish();
  return t;
}

WallTime wall_time(Now now, Instant when) {
  return now.wall + std::chrono::duration_cast<std::chrono::milliseconds>(when - now.mono);
}

double milliseconds(Duration d) {
  return static_cast<double>(d.count()) / 1000.0;
}
double seconds(Duration d) {
  return static_cast<double>(d.count()) / 1'000'000.0;
}

Json event_json(const routing::Event& e) {
  return Json::Object{{"id", e.id},
                      {"at", time_text(e.at)},
                      {"kind", event_kind_name(e.kind)},
                      {"subject", e.subject},
                      {"text", e.text}};
}

}  // namespace usher::admin
