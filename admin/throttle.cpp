#include "admin/throttle.hpp"

#include <algorithm>

#include "core/net/source.hpp"

namespace usher::admin {

namespace {

constexpr std::size_t kClients = 10'000;
constexpr std::chrono::seconds kWrongElsewhere{30}, kWrongLoopback{2};

std::optional<int> seconds_of(Duration wait) {
  if (wait <= Duration{}) return std::nullopt;
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

}  // namespace

Throttle::Throttle(const HashKey& key) : key_(key), buckets_(kClients) {}

Duration Throttle::wait(Instant now, std::uint64_t key, const Rate& rate) {
  const Instant* full = buckets_.find(key);
  if (!full) return {};
  return std::max(Duration{}, *full - now - rate.each * (rate.burst - 1));
}

void Throttle::take(Instant now, std::uint64_t key, const Rate& rate) {
  Instant& full = buckets_.obtain(key);
  full = std::max(full, now) + rate.each;
}

std::optional<int> Throttle::ask(Instant now, const net::IpAddress& client) {
  const Rate rate = client.is_loopback() ? Rate{std::chrono::microseconds(500), 10'000}
                                         : Rate{std::chrono::milliseconds(50), 100};
  const std::uint64_t key = net::source_key(key_, 'r', net::source_of(client));
  if (const auto left = seconds_of(wait(now, key, rate))) return left;
  take(now, key, rate);
  return std::nullopt;
}

std::optional<int> Throttle::locked(Instant now, const net::IpAddress& client) {
  const Rate rate{client.is_loopback() ? kWrongLoopback : kWrongElsewhere,
                  client.is_loopback() ? 20 : 5};
  return seconds_of(wait(now, net::source_key(key_, 't', net::source_of(client)), rate));
}

void Throttle::wrong_token(Instant now, const net::IpAddress& client) {
  take(now, net::source_key(key_, 't', net::source_of(client)),
       {client.is_loopback() ? kWrongLoopback : kWrongElsewhere, 0});
}

}  // namespace usher::admin
