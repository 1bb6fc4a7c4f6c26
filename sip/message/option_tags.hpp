// Option tags (RFC 3261 §19.2): what Require, Proxy-Require, Supported and Unsupported name.
#pragma once

#include <string_view>
#include <vector>

#include "sip/message/message.hpp"

namespace usher::sip {

// All of them, of each such header field, as views into the message. A field that does not parse
// gives none.
std::vector<std::string_view> option_tags(const Message& message, HeaderId header);
// `tag` is among them.
bool has_option(const Message& message, HeaderId header, std::string_view tag);

}  // namespace usher::sip
