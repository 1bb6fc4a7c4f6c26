// Where an SDP body wants its media sent to (RFC 8866 §5.7). Only looked at: bodies cross
// untouched.
#pragma once

#include <optional>
#include <string_view>

#include "core/net/address.hpp"

namespace usher::sip {

class Message;

// The first unicast address that a stream of the body is to be sent to. Nothing: the body cannot be
// read, is longer than limits::kSdpRead, names hosts only, or every stream is on hold (0.0.0.0) or
// refused (port 0).
std::optional<net::IpAddress> media_address(std::string_view sdp);

// A private media address (net::is_private) in a message that came from a public one:
// unless the other end sends media to where it comes from, that party will hear nothing.
// Nothing: no such fault, or no body of type application/sdp.
std::optional<net::IpAddress> private_media_address(const Message& message,
                                                    const net::IpAddress& source);

}  // namespace usher::sip
