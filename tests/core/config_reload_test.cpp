// SIGHUP: what a second reading changes at once, and what only a restart does.
#include <doctest/doctest.h>

#include "core/config_reload.hpp"

using namespace std::chrono_literals;

namespace usher {
namespace {

using Lines = std::vector<std::string>;

Config read(const std::string& more) {
  ConfigResult result = parse_config(
      "[[listen]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n" + more, "usher.toml");
  REQUIRE(result.faults.empty());
  return std::move(result.config);
}

}  // namespace

TEST_CASE("the same file changes nothing") {
  const Config config = read("[log]\nlevel = \"info\"\n");
  const ConfigChanges changes = compare(config, read("[log.categories]\nsip = \"info\"\n"));
  CHECK(changes.live.empty());
  CHECK(changes.restart.empty());
}

TEST_CASE("levels and the timers that no running transaction has are taken over") {
  Config config = read("[log.categories]\nsip = \"debug\"\n");
  const Config fresh = read(
      "[timers]\nattempt = \"2s\"\nhunt_limit = \"20s\"\nring_limit = \"60s\"\nflow_recovery = "
      "\"1h\"\ndrain = \"0s\"\nt1 "
      "= \"1s\"\n"
      "[log]\nlevel = \"warning\"\n[log.categories]\ncall = \"info\"\n");
  const ConfigChanges changes = compare(config, fresh);
  CHECK(changes.live == Lines{"timers.attempt: 4s -> 2s", "timers.hunt_limit: 32s -> 20s",
                              "timers.ring_limit: 3m -> 1m", "timers.flow_recovery: 10m -> 1h",
                              "timers.drain: 30s -> 0s", "log.core: info -> warning",
                              "log.net: info -> warning", "log.sip: debug -> warning",
                              "log.registration: info -> warning", "log.gate: info -> warning",
                              "log.health: info -> warning", "log.storage: info -> warning",
                              "log.admin: info -> warning"});
  CHECK(changes.restart == Lines{"timers.t1"});
  take_over(config, fresh);
  CHECK(config.timers.attempt == 2s);
  CHECK(config.timers.ring_limit == 60s);
  CHECK(config.timers.drain == 0s);
  CHECK(config.timers.t1 == 500ms);
  CHECK(config.log.level == LogLevel::warning);
  const ConfigChanges again = compare(config, fresh);
  CHECK(again.live.empty());
  CHECK(again.restart == Lines{"timers.t1"});  // still to come
}

TEST_CASE("what sockets and files are made of waits for a restart, and no token is told") {
  Config config = read("");
  const Config fresh = read(
      "advertise = \"10.0.0.1\"\n[storage]\npath = \"other.db\"\n[admin]\nbind = "
      "\"127.0.0.1:9000\"\ntoken = \"s3cret\"\ncertificate = \"a\"\nkey = \"b\"\nclient_ca = "
      "\"c\"\ninsecure = true\n[timers]\nt2 = \"5s\"\nt4 = "
      "\"6s\"\ntrying = \"100ms\"\n");
  const ConfigChanges changes = compare(config, fresh);
  CHECK(changes.live.empty());
  CHECK(changes.restart == Lines{"listen", "storage.path", "storage.backups", "admin.bind",
                                 "admin.token", "admin.certificate", "admin.key", "admin.client_ca",
                                 "admin.insecure", "timers.t2", "timers.t4", "timers.trying"});
  take_over(config, fresh);
  CHECK(config.storage.path == "usher.db");
  CHECK(config.admin.token.empty());
  CHECK(config.listen[0].advertise_host == "127.0.0.1");
}

}  // namespace usher
