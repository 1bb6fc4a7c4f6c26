#include "core/config_recorder.hpp"

#include <charconv>

#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher {

namespace {

// "64MB": a whole number and its unit. The units are powers of 1024. Nothing: it is none.
std::optional<std::size_t> parse_memory(std::string_view text) {
  std::size_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || count > limits::kRecorderMost) return std::nullopt;
  const std::string_view unit{rest, static_cast<std::size_t>(end - rest)};
  if (unit == "KB") return count << 10;
  if (unit == "MB") return count << 20;
  if (unit == "GB") return count << 30;
  return std::nullopt;
}

}  // namespace

void read_recorder(ConfigSection section, FlightRecorderConfig& recorder) {
  section.expect({"enabled", "memory"});
  if (const auto enabled = section.boolean("enabled")) recorder.enabled = *enabled;
  const auto text = section.string("memory");
  if (!text) return;
  const auto memory = parse_memory(*text);
  if (!memory) {
    section.fault("memory", quoted(*text) +
                                " is no amount of memory: expected a whole number with "
                                "KB, MB or GB, such as \"64MB\"");
  } else if (*memory < limits::kRecorderLeast || *memory > limits::kRecorderMost) {
    section.fault("memory",
                  quoted(*text) +
                      (*memory < limits::kRecorderLeast ? " is too little" : " is too much") +
                      ": expected 1MB to 4GB");
  } else {
    recorder.memory = *memory;
  }
}

}  // namespace usher
