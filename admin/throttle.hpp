// How often one client may ask the administration, and how often it may be wrong about the token.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/net/address.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/recent.hpp"

namespace usher::admin {

class Throttle {
 public:
  explicit Throttle(const HashKey& key);

  // Counts a request of the client. Seconds to wait when it has asked too often; nothing: go on.
  std::optional<int> ask(Instant now, const net::IpAddress& client);
  // Seconds until it may try a token again, after too many wrong ones. Counts nothing.
  std::optional<int> locked(Instant now, const net::IpAddress& client);
  void wrong_token(Instant now, const net::IpAddress& client);

  std::size_t size() const { return buckets_.size(); }

 private:
  struct Rate {
    Duration each{};  // per token of the bucket
    int burst = 0;
  };
  // Until the bucket has a token; zero: it has one.
  Duration wait(Instant now, std::uint64_t key, const Rate& rate);
  void take(Instant now, std::uint64_t key, const Rate& rate);

  HashKey key_;
  routing::RecentTable<Instant> buckets_;  // when all tokens are back
};

}  // namespace usher::admin
