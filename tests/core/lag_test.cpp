// How late the process is: what an operator sees, and what decides whom to refuse.
#include <doctest/doctest.h>

#include "core/lag.hpp"

using namespace std::chrono_literals;

namespace usher {
namespace {

const Instant kStart{1h};

TEST_CASE("a lag that lasts is seen within half a second, and forgotten as fast") {
  LagMeter lag;
  Instant now = kStart;
  for (; now < kStart + 500ms; now += 10ms) lag.note(now, 400ms);
  CHECK(lag.read(now).average > 250ms);
  CHECK(lag.read(now).average <= 400ms);
  CHECK_MESSAGE(lag.read(now + 1s).average < 40ms, "no sample is no lag");
  CHECK(lag.read(now + 10s).average == 0ms);
  CHECK_MESSAGE(lag.read(now + 10s).worst == 400ms, "the operator may come later");
}

TEST_CASE("one late wake-up among many is no lasting lag") {
  LagMeter lag;
  Instant now = kStart;
  for (; now < kStart + 1s; now += 1ms) lag.note(now, 0ms);
  lag.note(now, 200ms);
  CHECK(lag.read(now + 100ms).average <= 50ms);
  CHECK(lag.read(now + 100ms).worst == 200ms);
}

TEST_CASE("the worst is forgotten after a minute") {
  LagMeter lag;
  lag.note(kStart, 3s);
  CHECK(lag.read(kStart + 29s).worst == 3s);
  CHECK(lag.read(kStart + 61s).worst == 0ms);
  lag.note(kStart + 40s, 1s);
  CHECK(lag.read(kStart + 45s).worst == 3s);
  CHECK(lag.read(kStart + 75s).worst == 1s);
}

TEST_CASE("what is early is not late") {
  LagMeter lag;
  lag.note(kStart, -5ms);
  CHECK(lag.read(kStart + 1s).average == 0ms);
  CHECK(lag.read(kStart + 1s).worst == 0ms);
}

}  // namespace
}  // namespace usher
