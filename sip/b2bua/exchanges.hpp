// Requests within a dialog on their way from one leg to the other, and their responses back: every
// method but INVITE, ACK and CANCEL (docs/specs/call.md, "Requests within a call" and "BYE";
// SUBSCRIBE, NOTIFY and REFER: docs/specs/subscription.md).
#pragma once

#include <cstdint>
#include <optional>

#include "sip/b2bua/legs.hpp"

namespace usher::sip {

struct ExchangeTag {};
using ExchangeId = SlabId<ExchangeTag>;

struct Exchange {
  LegId from, to;
  ServerTxId server;
  MessageRef request;
  net::Endpoint source;
  TimerId bye_wait;
  std::uint64_t mark = 0;  // Crossing::mark
};

// An exchange that is over, and what its sender got; 0: nothing (RFC 4320 §4.2).
struct ExchangeEnded {
  LegId from, to;
  MessageRef request;
  int status = 0;
  MessageRef response{};   // what it was made from; null: made here
  std::uint64_t mark = 0;  // Crossing::mark
};

// What else is to be known of a request that crosses.
struct Crossing {
  std::string_view event{};    // stands in for the value of Event; empty: as it is
  bool outlives_call = false;  // it crosses after BYE too
  std::uint64_t mark = 0;      // the caller's own, handed back in ExchangeEnded
};

class Exchanges {
 public:
  Exchanges(Environment& environment, Legs& legs) : env_(environment), legs_(legs) {}

  // Carries the request over to the peer of `from`, or answers it here: 481 when the peer has no
  // dialog (yet, or any more). False: it has been answered, and no ExchangeEnded follows.
  bool forward(Now now, LegId from, const RequestReceived& received, const Crossing& crossing = {});

  // Each tells which exchange has ended by it.
  std::optional<ExchangeEnded> response(Now now, ExchangeId id, const MessageRef& response);
  std::optional<ExchangeEnded> unanswered(Now now, ExchangeId id, TimerLetter timer);
  std::optional<ExchangeEnded> bye_wait_over(Now now, ExchangeId id);

  // Of a request that has got no response: one that is not waited for any more was a BYE.
  bool is_bye(ExchangeId id) const;

  std::size_t size() const { return exchanges_.size(); }

 private:
  ExchangeEnded close(Now now, ExchangeId id, const LegResponse& response,
                      MessageRef from_peer = {});

  Environment& env_;
  Legs& legs_;
  Slab<Exchange, ExchangeTag> exchanges_;
};

}  // namespace usher::sip
