// Where a destination written as a name can be reached, as DNS says (RFC 3263, RFC 2782), and in
// which order. Pure: core/net/locator asks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/net/address.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"

namespace usher::net {

struct Place {
  Endpoint endpoint;
  Transport transport = Transport::udp;
  std::uint16_t priority = 0, weight = 0;  // of its SRV record; 0: it has none
  std::string host{};                      // whose address it is, as DNS wrote it
  friend bool operator==(const Place&, const Place&) = default;
};

// What came of a look-up. Both places and a problem: some question had no answer, and what was
// found is second best.
struct Located {
  std::vector<Place> places;  // in the order of the records
  Duration ttl{};             // the shortest of all records that led there
  std::string problem{};      // in words
  // Hosts of SRV records that were not answered for, while others were: where they were is not
  // known to have changed.
  std::vector<std::string> unanswered{};
};

struct Srv {
  std::string host;
  std::uint16_t port = 0, priority = 0, weight = 0;
};

struct Naptr {
  std::uint16_t order = 0, preference = 0;
  std::string flags, service, replacement;
};

struct Service {
  std::string name;  // to ask SRV records of
  Transport transport = Transport::udp;
  friend bool operator==(const Service&, const Service&) = default;
};

// RFC 3263 §4.1, RFC 3403 §4: the SIP services, best first: by order, then by preference. Records
// that lead to no SRV name, and other applications', are left out.
std::vector<Service> services_of(std::vector<Naptr> records);
// RFC 3263 §4.1: where there are no NAPTR records: UDP, TCP, TLS, or the transport that is given.
std::vector<Service> services_for(const std::string& host, std::optional<Transport> given);

// RFC 2782: the lowest priority first; among equals at random, in proportion to the weights. The
// same generator gives the same order.
std::vector<Place> in_order(std::vector<Place> places, Rng& rng);

// When a name is asked for again: its TTL, within limits::kNameTtlLeast and kNameTtlMost.
Duration lifetime(Duration ttl);

}  // namespace usher::net
