// The one source of real randomness: the operating system. Called at start only.
#pragma once

#include <cstdint>

namespace usher {

std::uint64_t system_entropy();

}  // namespace usher
