#include "core/entropy.hpp"

#include <sys/random.h>

#include <cerrno>

#include "core/check.hpp"

namespace usher {

std::uint64_t system_entropy() {
  std::uint64_t number = 0;
  // Up to 256 bytes are never delivered in part; a signal can only interrupt the wait for the pool
  // at boot.
  ssize_t got = 0;
  do {
    got = getrandom(&number, sizeof number, 0);
  } while (got < 0 && errno == EINTR);
  USHER_CHECK(got == static_cast<ssize_t>(sizeof number));
  return number;
}

}  // namespace usher
