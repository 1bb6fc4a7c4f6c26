// /v1/configuration: out, in again, a look before, and what is refused.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

constexpr const char* kDocument = R"({"format": 1,
  "sets": [{"setid": 10, "algorithm": "priority", "targets": [
              {"destination": "10.0.1.100", "weight": 2}, {"destination": "10.0.1.101"}]},
           {"setid": 20, "targets": [{"destination": "10.0.1.100"}]}],
  "domains": [{"domain": "A.test", "setid": 10}, {"domain": "b.test", "setid": 20}],
  "scanners": [{"pattern": "friendly-scanner", "comment": ""}],
  "gate": {"mode": "enforce"}})";

std::string words(const Reply& reply) {
  std::string out;
  REQUIRE_EQ(reply.status, 200);
  for (const Json& line : *reply["changes"].array()) out += *line.text() + "\n";
  return out;
}

}  // namespace

TEST_CASE("a document makes everything, and is given back") {
  House house;
  CHECK(
      words(house.ask("PUT", "/v1/configuration", kDocument)) ==
      "add set 10\nadd set 20\nadd target sip:10.0.1.100:5060 of set 10\nadd target "
      "sip:10.0.1.101:5060 "
      "of set 10\nadd target sip:10.0.1.100:5060 of set 20\nadd domain a.test\nadd domain b.test\n"
      "put scanner pattern \"friendly-scanner\"\nchange the gate's settings\n");
  CHECK(*house.ask("GET", "/v1/domains/a.test")["setid"].integer() == 10);
  CHECK(house.ask("GET", "/v1/dispatcher/sets/10/targets")["items"].array()->size() == 2);

  const std::string out = json_text(house.ask("GET", "/v1/configuration").json);
  CHECK(words(house.ask("PUT", "/v1/configuration", out)).empty());
  House other;
  CHECK(other.ask("PUT", "/v1/configuration", out).status == 200);
  CHECK(json_text(other.ask("GET", "/v1/configuration").json) == out);
}

TEST_CASE("a preview changes nothing") {
  House house;
  CHECK(words(house.ask("PUT", "/v1/configuration?preview=true", kDocument)).size() > 100);
  CHECK(house.edge.directory().sets().empty());
  CHECK(house.store.written.empty());
  CHECK(house.ask("PUT", "/v1/configuration?preview=maybe", kDocument).field() == "preview");
  house.ask("PUT", "/v1/configuration", kDocument);
  CHECK(house.edge.directory().targets().count(3) ==
        1);  // the third of three: no number is used up
}

TEST_CASE("what the document does not name goes, and targets that stay keep their numbers") {
  House house;
  house.ask("PUT", "/v1/configuration", kDocument);
  const auto before = house.edge.directory().targets_of(20).front()->id;
  CHECK(words(house.ask("PUT", "/v1/configuration",
                        R"({"format": 1, "sets": [{"setid": 20, "targets": [
                              {"destination": "sip:10.0.1.100:5060", "weight": 7}]}],
                            "domains": [{"domain": "b.test", "setid": 20}]})")) ==
        "remove target sip:10.0.1.100:5060 of set 10\nremove target sip:10.0.1.101:5060 of set 10\n"
        "change target sip:10.0.1.100:5060 of set 20\nremove domain a.test\nremove set 10\n");
  CHECK(house.edge.directory().targets_of(20).front()->id == before);
  CHECK(house.edge.directory().sets().size() == 1);
  CHECK(house.edge.scanners().size() == 1);
}

TEST_CASE("a part that is left out stays, unless it would hang in the air") {
  House house;
  house.ask("PUT", "/v1/configuration", kDocument);
  CHECK(words(house.ask("PUT", "/v1/configuration", R"({"format": 1})")).empty());
  const Reply refused = house.ask("PUT", "/v1/configuration", R"({"format": 1, "sets": []})");
  CHECK(refused.status == 409);
  CHECK(refused.detail().find("needs set") != std::string::npos);
  CHECK(house.edge.directory().sets().size() == 2);
}

TEST_CASE("faults are all told, each with its place, and nothing changes") {
  House house;
  const Reply refused = house.ask("PUT", "/v1/configuration", R"({"format": 1,
    "sets": [{"setid": 10, "algorithm": "best", "targets": [{"destination": "10.0.1.100", "weight": 0}, 5]},
             {"setid": 10}, {"setid": 0}],
    "domains": [{"domain": "a b", "setid": 10}, {"domain": "a.test", "setid": 10}, {"domain": "A.TEST", "setid": 10}],
    "gate": {"mode": "soft"}})");
  CHECK(refused.status == 422);
  std::string fields;
  for (const Json& fault : *refused["errors"].array()) fields += *fault.find("field")->text() + " ";
  CHECK(fields ==
        "sets[0].algorithm sets[0].targets[0].weight sets[0].targets[1] sets[1].setid "
        "sets[2].setid domains[0].domain domains[2].domain gate.mode ");
  CHECK(house.edge.directory().sets().empty());
  CHECK(house.ask("PUT", "/v1/configuration", "{}").field() == "format");
  CHECK(house.ask("PUT", "/v1/configuration", R"({"format": 2})").field() == "format");
}

TEST_CASE("targets of a set are bounded, and none stands twice") {
  House house;
  std::string targets;
  for (std::size_t i = 0; i <= limits::kTargetsPerSet; ++i)
    targets += std::string{i ? "," : ""} + R"({"destination": "10.0.)" + std::to_string(i / 256) +
               "." + std::to_string(i % 256) + "\"}";
  const auto put = [&](const std::string& list) {
    return house.ask("PUT", "/v1/configuration",
                     R"({"format": 1, "sets": [{"setid": 10, "targets": [)" + list + "]}]}");
  };
  CHECK(put(targets).field() == "sets[0].targets");
  CHECK(put(R"({"destination": "10.0.0.1"}, {"destination": "sip:10.0.0.1:5060"})").field() ==
        "sets[0].targets[1].destination");
  CHECK(house.edge.directory().sets().empty());
}

TEST_CASE("a full list of scanner patterns gives way to another one, which keeps known spellings") {
  House house;
  const auto list = [](const std::string& name) {
    std::string out = R"({"format": 1, "scanners": [)";
    for (std::size_t i = 0; i < limits::kScannerPatterns; ++i)
      out += std::string{i ? "," : ""} + R"({"pattern": ")" + name + std::to_string(i) + "\"}";
    return out + "]}";
  };
  REQUIRE(house.ask("PUT", "/v1/configuration", list("old")).status == 200);
  REQUIRE(house.ask("PUT", "/v1/configuration", list("new")).status == 200);
  CHECK(house.edge.scanners().size() == limits::kScannerPatterns);
  CHECK(house.edge.scanners().front().pattern.starts_with("new"));
  CHECK(words(house.ask("PUT", "/v1/configuration", list("NEW"))).empty());
  CHECK(
      house
          .ask(
              "PUT", "/v1/configuration",
              R"({"format": 1, "scanners": [{"pattern": "sipvicious"}, {"pattern": "SIPvicious"}]})")
          .field() == "scanners[1].pattern");
}

TEST_CASE("five thousand domains come in at once") {
  House house;
  std::string document = R"({"format": 1, "sets": [{"setid": 10}], "domains": [)";
  for (int i = 0; i < 5000; ++i)
    document += (i ? "," : "") + std::string(R"({"domain": "d)") + std::to_string(i) +
                R"(.test", "setid": 10})";
  CHECK(house.ask("PUT", "/v1/configuration", document + "]}").status == 200);
  CHECK(house.edge.directory().domains().size() == 5000);
}
