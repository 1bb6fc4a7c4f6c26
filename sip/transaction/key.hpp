// What a message is matched by (RFC 3261 §17.1.3, §17.2.3), as a number of fixed size, and the
// names that are made here: branches and tags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/net/flow.hpp"
#include "core/rng.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

// 128 bits of keyed hash over the parts that have to be equal. Without the process's secret nobody
// can make two messages meet, so equal keys mean equal parts, and no table can be made slow from
// outside.
struct Key {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Key&, const Key&) = default;
};
struct KeyHash {
  using is_avalanching = void;
  std::size_t operator()(const Key& k) const { return static_cast<std::size_t>(k.low); }
};

// §17.2.3: the branch names a transaction: it begins with the magic cookie "z9hG4bK" and says more
// than that (RFC 4475 §3.2.1: an empty identifier falls back to RFC 2543). False for requests of
// RFC 2543 peers.
bool has_transaction_id(const Message& message);

class Keys {
 public:
  explicit Keys(std::uint64_t seed);

  // §17.1.3: branch of the top Via and method of the CSeq.
  Key client(std::string_view branch, std::string_view method) const;

  // §17.2.3: branch, sent-by (host without case, the default port filled in) and method; without a
  // transaction id the RFC 2543 rule: Request-URI, tags, Call-ID, CSeq number and top Via. `method`
  // is INVITE where an ACK or a CANCEL looks for the transaction it belongs to. `to_tag` is a
  // parameter as it is not always the message's own: an RFC 2543 ACK carries the response's tag
  // where the INVITE had none. It is used by the RFC 2543 rule only.
  Key server(const Message& request, std::string_view method, std::string_view to_tag) const;

  // §8.2.2.2: the same request on another path: From tag, Call-ID, CSeq, Request-URI.
  Key same_request(const Message& request) const;

  // Call-ID, CSeq number and From tag: what a CANCEL or an ACK keeps when something on the way
  // changed its Via.
  Key call(const Message& request) const;

  Key flow(const net::Flow& flow) const;

  // The To tag of stateless responses: the same for each retransmission of a request (§8.2.7).
  std::string stateless_tag(const Message& request) const;

  // Unguessable and never the same again (§8.1.1.7, §19.3): a keyed hash of a counter.
  std::string new_branch();
  std::string new_tag();

 private:
  class Text;
  Key digest(const Text& text) const;

  HashKey first_, second_, names_;
  std::uint64_t counter_ = 0;
};

}  // namespace usher::sip
