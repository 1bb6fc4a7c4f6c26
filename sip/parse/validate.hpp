// The syntax of the header fields that are not parsed on arrival.
#pragma once

#include "core/result.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

// Parses the value of every known header field that has a syntax to break: all Vias, URIs, lists of
// tokens, numbers. Credentials and challenges are not ours to judge; text for people (Subject,
// User-Agent, Warning, Date…) is not looked at: RFC 4475 §3.1.2.12 says not to refuse a request for
// what nobody reads. The error names the first bad field: "Bad Contact header: …".
Result<void> validate(const Message& message);

// The same for one field; true for those it does not look at.
Result<void> validate_field(HeaderId id, std::string_view value);

}  // namespace usher::sip
