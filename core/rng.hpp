// Randomness and keyed hashing. Deterministic under test: the same seed gives the same run.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace usher {

// A fast generator for tags, branches and jitter. Seeded once from the operating system in
// production (core/entropy.hpp) and by the test under test.
class Rng {
 public:
  explicit Rng(std::uint64_t seed);
  std::uint64_t next();
  std::uint64_t below(std::uint64_t bound);  // uniform in [0, bound); bound > 0
  // `length` characters of [0-9a-v], five bits each.
  std::string token(std::size_t length);

 private:
  std::array<std::uint64_t, 4> state_;
};

// SipHash-2-4 (Aumasson, Bernstein): a keyed hash of untrusted text, for hash tables that strangers
// fill and for names derived from other names.
struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};
std::uint64_t siphash(const HashKey& key, std::string_view text);

// A 64-bit number as 13 characters of [0-9a-v].
std::string base32(std::uint64_t number);

}  // namespace usher
