// What passes between the transaction layer and its user (RFC 3261 §17). Nothing here is a
// callback: the layer appends to a TransactionOutput and the caller works it off, in order, after
// the layer has returned.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/bytes.hpp"
#include "core/net/flow.hpp"
#include "core/strong.hpp"
#include "core/time.hpp"
#include "sip/message/message.hpp"

namespace usher::sip {

struct ClientTransactionTag {};
struct ServerTransactionTag {};
using ClientTxId = SlabId<ClientTransactionTag>;
using ServerTxId = SlabId<ServerTransactionTag>;

// The user's own mark on a transaction, handed back with each of its events. The layer never looks
// into it.
using Cookie = std::uint64_t;

struct TransactionTimers {
  Duration t1 = std::chrono::milliseconds(500);
  Duration t2 = std::chrono::seconds(4);
  Duration t4 = std::chrono::seconds(5);
  Duration trying =
      std::chrono::milliseconds(200);  // §17.2.1: own 100 when the user has sent nothing
  Duration timeout() const {
    return 64 * t1;
  }  // timers B, F, H, J (unreliable), L, M; D is at least 32 s
};

// Bytes for the wire.
struct Send {
  net::Flow flow;
  Bytes bytes;
};

// A request that matches no transaction and is no ACK; a CANCEL too, when its INVITE is not known.
// There is no transaction for it yet: the user calls accept(), reply_stateless(), or does nothing,
// and then nothing has been allocated.
struct RequestReceived {
  MessageRef request;
  net::Flow flow;
};
// The request of this transaction has come again by another way (§8.2.2.2): 482 was sent there.
struct RequestMerged {
  ServerTxId first;
  Cookie cookie = 0;
  net::Flow flow;
};
// A CANCEL matched an INVITE transaction that has no final response: 200 to the CANCEL was sent;
// the user answers the INVITE with 487 (§9.2).
struct CancelReceived {
  ServerTxId invite;
  Cookie cookie = 0;
  MessageRef request;
};
// An ACK that no transaction absorbed: it acknowledges a 2xx, or nothing of ours (§13.3.1.4).
struct AckReceived {
  MessageRef request;
  net::Flow flow;
};
// Provisional and final responses; for INVITE each 2xx, retransmitted or from another fork, while
// the transaction is in Accepted (RFC 6026).
struct ResponseReceived {
  ClientTxId transaction;
  Cookie cookie = 0;
  MessageRef response;
  net::Flow flow;
};
// A response that matches no transaction (RFC 6026 §8.9: a UAC core may still have to ACK a 2xx).
struct StrayResponse {
  MessageRef response;
  net::Flow flow;
};
enum class TimerLetter : std::uint8_t { none, A, B, D, E, F, G, H, I, J, K, L, M, trying, cancel };
std::string_view timer_name(TimerLetter t);
// The client transaction is over without a final response: timer B or F, or `cancel`: 64·T1 after a
// CANCEL without a final response (§9.1).
struct ClientTimedOut {
  ClientTxId transaction;
  Cookie cookie = 0;
  TimerLetter timer = TimerLetter::none;
};
// The client transaction is over because its flow failed before any response came.
struct ClientFailed {
  ClientTxId transaction;
  Cookie cookie = 0;
  std::string reason{};
};
// No ACK came for a final response other than 2xx (timer H). For the record: the transaction is
// over.
struct AckMissing {
  ServerTxId transaction;
  Cookie cookie = 0;
};
// This source listens on another port than it sends from: see AsymmetricPeers. Told once.
struct AsymmetricPeerFound {
  net::Endpoint source;
  std::uint16_t port = 0;
};
// The last event of each transaction, however it ended. Ids and cookie are void after it.
struct ClientEnded {
  ClientTxId transaction;
  Cookie cookie = 0;
};
struct ServerEnded {
  ServerTxId transaction;
  Cookie cookie = 0;
};

using TransactionEvent = std::variant<RequestReceived, RequestMerged, CancelReceived, AckReceived,
                                      ResponseReceived, StrayResponse, ClientTimedOut, ClientFailed,
                                      AckMissing, AsymmetricPeerFound, ClientEnded, ServerEnded>;

struct TransactionOutput {
  std::vector<Send> sends;
  std::vector<TransactionEvent> events;
};

}  // namespace usher::sip
