// Requests outside dialogs, relayed as transaction to transaction: REGISTER, OPTIONS, NOTIFY,
// MESSAGE, PUBLISH and whatever comes. Call-ID and tags of the other side are derived by a keyed
// hash, so that a refresh keeps them, over restarts too.
#pragma once

#include <string>

#include "core/result.hpp"
#include "sip/b2bua/dialog_names.hpp"
#include "sip/b2bua/environment.hpp"
#include "sip/plan.hpp"

namespace usher::sip {

struct Relay {
  Plan plan;
  std::size_t made = 0;  // of plan.attempts
  ServerTxId server;
  ClientTxId client;
  MessageRef request;
  net::Flow flow;     // the sender's
  Instant started{};  // of the present attempt
  bool had_provisional = false;
  TimerId attempt_timer;
  MessageRef held;  // a final response that waits for release()
};

class Relays {
 public:
  // `names` outlives this: dialogs of calls that relayed requests speak of.
  Relays(Environment& environment, const DialogNames& names) : env_(environment), names_(names) {}

  // False when it was refused at once and no RelayEnded will follow.
  bool start(Now now, const RouteNeeded& need, Plan plan);
  void response(Now now, const TransactionUser& user, const ResponseReceived& received);
  void unanswered(Now now, const TransactionUser& user, ClientTxId transaction, TimerLetter timer,
                  std::string_view why);
  void timer(Now now, const UserTimer& timer);
  void release(Now now, RelayId id, const std::vector<std::string>* contacts);
  std::size_t count() const { return relays_.size(); }

 private:
  void attempt(Now now, RelayId id);
  void report(Now now, const Relay& relay, AttemptEnded outcome);
  void forward(Now now, RelayId id, const Message& response,
               const std::vector<std::string>* contacts);
  void refuse(Now now, RelayId id, int status, std::string_view why);
  void go_silent(RelayId id, bool forget);
  void end(RelayId id, int status, bool local);

  Environment& env_;
  const DialogNames& names_;
  Slab<Relay, RelayTag> relays_;
};

}  // namespace usher::sip
