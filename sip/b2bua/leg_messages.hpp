// The messages of one leg, built from its dialog and from what crosses from the other leg.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sip/b2bua/header_policy.hpp"
#include "sip/b2bua/leg.hpp"

namespace usher::sip {

// "SIP/2.0/UDP host:port;branch=…;rport"
void write_via(MessageBuilder& out, const Listener& listener, std::string_view branch);
// "<sip:user@host:port;transport=tcp>"; with `sips` "<sips:user@host:port>".
void write_contact(MessageBuilder& out, const Listener& listener, std::string_view user,
                   bool sips = false);

struct LegRequest {
  std::string_view method{};
  std::uint32_t cseq = 0;
  std::string_view branch{};
  std::uint32_t max_forwards = 70;
  bool contact = false;             // writes our Contact
  const Message* source = nullptr;  // what crosses from the other leg; null: a request of our own
  std::uint32_t invite_cseq = 0;    // for RAck
  std::string_view event{};         // stands in for the value of Event; empty: as it is
  std::string_view reason{};        // a Reason value for a request of our own, or empty
  const Listener* via = nullptr;    // that Via names; null: the one that Contact names
};
// A request within the leg's dialog, or the one that makes it: request-line and Route by §12.2.1.1.
Bytes make_request(const Leg& leg, const Listener& listener, const LegRequest& what);

struct LegResponse {
  int status = 200;
  std::string_view reason{};
  bool contact = false;
  const Message* source = nullptr;  // the other leg's response; null: a response of our own
  std::string_view why{};           // Reason text of a final response of our own
  std::vector<HeaderLine> headers{};
  bool aggregated = false;  // of several responses the best: see PassOptions
};
// A response to `request`, which came in on this leg from `source`.
Bytes make_response(const Leg& leg, const Listener& listener, const Message& request,
                    const net::Endpoint& source, const LegResponse& what);

// "SIP;cause=408;text=\"…\"" (RFC 3326)
std::string reason_value(int status, std::string_view why);

// §20.33, §21.5.4: for how long a 503 asks to be left alone; zero: it is none, or does not say.
Duration wait_asked_for(const Message& response);

// The Max-Forwards that goes on: one less than received (decremented, never reset: loops must end);
// 70 when there was none.
std::uint32_t next_max_forwards(const Message& request);

// Where requests of this leg's dialog go (§12.2.1.1, §8.1.2): a phone is reached over its own flow;
// a backend at its route set's first entry or its Contact when that is an address, over the flow it
// was reached on otherwise.
net::Flow request_flow(const Leg& leg, const std::vector<Listener>& listeners);

}  // namespace usher::sip
