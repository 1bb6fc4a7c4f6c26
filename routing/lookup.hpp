// Which phone a backend means (rules 5 and 6): the token, else the address of record, else
// the user name among the backend's own tenants. Never another tenant's phone, never the first of
// several.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "routing/directory.hpp"
#include "routing/location.hpp"
#include "routing/offers.hpp"
#include "routing/origin.hpp"
#include "routing/parties.hpp"

namespace usher::routing {

struct Found {
  std::string aor;
  std::string domain;
  std::vector<storage::Binding> bindings;  // best first; one when a token named it
  std::string_view how;                    // "token", "To", "Request-URI", "user"
};
struct NotFound {
  int status = 404;  // 404, or 485 when several are meant
  std::string why;
  bool ambiguous = false;
};

// 1. A token in the Request-URI's user: that device alone, also while its first REGISTER is on its
// way.
// 2. A domain of ours in To or in the Request-URI settles the tenant: the AoR of To, then of the
// Request-URI. When
//    both are registered and differ, the Request-URI's is meant: To only says who was asked for
//    first (RFC 3261 §8.1.1.2, §16.5). Nothing registered there: not found, and nobody of the same
//    name elsewhere.
// 3. The user name alone, among the enabled domains of the sets that the backend belongs to; of
// several of that name the only one that this backend has registered itself.
std::variant<Found, NotFound> find_phone(const Location& location, const Offers& offers,
                                         const Directory& directory, const Origin& origin,
                                         const Parties& parties);

}  // namespace usher::routing
