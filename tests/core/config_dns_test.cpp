// The section [dns]: servers, their port, the timeout.
#include <doctest/doctest.h>

#include "core/config_reload.hpp"

using namespace std::chrono_literals;

namespace usher {
namespace {

ConfigResult read(const std::string& lines) {
  return parse_config("[[listen]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n[dns]\n" + lines,
                      "f");
}

TEST_CASE("dns: without the section the system's servers are asked, with it those it names") {
  CHECK(read("").config.dns == DnsConfig{});
  const ConfigResult result = read(
      "servers = [\"127.0.0.1:5353\", \"192.0.2.53\", \"[2001:db8::1]:54\"]\n"
      "timeout = \"500ms\"\n");
  REQUIRE(result.faults.empty());
  CHECK(result.config.dns.servers ==
        std::vector<net::Endpoint>{*net::Endpoint::parse("127.0.0.1:5353"),
                                   *net::Endpoint::parse("192.0.2.53:53"),
                                   *net::Endpoint::parse("[2001:db8::1]:54")});
  CHECK(result.config.dns.timeout == 500ms);
}

TEST_CASE("dns: what is no server, and a time without a unit, are refused with key and reason") {
  const auto refusal = [](const std::string& line) {
    const ConfigResult result = read(line + "\n");
    REQUIRE(result.faults.size() == 1);
    return result.faults[0].text();
  };
  CHECK(refusal("servers = [\"ns.example.com\"]") ==
        "f:5: dns.servers: \"ns.example.com\" is no server: expected an address, perhaps with a "
        "port, as in \"192.0.2.53\" or \"127.0.0.1:5353\"");
  CHECK(refusal("servers = [\"0.0.0.0:53\"]").find("is no server") != std::string::npos);
  CHECK(refusal("servers = [\"127.0.0.1:0\"]").find("is no server") != std::string::npos);
  CHECK(refusal("servers = \"127.0.0.1:53\"").find("f:5: dns.servers: ") == 0);
  CHECK(refusal("servers = [53]").find("f:5: dns.servers[0]: expected text") == 0);
  CHECK(
      refusal("servers = [\"::1\",\"::1\",\"::1\",\"::1\",\"::1\",\"::1\",\"::1\",\"::1\",\"::1\"]")
          .find("expected at most 8") != std::string::npos);
  CHECK(refusal("timeout = 5").find("f:5: dns.timeout: ") == 0);
  CHECK(refusal("timeout = \"20s\"") == "f:5: dns.timeout: 20s is too long: expected 100ms to 10s");
  CHECK(refusal("timeout = \"1ms\"").find("too short") != std::string::npos);
  CHECK(refusal("server = []").find("dns.server") != std::string::npos);
}

TEST_CASE("dns: only a restart changes it") {
  CHECK(compare(read("").config, read("timeout = \"1s\"\n").config).restart ==
        std::vector<std::string>{"dns"});
}

}  // namespace
}  // namespace usher
