// Comparisons as RFC 3261 §19.1.4 and §7.3.1 say: hosts, schemes, header and parameter names
// without case, user parts with it, %-escapes equal to the characters they stand for where those
// need no escaping.
#pragma once

#include <string>
#include <string_view>

#include "sip/grammar/values.hpp"

namespace usher::sip {

bool uri_equal(const Uri& a, const Uri& b);   // §19.1.4
std::string unescape(std::string_view text);  // %41 → A; a broken escape stays as it is
// The content of a quoted-string (§25.1), its escapes resolved; other text as it is.
std::string unquoted(std::string_view text);

}  // namespace usher::sip
