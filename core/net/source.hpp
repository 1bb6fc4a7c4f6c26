// Whom an address stands for when something is counted: an IPv4 address itself, of IPv6 its /64,
// within which a host may choose its address freely.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/net/address.hpp"
#include "core/rng.hpp"

namespace usher::net {

// The network of the first `bits` bits of an address.
Cidr network_of(const IpAddress& address, std::uint8_t bits);
Cidr source_network(const IpAddress& address);
// Its base: equal for addresses that count as one.
IpAddress source_of(const IpAddress& address);
bool overlap(const Cidr& a, const Cidr& b);

// A key of what is counted for a source: `what` keeps the tables' keys apart.
std::uint64_t source_key(const HashKey& key, char what, const IpAddress& source,
                         std::string_view name = {});

}  // namespace usher::net
