#include "core/net/places.hpp"

#include <algorithm>
#include <tuple>

#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::net {

std::vector<Service> services_of(std::vector<Naptr> records) {
  std::stable_sort(records.begin(), records.end(), [](const Naptr& a, const Naptr& b) {
    return std::tie(a.order, a.preference) < std::tie(b.order, b.preference);
  });
  std::vector<Service> out;
  for (const Naptr& record : records) {
    if (!equals_without_case(record.flags, "s") || record.replacement.empty()) continue;
    if (equals_without_case(record.service, "SIP+D2U")) {
      out.push_back({record.replacement, Transport::udp});
    } else if (equals_without_case(record.service, "SIP+D2T")) {
      out.push_back({record.replacement, Transport::tcp});
    } else if (equals_without_case(record.service, "SIPS+D2T")) {
      out.push_back({record.replacement, Transport::tls});
    }
  }
  return out;
}

std::vector<Service> services_for(const std::string& host, std::optional<Transport> given) {
  const Service udp{"_sip._udp." + host, Transport::udp};
  const Service tcp{"_sip._tcp." + host, Transport::tcp};
  const Service tls{"_sips._tcp." + host, Transport::tls};
  if (!given) return {udp, tcp, tls};
  if (*given == Transport::tls) return {tls};
  return {*given == Transport::udp ? udp : tcp};
}

std::vector<Place> in_order(std::vector<Place> places, Rng& rng) {
  // "place all those with weight 0 at the beginning of the list"
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) {
    return std::tuple{a.priority, a.weight > 0} < std::tuple{b.priority, b.weight > 0};
  });
  for (auto begin = places.begin(); begin != places.end(); ++begin) {
    const auto end = std::find_if(begin, places.end(),
                                  [&](const Place& p) { return p.priority != begin->priority; });
    std::uint64_t sum = 0;
    for (auto p = begin; p != end; ++p) sum += p->weight;
    // "choose a uniform random number between 0 and the sum computed (inclusive), and select the
    // RR whose running sum value is the first in the selected order which is greater than or equal"
    std::uint64_t drawn = rng.below(sum + 1);
    auto chosen = begin;
    if (sum == 0) {
      // Nothing to weigh: each is as good as any other.
      chosen =
          begin + static_cast<std::ptrdiff_t>(rng.below(static_cast<std::uint64_t>(end - begin)));
    } else {
      while (chosen->weight < drawn) drawn -= (chosen++)->weight;
    }
    std::rotate(begin, chosen, chosen + 1);
  }
  return places;
}

Duration lifetime(Duration ttl) {
  return std::clamp<Duration>(ttl, limits::kNameTtlLeast, limits::kNameTtlMost);
}

}  // namespace usher::net
