// Session timers (RFC 4028) as the edge sees them: the ends agree on one, the edge only watches.
#pragma once

#include <optional>

#include "core/time.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

// How long the session lives from this 2xx to an INVITE or UPDATE on, unless it is refreshed: its
// Session-Expires, at least the 90 s of §4. Nothing: the session has no timer (any more) (§7.2).
std::optional<Duration> session_interval(const Message& response);

}  // namespace usher::sip
