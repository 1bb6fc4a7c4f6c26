// The inside of the transaction layer: tables, timers, and the carrying out of what the machines
// ask for.
#pragma once

#include "core/timers.hpp"
#include "sip/transaction/actions.hpp"
#include "sip/transaction/asymmetric_peers.hpp"
#include "sip/transaction/client_table.hpp"
#include "sip/transaction/key.hpp"
#include "sip/transaction/layer.hpp"
#include "sip/transaction/server_table.hpp"
#include "sip/transaction/timers.hpp"

namespace usher::sip {

struct TransactionLayer::Impl {
  // Which timer of which transaction.
  struct Timer {
    std::uint64_t transaction = 0;  // packed id
    TimerLetter letter = TimerLetter::none;
    bool server = false;
  };
  // What led to an input; what an action needs of it. Members that don't belong to the input are
  // null.
  struct Cause {
    const MessageRef* message = nullptr;    // from the wire
    const net::Flow* flow = nullptr;        // that it came on
    const Bytes* response = nullptr;        // from the user
    TimerLetter timer = TimerLetter::none;  // that fired
    std::string_view reason = {};           // of a flow's failure
  };

  Impl(const TransactionTimers& t, std::uint64_t seed, std::size_t at_most)
      : values(t), limit(at_most), keys(seed) {}

  // receive.cpp
  void receive_response(Instant now, const MessageRef& message, const net::Flow& flow,
                        TransactionOutput& out);
  void receive_request(Instant now, const MessageRef& message, const net::Flow& flow,
                       TransactionOutput& out);
  void receive_ack(Instant now, const MessageRef& message, const net::Flow& flow,
                   TransactionOutput& out);
  void receive_cancel(Instant now, const MessageRef& message, const net::Flow& flow,
                      TransactionOutput& out);
  ServerTxId find_for_ack(const Message& ack);
  ServerTxId find_for_cancel(const Message& cancel);
  void reply(const Message& request, const net::Flow& flow, int status, std::string_view reason,
             std::string_view to_tag, std::string_view lines, TransactionOutput& out);

  // run_client.cpp
  ClientTxId start_client(Instant now, std::string_view branch, std::string_view method,
                          const Bytes& request, const net::Flow& flow, Cookie cookie, bool own,
                          TransactionOutput& out);
  void input(Instant now, ClientTxId id, ClientTx& tx, invite_client::Input input,
             const Cause& cause, TransactionOutput& out);
  void input(Instant now, ClientTxId id, ClientTx& tx, client::Input input, const Cause& cause,
             TransactionOutput& out);
  void fail_client(Instant now, ClientTxId id, ClientTx& tx, std::string_view reason,
                   TransactionOutput& out);
  void timer_fired(Instant now, ClientTxId id, TimerLetter letter, TransactionOutput& out);
  void run(Instant now, ClientTxId id, ClientTx& tx, const Actions& actions, const Cause& cause,
           TransactionOutput& out);
  void perform(Instant now, ClientTxId id, ClientTx& tx, Action action, const Cause& cause,
               TransactionOutput& out);
  void send_cancel(Instant now, ClientTx& invite, TransactionOutput& out);

  // run_server.cpp
  ServerTxId start_server(Instant now, const MessageRef& request, const net::Flow& flow,
                          Cookie cookie, TransactionOutput& out);
  void input(Instant now, ServerTxId id, ServerTx& tx, invite_server::Input input,
             const Cause& cause, TransactionOutput& out);
  void input(Instant now, ServerTxId id, ServerTx& tx, server::Input input, const Cause& cause,
             TransactionOutput& out);
  // A response, to the source of its request and to where an asymmetric peer listens.
  void send(const net::Flow& flow, std::uint16_t other_port, const Bytes& response,
            TransactionOutput& out) const;
  // The request has come again.
  void watch_repeats(ServerTx& tx, const net::Flow& flow, TransactionOutput& out);
  void respond(Instant now, ServerTxId id, ServerTx& tx, int status, const Bytes& response,
               TransactionOutput& out);
  void abandon(ServerTxId id, ServerTx& tx, TransactionOutput& out);
  void timer_fired(Instant now, ServerTxId id, TimerLetter letter, TransactionOutput& out);
  void run(Instant now, ServerTxId id, ServerTx& tx, const Actions& actions, const Cause& cause,
           TransactionOutput& out);
  void perform(Instant now, ServerTxId id, ServerTx& tx, Action action, const Cause& cause,
               TransactionOutput& out);

  bool full() const { return clients.size() + servers.size() >= limit; }
  bool half_full() const { return clients.size() + servers.size() >= limit / 2; }

  // A transaction has two timers at most: one that repeats something (or sends the own 100), one
  // that ends a state.
  template <class Tx>
  static TimerId& timer_slot(Tx& tx, TimerLetter letter) {
    const bool repeats = letter == TimerLetter::A || letter == TimerLetter::E ||
                         letter == TimerLetter::G || letter == TimerLetter::trying;
    return repeats ? tx.retransmission : tx.lifetime;
  }
  template <class Tx>
  void disarm(Tx& tx, TimerLetter letter) {
    TimerId& timer = timer_slot(tx, letter);
    queue.cancel(timer);
    timer = {};
  }
  template <class Id, class Tx>
  void arm(Instant now, Id id, Tx& tx, TimerLetter letter, Duration after) {
    constexpr bool server = std::is_same_v<Tx, ServerTx>;
    disarm(tx, letter);
    TimerId& timer = timer_slot(tx, letter);
    timer = queue.arm(now, after, Timer{id.packed(), letter, server});
    if (&timer == &tx.retransmission) tx.interval = after;
  }

  TransactionTimers values;
  std::size_t limit;
  Keys keys;
  TimerQueue<Timer> queue;
  ClientTable clients;
  ServerTable servers;
  AsymmetricPeers asymmetric;
  TransactionCounts totals;  // only what is counted up
};

}  // namespace usher::sip
