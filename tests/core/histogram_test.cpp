#include "core/histogram.hpp"

#include <doctest/doctest.h>

namespace usher {

using namespace std::chrono_literals;

TEST_CASE("an observation counts at the first bound that is not below it") {
  static constexpr Duration kBounds[] = {1ms, 10ms, 100ms};
  Histogram h(kBounds);
  for (const Duration took : {Duration{0}, Duration{1ms}, Duration{1001}, Duration{10ms},
                              Duration{100ms}, Duration{100'001}, Duration{1h}})
    h.observe(took);
  CHECK(h.between(0) == 2);
  CHECK(h.between(1) == 2);
  CHECK(h.between(2) == 1);
  CHECK(h.between(3) == 2);
  CHECK(h.count() == 7);
  CHECK(h.sum() == 1ms + 1001us + 10ms + 100ms + 100'001us + 1h);
}

}  // namespace usher
