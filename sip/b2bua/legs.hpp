// Every leg of the edge: found by its dialog, kept as long as something refers to it, and the
// sending of messages on it.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/slab.hpp"
#include "sip/b2bua/dialog_names.hpp"
#include "sip/b2bua/environment.hpp"
#include "sip/b2bua/leg.hpp"
#include "sip/b2bua/leg_messages.hpp"

namespace usher::sip {

class Legs final : public DialogNames {
 public:
  explicit Legs(Environment& environment) : env_(environment) {}

  // A leg that is found by its Call-ID and local tag from now on.
  LegId add(Leg leg);
  // The leg of a further dialog of the INVITE that `of` has sent, for a response with another To
  // tag (§12.1.2, §13.2.2.4). It is found through `of`, and in its place when that one is gone. The
  // INVITE's transaction holds both. Void at limits::kForksPerAttempt.
  LegId add_fork(LegId of, std::string_view remote_tag);
  // The dialog of `id`'s INVITE that has this remote tag: `id` itself or a fork of it. Void: none.
  LegId find_fork(LegId id, std::string_view remote_tag) const;
  // The INVITE's transaction is over: it no longer holds the forks.
  void let_forks_go(LegId id);

  // A leg on which we are the UAS, made by a request outside of dialogs: the first of a call or a
  // subscription, whose context it brings.
  Leg from(Now now, const RouteNeeded& need, const Plan& plan, Dialog dialog);
  // A leg on which we are the UAC, made for what `origin` asks for: names of its own, a first CSeq,
  // and the parties as the other side may see them. `request_uri` is the received one.
  Leg towards(const Leg& origin, const Plan& plan, const Attempt& attempt,
              std::string_view request_uri);

  Leg* find(LegId id) { return legs_.find(id); }
  const Leg* find(LegId id) const { return legs_.find(id); }
  // By Call-ID and our tag: the leg, of which forks may exist. Void id: none.
  LegId find_dialog(std::string_view call_id, std::string_view local_tag) const;
  std::optional<DialogName> across(std::string_view call_id, std::string_view tag,
                                   std::string_view other_tag, Side towards) const override;
  // Who holds the dialog that the request names in Replaces, Join or Target-Dialog, on the side
  // `towards`. Nothing: it names none of ours.
  std::optional<net::Endpoint> holder(const Message& request, Side towards) const;
  // RFC 3261 §12.2.2: the dialog of a request: a leg whose peer's tag is not known yet (its request
  // has overtaken its response) takes any.
  LegId find_dialog(std::string_view call_id, std::string_view local_tag,
                    std::string_view remote_tag) const;
  // The phones' legs that this connection leads to.
  std::vector<LegId> on_connection(net::ConnectionId connection) const;
  std::size_t size() const { return legs_.size(); }

  // Legs that messages of a dialog went over since the last clear: they may have changed.
  void touch(LegId id) { touched_.push_back(id); }
  const std::vector<LegId>& touched() const { return touched_; }
  void clear_touched() { touched_.clear(); }
  // The peer of this leg is reached over `flow` from now on.
  void follow(LegId id, const net::Flow& flow);
  // Moves each leg of this phone that a stream led to, or the flow `was`, over to another one.
  std::size_t rebind(const std::string& device, const net::Flow& flow,
                     const std::optional<net::Flow>& was);

  // What the peer of one of our legs has said: keeps the UUID of its Session-ID, where we say one
  // for the phone on the other side (RFC 7989 §7).
  void hear(const Message& message);

  // Something (a transaction, a timer) refers to the leg: it stays.
  void hold(LegId id);
  void let_go(LegId id);
  // Erases a leg that no call has and nothing refers to.
  void erase_if_done(LegId id);
  // The leg leaves its call and goes as soon as nothing refers to it.
  void leave_call(LegId id);
  // Two legs are no longer one dialog's two sides.
  void part(LegId id);

  // Starts a client transaction for a request within the leg's dialog; `user.leg` is filled in.
  // Void at the limit of transactions.
  ClientTxId send_request(Now now, LegId id, Method method, std::string_view method_name,
                          const LegRequest& what, TransactionUser user);
  // A BYE of our own; none when one was sent or received already. `reason` is a Reason value or "".
  void send_bye(Now now, LegId id, std::string_view reason);
  // For the trace: the peer of this leg has not answered a BYE.
  void note_lost_bye(LegId id, std::string_view why);
  // A final response without LegResponse::source is told in the trace.
  void respond(Now now, ServerTxId server, LegId id, const Message& request,
               const net::Endpoint& source, const LegResponse& what);
  // A server transaction for a request on this leg. Void at the limit of transactions: the request
  // has been answered 503 then.
  ServerTxId accept(Now now, LegId id, const RequestReceived& received, TransactionUser user);
  // A final response of our own to a request within a dialog; with a transaction, so that a
  // repeated request gets it again.
  void answer_here(Now now, LegId id, const RequestReceived& received, const LegResponse& response);

 private:
  // The leg on the side `towards` of a dialog that is named as the other side knows it.
  struct Named {
    const Leg* peer;
    bool ours_first;  // the first of the tags is that of our end
  };
  void note_own(const Leg& leg, const Message& request, const net::Endpoint& source,
                const LegResponse& what);
  std::optional<Named> named(std::string_view call_id, std::string_view tag,
                             std::string_view other_tag, Side towards) const;

  struct KeyHash {
    HashKey key;
    std::size_t operator()(const std::string& text) const { return siphash(key, text); }
  };

  // Makes the leg found by its phone's name and its connection, or no longer.
  void enlist(LegId id, const Leg& leg);
  void strike(LegId id, const Leg& leg);

  Environment& env_;
  Slab<Leg, LegTag> legs_;
  std::vector<LegId> touched_;
  // The legs of each phone that has a name.
  std::unordered_multimap<std::string, LegId> by_device_;
  // And of each phone's connection.
  std::unordered_multimap<std::uint64_t, LegId> by_connection_;
  // Call-ID, NUL, local tag → leg. Keyed: peers choose Call-IDs.
  boost::unordered_flat_map<std::string, LegId, KeyHash> dialogs_{
      16, KeyHash{{env_.rng.next(), env_.rng.next()}}};
};

}  // namespace usher::sip
