// The section [overload]: bounds, units, and what the defaults are.
#include <doctest/doctest.h>

#include "core/config_reload.hpp"

using namespace std::chrono_literals;

namespace usher {
namespace {

ConfigResult read(const std::string& lines) {
  return parse_config(
      "[[listen]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n[overload]\n" + lines, "f");
}

TEST_CASE("overload: what is given holds, what is not keeps its default") {
  const ConfigResult result =
      read("registers_in_flight = 8\nregister_queue = 0\nmax_lag = \"2s\"\n");
  REQUIRE(result.faults.empty());
  const OverloadConfig& overload = result.config.overload;
  CHECK(overload.registers_in_flight == 8);
  CHECK(overload.register_queue == 0);
  CHECK(overload.max_lag == 2s);
  CHECK(overload.register_wait == 5s);
  CHECK(overload.retry_after == 20s);
}

TEST_CASE("overload: numbers and times out of bounds are refused, each with its key") {
  const ConfigResult result = read(
      "registers_in_flight = 0\nregister_queue = -1\nregister_wait = \"32s\"\n"
      "max_lag = 500\nretry_after = \"1s\"\n");
  std::vector<std::string> keys;
  for (const ConfigFault& fault : result.faults) keys.push_back(fault.key);
  CHECK(keys == std::vector<std::string>{"overload.registers_in_flight", "overload.register_queue",
                                         "overload.register_wait", "overload.max_lag",
                                         "overload.retry_after"});
  CHECK(result.faults.at(0).reason ==
        "0 is out of bounds: expected a whole number from 1 to 10000");
  CHECK(result.faults.at(2).reason == "32s is too long: expected 100ms to 10s");
  CHECK(read("registers_in_flight = \"8\"\n").faults.size() == 1);
}

TEST_CASE("overload: a change needs a restart, and SIGHUP says so") {
  const auto was = read("").config;
  CHECK(compare(was, read("register_queue = 1\n").config).restart ==
        std::vector<std::string>{"overload"});
}

}  // namespace
}  // namespace usher
