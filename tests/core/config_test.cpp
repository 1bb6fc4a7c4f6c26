#include "core/config.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/limits.hpp"

using namespace usher;
using namespace std::chrono_literals;

namespace {

constexpr const char* kListen = "[[listen]]\nbind = \"127.0.0.1:5060\"\n";  // two lines

using Lines = std::vector<std::string>;

Lines faults(std::string_view toml) {
  Lines out;
  for (const ConfigFault& fault : parse_config(toml, "usher.toml").faults) {
    out.push_back(fault.text());
  }
  return out;
}

// Of one section under a good listener: line numbers start at 3.
Lines faults_in(const std::string& section) {
  return faults(kListen + section);
}

bool any_contains(const Lines& lines, std::string_view part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& l) { return l.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("call records: how long they are kept, and the file of their lines") {
  const auto cdr = [](const std::string& lines) {
    return parse_config(std::string{kListen} + "[cdr]\n" + lines, "u.toml");
  };
  CHECK(parse_config(kListen, "u.toml").config.cdr.keep == 30 * 24h);
  CHECK(parse_config(kListen, "u.toml").config.cdr.file.empty());
  const ConfigResult r = cdr("keep = \"400d\"\nfile = \"/var/log/usher/cdr.csv\"\n");
  CHECK(r.faults.empty());
  CHECK(r.config.cdr.keep == 400 * 24h);
  CHECK(r.config.cdr.file == "/var/log/usher/cdr.csv");
  for (const auto& [line, key] :
       std::vector<std::pair<std::string, std::string>>{{"keep = \"59m\"", "cdr.keep"},
                                                        {"keep = \"3651d\"", "cdr.keep"},
                                                        {"keep = 30", "cdr.keep"},
                                                        {"file = \"\"", "cdr.file"},
                                                        {"path = \"x\"", "cdr.path"}}) {
    const ConfigResult bad = cdr(line + "\n");
    REQUIRE(bad.faults.size() == 1);
    CHECK(bad.faults[0].key == key);
  }
}

TEST_CASE("the whole configuration is read") {
  const ConfigResult r = parse_config(R"(
[[listen]]
transport = "udp"
bind      = "0.0.0.0:5060"
advertise = "203.0.113.5"

[[listen]]
transport = "tcp"
bind      = "[::]:5060"
advertise = "Edge.Example.com:5070"

[storage]
path = "/var/lib/usher/usher.db"

[admin]
bind = "10.0.0.1:8081"
token = "s3cret"
insecure = true

[timers]
t1 = "250ms"
t2 = "2s"
t4 = "3s"
trying = "100ms"
attempt = "16s"
ring_limit = "3m"
call_probe = "30s"
flow_recovery = "2m"
drain = "90s"

[nat]
keep_alive = "40s"

[log]
level = "warning"
[log.categories]
sip = "debug"
gate = "off"
)",
                                      "usher.toml");
  REQUIRE(r.faults.empty());
  const Config& c = r.config;
  CHECK(c.file == "usher.toml");
  REQUIRE(c.listen.size() == 2);
  CHECK(c.listen[0].transport == net::Transport::udp);
  CHECK(c.listen[0].bind.text() == "0.0.0.0:5060");
  CHECK(c.listen[0].advertise_host == "203.0.113.5");
  CHECK(c.listen[0].advertise_port == 5060);
  CHECK(c.listen[1].transport == net::Transport::tcp);
  CHECK(c.listen[1].advertise_host == "edge.example.com");
  CHECK(c.listen[1].advertise_port == 5070);
  CHECK(c.storage.path == "/var/lib/usher/usher.db");
  CHECK(c.admin.bind.text() == "10.0.0.1:8081");
  CHECK(c.admin.token == "s3cret");
  CHECK(c.admin.insecure);
  CHECK(c.timers.t1 == 250ms);
  CHECK(c.timers.t2 == 2s);
  CHECK(c.timers.t4 == 3s);
  CHECK(c.timers.trying == 100ms);
  CHECK(c.timers.attempt == 16s);
  CHECK(c.timers.ring_limit == 180s);
  CHECK(c.timers.call_probe == 30s);
  CHECK(c.timers.flow_recovery == 2min);
  CHECK(c.timers.drain == 90s);
  CHECK(c.nat.keep_alive == 40s);
  CHECK(c.log.level == LogLevel::warning);
  CHECK(c.log.categories == std::map<LogCategory, LogLevel>{{LogCategory::sip, LogLevel::debug},
                                                            {LogCategory::gate, LogLevel::off}});
}

TEST_CASE("one listener is enough, the rest has defaults") {
  const ConfigResult r = parse_config(kListen, "usher.toml");
  REQUIRE(r.faults.empty());
  CHECK(r.config.listen[0].transport == net::Transport::udp);
  CHECK(r.config.listen[0].advertise_host == "127.0.0.1");
  CHECK(r.config.listen[0].advertise_port == 5060);
  CHECK(r.config.storage.path == "usher.db");
  CHECK(r.config.admin.bind.text() == "127.0.0.1:8080");
  CHECK(r.config.admin.token.empty());
  CHECK(r.config.timers.t1 == 500ms);
  CHECK(r.config.timers.ring_limit == 180s);
  CHECK_MESSAGE(r.config.timers.call_probe == 0s, "nobody is asked");
  CHECK(r.config.timers.drain == 30s);
  CHECK(r.config.nat.keep_alive == 25s);
  CHECK(r.config.log.level == LogLevel::info);
}

TEST_CASE("keep-alives have bounds") {
  for (const std::string value : {"9s", "6m", "30"}) {
    const auto faults =
        parse_config(std::string{kListen} + "[nat]\nkeep_alive = \"" + value + "\"\n", "u.toml")
            .faults;
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].key == "nat.keep_alive");
  }
}

TEST_CASE("an advertised IPv6 address stands in brackets") {
  const auto r =
      parse_config("[[listen]]\nbind = \"[::]:5060\"\nadvertise = \"2001:DB8::5\"", "usher.toml");
  REQUIRE(r.faults.empty());
  CHECK(r.config.listen[0].advertise_host == "[2001:db8::5]");
  const auto own = parse_config("[[listen]]\nbind = \"[::1]:5070\"", "usher.toml");
  CHECK(own.config.listen[0].advertise_host == "[::1]");
  CHECK(own.config.listen[0].advertise_port == 5070);
}

TEST_CASE("a fault names file, line, key and reason") {
  CHECK(ConfigFault{"usher.toml", "timers.t1", "no", 12}.text() == "usher.toml:12: timers.t1: no");
  CHECK(ConfigFault{"usher.toml", "listen", "no", 0}.text() == "usher.toml: listen: no");
  CHECK(ConfigFault{"usher.toml", "", "cannot be read", 0}.text() == "usher.toml: cannot be read");
}

TEST_CASE("without a listener nothing could arrive") {
  const Lines expected{
      "usher.toml: listen: no listener: expected at least one [[listen]] with transport and bind"};
  CHECK(faults("") == expected);
  CHECK(faults("listen = []") == expected);
  CHECK(faults("[storage]\npath = \"a.db\"") == expected);
}

TEST_CASE("text that is not TOML is refused at its line") {
  const Lines lines = faults("[[listen]]\nbind = 127.0.0.1:5060\n");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].starts_with("usher.toml:2: not TOML: "));
  CHECK(faults("a = \"\xff\"").size() == 1);
  CHECK(faults("[timers]\nt1 = \"1s\"\nt1 = \"2s\"\n").size() == 1);
  CHECK(faults(std::string(100'000, '[')).size() == 1);
}

TEST_CASE("an unknown key is refused, with the near miss") {
  CHECK(faults_in("[timers]\nringlimit = \"180s\"") ==
        Lines{"usher.toml:4: timers.ringlimit: unknown key: did you mean ring_limit?"});
  CHECK(faults_in("advertize = \"10.0.0.1\"") ==
        Lines{"usher.toml:3: listen[0].advertize: unknown key: did you mean advertise?"});
  CHECK(faults_in("[timers]\ncolour = \"180s\"") ==
        Lines{"usher.toml:4: timers.colour: unknown key: expected t1, t2, t4, trying, attempt, "
              "hunt_limit, ring_limit, call_probe, flow_recovery or drain"});
  CHECK(faults_in("[Storage]\npath = \"a\"") ==
        Lines{"usher.toml:3: Storage: unknown key: did you mean storage?"});
  CHECK(faults_in("[log.categories]\nsipp = \"debug\"") ==
        Lines{"usher.toml:4: log.categories.sipp: unknown key: did you mean sip?"});
  CHECK(any_contains(faults_in("\"new\\nline\" = 1"), "listen[0].new\\nline: unknown key"));
}

TEST_CASE("a wrong type is refused, with what was found and expected") {
  CHECK(
      faults("[[listen]]\nbind = 5060") ==
      Lines{"usher.toml:2: listen[0].bind: expected a string in double quotes, found an integer"});
  CHECK(faults_in("[admin]\ninsecure = \"true\"") ==
        Lines{"usher.toml:4: admin.insecure: expected true or false, found a string"});
  CHECK(faults("[listen]\nbind = \"127.0.0.1:5060\"") ==
        Lines{"usher.toml:1: listen: expected [[listen]], with double brackets, found a table"});
  CHECK(faults("timers = 5\n" + std::string{kListen}) ==
        Lines{"usher.toml:1: timers: expected a table, [timers], found an integer"});
  CHECK(faults("listen = [5]") ==
        Lines{"usher.toml:1: listen[0]: expected a table, found an integer"});
  CHECK(faults_in("[timers]\nt1 = true") ==
        Lines{"usher.toml:4: timers.t1: expected a duration with a unit, such as \"30s\", found a "
              "boolean"});
  CHECK(faults_in("[log]\ncategories = \"debug\"") ==
        Lines{"usher.toml:4: log.categories: expected a table, [log.categories], found a string"});
}

TEST_CASE("a duration without a unit is refused, with both readings") {
  CHECK(
      faults_in("[timers]\nring_limit = 30") ==
      Lines{"usher.toml:4: timers.ring_limit: expected a duration with a unit, such as \"30s\": 30 "
            "could mean 30s or 30ms"});
  CHECK(faults_in("[timers]\nring_limit = \"30\"") ==
        Lines{"usher.toml:4: timers.ring_limit: \"30\" has no unit: did you mean 30s or 30ms?"});
  CHECK(any_contains(faults_in("[timers]\nt1 = 0.5"), "expected a duration with a unit"));
  CHECK(any_contains(faults_in("[timers]\nt1 = \"half\""), "is not a duration"));
}

TEST_CASE("timers out of bounds are refused, and the bounds are told") {
  CHECK(faults_in("[timers]\nt1 = \"99ms\"") ==
        Lines{"usher.toml:4: timers.t1: 99ms is too short: expected 100ms to 4s"});
  CHECK(faults_in("[timers]\nt1 = \"4001ms\"") ==
        Lines{"usher.toml:4: timers.t1: 4001ms is too long: expected 100ms to 4s"});
  CHECK(faults_in("[timers]\nring_limit = \"30ms\"") ==
        Lines{"usher.toml:4: timers.ring_limit: 30ms is too short: expected 10s to 1h"});
  CHECK(faults_in("[timers]\nring_limit = \"9999ms\"").size() == 1);
  CHECK(faults_in("[timers]\nring_limit = \"61m\"").size() == 1);
  CHECK(faults_in("[timers]\ncall_probe = \"29s\"") ==
        Lines{"usher.toml:4: timers.call_probe: 29s is too short: expected 30s to 1h"});
  CHECK(faults_in("[timers]\ntrying = \"49ms\"").size() == 1);
  CHECK(faults_in("[timers]\ntrying = \"1001ms\"").size() == 1);
  CHECK(faults_in("[timers]\nt4 = \"51s\"").size() == 1);
  CHECK(faults_in("[timers]\nattempt = \"99ms\"").size() == 1);
  CHECK(faults_in("[timers]\nattempt = \"33s\"") ==
        Lines{"usher.toml:4: timers.attempt: 33s is too long: expected 100ms to 32s"});
  CHECK(faults_in("[timers]\nt1 = \"1s\"\nattempt = \"33s\"").empty());
  CHECK(faults_in("[timers]\ndrain = \"61m\"") ==
        Lines{"usher.toml:4: timers.drain: 61m is too long: expected 0s to 1h"});
}

TEST_CASE("bounds themselves are accepted") {
  CHECK(faults_in("[timers]\nt1 = \"100ms\"\nt2 = \"100ms\"\nt4 = \"100ms\"\ntrying = \"50ms\"\n"
                  "attempt = \"100ms\"\nring_limit = \"10s\"\ndrain = \"0s\"")
            .empty());
  CHECK(faults_in("[timers]\nt1 = \"4s\"\nt2 = \"40s\"\nt4 = \"50s\"\ntrying = \"1s\"\n"
                  "attempt = \"256s\"\nring_limit = \"1h\"\ndrain = \"1h\"")
            .empty());
}

TEST_CASE("T2 and T4 are not shorter than T1, whichever comes first") {
  CHECK(faults_in("[timers]\nt2 = \"1s\"\nt1 = \"2s\"\nt4 = \"1s\"") ==
        Lines{"usher.toml:4: timers.t2: 1s is too short: expected 2s (t1) to 40s",
              "usher.toml:6: timers.t4: 1s is too short: expected 2s (t1) to 50s"});
}

TEST_CASE("a faulty T1 brings no further faults along") {
  CHECK(faults_in("[timers]\nt1 = \"9s\"\nt2 = \"8s\"\nattempt = \"100s\"").size() == 1);
}

TEST_CASE("a transport is one of five") {
  CHECK(faults_in("transport = \"sctp\"") ==
        Lines{"usher.toml:3: listen[0].transport: \"sctp\" is no transport: expected \"udp\", "
              "\"tcp\", \"tls\", \"ws\" or \"wss\""});
  CHECK(faults("[[listen]]\ntransport = \"ws\"\nbind = \"127.0.0.1:5080\"").empty());
}

TEST_CASE("TLS needs a certificate and its key, what is no TLS must not have them") {
  const auto listen = [](const std::string& rest) {
    return faults("[[listen]]\nbind = \"127.0.0.1:5061\"\n" + rest);
  };
  CHECK(listen("transport = \"wss\"\ncertificate = \"a.pem\"\nkey = \"a.key\"").empty());
  for (const std::string name : {"tls", "wss"}) {
    const Lines found = listen("transport = \"" + name + "\"");
    REQUIRE(found.size() == 2);
    CHECK(found[0].find("listen[0].certificate: missing: " + name + " needs a certificate") !=
          std::string::npos);
    CHECK(found[1].find("listen[0].key: missing: ") != std::string::npos);
  }
  CHECK(listen("transport = \"tcp\"\ncertificate = \"a.pem\"") ==
        Lines{"usher.toml:4: listen[0].certificate: tcp has no TLS: expected transport \"tls\" or "
              "\"wss\" with it"});
  CHECK(faults_in("[tls]\nca = \"ca.pem\"").empty());
  CHECK(faults_in("[tls]\ncertificate = \"a.pem\"").size() == 1);
  CHECK(listen("transport = \"tls\"\ncertificate = \"\"\nkey = \"a.key\"").size() == 1);
}

TEST_CASE("listeners of all stream transports share the ports of TCP") {
  const auto two = [](const std::string& first, const std::string& second) {
    return faults("[[listen]]\ntransport = \"" + first +
                  "\"\nbind = \"127.0.0.1:5060\"\n[[listen]]\ntransport = \"" + second +
                  "\"\nbind = \"127.0.0.1:5060\"\n");
  };
  CHECK(two("udp", "ws").empty());
  CHECK(two("tcp", "ws").size() == 1);
}

TEST_CASE("bind must be an address and a port") {
  CHECK(faults("[[listen]]\ntransport = \"udp\"") ==
        Lines{"usher.toml:1: listen[0].bind: missing: expected an address and port, such as "
              "\"0.0.0.0:5060\""});
  CHECK(any_contains(faults("[[listen]]\nbind = \"127.0.0.1\""), "is not an address and port"));
  CHECK(
      any_contains(faults("[[listen]]\nbind = \"localhost:5060\""), "is not an address and port"));
  CHECK(any_contains(faults("[[listen]]\nbind = \"127.0.0.1:70000\""), "expected 0 to 65535"));
  CHECK(any_contains(faults("[[listen]]\nbind = \"127.0.0.1:0\""),
                     "has port 0: expected 1 to 65535"));
}

TEST_CASE("a start that would lie to phones is refused") {
  CHECK(any_contains(faults("[[listen]]\nbind = \"0.0.0.0:5060\""),
                     "usher.toml:1: listen[0].advertise: missing: 0.0.0.0:5060 listens on every "
                     "address"));
  CHECK(any_contains(faults("[[listen]]\nbind = \"[::]:5060\""), "listen[0].advertise: missing"));
  CHECK(any_contains(faults("[[listen]]\nbind = \"0.0.0.0:5060\"\nadvertise = \"0.0.0.0\""),
                     "usher.toml:3: listen[0].advertise: \"0.0.0.0\" is the unspecified address"));
  CHECK(any_contains(faults_in("advertise = \"2001:db8::1\""),
                     "is of the other IP version than bind"));
  CHECK(any_contains(faults_in("advertise = \"sip:10.0.0.1\""), "is not a host"));
  CHECK(any_contains(faults_in("advertise = \"10.0.0.1:0\""), "expected 1 to 65535"));
  CHECK(any_contains(faults_in("advertise = \"\""), "is not a host"));
  // One fault for one cause.
  CHECK(faults("[[listen]]\nbind = \"0.0.0.0:5060\"\nadvertise = 5").size() == 1);
}

TEST_CASE("listeners that could not both be opened are refused") {
  const auto two = [](const std::string& first, const std::string& second) {
    return faults("[[listen]]\nadvertise = \"edge\"\n" + first +
                  "\n[[listen]]\nadvertise = \"edge\"\n" + second + "\n");
  };
  CHECK(
      two("bind = \"10.0.0.1:5060\"", "bind = \"10.0.0.1:5060\"") ==
      Lines{
          "usher.toml:6: listen[1].bind: udp 10.0.0.1:5060 is taken by listen[0], 10.0.0.1:5060"});
  CHECK(two("bind = \"0.0.0.0:5060\"", "bind = \"10.0.0.1:5060\"").size() == 1);
  CHECK(two("bind = \"10.0.0.1:5060\"", "bind = \"0.0.0.0:5060\"").size() == 1);
  CHECK(two("bind = \"10.0.0.1:5060\"", "bind = \"10.0.0.1:5061\"").empty());
  CHECK(two("bind = \"10.0.0.1:5060\"", "bind = \"10.0.0.2:5060\"").empty());
  CHECK(two("bind = \"0.0.0.0:5060\"", "bind = \"[::]:5060\"").empty());
  CHECK(two("bind = \"10.0.0.1:5060\"", "bind = \"10.0.0.1:5060\"\ntransport = \"tcp\"").empty());
}

TEST_CASE("the admin API off loopback demands a token, and TLS or a word about its insecurity") {
  const Lines both = faults_in("[admin]\nbind = \"0.0.0.0:8080\"");
  REQUIRE(both.size() == 2);
  CHECK(any_contains(both, "usher.toml:3: admin.token: missing: 0.0.0.0:8080 can be reached"));
  CHECK(any_contains(both,
                     "usher.toml:3: admin.insecure: without TLS the token crosses the "
                     "network in clear from 0.0.0.0:8080: give certificate and key"));
  CHECK(faults_in("[admin]\nbind = \"10.0.0.1:8080\"\ntoken = \"abc\"").size() == 1);
  CHECK(faults_in("[admin]\nbind = \"10.0.0.1:8080\"\ninsecure = true").size() == 1);
  CHECK(faults_in("[admin]\nbind = \"10.0.0.1:8080\"\ninsecure = true\ntoken = \"abc\"").empty());
  CHECK(faults_in("[admin]\nbind = \"[::1]:8080\"").empty());
  CHECK(faults_in("[admin]\ntoken = \"\"").size() == 1);
  CHECK(any_contains(faults_in("[admin]\ntoken = \"a b\""), "visible ASCII"));
  CHECK(any_contains(faults_in("[admin]\nbind = \"8080\""), "is not an address and port"));
}

TEST_CASE("backups lie beside the store unless another folder is named") {
  const auto folder = [](const std::string& keys) {
    return parse_config(std::string(kListen) + keys, "u.toml").config.storage.backups;
  };
  CHECK(folder("") == "usher.db.backups");
  CHECK(folder("[storage]\npath = \"/var/lib/usher/u.db\"") == "/var/lib/usher/u.db.backups");
  CHECK(folder("[storage]\nbackups = \"/backups\"\npath = \"u.db\"") == "/backups");
  CHECK(faults_in("[storage]\nbackups = \"\"").size() == 1);
}

TEST_CASE("the admin API has a certificate with its key, and then needs no word") {
  const std::string tls = "[admin]\ncertificate = \"a.pem\"\nkey = \"a.key\"\n";
  CHECK(faults_in(tls + "bind = \"0.0.0.0:8443\"\ntoken = \"abc\"").empty());
  CHECK(faults_in(tls + "client_ca = \"ca.pem\"").empty());
  CHECK(faults_in(tls + "bind = \"0.0.0.0:8443\"").size() == 1);  // the token
  const Lines no_key =
      faults_in("[admin]\nbind = \"0.0.0.0:8443\"\ntoken = \"abc\"\ncertificate = \"a.pem\"");
  REQUIRE(no_key.size() == 1);
  CHECK(any_contains(no_key, "admin.key: missing: a certificate and its key go together"));
  CHECK(any_contains(faults_in("[admin]\nkey = \"a.key\""), "admin.certificate: missing"));
  CHECK(any_contains(faults_in("[admin]\nclient_ca = \"ca.pem\""), "admin.client_ca: needs TLS"));
  CHECK(any_contains(faults_in("[admin]\nkey = \"a.key\"\ncertificate = \"\""),
                     "admin.certificate: \"\" is not a path"));
  const ConfigResult r = parse_config(std::string{kListen} + tls + "client_ca = \"ca.pem\"", "f");
  REQUIRE(r.faults.empty());
  CHECK(r.config.admin.has_tls());
  CHECK(r.config.admin.certificate == "a.pem");
  CHECK(r.config.admin.key == "a.key");
  CHECK(r.config.admin.client_ca == "ca.pem");
}

TEST_CASE("a storage path must name a file") {
  CHECK(faults_in("[storage]\npath = \"\"").size() == 1);
  CHECK(faults_in("[storage]\npath = \"a\\u0000b\"").size() == 1);
  CHECK(faults_in("[storage]\npath = \"data/usher.db\"").empty());
}

TEST_CASE("log levels are checked") {
  CHECK(faults_in("[log]\nlevel = \"loud\"") ==
        Lines{"usher.toml:4: log.level: \"loud\" is no level: expected debug, info, warning, error "
              "or off"});
  CHECK(faults_in("[log.categories]\nsip = \"loud\"").size() == 1);
  CHECK(faults_in("[log.categories]\nsip = 1").size() == 1);
}

TEST_CASE("the log's format and what it says of users are one of two") {
  CHECK(faults_in("[log]\nformat = \"json\"\nusers = \"hidden\"").empty());
  CHECK(faults_in("[log]\nformat = \"xml\"") ==
        Lines{"usher.toml:4: log.format: \"xml\" is unknown: expected \"text\" or \"json\""});
  CHECK(faults_in("[log]\nusers = \"none\"") ==
        Lines{"usher.toml:4: log.users: \"none\" is unknown: expected \"plain\" or \"hidden\""});
}

TEST_CASE("all faults are reported, in the order of the file") {
  const Lines lines = faults(
      "[timers]\nring_limit = 30\nt1 = \"1m\"\n[admin]\nport = 1\n[[listen]]\nbind = "
      "\"x\"\ntransport = \"sctp\"\n");
  REQUIRE(lines.size() == 5);
  CHECK(lines[0].starts_with("usher.toml:2: timers.ring_limit: "));
  CHECK(lines[1].starts_with("usher.toml:3: timers.t1: "));
  CHECK(lines[2].starts_with("usher.toml:5: admin.port: "));
  CHECK(lines[3].starts_with("usher.toml:7: listen[0].bind: "));
  CHECK(lines[4].starts_with("usher.toml:8: listen[0].transport: "));
}

TEST_CASE("a file is read, or the reason why not is told") {
  const auto directory =
      std::filesystem::temp_directory_path() / ("usher-config-" + std::to_string(getpid()));
  std::filesystem::create_directory(directory);
  const std::string good = directory / "usher.toml";
  std::ofstream{good} << kListen;
  CHECK(load_config(good).faults.empty());
  CHECK(load_config(good).config.listen.size() == 1);

  const std::string missing = directory / "missing.toml";
  const auto absent = load_config(missing).faults;
  REQUIRE(absent.size() == 1);
  CHECK(absent[0].text() == missing + ": cannot be read: No such file or directory");

  const auto folder = load_config(directory).faults;
  REQUIRE(folder.size() == 1);
  CHECK(folder[0].reason == "cannot be read: Is a directory");

  std::ofstream{good} << std::string(limits::kConfigBytes + 1, '#');
  REQUIRE(load_config(good).faults.size() == 1);
  CHECK(load_config(good).faults[0].reason.starts_with("is larger than"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("the usher.toml that comes along is right, and so is what its comments offer") {
  std::ifstream file(USHER_SOURCE_DIR "/usher.toml");
  REQUIRE(file.good());
  std::string as_it_is, uncommented;
  for (std::string line; std::getline(file, line);) {
    as_it_is += line + '\n';
    // "# key = value" and "# [section]" are settings to be tried; other comments are prose.
    const bool setting = line.starts_with("# [") ||
                         (line.starts_with("# ") && line.find(" = ") != std::string::npos &&
                          line.find(' ', 2) == line.find(" = "));
    uncommented += (setting ? line.substr(2) : line) + '\n';
  }
  CHECK(faults(as_it_is) == Lines{});
  CHECK(faults(uncommented) == Lines{});
  CHECK(uncommented.find("\n[log.categories]\ngate = ") != std::string::npos);
}
