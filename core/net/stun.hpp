// STUN Binding as the keep-alive of UDP flows (RFC 5626 §3.5.2, §8): a phone learns that its flow
// lives, and from the mapped address whether its NAT has moved it. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "core/bytes.hpp"
#include "core/net/address.hpp"

namespace usher::net {

// RFC 5389 §6: the two leading bits are zero, where no SIP message has them, and the magic cookie
// is there.
bool is_stun(std::string_view datagram);

// The Binding Success Response with XOR-MAPPED-ADDRESS (RFC 5389 §7.3.1.1, §15.2). One answer for
// one request: 32 bytes (IPv6: 44) for 20 and more. Nothing for anything but a well-formed Binding
// Request without comprehension-required attributes: keep-alives have none.
std::optional<Bytes> stun_answer(std::string_view datagram, const Endpoint& source);

}  // namespace usher::net
