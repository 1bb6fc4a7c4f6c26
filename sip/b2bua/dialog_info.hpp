// Bodies that tell of dialogs (RFC 4235: busy lamps), as the side they go to knows these.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sip/b2bua/identity_map.hpp"

namespace usher::sip {

// `document` (application/dialog-info+xml) with what has another name on the side it goes to:
// call-id, local-tag and remote-tag of <dialog> and <replaces> when they name a dialog of ours;
// towards a phone also hidden hosts in the entity of <dialog-info>, the uri of <target> and the
// URIs within <identity>, <referred-by> and <hop>. Every other byte stays. Nothing: it crosses as
// it is, since nothing has to change, or because it cannot be read: not well-formed, not UTF-8,
// with a document type, or above limits::kDialogInfoBytes before or after.
std::optional<std::string> present_dialog_info(std::string_view document, const Presentation& to);

}  // namespace usher::sip
