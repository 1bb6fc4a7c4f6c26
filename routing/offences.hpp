// What is held against whom: failed authentications, knocks, scanners' requests, counted per
// address and, failures first of all, per user at that address.
//
// A source with registered phones gets more rope: what it may be guilty of grows with each of them,
// and one user can be guilty of no more than a source without any phone may be. So a site keeps its
// twenty phones whatever the twenty-first has for a password.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/net/address.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/recent.hpp"
#include "storage/records.hpp"

namespace usher::routing {

class Offences {
 public:
  explicit Offences(const HashKey& key);

  struct Offender {
    net::IpAddress source;   // as source_of() gives it
    std::size_t phones = 0;  // registered from there
    // The sender has shown that he receives there: a stream, or he answered our challenge. An
    // address that anybody can write into a datagram is not banned, and no user at it is held,
    // while phones are registered from it.
    bool proven = false;
  };
  struct Verdict {
    bool user_is_over = false;  // has just got one failure too many
    bool ban = false;           // so has the source
    std::uint32_t count = 0;    // of what was counted
  };

  // A challenge went to that source. Only an answer to one of these counts as failed, so that
  // neither stale nor invented nonces do (RFC 7616 §3.3).
  void challenged(Instant now, const net::IpAddress& source, std::string_view nonce);
  bool answers_challenge(Instant now, const net::IpAddress& source, std::string_view nonce);

  Verdict failed(Instant now, const Offender& offender, std::string_view user,
                 const storage::GateSettings& settings);
  Verdict knocked(Instant now, const Offender& offender, bool scanner,
                  const storage::GateSettings& settings);

  // The user at this source gets silence until then.
  void hold(Instant now, const net::IpAddress& source, std::string_view user, Duration length);
  bool held(Instant now, const net::IpAddress& source, std::string_view user);
  // Nothing is held against the source and its users any more.
  void forgive(Instant now, const net::IpAddress& source);

  std::size_t size() const { return users_.size() + sources_.size() + nonces_.size(); }

  static constexpr Duration kNonceLifetime = std::chrono::minutes(5);

 private:
  struct Tally {
    Instant since{};
    std::uint32_t count = 0;
    // One more; starts anew after the window.
    std::uint32_t add(Instant now, Duration window);
  };
  struct User {
    Tally failures;
    Instant held_since{}, held_until{};
  };
  struct Source {
    Tally failures, knocks, scanners;
    Instant forgiven{};
  };

  static Verdict judge(Tally& tally, Instant now, const Offender& offender, std::uint32_t most,
                       Duration window);

  HashKey key_;
  RecentTable<User> users_;
  RecentTable<Source> sources_;
  RecentTable<Instant> nonces_;
};

}  // namespace usher::routing
