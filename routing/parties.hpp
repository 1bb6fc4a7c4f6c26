// Whom a request names, and which tenant it counts for.
#pragma once

#include <optional>
#include <string>

#include "routing/directory.hpp"
#include "routing/self.hpp"
#include "sip/grammar/values.hpp"
#include "sip/message/message.hpp"

namespace usher::routing {

// Views into the message. What does not parse is absent.
struct Parties {
  std::optional<sip::Uri> request, from, to;
  static Parties of(const sip::Message& message);
};

// A URI's host as directory and location know it: lower case, an IPv6 address without brackets in
// canonical text.
std::string host_of(const sip::Uri& uri);
// "401@a.test" of a SIP URI with a user; empty otherwise.
std::string aor_text(const sip::Uri& uri);
bool is_user_less(const sip::Uri& uri);

struct Tenant {
  const storage::Domain* domain = nullptr;  // null: none that we know
  std::string shown;                        // the name that decided, for the log
  bool mismatch = false;  // REGISTER: Request-URI and To name different tenants of ours
};

// Which domain a phone's request counts for.
//   REGISTER: the To AoR's domain (RFC 3261 §10.3 step 5). The Request-URI, which names the
//   registrar, may
//     be that domain, one of our own hosts or any IP address (a phone that was given the edge's
//     address); another name that we don't know makes the sender a stranger, another tenant of ours
//     is `mismatch`.
//   Others: From when its domain is known, else the Request-URI's, else To's. A phone may so write
//   our own address into
//     the Request-URI, or call anonymously.
Tenant tenant_of(const sip::Message& request, const Parties& parties, const Directory& directory,
                 const Self& self);

}  // namespace usher::routing
