// The transaction layer of RFC 3261 §17 with RFC 6026, RFC 4320 and the matching of §17.1.3 and
// §17.2.3 (RFC 2543 peers included). It knows flows, never DNS and never failover. Pure: `now`
// comes in, TransactionOutput goes out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/limits.hpp"
#include "core/rng.hpp"
#include "sip/transaction/events.hpp"

namespace usher::sip {

struct TransactionCounts {
  std::size_t invite_client = 0, invite_server = 0, non_invite_client = 0, non_invite_server = 0,
              timers = 0;
  std::uint64_t retransmissions_in = 0;  // requests and responses absorbed
  std::uint64_t retransmissions_out = 0;
  std::uint64_t merged = 0, strays = 0, refused_at_limit = 0;
};

class TransactionLayer {
 public:
  // `seed` keys the hash tables and makes branches and tags; take it from the operating system.
  // At most `limit` transactions at a time, both sides together.
  TransactionLayer(const TransactionTimers& timers, std::uint64_t seed,
                   std::size_t limit = limits::kTransactions);
  ~TransactionLayer();
  TransactionLayer(const TransactionLayer&) = delete;
  TransactionLayer& operator=(const TransactionLayer&) = delete;

  // One parsed message from the wire. Retransmissions are absorbed and answered here; merged
  // requests (§8.2.2.2, same Request-URI) get 482; a CANCEL that matches nothing is a
  // RequestReceived.
  void receive(Instant now, const MessageRef& message, const net::Flow& flow,
               TransactionOutput& out);

  // Makes the server transaction of a RequestReceived. Its responses go back on `flow` (rule 10:
  // where the packet came from). An id that is false: the limit is reached, answer with
  // reply_stateless(); or the request was accepted before.
  ServerTxId accept(Instant now, const MessageRef& request, const net::Flow& flow, Cookie cookie,
                    TransactionOutput& out);
  // The tag for To in responses of this transaction, made at accept(); used for the layer's own 100
  // (no tag), CANCEL's 200 and the user's responses alike. Valid until ServerEnded.
  std::string_view local_tag(ServerTxId id) const;
  // The request while the transaction still needs it (before a final response); null afterwards.
  MessageRef request(ServerTxId id) const;

  // Sends and keeps `response` for retransmission. In a state where the machine ignores it nothing
  // is sent. A second and later 2xx to an INVITE passes (the user retransmits its 2xx, RFC 6026
  // §7.1); false when the transaction is gone.
  bool respond(Instant now, ServerTxId id, int status, const Bytes& response,
               TransactionOutput& out);

  // A final response to a RequestReceived that is not accepted, in a transaction which only repeats
  // it: by the time the request comes again another answer may be due (§8.2.7). Its ServerEnded has
  // no cookie. A void id: it went without state, since half of the limit is in use (refusals leave
  // room), or to a CANCEL.
  ServerTxId refuse(Instant now, const MessageRef& request, const net::Flow& flow, int status,
                    std::string_view reason, TransactionOutput& out,
                    std::string_view extra_header_lines = {});

  // A final response without state (§8.2.7), for what is always answered in the same way. To-tag is
  // made from the request, so repeats look the same.
  void reply_stateless(const Message& request, const net::Flow& flow, int status,
                       std::string_view reason, TransactionOutput& out,
                       std::string_view extra_header_lines = {});

  // Forgets an accepted transaction without any answer, e.g. when the rules turn out to demand
  // silence.
  void abandon(ServerTxId id, TransactionOutput& out);

  // A branch for the top Via of a request about to be sent: "z9hG4bK" and more, unique (§8.1.1.7).
  std::string new_branch();

  // Starts a client transaction. `request` is the complete message with a top Via that carries
  // `branch`; it is kept for retransmission and to make ACK (§17.1.1.3) and CANCEL (§9.1) from. A
  // false id: limits::kTransactions is reached.
  ClientTxId send(Instant now, Method method, std::string_view branch, const Bytes& request,
                  const net::Flow& flow, Cookie cookie, TransactionOutput& out);

  // CANCELs an INVITE: at once when a provisional response came, else as soon as one comes (§9.1),
  // never after a final one. Gives up after 64·T1 (ClientTimedOut with `cancel`). `reason` is a
  // Reason header value (RFC 3326), or empty. Repeats are ignored.
  void cancel(Instant now, ClientTxId id, std::string_view reason, TransactionOutput& out);

  // The way to where a peer listens that sends from this flow's end, where that is another port:
  // see AsymmetricPeers.
  std::optional<net::Flow> listening_end(const net::Flow& flow) const;

  // Nothing more can be sent on this flow: fails client transactions on it that have had no
  // response (Calling, Trying). A UDP flow means (listener, remote). Cost is proportional to the
  // transactions of that flow, not to all. Of a peer that listens elsewhere it means nothing.
  void flow_failed(Instant now, const net::Flow& flow, std::string_view reason,
                   TransactionOutput& out);

  // Fires what is due at `now`, at most `limit` timers.
  void on_time(Instant now, TransactionOutput& out, std::size_t limit = 1000);
  std::optional<Instant> next_deadline() const;

  TransactionCounts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::sip
