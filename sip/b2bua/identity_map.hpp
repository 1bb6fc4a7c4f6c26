// What names a host or a dialog of the other side, rewritten at this one place.
#pragma once

#include <string>
#include <string_view>

#include "sip/plan.hpp"

namespace usher::sip {

// How text that goes towards one side is to be presented. Views must outlive the use.
struct Presentation {
  Side towards = Side::backend;
  const HiddenHosts* hidden = nullptr;  // null: nothing is hidden
  std::string_view domain;              // stands in for hidden hosts; empty: nothing is replaced
  bool conceals() const { return towards == Side::phone && hidden != nullptr && !domain.empty(); }
};

// `uri_text` with its host (and port) replaced when it is hidden from a phone; unchanged otherwise.
// Not a SIP URI: unchanged.
std::string present_uri(std::string_view uri_text, const Presentation& to);

// The same for every name-addr of a header value. Empty when the value cannot be parsed: such a
// field is left out towards a phone, since nobody can tell what it shows.
std::string present_addresses(std::string_view header_value, const Presentation& to);

// Warning (RFC 3261 §20.43): the warn-agent replaced when it is hidden.
std::string present_warning(std::string_view header_value, const Presentation& to);

// RAck (RFC 3262 §7.2) with the CSeq number that the other leg's INVITE has; unchanged when it does
// not parse.
std::string map_rack(std::string_view rack_value, std::uint32_t invite_cseq);

}  // namespace usher::sip
