// Random sequences of events, the same ones each time. tests/fuzz/fuzz_transactions.cpp looks for
// others.
#include <doctest/doctest.h>

#include <vector>

#include "core/rng.hpp"
#include "tests/fuzz/transaction_player.hpp"

using namespace usher;
using namespace usher::sip;

TEST_CASE(
    "whatever comes in whatever order: one end for each, one refusal at most, nothing sent after "
    "it, nothing left") {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    Rng rng(seed);
    std::vector<std::uint8_t> script(20 + rng.below(300));
    for (auto& b : script) b = static_cast<std::uint8_t>(rng.next() >> 32);
    const std::string broken = TransactionPlayer(script).play();
    CAPTURE(seed);
    REQUIRE_MESSAGE(broken.empty(), broken);
  }
}
