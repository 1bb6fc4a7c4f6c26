// The gate's records as JSON, both ways; see admin/resources/representation.hpp.
#pragma once

#include <cstddef>
#include <vector>

#include "admin/json.hpp"
#include "admin/message.hpp"
#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::admin {

Json writable(const storage::GateSettings& settings);
// What is left out takes its default. `opened` is not an operator's to say.
storage::GateSettings read_gate(const Json& body, WallTime opened, std::vector<Fault>& faults);

inline constexpr std::size_t kPatternBytes = 128;
// {"pattern", "comment"}.
storage::ScannerPattern read_scanner(const Json& body, std::vector<Fault>& faults);

}  // namespace usher::admin
