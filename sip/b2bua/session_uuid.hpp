// The values of Session-ID (RFC 7989 §5), where we say one for a phone that has none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/rng.hpp"

namespace usher::sip {

// For the phone of the dialog that is named so, by its Call-ID alone or with a tag: 32 digits of
// [0-9a-f], a UUID of version 4 in form (RFC 4122 §4.4). The same each time, so also in an INVITE
// that is tried again with credentials (RFC 7989 §6), and it tells nothing of the name without the
// key.
std::string session_uuid(const HashKey& key, std::string_view dialog);

inline constexpr std::string_view kNilUuid = "00000000000000000000000000000000";

// "<ours>;remote=<peer's>"; the nil UUID for an empty one.
std::string session_value(std::string_view ours, std::string_view peer);

// The UUID of the sender in a value of Session-ID. Nothing: it is nil or no UUID (§6: such a one
// has no effect).
std::optional<std::string_view> local_uuid(std::string_view value);

// The value with the nil UUID as the sender's (§7: of an aggregated response it is undetermined).
std::string without_local_uuid(std::string_view value);

}  // namespace usher::sip
