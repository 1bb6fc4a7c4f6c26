// The registered Contacts, packed: by token, by address of record, by user name and by connection,
// with their expiry. Well under 1 kB each (tests/routing/location_memory.cpp measures it), so that
// a million fit.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/pool.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Location {
 public:
  // `key` seeds the hash tables, which are filled with names that strangers choose.
  explicit Location(const HashKey& key);

  // Stores or replaces the binding of its token. It ends at `now.mono` + (expires - now.wall).
  // Returns the tokens of bindings of the same AoR that had to give way to limits::kBindingsPerAor,
  // soonest to expire first.
  std::vector<std::string> put(const storage::Binding& binding, const Now& now);
  bool erase(std::string_view token);

  std::optional<storage::Binding> by_token(std::string_view token) const;
  // Best first (RFC 3261 §16.6 item 1: by q), then the one registered last.
  std::vector<storage::Binding> by_aor(std::string_view aor) const;
  // Distinct AoRs of this user name with a binding that `allowed` accepts by its domain and by who
  // granted it, at most `most`.
  std::vector<std::string> aors_of_user(
      std::string_view user,
      const std::function<bool(std::string_view domain, storage::TargetId granted_by)>& allowed,
      std::size_t most) const;

  // The connection is gone: its bindings stay, but cannot be reached until they register again.
  // Returns how many.
  std::size_t connection_lost(net::ConnectionId connection);

  // Bindings whose flow leads to this source, as source_of() gives it.
  std::size_t phones_at(const net::IpAddress& source) const;

  std::optional<Instant> next_expiry() const;
  // Drops what has expired, at most `limit` bindings, and returns it.
  std::vector<storage::Binding> expire(Instant now, std::size_t limit);

  std::size_t size() const { return size_; }
  // Bindings of this domain, which is lower case: a walk over the table, without copies.
  std::size_t count_in(std::string_view domain) const;
  // What a list is restricted to; empty: not by this.
  struct Filter {
    std::string_view domain, user;  // the domain in lower case
    std::optional<net::IpAddress> source;
  };
  // From slot `from` on, at most `limit` bindings; `next` is the slot to go on from, 0 at the end.
  // A domain or a source alone is a walk over the table, without copies.
  std::vector<storage::Binding> page(std::size_t from, std::size_t limit, const Filter& filter,
                                     std::size_t& next) const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  enum Chain : std::uint8_t { token_chain, aor_chain, user_chain, connection_chain };
  static constexpr std::size_t kChains = 4;
  struct Link {
    std::uint32_t previous = kNone, next = kNone;
  };
  struct Entry {
    std::string token;
    std::string user;
    std::string contact_and_instance;  // one allocation for both
    net::Flow flow;
    storage::TargetId target = 0;
    WallTime registered{}, expires{};
    Instant due{};
    std::uint64_t order = 0;  // of registration, for "the one registered last"
    Link links[kChains];
    std::uint32_t heap_position = kNone;  // kNone: a free slot
    Pool::Id domain = 0, user_agent = 0;
    std::uint16_t contact_length = 0;
    std::uint16_t q = 1000;
  };
  using Heads = boost::unordered_flat_map<std::uint64_t, std::uint32_t>;

  std::uint64_t hash(Chain chain, const Entry& e) const;
  std::uint64_t aor_hash(std::string_view user, std::string_view domain) const;
  std::uint32_t head(Chain chain, std::uint64_t hash) const;
  std::uint32_t find(std::string_view token) const;
  std::vector<std::uint32_t> entries_of(std::string_view user, std::string_view domain) const;
  std::vector<std::uint32_t> entries_of_user(std::string_view user) const;
  bool accepts(const Filter& filter, const Entry& e) const;
  void count_phone(const net::IpAddress& address, bool here);
  void link(Chain chain, std::uint32_t index);
  void unlink(Chain chain, std::uint32_t index);
  void insert(const storage::Binding& binding, Instant due);
  void remove(std::uint32_t index);
  storage::Binding binding_of(const Entry& e) const;

  // A heap of slots, the one that expires first on top.
  void heap_push(std::uint32_t index);
  void heap_erase(std::uint32_t index);
  void heap_settle(std::size_t position);
  bool sooner(std::size_t a, std::size_t b) const;
  void heap_swap(std::size_t a, std::size_t b);

  HashKey key_;
  std::deque<Entry> entries_;
  std::vector<std::uint32_t> free_;
  Heads heads_[kChains];
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> phones_;  // by source
  std::vector<std::uint32_t> heap_;
  Pool pool_;
  std::uint64_t order_ = 0;
  std::size_t size_ = 0;
};

}  // namespace usher::routing
