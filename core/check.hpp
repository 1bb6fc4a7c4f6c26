// Assertions for our own bugs. They stay on in release builds.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace usher {

[[noreturn]] inline void check_failed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, what);
  std::abort();
}

}  // namespace usher

#define USHER_CHECK(condition) \
  ((condition) ? void(0) : ::usher::check_failed(#condition, __FILE__, __LINE__))
