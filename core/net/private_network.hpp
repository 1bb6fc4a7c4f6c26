// Addresses that mean something in their own network only, so that nobody outside can answer to
// them: RFC 1918, shared address space (RFC 6598), link-local (RFC 3927, RFC 4291 §2.5.6), unique
// local (RFC 4193). Loopback is none of these.
#pragma once

#include "core/net/address.hpp"

namespace usher::net {

bool is_private(const IpAddress& address);

}  // namespace usher::net
