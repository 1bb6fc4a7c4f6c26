// The sections [hep] and [correlation].
#include <doctest/doctest.h>

#include "core/config_reload.hpp"

namespace usher {
namespace {

ConfigResult read(const std::string& lines) {
  return parse_config("[[listen]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n" + lines, "f");
}

std::string refusal(const std::string& lines) {
  const ConfigResult result = read(lines);
  REQUIRE(result.faults.size() == 1);
  return result.faults[0].text();
}

TEST_CASE("hep: without the section nothing is mirrored, with it the server is enough") {
  CHECK(read("").config.hep == HepConfig{});
  CHECK_FALSE(read("").config.hep.server);
  const ConfigResult least = read("[hep]\nserver = \"127.0.0.1:9060\"\n");
  REQUIRE(least.faults.empty());
  CHECK(least.config.hep.server == *net::Endpoint::parse("127.0.0.1:9060"));
  CHECK(least.config.hep.agent_id == 2001);
  CHECK(least.config.hep.password.empty());
  const ConfigResult all = read(
      "[hep]\nserver = \"[2001:db8::1]:9060\"\nagent_id = 4294967295\npassword = \"my secret\"\n");
  REQUIRE(all.faults.empty());
  CHECK(all.config.hep.server == *net::Endpoint::parse("[2001:db8::1]:9060"));
  CHECK(all.config.hep.agent_id == 4'294'967'295);
  CHECK(all.config.hep.password == "my secret");
}

TEST_CASE("hep: what cannot be a server, an agent or a password is refused") {
  CHECK(refusal("[hep]\n") ==
        "f:4: hep.server: missing: expected the address and port of a capture server, such as "
        "\"192.0.2.60:9060\"");
  CHECK(refusal("[hep]\nserver = \"0.0.0.0:9060\"\n") ==
        "f:5: hep.server: 0.0.0.0:9060 is the unspecified address: expected that of a capture "
        "server");
  CHECK(refusal("[hep]\nserver = \"homer.example.com:9060\"\n").find("f:5: hep.server: ") == 0);
  CHECK(refusal("[hep]\nserver = \"127.0.0.1\"\n").find("f:5: hep.server: ") == 0);
  CHECK(refusal("[hep]\nserver = \"127.0.0.1:0\"\n").find("has port 0") != std::string::npos);
  CHECK(refusal("[hep]\nserver = 9060\n").find("f:5: hep.server: ") == 0);
  const std::string good = "[hep]\nserver = \"127.0.0.1:9060\"\n";
  CHECK(refusal(good + "agent_id = 4294967296\n") ==
        "f:6: hep.agent_id: 4294967296 is out of bounds: expected a whole number from 0 to "
        "4294967295");
  CHECK(refusal(good + "agent_id = -1\n").find("out of bounds") != std::string::npos);
  CHECK(refusal(good + "agent_id = \"7\"\n").find("f:6: hep.agent_id: ") == 0);
  CHECK(refusal(good + "password = \"\"\n") == "f:6: hep.password: has 0 bytes: expected 1 to 255");
  CHECK(refusal(good + "port = 9060\n").find("hep.port") != std::string::npos);
}

TEST_CASE("hep: a password that is refused is not shown") {
  const std::string secret(256, 'S');
  const std::string good = "[hep]\nserver = \"127.0.0.1:9060\"\n";
  CHECK(refusal(good + "password = \"" + secret + "\"\n") ==
        "f:6: hep.password: has 256 bytes: expected 1 to 255");
  CHECK(read(good + "password = \"" + secret.substr(1) + "\"\n").faults.empty());
  CHECK(refusal(good + "password = 12345678\n").find("12345678") == std::string::npos);
}

TEST_CASE("correlation: off unless it is asked for") {
  CHECK(read("").config.correlation == CorrelationConfig{});
  CHECK_FALSE(read("").config.correlation.x_cid);
  CHECK_FALSE(read("").config.correlation.session_id);
  const ConfigResult result = read("[correlation]\nx_cid = true\nsession_id = true\n");
  REQUIRE(result.faults.empty());
  CHECK(result.config.correlation.x_cid);
  CHECK(result.config.correlation.session_id);
  CHECK(refusal("[correlation]\nx_cid = \"yes\"\n").find("f:5: correlation.x_cid: ") == 0);
  CHECK(refusal("[correlation]\nsession_id = 1\n").find("f:5: correlation.session_id: ") == 0);
  CHECK(refusal("[correlation]\nxcid = true\n").find("correlation.xcid") != std::string::npos);
}

TEST_CASE("hep and correlation: only a restart changes them, and no password is told") {
  const Config was = read("[hep]\nserver = \"127.0.0.1:9060\"\npassword = \"one\"\n").config;
  CHECK(compare(was, read("[hep]\nserver = \"127.0.0.1:9060\"\npassword = \"two\"\n").config)
            .restart == std::vector<std::string>{"hep"});
  CHECK(compare(was, was).restart.empty());
  CHECK(compare(read("").config, read("[correlation]\nx_cid = true\n").config).restart ==
        std::vector<std::string>{"correlation"});
}

}  // namespace
}  // namespace usher
