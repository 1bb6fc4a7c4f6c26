// Maintenance windows of targets over REST.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

constexpr const char* kAt = "/v1/dispatcher/sets/10/targets/1";

// The house's time is 2024-12-25T10:30:00.123Z.
void add_target(House& house) {
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.100"})")
              .status == 201);
}

Reply patch(House& house, const std::string& windows) {
  return house.ask("PATCH", kAt, R"({"maintenance": )" + windows + "}");
}

void pass(House& house, std::chrono::seconds length) {
  house.now.mono += length;
  house.now.wall += length;
  house.edge.on_time(house.now);
  house.drain();
}

std::string kinds(House& house) {
  std::string out;
  const Reply reply =
      house.ask("GET", "/v1/events?format=json&kind=maintenance-began,maintenance-ended");
  for (const Json& e : *reply["items"].array()) out += *e.find("kind")->text() + " ";
  return out;
}

}  // namespace

TEST_CASE("a window is kept, shown, entered and left, and then it is gone") {
  House house;
  add_target(house);
  const Reply set = patch(
      house,
      R"([{"from": "2024-12-25T10:31:00Z", "until": "2024-12-25T10:33:00+00:00", "comment": "disk"}])");
  REQUIRE_MESSAGE(set.status == 200, set.text);
  CHECK(*set["maintenance"].array()->front().find("until")->text() == "2024-12-25T10:33:00.000Z");
  CHECK(set["maintenance_until"].null());
  pass(house, std::chrono::seconds(61));
  const Reply during = house.ask("GET", kAt);
  CHECK(*during["maintenance_until"].text() == "2024-12-25T10:33:00.000Z");
  CHECK(*during["state"].text() == "active");
  CHECK(kinds(house) == "maintenance-began ");
  pass(house, std::chrono::seconds(120));
  const Reply after = house.ask("GET", kAt);
  CHECK(after["maintenance_until"].null());
  CHECK(after["maintenance"].array()->empty());
  CHECK(kinds(house) == "maintenance-began maintenance-ended ");
}

TEST_CASE("windows are sorted, those that are over are left out, and another change keeps them") {
  House house;
  add_target(house);
  const Reply set = patch(house, R"([
      {"from": "2024-12-27T00:00:00Z", "until": "2024-12-28T00:00:00Z", "comment": "second"},
      {"from": "2024-12-26T00:00:00Z", "until": "2024-12-27T00:00:00Z", "comment": "first"},
      {"from": "2024-12-24T00:00:00Z", "until": "2024-12-25T00:00:00Z", "comment": "over"}])");
  REQUIRE_MESSAGE(set.status == 200, set.text);
  REQUIRE(set["maintenance"].array()->size() == 2);
  CHECK(*set["maintenance"].array()->front().find("comment")->text() == "first");
  const Reply heavier = house.ask("PATCH", kAt, R"({"weight": 5})");
  CHECK(heavier["maintenance"] == set["maintenance"]);
  CHECK(house.ask("PATCH", kAt, R"({"maintenance": null})")["maintenance"].array()->empty());
}

TEST_CASE("windows that cannot be meant are refused by their place") {
  House house;
  add_target(house);
  const std::string good = R"({"from": "2024-12-26T00:00:00Z", "until": "2024-12-27T00:00:00Z"})";
  std::string nine = "[";
  for (int day = 1; day <= 9; ++day) {
    const std::string d = "2025-01-0" + std::to_string(day);
    nine += (day > 1 ? "," : "") + (R"({"from": ")" + d) + R"(T00:00:00Z", "until": ")" + d +
            R"(T01:00:00Z"})";
  }
  for (
      const auto& [windows, field] : std::vector<std::pair<std::string, std::string>>{
          {R"({})", "maintenance"},
          {R"([5])", "maintenance[0]"},
          {R"([{}])", "maintenance[0].from"},
          {R"([{"from": "2024-12-26T00:00:00Z"}])", "maintenance[0].until"},
          {R"([{"from": "tomorrow", "until": "2024-12-27T00:00:00Z"}])", "maintenance[0].from"},
          {R"([{"from": 5, "until": "2024-12-27T00:00:00Z"}])", "maintenance[0].from"},
          {R"([{"from": "2024-12-27T00:00:00Z", "until": "2024-12-27T00:00:00Z"}])",
           "maintenance[0].until"},
          {R"([{"from": "2024-12-26T00:00:00Z", "until": "2025-01-02T00:00:01Z"}])",
           "maintenance[0].until"},
          {"[" + good + R"(, {"from": "2024-12-26T12:00:00Z", "until": "2024-12-28T00:00:00Z"}])",
           "maintenance[1]"},
          {"[" + good +
               R"(, {"from": "2024-12-28T00:00:00Z", "untl": "x", "until": "2024-12-29T00:00:00Z"}])",
           "maintenance[1].untl"},
          {nine + "]", "maintenance"}}) {
    CAPTURE(windows);
    const Reply refused = patch(house, windows);
    CHECK(refused.status == 422);
    CHECK(refused.field() == field);
  }
  CHECK(house.ask("PATCH", kAt, R"({"maintenance_until": null})").status == 200);
  CHECK(house.ask("PATCH", kAt, R"({"maintenance_until": "2024-12-28T00:00:00Z"})").field() ==
        "maintenance_until");
  CHECK(house.edge.directory().target(1)->maintenance.empty());
}

TEST_CASE("windows go out and come in with the configuration") {
  House house;
  add_target(house);
  REQUIRE(patch(house, R"([{"from": "2024-12-26T00:00:00Z", "until": "2024-12-27T00:00:00Z"}])")
              .status == 200);
  const std::string out = json_text(house.ask("GET", "/v1/configuration").json);
  House other;
  REQUIRE(other.ask("PUT", "/v1/configuration", out).status == 200);
  CHECK(json_text(other.ask("GET", "/v1/configuration").json) == out);
  CHECK(other.edge.directory().targets().begin()->second.maintenance ==
        house.edge.directory().target(1)->maintenance);
  CHECK(house.ask("PUT", "/v1/configuration?preview=true", out)["changes"].array()->empty());
}
