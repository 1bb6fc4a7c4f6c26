// The server transactions that live, and the ways to find one: by id, by the key of a request, as
// the same request on another path, and by the call it belongs to.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <variant>

#include "core/slab.hpp"
#include "core/timers.hpp"
#include "sip/transaction/invite_server.hpp"
#include "sip/transaction/key.hpp"
#include "sip/transaction/server.hpp"

namespace usher::sip {

struct ServerTx {
  Key key;
  Key same_request;  // not in the table for a request inside a dialog (§8.2.2.2: "has no tag in the
                     // To header field")
  Key call;  // INVITE only
  net::Flow flow;
  Cookie cookie = 0;
  MessageRef request;      // until a final response
  Bytes response;          // the one to repeat
  std::string local_tag;   // ours has 13 characters: no allocation
  TimerId retransmission;  // G, trying
  TimerId lifetime;        // all others
  Duration interval{};     // the retransmission timer's last value
  std::variant<invite_server::State, server::State> state;
  bool in_dialog = false;
  bool first_of_merged = false;    // stands in the table of requests on several paths
  bool cancelled = false;          // the user has been told
  std::uint16_t other_port = 0;    // see AsymmetricPeers
  std::uint16_t request_port = 0;  // likewise
  std::uint8_t repeats = 0;        // of the request since its final response, while that matters
  ServerTxId call_previous, call_next;

  bool is_invite() const { return state.index() == 0; }
  bool is_reliable() const { return net::is_reliable(flow.transport); }
  bool is_terminated() const;
  // It has its final response.
  bool is_answered() const;
};

class ServerTable {
 public:
  using Entry = std::pair<ServerTxId, ServerTx&>;

  // The key must be new.
  Entry insert(ServerTx tx);
  ServerTx* find(ServerTxId id) { return slab_.find(id); }
  const ServerTx* find(ServerTxId id) const { return slab_.find(id); }
  ServerTxId find(const Key& key) const;
  ServerTxId find_same_request(const Key& key) const;
  void erase(ServerTxId id);

  // INVITE transactions of the call, newest first, while `f(id, tx)` returns true; a bounded
  // number, as strangers choose what stands there.
  template <class F>
  void for_call(const Key& call, F&& f) {
    const auto head = calls_.find(call);
    ServerTxId id = head == calls_.end() ? ServerTxId{} : head->second;
    for (int n = 0; id && n < kCallCandidates; ++n) {
      ServerTx& tx = *slab_.find(id);
      const ServerTxId next = tx.call_next;
      if (!f(id, tx)) return;
      id = next;
    }
  }

  std::size_t size() const { return slab_.size(); }
  std::size_t invites() const { return invites_; }

 private:
  static constexpr int kCallCandidates = 16;
  using Index = boost::unordered_flat_map<Key, ServerTxId, KeyHash>;
  Slab<ServerTx, ServerTransactionTag> slab_;
  Index by_key_;
  Index same_requests_;
  Index calls_;  // the newest of each call's list
  std::size_t invites_ = 0;
};

}  // namespace usher::sip
