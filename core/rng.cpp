#include "core/rng.hpp"

#include <bit>

#include "core/check.hpp"

namespace usher {

namespace {

constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuv";

// splitmix64 (Steele, Lea, Flood): spreads one seed over the state, whatever the seed.
std::uint64_t splitmix(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
};

// Up to eight bytes as a little-endian number, on any machine.
std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    word |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
  }
  return word;
}

}  // namespace

Rng::Rng(std::uint64_t seed) : state_{} {
  for (std::uint64_t& word : state_) word = splitmix(seed);
}

// xoshiro256** (Blackman, Vigna).
std::uint64_t Rng::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
  USHER_CHECK(bound > 0);
  // The numbers under `surplus` would make small remainders likelier.
  const std::uint64_t surplus = (0 - bound) % bound;
  std::uint64_t number = next();
  while (number < surplus) number = next();
  return number % bound;
}

std::string Rng::token(std::size_t length) {
  std::string out;
  out.reserve(length);
  while (out.size() < length) {
    std::uint64_t bits =
        next() >> 4;  // 60 bits: twelve characters; xoshiro's upper bits are its best
    for (int i = 0; i < 12 && out.size() < length; ++i, bits >>= 5) out += kDigits[bits & 31];
  }
  return out;
}

std::uint64_t siphash(const HashKey& key, std::string_view text) {
  SipState s{key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
             key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
  const std::uint64_t length = text.size();
  while (text.size() >= 8) {
    s.absorb(little_endian(text.substr(0, 8)));
    text.remove_prefix(8);
  }
  s.absorb((length << 56) | little_endian(text));
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

std::string base32(std::uint64_t number) {
  std::string out(13, '0');
  for (auto c = out.rbegin(); c != out.rend(); ++c, number >>= 5) *c = kDigits[number & 31];
  return out;
}

}  // namespace usher
