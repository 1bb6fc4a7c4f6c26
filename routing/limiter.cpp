#include "routing/limiter.hpp"

#include <algorithm>
#include <array>

#include "core/limits.hpp"
#include "core/net/source.hpp"

namespace usher::routing {

namespace {

struct Share {
  std::uint64_t per_second = 0, burst = 0;  // 0 per second: no limit
  Duration each() const {
    return std::max(Duration{1},
                    Duration{std::chrono::seconds(1)} / static_cast<Duration::rep>(per_second));
  }
};

Share share_of(const storage::RateLimit& limit) {
  return {limit.per_second, std::max(limit.burst, 1U)};
}

}  // namespace

std::string_view limit_name(Limiter::Over over) {
  switch (over) {
    case Limiter::Over::none: return "none";
    case Limiter::Over::source: return "source";
    case Limiter::Over::user: return "user";
    case Limiter::Over::domain: return "domain";
    case Limiter::Over::method: return "method";
  }
  return {};
}

Limiter::Limiter(const HashKey& key) : key_(key), buckets_(limits::kBuckets) {}

bool Limiter::has_token(Instant now, std::uint64_t key, Duration each, std::uint64_t burst) {
  const Bucket* bucket = buckets_.find(key);
  return !bucket || bucket->full - now <= each * static_cast<Duration::rep>(burst - 1);
}

void Limiter::take_token(Instant now, std::uint64_t key, Duration each) {
  Bucket& bucket = buckets_.obtain(key);
  bucket.full = std::max(bucket.full, now) + each;
}

Limiter::Over Limiter::take(Instant now, const Asked& asked,
                            const storage::GateSettings& settings) {
  struct Wanted {
    Over over;
    std::uint64_t key;
    Share share;
  };
  std::array<Wanted, 4> wanted{};
  std::size_t count = 0;
  const auto want = [&](Over over, std::uint64_t key, const Share& share) {
    if (share.per_second > 0) wanted[count++] = {over, key, share};
  };
  Share source = share_of(settings.source);
  if (source.per_second > 0) {
    source.per_second += asked.phones * settings.phone.per_second;
    source.burst += asked.phones * settings.phone.burst;
  }
  want(Over::source, net::source_key(key_, 's', asked.source), source);
  if (!asked.user.empty())
    want(Over::user, net::source_key(key_, 'u', asked.source, asked.user), share_of(settings.user));
  if (asked.phones == 0) {
    if (!asked.domain.empty())
      want(Over::domain, net::source_key(key_, 'd', {}, asked.domain), share_of(settings.domain));
    if (!asked.method.empty())
      want(Over::method, net::source_key(key_, 'm', {}, asked.method), share_of(settings.method));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Wanted& w = wanted[i];
    if (!has_token(now, w.key, w.share.each(), w.share.burst)) return w.over;
  }
  for (std::size_t i = 0; i < count; ++i) take_token(now, wanted[i].key, wanted[i].share.each());
  return Over::none;
}

bool Limiter::may_answer(Instant now, const net::IpAddress& source, std::string_view user) {
  const std::uint64_t own = net::source_key(key_, 'a', source, user);
  const std::uint64_t all = net::source_key(key_, 'A', source);
  const Share share = share_of(kAnswers);
  if (!has_token(now, own, kPause, 1) || !has_token(now, all, share.each(), share.burst))
    return false;
  take_token(now, own, kPause);
  take_token(now, all, share.each());
  return true;
}

bool Limiter::may_log(Instant now, const net::IpAddress& source, std::string_view subject) {
  const std::uint64_t key = net::source_key(key_, 'l', source, subject);
  if (!has_token(now, key, kPause, 1)) return false;
  take_token(now, key, kPause);
  return true;
}

}  // namespace usher::routing
