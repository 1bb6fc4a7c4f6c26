// New messages, written front to back into one buffer. Nothing received is ever edited.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.hpp"
#include "core/net/address.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

class MessageBuilder {
 public:
  static MessageBuilder request(std::string_view method, std::string_view request_uri,
                                std::size_t size_hint = 1024);
  static MessageBuilder response(int status, std::string_view reason, std::size_t size_hint = 1024);

  // Line ends in `value` become spaces: it cannot begin another field.
  MessageBuilder& header(std::string_view name, std::string_view value);
  MessageBuilder& header(std::string_view name, std::uint64_t value);
  // A received field, name and value byte for byte, folds included.
  MessageBuilder& pass(const Message& from, const HeaderField& field);
  // A field written in pieces: open("Via") << a << b; close(). The pieces' line ends are not looked
  // at.
  BytesWriter& open(std::string_view name);
  void close();

  // Content-Length and the body end the message; without a body "Content-Length: 0". The builder
  // must not be used again.
  Bytes finish(std::string_view body = {});

 private:
  friend MessageBuilder start_response(const Message& request, const net::Endpoint& source,
                                       int status, std::string_view reason,
                                       std::string_view to_tag);
  // `fill` writes the beginning. (A builder does not move, so it is made where its owner wants it.)
  template <class Fill>
  MessageBuilder(std::size_t size_hint, Fill fill) : out_(size_hint) {
    fill(*this);
  }
  BytesWriter out_;
};

// Starts a response to `request` with what RFC 3261 §8.2.6.2 copies: Vias (the top one completed
// with received and rport as §18.2.1 and RFC 3581 §4 say, from the packet's source), From, To (with
// `to_tag` when it has none; empty: leave), Call-ID, CSeq. Header fields and finish() are the
// caller's.
MessageBuilder start_response(const Message& request, const net::Endpoint& source, int status,
                              std::string_view reason, std::string_view to_tag);

}  // namespace usher::sip
