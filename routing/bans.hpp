// Who is banned: addresses and networks, found by one look per prefix length in use; when each ban
// ends; and how long the next one of the same source is.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/net/address.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/recent.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Bans {
 public:
  using List = std::map<net::Cidr, storage::Ban>;

  explicit Bans(const HashKey& key);

  // Makes or replaces the ban of its network. False: there are limits::kBans others.
  bool put(const Now& now, storage::Ban ban);
  bool erase(const net::Cidr& network);
  const storage::Ban* find(const net::Cidr& network) const;
  const List& list() const { return bans_; }
  bool empty() const { return bans_.empty(); }
  std::size_t size() const { return bans_.size(); }
  std::size_t enforced() const { return enforced_; }

  struct Enforced {
    storage::Ban* ban = nullptr;
    std::optional<Instant> told;  // when a packet that it dropped was told last
  };
  // The ban that holds the address; null: none. Counts nothing. Valid until the next change.
  Enforced* match(const net::IpAddress& address);
  // A packet was dropped.
  void hit(Enforced& found, Instant now);
  // Whether the packet is one of the few that are told: one per kTold of each ban, kToldOfAll per
  // second of all. Then it counts as told.
  bool tells(Enforced& found, Instant now);

  std::optional<Instant> next_expiry() const;
  std::vector<storage::Ban> expire(Instant now);

  // How often a source has been banned by a rule lately, the ban that is about to be made included;
  // lately: within `memory` of the end of the last one.
  std::uint32_t count_again(const Now& now, const net::Cidr& network, Duration memory);
  // `first`, doubled for each time before this one, at most `longest`.
  static Duration length(std::uint32_t times, Duration first, Duration longest);

  // Bans whose hits have changed, to be stored, once per kFlush.
  std::optional<Instant> flush_due() const { return flush_; }
  std::vector<storage::Ban> take_changed(Instant now);

  static constexpr Duration kFlush = std::chrono::seconds(60);
  static constexpr std::size_t kFlushed = 1000;
  static constexpr Duration kTold = std::chrono::seconds(10);
  static constexpr unsigned kToldOfAll = 20;

 private:
  struct Past {
    std::uint32_t times = 0;
    WallTime last{};
  };
  std::uint64_t key_of(const net::Cidr& network) const;

  HashKey key_;
  List bans_;
  // Enforced ones. Nodes of the list stay where they are.
  boost::unordered_flat_map<std::uint64_t, Enforced> by_network_;
  std::map<std::pair<bool, std::uint8_t>, std::size_t> lengths_;  // is v4, bits → how many
  std::set<std::pair<Instant, net::Cidr>> expiry_;
  boost::unordered_flat_map<std::uint64_t, Instant> due_;  // of each that ends
  std::set<net::Cidr> changed_;
  std::optional<Instant> flush_;
  std::size_t enforced_ = 0;
  Instant second_{};  // since when told_ are counted
  unsigned told_ = 0;
  RecentTable<Past> past_;
};

}  // namespace usher::routing
