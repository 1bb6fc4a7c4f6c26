// The messages a transaction layer makes by itself: the ACK for a refusal, CANCEL, and responses
// without a user.
#pragma once

#include <string_view>

#include "core/bytes.hpp"
#include "core/net/address.hpp"
#include "core/time.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

// The message in bytes that were built by ourselves. Null when our own grammar refuses it, which a
// peer can bring about by header fields that were passed on: then nothing can be made from it.
MessageRef read_own(const Bytes& request);

// §17.1.1.3: Request-URI, Call-ID, From, CSeq number and Routes of the request, its top Via alone,
// To of the response.
Bytes make_ack(const Message& invite, const Message& response);

// §9.1: as above with the To of the request. `reason`: the value of a Reason header field (RFC
// 3326), or empty.
Bytes make_cancel(const Message& invite, std::string_view reason);

// §17.2.1, §8.2.6.1: without a tag in To; the request's Timestamp with `delay` added to it.
Bytes make_trying(const Message& request, const net::Endpoint& source, Duration delay);

// A response with nothing but what §8.2.6.2 demands. `extra_header_lines`: complete lines, each
// ended by CRLF, or empty.
Bytes make_response(const Message& request, const net::Endpoint& source, int status,
                    std::string_view reason, std::string_view to_tag,
                    std::string_view extra_header_lines = {});

}  // namespace usher::sip
