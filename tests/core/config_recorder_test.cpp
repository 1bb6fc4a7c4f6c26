// The section [recorder]: amounts of memory have units and bounds; it can be switched at run time.
#include <doctest/doctest.h>

#include "core/config_reload.hpp"

namespace usher {
namespace {

ConfigResult read_recorder_section(const std::string& lines) {
  return parse_config(
      "[[listen]]\ntransport = \"udp\"\nbind = \"127.0.0.1:5060\"\n[recorder]\n" + lines, "f");
}

TEST_CASE("recorder: on, with 64 MB, unless told otherwise") {
  const ConfigResult none = read_recorder_section("");
  REQUIRE(none.faults.empty());
  CHECK(none.config.recorder.enabled);
  CHECK(none.config.recorder.memory == 64U << 20);
  const ConfigResult given = read_recorder_section("enabled = false\nmemory = \"2048KB\"\n");
  REQUIRE(given.faults.empty());
  CHECK_FALSE(given.config.recorder.enabled);
  CHECK(given.config.recorder.memory == 2U << 20);
}

TEST_CASE("recorder: memory without a unit, or out of bounds, is refused") {
  for (const char* bad : {"\"64\"", "\"64mb\"", "\"MB\"", "\"-1MB\"", "\"1.5MB\"", "\"1023KB\"",
                          "\"5GB\"", "\"99999999999999999999GB\"", "64"}) {
    CAPTURE(bad);
    const auto faults = read_recorder_section("memory = " + std::string{bad} + "\n").faults;
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].key == "recorder.memory");
  }
}

TEST_CASE("recorder: SIGHUP switches it, its memory needs a restart") {
  const auto was = read_recorder_section("").config;
  const auto is = read_recorder_section("enabled = false\nmemory = \"1MB\"\n").config;
  const ConfigChanges changes = compare(was, is);
  CHECK(changes.live == std::vector<std::string>{"recorder.enabled: on -> off"});
  CHECK(changes.restart == std::vector<std::string>{"recorder.memory"});
}

}  // namespace
}  // namespace usher
