// Which header fields cross the edge, and how (docs/specs/headers.md): hop and dialog fields are
// made anew by the leg, identity fields are mapped, all others, known or not, pass in order and
// byte for byte.
#pragma once

#include <cstdint>

#include "sip/b2bua/identity_map.hpp"
#include "sip/message/builder.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

enum class Passage : std::uint8_t {
  remade,     // belongs to one leg: the builder writes its own, or none
  addresses,  // name-addrs whose hosts may have to be hidden
  links,      // URIs in brackets, among them some that may have to be hidden
  dialog,     // names a dialog, which has another name on the other side
  event,      // names a REFER, or a dialog as above
  warning,
  rack,
  as_is,
};
Passage passage_of(HeaderId id);

struct PassOptions {
  Presentation presentation;
  std::uint32_t invite_cseq = 0;  // of the other leg's INVITE, for RAck
  std::string_view event{};       // stands in for the value of Event; empty: the received one
  bool aggregated = false;        // from one of several responses: Session-ID tells of no one end
  bool contacts = false;  // pass Contact too, as addresses (3xx: they are where to go, §8.1.3.4)
};

// Appends to `out` the fields of `from` that cross and its body, and finishes it.
Bytes pass_message(const Message& from, const PassOptions& options, MessageBuilder& out);

}  // namespace usher::sip
