// The client transactions that live, and the ways to find one: by id, by the key of a response, by
// flow.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <variant>

#include "core/slab.hpp"
#include "core/timers.hpp"
#include "sip/transaction/client.hpp"
#include "sip/transaction/invite_client.hpp"
#include "sip/transaction/key.hpp"

namespace usher::sip {

struct ClientTx {
  Key key;
  Key flow_key;
  net::Flow flow;
  Cookie cookie = 0;
  Bytes request;              // while anything can still be made of it
  Bytes ack;                  // INVITE: from a final response other than 2xx on
  std::string cancel_reason;  // between cancel() and the CANCEL
  TimerId retransmission;     // A, E
  TimerId lifetime;           // all others
  Duration interval{};        // the retransmission timer's last value
  std::variant<invite_client::State, client::State> state;
  bool own = false;  // the CANCEL made here: the user hears nothing of it
  bool on_flow = false;
  ClientTxId flow_previous, flow_next;

  bool is_invite() const { return state.index() == 0; }
  bool is_reliable() const { return net::is_reliable(flow.transport); }
  bool is_terminated() const;
  bool had_response() const;
};

class ClientTable {
 public:
  using Entry = std::pair<ClientTxId, ClientTx&>;

  // The key must be new. The transaction stands in its flow's list until leave_flow().
  Entry insert(ClientTx tx);
  ClientTx* find(ClientTxId id) { return slab_.find(id); }
  ClientTxId find(const Key& key) const;
  ClientTxId first_on_flow(const Key& flow_key) const;
  void leave_flow(ClientTx& tx);
  void erase(ClientTxId id);

  std::size_t size() const { return slab_.size(); }
  std::size_t invites() const { return invites_; }

 private:
  using Index = boost::unordered_flat_map<Key, ClientTxId, KeyHash>;
  Slab<ClientTx, ClientTransactionTag> slab_;
  Index by_key_;
  Index flows_;  // the first of each flow's list
  std::size_t invites_ = 0;
};

}  // namespace usher::sip
