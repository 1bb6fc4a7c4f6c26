#include "routing/offences.hpp"

#include "core/limits.hpp"
#include "core/net/source.hpp"

namespace usher::routing {

Offences::Offences(const HashKey& key)
    : key_(key),
      users_(limits::kOffenders),
      sources_(limits::kOffenders),
      nonces_(limits::kNonces) {}

std::uint32_t Offences::Tally::add(Instant now, Duration window) {
  if (count == 0 || now - since > window) *this = {now, 0};
  return ++count;
}

void Offences::challenged(Instant now, const net::IpAddress& source, std::string_view nonce) {
  if (!nonce.empty())
    nonces_.obtain(net::source_key(key_, 'n', source, nonce)) = now + kNonceLifetime;
}

bool Offences::answers_challenge(Instant now, const net::IpAddress& source,
                                 std::string_view nonce) {
  const Instant* until = nonces_.find(net::source_key(key_, 'n', source, nonce));
  return until && *until > now;
}

Offences::Verdict Offences::judge(Tally& tally, Instant now, const Offender& offender,
                                  std::uint32_t most, Duration window) {
  Verdict verdict;
  verdict.count = tally.add(now, window);
  const std::uint64_t allowed = std::uint64_t{most} * (offender.phones + 1);
  if (verdict.count < allowed || (offender.phones > 0 && !offender.proven)) return verdict;
  verdict.ban = true;
  tally = {};
  return verdict;
}

Offences::Verdict Offences::failed(Instant now, const Offender& offender, std::string_view user,
                                   const storage::GateSettings& settings) {
  // Else a sender who receives nothing there could take the phones away from the address he writes.
  if (!offender.proven && offender.phones > 0) return {};
  User& known = users_.obtain(net::source_key(key_, 'u', offender.source, user));
  const std::uint32_t own = known.failures.add(now, settings.window);
  Verdict verdict;
  if (own <= settings.failures) {
    Source& source = sources_.obtain(net::source_key(key_, 's', offender.source));
    verdict = judge(source.failures, now, offender, settings.failures, settings.window);
  }
  verdict.user_is_over = own == settings.failures;
  return verdict;
}

Offences::Verdict Offences::knocked(Instant now, const Offender& offender, bool scanner,
                                    const storage::GateSettings& settings) {
  Source& source = sources_.obtain(net::source_key(key_, 's', offender.source));
  return scanner ? judge(source.scanners, now, offender, settings.scanner_hits, settings.window)
                 : judge(source.knocks, now, offender, settings.knocks, settings.window);
}

void Offences::hold(Instant now, const net::IpAddress& source, std::string_view user,
                    Duration length) {
  User& known = users_.obtain(net::source_key(key_, 'u', source, user));
  known.held_since = now;
  known.held_until = now + length;
  known.failures = {};
}

bool Offences::held(Instant now, const net::IpAddress& source, std::string_view user) {
  const User* known = users_.find(net::source_key(key_, 'u', source, user));
  if (!known || known->held_until <= now) return false;
  const Source* at = sources_.find(net::source_key(key_, 's', source));
  return !at || at->forgiven < known->held_since;
}

void Offences::forgive(Instant now, const net::IpAddress& source) {
  Source& at = sources_.obtain(net::source_key(key_, 's', source));
  at = {};
  at.forgiven = now;
}

}  // namespace usher::routing
