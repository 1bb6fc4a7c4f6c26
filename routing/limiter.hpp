// Token buckets: how much one address, one user there, one domain and one method may ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/net/address.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/recent.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Limiter {
 public:
  enum class Over : std::uint8_t { none, source, user, domain, method };

  // A request from outside. The views need not outlive the call.
  struct Asked {
    net::IpAddress source;                // as source_of() gives it
    std::size_t phones = 0;               // registered from there
    std::string_view user{};              // whom it claims to be; empty: nobody
    std::string_view domain{}, method{};  // empty: not counted
  };

  explicit Limiter(const HashKey& key);

  // Takes a token of each bucket that the request counts for, or none and says which is empty. Each
  // registered phone adds to its source's bucket. What is over a limit costs nothing, so that
  // whoever asks too often still gets his share. The buckets of domains and methods are for sources
  // without a registered phone: a flood of newcomers must not starve those who are in.
  Over take(Instant now, const Asked& asked, const storage::GateSettings& settings);

  // Whether a refusal may be sent there: one per user and kPause, and a few per source. Responses
  // to a source stay bounded whatever it sends: its address may be another one's.
  bool may_answer(Instant now, const net::IpAddress& source, std::string_view user);
  // Whether there may be a line in the log about it: one per subject and kPause.
  bool may_log(Instant now, const net::IpAddress& source, std::string_view subject);

  std::size_t size() const { return buckets_.size(); }

  static constexpr Duration kPause = std::chrono::seconds(10);
  static constexpr storage::RateLimit kAnswers{1, 20};  // of one source

 private:
  struct Bucket {
    Instant full{};  // when all of its tokens are back: the generic cell rate algorithm
  };
  bool has_token(Instant now, std::uint64_t key, Duration each, std::uint64_t burst);
  void take_token(Instant now, std::uint64_t key, Duration each);

  HashKey key_;
  RecentTable<Bucket> buckets_;
};

std::string_view limit_name(Limiter::Over over);  // "source", "user", "domain", "method"

}  // namespace usher::routing
