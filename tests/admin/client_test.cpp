// The command line's commands against a real edge, without sockets.
#include "admin/client.hpp"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <sstream>

#include "admin/commands.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

struct Shell {
  House house;
  std::ostringstream out, err;
  bool json = false;

  int run(const Command& command) {
    out.str("");
    err.str("");
    const Fetch fetch = [this](const std::string& method, const std::string& target,
                               const std::string& body) -> Result<Answer> {
      const Reply reply = house.ask(method, target, body);
      return Answer{reply.status, reply.type, reply.text, reply.headers, false};
    };
    return run_command(
        command, fetch, [] {}, json, out, err);
  }
};

std::optional<Command> parse(std::vector<std::string> words) {
  CLI::App app;
  const auto commands = add_client_commands(app);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return commands->chosen;
}

}  // namespace

TEST_CASE("the command that makes a backup waits until it is whole, or says why it is not") {
  std::vector<Answer> answers;
  int pauses = 0;
  bool json = false;
  const auto make = [&](std::ostream& out, std::ostream& err) {
    const Fetch fetch = [&](const std::string&, const std::string&,
                            const std::string&) -> Result<Answer> {
      REQUIRE_FALSE(answers.empty());
      Answer next = std::move(answers.front());
      answers.erase(answers.begin());
      return next;
    };
    return run_command(
        command::BackupMake{}, fetch, [&] { ++pauses; }, json, out, err);
  };
  const auto answer = [](int status, const std::string& body) {
    return Answer{status, "application/json", body, {}, false};
  };
  const Answer begun = answer(202, R"({"name": "x.db", "making": true})");
  const Answer busy = answer(200, R"({"items": [], "making": true, "failed": null})");
  std::ostringstream out, err;
  answers = {begun, busy,
             answer(200, R"({"items": [{"name": "x.db"}], "making": false, "failed": null})")};
  CHECK(make(out, err) == 0);
  CHECK(out.str() == "x.db\n");
  CHECK(err.str().empty());
  CHECK(answers.empty());
  CHECK(pauses == 1);

  json = true;
  out.str("");
  answers = {begun, answer(200, R"({"items": [{"name": "x.db", "bytes": 1}], "making": false})")};
  CHECK(make(out, err) == 0);
  CHECK(*parse_json(out.str())->find("bytes")->integer() == 1);
  json = false;
  out.str("");

  answers = {begun, answer(200, R"({"items": [], "making": false, "failed": "disk full"})")};
  CHECK(make(out, err) == 1);
  CHECK(out.str().empty());
  CHECK(err.str() == "usher: x.db was not made: disk full\n");
}

TEST_CASE("backups are made, listed, restored and removed from the command line") {
  Shell shell;
  REQUIRE(shell.run(command::DomainAdd{"a.test", 10, "", false, false}) == 1);  // no such set
  REQUIRE(shell.run(command::BackupMake{}) == 0);
  const std::string name = "2024-12-25T10-30-00Z.db";
  CHECK(shell.out.str() == name + "\n");
  CHECK(shell.run(command::BackupList{}) == 0);
  CHECK(shell.out.str().starts_with("NAME "));
  CHECK(shell.out.str().find(name) != std::string::npos);
  REQUIRE(shell.run(command::TargetAdd{10, "10.0.1.100", 5, 1, {}, ""}) == 0);
  CHECK(shell.run(command::BackupRestore{name, true}) == 0);
  const std::string would =
      "would remove target sip:10.0.1.100:5060 of set 10\nwould remove set 10\n";
  CHECK(shell.out.str() == would);
  CHECK(shell.house.edge.directory().set(10) != nullptr);
  CHECK(shell.run(command::BackupRestore{name, false}) == 0);
  CHECK(shell.house.edge.directory().set(10) == nullptr);
  CHECK(shell.run(command::BackupRemove{name}) == 0);
  CHECK(shell.run(command::BackupRemove{name}) == 1);
  CHECK(shell.err.str().find("there is no") != std::string::npos);
  for (const auto& words : {std::vector<std::string>{"backups"}, {"backups", "list"}})
    CHECK(std::holds_alternative<command::BackupList>(*parse(words)));
  CHECK(std::holds_alternative<command::BackupMake>(*parse({"backups", "make"})));
  const auto restore = parse({"backups", "restore", name, "--preview"});
  CHECK(std::get<command::BackupRestore>(*restore).name == name);
  CHECK(std::get<command::BackupRestore>(*restore).preview);
  CHECK(std::get<command::BackupRemove>(*parse({"backups", "remove", name})).name == name);
}

TEST_CASE("the whole configuration is shown, looked at and made from the command line") {
  Shell from, to;
  REQUIRE(from.run(command::TargetAdd{10, "10.0.1.100", 5, 1, {}, ""}) == 0);
  REQUIRE(from.run(command::DomainAdd{"a.test", 10, "", false, false}) == 0);
  REQUIRE(from.run(command::ConfigurationShow{}) == 0);
  const std::string document = from.out.str();
  CHECK(to.run(command::ConfigurationApply{document, true}) == 0);
  CHECK(to.out.str() ==
        "would add set 10\nwould add target sip:10.0.1.100:5060 of set 10\nwould add domain "
        "a.test\n");
  CHECK(to.house.edge.directory().sets().empty());
  CHECK(to.run(command::ConfigurationApply{document, false}) == 0);
  CHECK(to.out.str().starts_with("add set 10\n"));
  CHECK(to.house.edge.directory().domain("a.test") != nullptr);
  CHECK(to.run(command::ConfigurationApply{document, false}) == 0);
  CHECK(to.out.str() == "nothing to change\n");
  CHECK(to.run(command::ConfigurationApply{"{", false}) == 1);
  CHECK(to.err.str().starts_with("usher: the document is no JSON"));
  CHECK(to.run(command::ConfigurationApply{"{}", false}) == 1);
  CHECK(to.err.str().find("format") != std::string::npos);
}

TEST_CASE("a target is added, listed, drained and removed from the command line") {
  Shell shell;
  CHECK(shell.run(command::TargetAdd{10, "10.0.1.100", 5, 1, {"10.0.1.0/28"}, "first"}) == 0);
  CHECK(shell.out.str() == "target 1 of set 10: sip:10.0.1.100:5060\n");
  CHECK(shell.run(command::TargetList{10}) == 0);
  CHECK(shell.out.str().find("sip:10.0.1.100:5060  active") != std::string::npos);
  CHECK(shell.run(command::TargetState{10, 1, "draining"}) == 0);
  CHECK(shell.run(command::TargetList{10}) == 0);
  CHECK(shell.out.str().find("draining") != std::string::npos);
  CHECK(shell.run(command::SetList{}) == 0);
  CHECK(shell.out.str().find("of 1") != std::string::npos);
  CHECK(shell.run(command::TargetRemove{10, 1}) == 0);
  CHECK(shell.run(command::TargetRemove{10, 1}) == 1);
  CHECK(shell.err.str().find("no target 1") != std::string::npos);
}

TEST_CASE("a refusal says what is wrong with which field") {
  Shell shell;
  CHECK(shell.run(command::TargetAdd{10, "10.0.1.300", {}, {}, {}, ""}) == 1);
  CHECK(shell.err.str().find("  destination: ") != std::string::npos);
  CHECK(shell.out.str().empty());
  CHECK(shell.run(command::DomainAdd{"a.test", 10, "", false, false}) == 1);
  CHECK(shell.err.str().find("  setid: ") != std::string::npos);
}

TEST_CASE("domains, status and the rest are tables, or JSON when asked") {
  Shell shell;
  REQUIRE(shell.run(command::TargetAdd{10, "10.0.1.100", {}, {}, {}, ""}) == 0);
  CHECK(shell.run(command::DomainAdd{"A.test", 10, "tenant a", false, false}) == 0);
  CHECK(shell.run(command::DomainList{}) == 0);
  CHECK(shell.out.str() == "DOMAIN  SETID  ENABLED  COMMENT\na.test  10     yes      tenant a\n");
  CHECK(shell.run(command::Status{}) == 0);
  CHECK(shell.out.str().rfind("usher 9.9.9, up 0s, ready", 0) == 0);
  CHECK(shell.run(command::Timers{}) == 0);
  CHECK(shell.out.str().find("ring_limit     3m") != std::string::npos);
  CHECK(shell.run(command::Calls{}) == 0);
  shell.house.place_call();
  command::Calls wanted;
  wanted.aor = "401@a.test";
  CHECK(shell.run(wanted) == 0);
  CHECK(shell.out.str().find("trying") != std::string::npos);
  wanted.state = "ringing";
  CHECK(shell.run(wanted) == 0);
  CHECK(shell.out.str().find("trying") == std::string::npos);
  wanted.state = "up";
  CHECK(shell.run(wanted) == 1);
  CHECK(shell.err.str().find("  state: ") != std::string::npos);
  shell.house.subscribe();
  command::Subscriptions watched;
  watched.aor = "402@a.test";
  CHECK(shell.run(watched) == 0);
  CHECK(shell.out.str().find("dialog  sip:401@a.test  sip:402@a.test  192.0.2.1:5060") !=
        std::string::npos);
  watched.event = "presence";
  CHECK(shell.run(watched) == 0);
  CHECK(shell.out.str().find("dialog") == std::string::npos);
  net::ConnectionView connection;
  connection.flow.connection = {1};
  connection.state = "handshaking";
  shell.house.connections.push_back(connection);
  CHECK(shell.run(command::Connections{}) == 0);
  CHECK(shell.out.str().find("handshaking") != std::string::npos);
  command::Connections over;
  over.transport = "smoke";
  CHECK(shell.run(over) == 1);
  command::Requests asked;
  asked.kind = "call";
  CHECK(shell.run(asked) == 0);
  CHECK(shell.out.str().find("INVITE of 401@a.test for ") != std::string::npos);
  asked.kind = "drop";
  CHECK(shell.run(asked) == 0);
  CHECK(shell.out.str().find("INVITE") == std::string::npos);
  CHECK(shell.run(command::Registrations{"a.test", "401", "192.0.2.1"}) == 0);
  CHECK(shell.run(command::EndCall{"9-0"}) == 1);
  shell.json = true;
  CHECK(shell.run(command::DomainList{}) == 0);
  const auto json = parse_json(shell.out.str());
  REQUIRE(json.has_value());
  CHECK(json->array()->size() == 1);
  CHECK(shell.run(command::DomainRemove{"a.test", false}) == 0);
}

TEST_CASE("a domain is moved, after a look at what that touches") {
  Shell shell;
  REQUIRE(shell.run(command::TargetAdd{10, "10.0.1.100", {}, {}, {}, ""}) == 0);
  REQUIRE(shell.run(command::TargetAdd{20, "10.0.1.101", {}, {}, {}, ""}) == 0);
  REQUIRE(shell.run(command::DomainAdd{"a.test", 10, "tenant a", false, false}) == 0);
  CHECK(shell.run(command::DomainMove{"a.test", 20, true}) == 0);
  CHECK(shell.out.str() ==
        "would change domain a.test: from set 10 to set 20\n  setid: 10 -> 20\nregistrations: 0\n"
        "live calls: 0\nsubscriptions: 0\nserved by set 20\n  target 2 sip:10.0.1.101:5060 active "
        "unknown\nwarning: no target of set 20 is known to be up\n");
  CHECK(shell.house.edge.directory().domain("a.test")->setid == 10);
  CHECK(shell.run(command::DomainMove{"a.test", 20, false}) == 0);
  CHECK(shell.house.edge.directory().domain("a.test")->comment == "tenant a");
  CHECK(shell.house.edge.directory().domain("a.test")->setid == 20);
  CHECK(shell.run(command::DomainRemove{"a.test", true}) == 0);
  CHECK(shell.out.str().find("would remove domain a.test") != std::string::npos);
  CHECK(shell.run(command::DomainMove{"a.test", 99, true}) == 1);
  CHECK(shell.err.str().find("  setid: ") != std::string::npos);
}

TEST_CASE("maintenance windows are added, listed and cleared from the command line") {
  Shell shell;
  REQUIRE(shell.run(command::TargetAdd{10, "10.0.1.100", {}, {}, {}, ""}) == 0);
  command::TargetMaintenance m;
  m.setid = 10;
  m.id = 1;
  m.from = "2030-01-01T00:00:00Z";
  m.until = "2030-01-01T01:00:00Z";
  m.comment = "disk";
  CHECK(shell.run(m) == 0);
  m.from = "2030-01-02T00:00:00Z";
  m.until = "2030-01-02T01:00:00Z";
  CHECK(shell.run(m) == 0);
  m.from = m.until = "";
  CHECK(shell.run(m) == 0);
  CHECK(shell.out.str() ==
        "FROM                      UNTIL                     COMMENT\n"
        "2030-01-01T00:00:00.000Z  2030-01-01T01:00:00.000Z  disk\n"
        "2030-01-02T00:00:00.000Z  2030-01-02T01:00:00.000Z  disk\n");
  m.clear = true;
  CHECK(shell.run(m) == 0);
  CHECK(shell.house.edge.directory().target(1)->maintenance.empty());
  const auto parsed = std::get<command::TargetMaintenance>(
      *parse({"target", "maintenance", "10", "1", "2030-01-01T00:00:00Z", "2030-01-01T01:00:00Z"}));
  CHECK(parsed.until == "2030-01-01T01:00:00Z");
  CHECK_THROWS_AS(parse({"target", "maintenance", "10", "1", "2030-01-01T00:00:00Z"}),
                  CLI::ParseError);
}

TEST_CASE("an edge that cannot be reached is a failure with its reason") {
  std::ostringstream out, err;
  const Fetch fetch = [](const std::string&, const std::string&,
                         const std::string&) -> Result<Answer> {
    return fail(Errc::io, "cannot reach http://127.0.0.1:1: Connection refused");
  };
  CHECK(run_command(
            command::Status{}, fetch, [] {}, false, out, err) == 1);
  CHECK(err.str() == "usher: cannot reach http://127.0.0.1:1: Connection refused\n");
}

TEST_CASE("the command line is understood") {
  const auto add = parse({"target", "add", "10", "10.0.1.100", "--weight", "3", "--source",
                          "10.0.1.0/28", "--source", "10.0.2.0/28"});
  REQUIRE(add.has_value());
  const auto& target = std::get<command::TargetAdd>(*add);
  CHECK(target.setid == 10);
  CHECK(target.destination == "10.0.1.100");
  CHECK(target.weight == 3);
  CHECK_FALSE(target.priority.has_value());
  CHECK(target.sources.size() == 2);
  CHECK(std::get<command::TargetState>(*parse({"target", "drain", "10", "1"})).state == "draining");
  CHECK(std::get<command::EndCall>(*parse({"calls", "end", "1-0"})).id == "1-0");
  CHECK(std::holds_alternative<command::Calls>(*parse({"calls"})));
  const auto calls = std::get<command::Calls>(
      *parse({"calls", "--aor", "401@a.test", "--state", "ringing", "--call-id", "c", "--target",
              "7", "--domain", "a.test", "--user", "401", "--call", "k"}));
  CHECK(calls.aor == "401@a.test");
  CHECK(calls.state == "ringing");
  CHECK(calls.call_id == "c");
  CHECK(calls.key == "k");
  CHECK(calls.target == "7");
  const auto subscriptions = std::get<command::Subscriptions>(
      *parse({"subscriptions", "--aor", "401@a.test", "--domain", "a.test", "--event", "dialog",
              "--target", "7", "--call-id", "c", "--call", "k"}));
  CHECK(subscriptions.aor == "401@a.test");
  CHECK(subscriptions.domain == "a.test");
  CHECK(subscriptions.event == "dialog");
  CHECK(subscriptions.target == "7");
  CHECK(subscriptions.call_id == "c");
  CHECK(subscriptions.key == "k");
  const auto connections = std::get<command::Connections>(
      *parse({"connections", "--transport", "tls", "--source", "192.0.2.1", "--silent", "true"}));
  CHECK(connections.transport == "tls");
  CHECK(connections.source == "192.0.2.1");
  CHECK(connections.silent == "true");
  const auto requests = std::get<command::Requests>(
      *parse({"requests", "--kind", "call", "--method", "INVITE", "--status", "403", "--domain",
              "a.test", "--target", "7", "--source", "192.0.2.1"}));
  CHECK(requests.kind == "call");
  CHECK(requests.method == "INVITE");
  CHECK(requests.status == "403");
  CHECK(requests.domain == "a.test");
  CHECK(requests.target == "7");
  CHECK(requests.source == "192.0.2.1");
  CHECK(std::holds_alternative<command::Status>(*parse({"status", "--json"})));
  CHECK(std::get<command::Registrations>(*parse({"registrations", "--user", "401"})).user == "401");
  CHECK_FALSE(parse({}).has_value());
  CHECK_THROWS_AS(parse({"target", "add", "10"}), CLI::ParseError);
  CHECK_THROWS_AS(parse({"target"}), CLI::ParseError);
  CHECK_THROWS_AS(parse({"target", "remove", "ten", "1"}), CLI::ParseError);
}
