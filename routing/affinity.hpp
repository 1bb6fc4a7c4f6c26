// Challenge and answer must reach the same backend (rule 11): for a while it is remembered
// who challenged whom. The phone repeats Call-ID and From tag (RFC 3261 §8.1.3.5), even over a new
// connection.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>

#include "core/net/address.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Affinity {
 public:
  using Key = std::uint64_t;

  // `lifetime` of an entry since it was last set; an Asterisk nonce lives 32 s. At most `capacity`
  // entries: the oldest gives way.
  Affinity(const HashKey& key, Duration lifetime, std::size_t capacity)
      : key_(key), lifetime_(lifetime), capacity_(capacity) {}

  Key key_of(std::string_view call_id, std::string_view from_tag) const;
  struct Challenger {
    storage::TargetId target = 0;
    net::Endpoint place;
  };
  void set(Instant now, Key key, const Challenger& challenger);
  std::optional<Challenger> find(Instant now, Key key) const;
  std::optional<Instant> next_expiry() const;
  void expire(Instant now);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Challenger challenger;
    Instant due{};
  };
  struct Due {
    Instant due{};
    Key key = 0;
  };
  HashKey key_;
  Duration lifetime_;
  std::size_t capacity_;
  boost::unordered_flat_map<Key, Entry> entries_;
  std::deque<Due> order_;  // one lifetime: arming order is ending order; an entry set again has a
                           // later place, too
};

}  // namespace usher::routing
