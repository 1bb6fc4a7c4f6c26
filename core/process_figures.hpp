// What the kernel says of this process.
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.hpp"

namespace usher {

// What is absent cannot be read here: a system without /proc, or one that hides it.
struct ProcessFigures {
  std::optional<std::uint64_t> resident_bytes, virtual_bytes;
  std::optional<Duration> cpu;  // user and system time
  std::optional<std::uint64_t> open_fds, most_fds;
};
// A few system calls, and one per thousand open files.
ProcessFigures process_figures();

}  // namespace usher
