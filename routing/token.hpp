// The Contact that a backend is given: `sip:401~k3v9q2m1x8@edge:5060`. Its user part carries a
// short keyed name of one device (rule 5), since Asterisk's rewrite_contact leaves the user
// part alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/net/address.hpp"
#include "core/rng.hpp"

namespace usher::routing {

inline constexpr char kTokenMark = '~';

// The token of a device of `aor`: limits::kContactUserToken characters of [0-9a-v]. `device` is
// what stays the same over its refreshes: its +sip.instance (and reg-id), else its Contact URI.
// `salt` is 0 but for the rare case that two devices would share a token.
std::string make_token(const HashKey& key, std::string_view aor, std::string_view device,
                       unsigned salt = 0);

// A user name as it may stand in a SIP URI (RFC 3261 §25.1 user), all else escaped.
std::string escape_user(std::string_view user);

// "401~k3v9q2m1x8". `user` is unescaped; it is shortened, never inside an escape, to `room` bytes
// at most.
std::string token_user(std::string_view user, std::string_view token, std::size_t room = 64);

// The whole Contact URI, at most limits::kContactUriBytes as long as sent_by is a sane host: the
// user name is what gives way.
std::string token_uri(std::string_view user, std::string_view token, std::string_view sent_by,
                      net::Transport transport);

// The token in a URI's user part as received (escapes allowed); nothing when it holds none.
std::optional<std::string> token_in(std::string_view user);

}  // namespace usher::routing
