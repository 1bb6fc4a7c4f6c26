// Who may ask: the bearer token (RFC 6750), and, against pages in an operator's browser, where the
// request says it goes.
#pragma once

#include <optional>
#include <string_view>

#include "admin/message.hpp"

namespace usher::admin {

// The refusal, or nothing when the request may go on. `token` empty: none is configured, which is
// possible on loopback only; then a browser must not be led here under another name (DNS
// rebinding), so Host has to be an address or localhost. A request of a web page of another origin
// is refused in any case. `open`: the resource needs no token.
std::optional<Answer> check_access(const Request& request, std::string_view token, bool open);

// Takes the same time wherever the texts differ; that `expected`'s length may be guessed is
// accepted.
bool equal_in_constant_time(std::string_view given, std::string_view expected);

}  // namespace usher::admin
