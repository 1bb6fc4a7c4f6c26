// May this request in? A pure decision, in this order: strangers get silence, those who are known
// get the RFC's answers to what cannot be served, the edge answers what is meant for itself, all
// else passes. What comes from a backend is never silenced here (rule 7).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "routing/directory.hpp"
#include "routing/origin.hpp"
#include "routing/parties.hpp"
#include "routing/scanners.hpp"
#include "routing/self.hpp"
#include "sip/plan.hpp"

namespace usher::routing {

// Why a sender outside is a stranger: "not found", "disabled", "scanner"; empty: he is none. Also
// for packets that are no proper request.
std::string stranger(const sip::Message& request, const Tenant& tenant, const Scanners& scanners);

// What those who are no strangers are answered at once; nothing: the request passes. Order of the
// answers: 400 (a header field that does not parse, named), 416, 483, 420, 481, then
// the edge's own.
//
// OPTIONS without a user part is for the edge itself: a phone's keep-alive `OPTIONS sip:a.test`
// asks whether the edge that serves the domain is there, and a backend's `OPTIONS sip:<edge>`
// qualifies the edge as its trunk, by whatever name it knows it. Both are answered here, even with
// Max-Forwards 0 (RFC 3261 §11.2). With a user part it is for that user.
//
// Require and Proxy-Require (RFC 3261 §8.2.2.3, §16.3 item 5): an option in Require is for the end
// behind us to accept or refuse, and passes, unless it needs something of the edge itself that it
// does not do: security agreement with the first hop, bulk registration, session policies.
// Proxy-Require is for us: what a B2BUA satisfies by passing it on is accepted, anything else is
// 420.
std::optional<sip::Reply> gate(const sip::Message& request, const Parties& parties,
                               const Origin& origin, const Tenant& tenant,
                               const std::string& server);

inline constexpr std::string_view kAllow =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, MESSAGE, SUBSCRIBE, NOTIFY, "
    "REFER, PUBLISH";

}  // namespace usher::routing
