// What names a host or a dialog of the other side, rewritten at this one place
// (docs/specs/headers.md). All else of a value stays byte for byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sip/b2bua/dialog_names.hpp"
#include "sip/plan.hpp"

namespace usher::sip {

// How text that goes towards one side is to be presented. Views must outlive the use.
struct Presentation {
  Side towards = Side::backend;
  const HiddenHosts* hidden = nullptr;  // null: nothing is hidden
  std::string_view domain{};            // stands in for hidden hosts; empty: nothing is replaced
  const DialogNames* names = nullptr;   // null: dialogs keep their names
  bool x_cid = false;  // a backend is told the other leg's Call-ID: CorrelationPolicy
  bool conceals() const { return towards == Side::phone && hidden != nullptr && !domain.empty(); }
};

// `uri_text` with its host (and port) and its maddr replaced when they are hidden from a phone, and
// with the header fields in it (RFC 3261 §19.1.1: "?Replaces=…", escaped) presented as such fields
// are outside of URIs. Unchanged when it is no SIP URI.
std::string present_uri(std::string_view uri_text, const Presentation& to);

// The same for every name-addr of a header value. A value that cannot be parsed is unchanged
// towards a backend; towards a phone it is empty: the field is left out, since nobody can tell what
// it shows.
std::string present_addresses(std::string_view header_value, const Presentation& to);

// The same for the URIs in brackets of Call-Info, Alert-Info and Error-Info (RFC 3261 §20.4, §20.9,
// §20.18), in whatever stands around them. Only SIP URIs are looked at.
std::string present_links(std::string_view header_value, const Presentation& to);

// Warning (RFC 3261 §20.43): the warn-agent replaced when it is hidden.
std::string present_warning(std::string_view header_value, const Presentation& to);

// Replaces (RFC 3891 §6.1), Join (RFC 3911 §7.1), Target-Dialog (RFC 4538 §7) with the name that
// the dialog has on the side it goes to; to-tag and from-tag keep their places, other parameters
// stay. Unchanged when it names no dialog of ours or does not parse.
std::string map_dialog_id(std::string_view header_value, const Presentation& to);

// Event: the dialog that a subscription to "dialog" is about (RFC 4235 §4.1: call-id, to-tag,
// from-tag). Unchanged otherwise.
std::string map_event(std::string_view header_value, const Presentation& to);

// RAck (RFC 3262 §7.2) with the CSeq number that the other leg's INVITE has; unchanged when it does
// not parse.
std::string map_rack(std::string_view rack_value, std::uint32_t invite_cseq);

}  // namespace usher::sip
