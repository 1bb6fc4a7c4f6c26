// A reactor driven by a test: runs until something has been seen, or a bound has passed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>

#include "core/reactor.hpp"

namespace usher::test {

inline constexpr std::chrono::seconds kBound{
    10};  // generous: it is waited for only when a test fails

template <class Condition>
bool run_until(Reactor& reactor, Condition&& condition, Duration bound = kBound) {
  const Instant end = Reactor::now().mono + bound;
  while (!condition()) {
    const Duration left = end - Reactor::now().mono;
    if (left <= Duration{0}) return false;
    reactor.context().run_one_for(left);
  }
  return true;
}

// Runs what is ready now, and what that makes ready.
inline void run_ready(Reactor& reactor) {
  while (reactor.context().poll() > 0) {
  }
}

}  // namespace usher::test
