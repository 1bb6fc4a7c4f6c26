// Requests outside dialogs, relayed as transaction to transaction: REGISTER, OPTIONS, NOTIFY,
// MESSAGE, PUBLISH and whatever comes. Call-ID and tags of the other side are derived by a keyed
// hash, so that a refresh keeps them, over restarts too. SUBSCRIBE and REFER go the same way, but
// on the legs of the dialog that they make (subscriptions.hpp).
#pragma once

#include <string>

#include "core/result.hpp"
#include "sip/b2bua/environment.hpp"
#include "sip/b2bua/subscriptions.hpp"
#include "sip/plan.hpp"

namespace usher::sip {

struct Relay {
  Plan plan;
  std::size_t made = 0;   // of plan.attempts
  std::size_t flows = 0;  // of Attempt::others of the present one, tried
  ServerTxId server;
  Cookie user = 0;  // of the server transaction
  ClientTxId client;
  MessageRef request;
  net::Flow flow;     // the sender's
  Instant started{};  // of the present attempt
  bool had_provisional = false;
  TimerId attempt_timer;
  SubscriptionId subscription;  // of SUBSCRIBE and REFER, as long as it lives
  LegId subscriber;             // and the leg they came in on; the server transaction holds it
  MessageRef held;              // a final response that waits for release()
};

class Relays {
 public:
  Relays(Environment& environment, Legs& legs, Subscriptions& subscriptions)
      : env_(environment), legs_(legs), subscriptions_(subscriptions) {}

  // False when it was refused at once and no RelayEnded will follow.
  bool start(Now now, const RouteNeeded& need, Plan plan);
  // A relay that has its transaction and no plan yet: start() or reply() with it follows. A false
  // id: refused at once.
  RelayId wait(Now now, const RouteNeeded& need, const std::string& key);
  void reply(Now now, RelayId waiting, const Reply& reply);
  void response(Now now, const TransactionUser& user, const ResponseReceived& received);
  void unanswered(Now now, const TransactionUser& user, ClientTxId transaction, TimerLetter timer,
                  std::string_view why);
  // `transaction` has failed and `other` stands in for it if anybody still waits for it.
  bool waits_for(const TransactionUser& user, ClientTxId transaction) const;
  void take_over(const TransactionUser& user, ClientTxId other);
  // Plan::key of a relay that goes on; null: it does not.
  const std::string* key(RelayId id) const;
  void timer(Now now, const UserTimer& timer);
  void release(Now now, RelayId id, const std::vector<std::string>* contacts,
               const std::vector<HeaderLine>& headers);
  std::size_t count() const { return relays_.size(); }

 private:
  void attempt(Now now, RelayId id);
  void send_to(Now now, RelayId id, const Attempt& attempt);
  // The present attempt's flow has failed: the next one to the same device. False: there is none.
  bool another_flow(Now now, RelayId id);
  // The request as it goes to the attempt's target.
  Bytes relayed(const Relay& relay, const Attempt& attempt, const Listener& via,
                std::string_view branch) const;
  // Whether the next target may be tried.
  bool may_go_on(const Relay& relay) const;
  // What is being tried: an attempt, or another flow of it.
  static const Attempt& present(const Relay& relay);
  void report(Now now, const Relay& relay, AttemptEnded outcome);
  void forward(Now now, RelayId id, const Message& response,
               const std::vector<std::string>* contacts, const std::vector<HeaderLine>& headers);
  void refuse(Now now, RelayId id, int status, std::string_view why);
  void respond(Now now, const Relay& relay, const Reply& reply);
  void go_silent(Now now, RelayId id, bool forget);
  // `response`: what the sender was given of the target's; null: our own or none.
  void end(Now now, RelayId id, int status, const Message* response);

  Environment& env_;
  Legs& legs_;
  Subscriptions& subscriptions_;
  Slab<Relay, RelayTag> relays_;
};

}  // namespace usher::sip
