// Keep-alives to phones behind NAT: a phone on UDP whose Contact is not where its packets come from
// is sent CRLF CRLF once in each interval, so that the NAT keeps its mapping (the ping of RFC 5626
// §3.5.1, from our side and without an answer). Each binding has its own place in the interval,
// and a wake-up sends a bounded number: there are no bursts. Pure.
#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/time.hpp"
#include "routing/location.hpp"
#include "sip/transaction/events.hpp"

namespace usher::routing {

class KeepAlive {
 public:
  // interval 0: none is sent.
  explicit KeepAlive(Duration interval) : interval_(interval) {}

  static bool behind_nat(const storage::Binding& binding);

  // A binding was stored, for the first time or again. `first`: from now to its first keep-alive.
  // True when it is a new one behind NAT.
  bool watch(Instant now, const storage::Binding& binding, Duration first);
  bool watch(Instant now, const storage::Binding& binding) {
    return watch(now, binding, interval_);
  }
  // Of a whole table as loaded at start: spread over the interval.
  Duration place_of(std::size_t index, std::size_t count) const {
    return interval_ * static_cast<Duration::rep>(index + 1) / static_cast<Duration::rep>(count);
  }

  // What is due, at most kPerWakeUp. Bindings that are gone, or no longer behind NAT, are
  // forgotten.
  std::vector<sip::Send> due(Instant now, const Location& location);
  std::optional<Instant> next_deadline() const;
  std::size_t size() const { return tokens_.size(); }
  Duration interval() const { return interval_; }

  static constexpr std::size_t kPerWakeUp = 100;

 private:
  struct Place {
    Instant due{};
    std::string token;
  };
  Duration interval_;
  std::deque<Place> row_;  // by due
  std::unordered_set<std::string> tokens_;
};

}  // namespace usher::routing
