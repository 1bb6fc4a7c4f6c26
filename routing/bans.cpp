#include "routing/bans.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "core/net/source.hpp"

namespace usher::routing {

Bans::Bans(const HashKey& key) : key_(key), past_(limits::kOffenders) {}

std::uint64_t Bans::key_of(const net::Cidr& network) const {
  return source_key(key_, static_cast<char>(network.bits), network.base);
}

bool Bans::put(const Now& now, storage::Ban ban) {
  const net::Cidr network = ban.network;
  if (bans_.size() >= limits::kBans && !bans_.contains(network)) return false;
  erase(network);
  const std::uint64_t key = key_of(network);
  if (ban.until != WallTime{}) {
    const Instant due = now.mono + std::chrono::duration_cast<Duration>(ban.until - now.wall);
    due_[key] = due;
    expiry_.emplace(due, network);
  }
  Past& past = past_.obtain(source_key(key_, 'p', network.base));
  past.times = std::max(past.times, ban.times);
  past.last = std::max(ban.until, ban.since);
  storage::Ban& kept = bans_.insert_or_assign(network, std::move(ban)).first->second;
  if (kept.enforced) {
    by_network_[key] = {&kept, {}};
    ++lengths_[{network.base.is_v4(), network.bits}];
    ++enforced_;
  }
  return true;
}

bool Bans::erase(const net::Cidr& network) {
  const auto found = bans_.find(network);
  if (found == bans_.end()) return false;
  const std::uint64_t key = key_of(network);
  if (found->second.enforced) {
    by_network_.erase(key);
    --enforced_;
    const auto length = lengths_.find({network.base.is_v4(), network.bits});
    if (--length->second == 0) lengths_.erase(length);
  }
  if (const auto due = due_.find(key); due != due_.end()) {
    expiry_.erase({due->second, network});
    due_.erase(due);
  }
  changed_.erase(network);
  bans_.erase(found);
  return true;
}

const storage::Ban* Bans::find(const net::Cidr& network) const {
  const auto found = bans_.find(network);
  return found == bans_.end() ? nullptr : &found->second;
}

Bans::Enforced* Bans::match(const net::IpAddress& address) {
  if (enforced_ == 0) return nullptr;
  for (const auto& [length, count] : lengths_) {
    if (length.first != address.is_v4()) continue;
    const auto found = by_network_.find(key_of(network_of(address, length.second)));
    if (found != by_network_.end()) return &found->second;
  }
  return nullptr;
}

void Bans::hit(Enforced& found, Instant now) {
  ++found.ban->hits;
  changed_.insert(found.ban->network);
  if (!flush_) flush_ = now + kFlush;
}

bool Bans::tells(Enforced& found, Instant now) {
  if (found.told && now - *found.told < kTold) return false;
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    told_ = 0;
  }
  if (told_ == kToldOfAll) return false;
  ++told_;
  found.told = now;
  return true;
}

std::optional<Instant> Bans::next_expiry() const {
  if (expiry_.empty()) return std::nullopt;
  return expiry_.begin()->first;
}

std::vector<storage::Ban> Bans::expire(Instant now) {
  std::vector<storage::Ban> out;
  while (!expiry_.empty() && expiry_.begin()->first <= now) {
    const net::Cidr network = expiry_.begin()->second;
    out.push_back(bans_.at(network));
    erase(network);
  }
  return out;
}

std::uint32_t Bans::count_again(const Now& now, const net::Cidr& network, Duration memory) {
  const Past* past = past_.find(source_key(key_, 'p', network.base));
  if (!past || now.wall - past->last > memory) {
    past_.erase(source_key(key_, 'p', network.base));
    return 1;
  }
  return past->times + 1;
}

Duration Bans::length(std::uint32_t times, Duration first, Duration longest) {
  Duration out = first;
  for (std::uint32_t i = 1; i < times && out < longest; ++i) out *= 2;
  return std::min(out, longest);
}

std::vector<storage::Ban> Bans::take_changed(Instant now) {
  std::vector<storage::Ban> out;
  if (!flush_ || *flush_ > now) return out;
  while (!changed_.empty() && out.size() < kFlushed) {
    out.push_back(bans_.at(*changed_.begin()));
    changed_.erase(changed_.begin());
  }
  flush_.reset();
  if (!changed_.empty()) flush_ = now + kFlush;
  return out;
}

}  // namespace usher::routing
