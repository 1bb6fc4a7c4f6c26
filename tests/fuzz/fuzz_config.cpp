// Whatever stands in the file: a configuration, or faults that each say where and why, and the same
// ones each time.
#include "core/config.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const ConfigResult first = parse_config(text, "usher.toml");
  const ConfigResult second = parse_config(text, "usher.toml");
  USHER_CHECK(first.faults.size() == second.faults.size());
  for (std::size_t i = 0; i < first.faults.size(); ++i) {
    USHER_CHECK(!first.faults[i].reason.empty());
    USHER_CHECK(first.faults[i].text() == second.faults[i].text());
    // One line each: what stands in the file cannot forge another.
    USHER_CHECK(first.faults[i].text().find('\n') == std::string::npos);
  }
  if (first.faults.empty()) USHER_CHECK(!first.config.listen.empty());
  return 0;
}
