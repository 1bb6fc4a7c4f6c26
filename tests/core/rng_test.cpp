#include "core/rng.hpp"

#include <doctest/doctest.h>

#include <array>
#include <set>

#include "core/entropy.hpp"

using namespace usher;

TEST_CASE("SipHash-2-4 gives the reference vectors") {
  // Key 00 01 … 0f, text 00 01 … (n-1), as published with the reference implementation.
  const HashKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  constexpr std::array<std::uint64_t, 9> kVectors{
      0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL, 0x0d6c8009d9a94f5aULL,
      0x85676696d7fb7e2dULL, 0xcf2794e0277187b7ULL, 0x18765564cd99a68dULL,
      0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL, 0x93f5f5799a932462ULL};
  std::string text;
  for (std::size_t i = 0; i < kVectors.size(); ++i) {
    CHECK(siphash(key, text) == kVectors[i]);
    text += static_cast<char>(i);
  }
  while (text.size() < 15) text += static_cast<char>(text.size());
  CHECK(siphash(key, text) == 0xa129ca6149be45e5ULL);  // the example of the paper
}

TEST_CASE("another key gives another hash") {
  CHECK(siphash({1, 2}, "z9hG4bK1") != siphash({1, 3}, "z9hG4bK1"));
  CHECK(siphash({1, 2}, "z9hG4bK1") != siphash({2, 2}, "z9hG4bK1"));
}

TEST_CASE("the generator is xoshiro256** seeded by splitmix64") {
  Rng rng{0};
  CHECK(rng.next() == 0x99ec5f36cb75f2b4ULL);
  CHECK(rng.next() == 0xbf6e1f784956452aULL);
  CHECK(rng.next() == 0x1a5f849d4933e6e0ULL);
  CHECK(rng.next() == 0x6aa594f1262d2d2cULL);
}

TEST_CASE("the same seed gives the same run, another seed another") {
  Rng a{7};
  Rng b{7};
  Rng c{8};
  const std::string token = a.token(20);
  CHECK(token == b.token(20));
  CHECK(token != c.token(20));
}

TEST_CASE("below() reaches every number under its bound and none above") {
  Rng rng{1};
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t n = rng.below(7);
    REQUIRE(n < 7);
    seen.insert(n);
  }
  CHECK(seen.size() == 7);
  CHECK(rng.below(1) == 0);
  for (int i = 0; i < 100; ++i) CHECK(rng.below((1ULL << 63) + 1) <= (1ULL << 63));
}

TEST_CASE("tokens have the length and the letters they promise") {
  Rng rng{3};
  CHECK(rng.token(0).empty());
  std::set<char> letters;
  for (int i = 0; i < 100; ++i) {
    const std::string token = rng.token(25);
    CHECK(token.size() == 25);
    letters.insert(token.begin(), token.end());
  }
  CHECK(letters.size() == 32);
  CHECK(*letters.begin() == '0');
  CHECK(*letters.rbegin() == 'v');
}

TEST_CASE("base32 keeps every bit and the order of numbers") {
  CHECK(base32(0) == "0000000000000");
  CHECK(base32(31) == "000000000000v");
  CHECK(base32(32) == "0000000000010");
  CHECK(base32(~0ULL) == "fvvvvvvvvvvvv");
  CHECK(base32(1000) < base32(1001));
  CHECK(base32(1ULL << 63) > base32(1ULL << 62));
}

TEST_CASE("the system's entropy differs from call to call") {
  CHECK(system_entropy() != system_entropy());
}
