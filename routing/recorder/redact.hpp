// What must not leave the recorder: passwords' digests, tokens, media keys. The text keeps its
// length, so that Content-Length stays true and a truncated message can be redacted too.
#pragma once

#include <string>
#include <string_view>

namespace usher::routing {

// `message` as it was on the wire, whole or cut off anywhere, well formed or not. Each hidden byte
// becomes '*':
//   Authorization, Proxy-Authorization (RFC 3261 §22, RFC 7616): all but the scheme and the values
//   of username, realm and nonce. What does not read as a parameter is hidden.
//   Authentication-Info, Proxy-Authentication-Info: the whole value.
//   a=crypto (RFC 4568): the key material after "inline:".
// Lines are looked at wherever they stand: a body may hold a message.
std::string redacted(std::string_view message);

}  // namespace usher::routing
