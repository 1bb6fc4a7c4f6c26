// openapi.yaml against the code, both ways: routes, methods, query parameters, and the members of
// what is answered.
#include "admin/openapi.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

struct Line {
  std::size_t indent = 0;
  std::string text;
};

std::vector<Line> lines_of(std::string_view yaml) {
  std::vector<Line> out;
  std::istringstream in{std::string(yaml)};
  for (std::string line; std::getline(in, line);) {
    const auto indent = line.find_first_not_of(' ');
    if (indent != std::string::npos) out.push_back({indent, line.substr(indent)});
  }
  return out;
}

std::string key_of(const std::string& text) {
  const auto colon = text.find(':');
  return colon == std::string::npos ? std::string{} : text.substr(0, colon);
}

// "GET /v1/domains" → its query parameters, in the description.
std::map<std::string, std::set<std::string>> described_routes() {
  std::map<std::string, std::set<std::string>> out;
  std::string path, route;
  bool in_paths = false;
  for (const Line& line : lines_of(openapi_yaml())) {
    if (line.indent == 0) in_paths = line.text == "paths:";
    if (!in_paths) continue;
    if (line.indent == 2) path = line.text.substr(0, line.text.size() - 1), route.clear();
    if (line.indent == 4) {
      route.clear();
      const std::string key = key_of(line.text);
      if (key == "get" || key == "put" || key == "post" || key == "patch" || key == "delete") {
        route = key;
        for (char& c : route) c = static_cast<char>(c - 'a' + 'A');
        route += " " + path;
        out[route];
      }
    }
    if (route.empty()) continue;
    if (const auto at = line.text.find("#/components/parameters/"); at != std::string::npos) {
      out[route].insert(line.text.substr(at + 24, line.text.find('"', at) - at - 24));
    } else if (line.text.rfind("- {name: ", 0) == 0 &&
               line.text.find("in: query") != std::string::npos) {
      out[route].insert(line.text.substr(9, line.text.find(',') - 9));
    }
  }
  return out;
}

// Schema name → the names of its properties.
std::map<std::string, std::set<std::string>> described_schemas() {
  std::map<std::string, std::set<std::string>> out;
  std::string schema;
  bool in_schemas = false, in_properties = false;
  for (const Line& line : lines_of(openapi_yaml())) {
    if (line.indent <= 2) in_schemas = line.text == "schemas:";
    if (!in_schemas) continue;
    if (line.indent == 4) schema = key_of(line.text);
    if (line.indent == 6) in_properties = line.text == "properties:";
    if (line.indent == 8 && in_properties) out[schema].insert(key_of(line.text));
  }
  return out;
}

std::set<std::string> members(const Json& json) {
  std::set<std::string> out;
  REQUIRE(json.object());
  for (const auto& [name, value] : *json.object()) out.insert(name);
  return out;
}

}  // namespace

TEST_CASE("every route is described and every description is a route") {
  House house;
  std::map<std::string, std::set<std::string>> built;
  for (const Route& r : house.api->routes())
    built[r.method + " " + r.pattern] = {r.query.begin(), r.query.end()};
  CHECK(built.size() == house.api->routes().size());
  const auto described = described_routes();
  for (const auto& entry : built) {
    const std::string& route = entry.first;
    const auto& query = entry.second;
    CAPTURE(route);
    REQUIRE(described.count(route) == 1);
    CHECK(described.at(route) == query);
  }
  for (const auto& entry : described) {
    const std::string& route = entry.first;
    CAPTURE(route);
    CHECK(built.count(route) == 1);
  }
}

TEST_CASE("what is answered has the members that are described") {
  storage::Snapshot s;
  storage::Binding b;
  b.token = "t";
  b.aor = "401@a.test";
  b.contact = "sip:x@192.0.2.9";
  b.expires = WallTime{std::chrono::milliseconds(1'735'126'200'123)};
  s.bindings.push_back(b);
  s.door_knocks.push_back({});
  s.bans.push_back({});
  s.scanners.push_back({"friendly-scanner", ""});
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back({"a.test", 10, true, ""});
  House house(std::move(s));
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})")
              .status == 201);
  const auto schemas = described_schemas();
  const auto check_page = [&](const std::string& target, const std::string& schema) {
    CAPTURE(target);
    const Reply page = house.ask("GET", target);
    REQUIRE(page.status == 200);
    CHECK(members(page.json) == schemas.at(schema + "Page"));
    REQUIRE_FALSE(page["items"].array()->empty());
    CHECK(members(page["items"].array()->front()) == schemas.at(schema));
  };
  check_page("/v1/domains", "Domain");
  check_page("/v1/dispatcher/sets", "Set");
  check_page("/v1/dispatcher/sets/10/targets", "Target");
  check_page("/v1/registrations", "Registration");
  check_page("/v1/scanners", "Scanner");
  check_page("/v1/door-knocks", "DoorKnock");
  check_page("/v1/bans", "Ban");
  check_page("/v1/audit", "AuditEntry");
  REQUIRE(house.ask("POST", "/v1/backups").status == 201);
  check_page("/v1/backups", "Backup");
  const Reply gate = house.ask("GET", "/v1/gate");
  CHECK(members(gate.json) == schemas.at("Gate"));
  CHECK(members(gate["limits"]) == schemas.at("GateLimits"));
  CHECK(members(gate["bans"]) == schemas.at("GateBans"));
  CHECK(members(*gate["limits"].find("user")) == schemas.at("RateLimit"));
  house.place_call();
  const Reply preview =
      house.ask("PATCH", "/v1/domains/a.test?preview=true", R"({"comment": "x"})");
  CHECK(members(preview.json) == schemas.at("DomainPreview"));
  CHECK(members(preview["fields"].array()->front()) == schemas.at("FieldChange"));
  CHECK(members(preview["touches"]) == schemas.at("DomainUse"));
  const Reply window = house.ask("PATCH", "/v1/dispatcher/sets/10/targets/1", R"({"maintenance":
      [{"from": "2030-01-01T00:00:00Z", "until": "2030-01-02T00:00:00Z"}]})");
  CHECK(members(window["maintenance"].array()->front()) == schemas.at("Maintenance"));
  check_page("/v1/calls", "Call");
  house.subscribe();
  check_page("/v1/subscriptions", "Subscription");
  house.connections.emplace_back().flow.connection = {1};
  check_page("/v1/connections", "Connection");
  check_page("/v1/requests", "RecentRequest");
  CHECK(members(house.ask("GET", "/v1/dispatcher/sets/10/targets/1/history").json) ==
        schemas.at("TargetHistory"));
  const std::string call =
      *house.ask("GET", "/v1/calls")["items"].array()->front().find("id")->text();
  const Reply ladder = house.ask("GET", "/v1/calls/" + call + "/ladder");
  CHECK(members(ladder.json) == schemas.at("Ladder"));
  CHECK(members(ladder["parties"].array()->front()) == schemas.at("LadderParty"));
  CHECK(members(ladder["items"].array()->front()) == schemas.at("LadderItem"));
  CHECK(members(house.ask("GET", "/v1/recorder").json) == schemas.at("Recorder"));
  const Reply explained = house.ask("GET", "/v1/explain/" + call);
  CHECK(members(explained.json) == schemas.at("Explanation"));
  CHECK(members(explained["steps"].array()->front()) == schemas.at("ExplanationStep"));
  const Reply route = house.ask("POST", "/v1/route-test",
                                R"({"method": "INVITE", "request_uri": "sip:402@a.test",
                                    "from": "sip:401@a.test", "source": "192.0.2.1:5060"})");
  CHECK(members(route.json) == schemas.at("RouteTest"));
  CHECK(members(route["candidates"].array()->front()) == schemas.at("RouteCandidate"));
  storage::CallRecord record;
  record.id = "k";
  house.store.pages = {storage::RecordPage{{record}, {}}};
  check_page("/v1/cdrs", "CallRecord");
  const Reply set = house.ask("GET", "/v1/dispatcher/sets/10");
  CHECK(members(set["health"]) == schemas.at("HealthPolicy"));
  CHECK(members(set["failover"]) == schemas.at("FailoverPolicy"));
  const Reply status = house.ask("GET", "/v1/status");
  CHECK(members(status.json) == schemas.at("Status"));
  CHECK(members(status["counts"]) == schemas.at("Counts"));
  CHECK(members(status["counters"]) == schemas.at("Counters"));
  CHECK(members(status["store"]) == schemas.at("Store"));
  CHECK(members(house.ask("GET", "/v1/timers")["t1"]) == schemas.at("Timer"));
  CHECK(members(house.ask("GET", "/v1/log").json) == schemas.at("LogLevels"));
  CHECK(members(house.ask("GET", "/v1/events?format=json").json) == schemas.at("EventList"));
  CHECK(members((*house.ask("GET", "/v1/events?format=json")["items"].array())[0]) ==
        schemas.at("Event"));
  CHECK(members(house.ask("GET", "/healthz").json) == schemas.at("Health"));
  CHECK(members(house.ask("GET", "/readyz").json) == schemas.at("Readiness"));
  CHECK(members(house.ask("PUT", "/v1/dispatcher/sets/10", R"({"a": 1})").json) ==
        schemas.at("Problem"));
}

TEST_CASE("what is described as writable is accepted, and what is read-only is not") {
  House house;
  const auto schemas = described_schemas();
  REQUIRE(house.ask("PUT", "/v1/dispatcher/sets/10", "{}").status == 201);
  const Reply made =
      house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})");
  const std::set<std::string> read_only{
      "maintenance_until", "health",   "reason",   "rtt_ms",    "changed",  "retry_after",
      "live_calls",        "attempts", "failures", "addresses", "resolved", "resolve_problem"};
  Json::Object body;
  for (const auto& [name, value] : *made.json.object()) {
    if (read_only.count(name) == 0) body.emplace_back(name, value);
  }
  CHECK(body.size() + read_only.size() == schemas.at("Target").size());
  CHECK(house.ask("PUT", made.header("Location"), json_text(body)).status == 200);
  CHECK(house.ask("PUT", made.header("Location"), made.text).status == 422);
}

TEST_CASE("a target with a name shows where DNS says it is, and how fresh that is") {
  House house;
  const Reply made =
      house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "PBX.example"})");
  REQUIRE(made.status == 201);
  CHECK(*made["destination"].text() == "sip:pbx.example");
  CHECK(made["resolved"].array()->empty());
  CHECK(*made["resolve_problem"].text() == "it has not been answered yet");
  const auto pbx = *net::Destination::parse("pbx.example");
  const net::Place place{*net::Endpoint::parse("10.0.1.7:5070"), net::Transport::tcp, 10, 3, "h"};
  house.edge.resolved(house.now, pbx, {{place}, std::chrono::seconds(30), "", {}});
  const auto shown = [&] {
    const Reply reply = house.ask("GET", made.header("Location"));
    REQUIRE(reply["resolved"].array()->size() == 1);
    return reply["resolved"].array()->front();
  };
  const Json fresh = shown();
  CHECK(members(fresh) == described_schemas().at("Place"));
  CHECK(*fresh.find("endpoint")->text() == "10.0.1.7:5070");
  CHECK(*fresh.find("transport")->text() == "tcp");
  CHECK(*fresh.find("ttl")->text() == "30s");
  CHECK(*fresh.find("state")->text() == "fresh");
  house.edge.resolved(house.now, pbx, {{}, {}, "DNS: timeout", {}});
  const Json kept = shown();
  CHECK(*kept.find("state")->text() == "kept");
  CHECK(*kept.find("reason")->text() == "DNS: timeout");
}

TEST_CASE("the description is served as it stands in the tree") {
  std::ifstream file(std::string(USHER_SOURCE_DIR) + "/admin/openapi.yaml");
  std::stringstream text;
  text << file.rdbuf();
  House house;
  const Reply reply = house.ask("GET", "/v1/openapi.yaml");
  CHECK(reply.type == "application/yaml");
  CHECK(reply.text == text.str());
}

TEST_CASE("metrics are well-formed text with help and type for each family") {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  House house(std::move(s));
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})")
              .status == 201);
  const Reply reply = house.ask("GET", "/metrics");
  CHECK(reply.status == 200);
  CHECK(reply.type.rfind("text/plain; version=0.0.4", 0) == 0);
  std::map<std::string, std::string> types;
  std::set<std::string> helped, samples;
  std::istringstream in(reply.text);
  for (std::string line; std::getline(in, line);) {
    CAPTURE(line);
    std::istringstream words(line);
    std::string hash, kind, name, rest;
    if (line.rfind("# ", 0) == 0) {
      words >> hash >> kind >> name >> rest;
      if (kind == "HELP") CHECK(helped.insert(name).second);
      if (kind == "TYPE") types[name] = rest;
      continue;
    }
    const auto space = line.rfind(' ');
    REQUIRE(space != std::string::npos);
    name = line.substr(0, line.find_first_of("{ "));
    CHECK((name.rfind("usher_", 0) == 0 || name.rfind("process_", 0) == 0));
    CHECK(samples.insert(line.substr(0, space)).second);  // no sample twice
    for (const std::string part : {"_bucket", "_sum", "_count"}) {
      const std::string family =
          name.ends_with(part) ? name.substr(0, name.size() - part.size()) : std::string{};
      if (types.count(family) == 1 && types[family] == "histogram") name = family;
    }
    CHECK(types.count(name) == 1);
    CHECK(helped.count(name) == 1);
    CHECK((types[name] == "counter") == name.ends_with("_total"));
    std::size_t used = 0;
    std::stod(line.substr(space + 1), &used);
    CHECK(used == line.size() - space - 1);
  }
  CHECK(reply.text.find("usher_target_calls{setid=\"10\",target=\"") != std::string::npos);
  CHECK(reply.text.find("usher_build_info{version=\"9.9.9\"} 1") != std::string::npos);
}
