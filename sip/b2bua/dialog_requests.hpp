// Requests within dialogs: which leg they are for, whether they are in order (RFC 3261 §12.2.2),
// and who deals with them.
#pragma once

#include "sip/b2bua/calls.hpp"
#include "sip/b2bua/exchanges.hpp"
#include "sip/b2bua/legs.hpp"
#include "sip/b2bua/subscriptions.hpp"

namespace usher::sip {

class DialogRequests {
 public:
  DialogRequests(Environment& environment, Legs& legs, Calls& calls, Exchanges& exchanges,
                 Subscriptions& subscriptions)
      : env_(environment),
        legs_(legs),
        calls_(calls),
        exchanges_(exchanges),
        subscriptions_(subscriptions) {}

  // True when the request belongs to a dialog of ours and has been dealt with.
  bool receive(Now now, const RequestReceived& received);

 private:
  // True when the request was out of order and has been answered.
  bool refused(Now now, LegId id, const RequestReceived& received);

  Environment& env_;
  Legs& legs_;
  Calls& calls_;
  Exchanges& exchanges_;
  Subscriptions& subscriptions_;
};

}  // namespace usher::sip
