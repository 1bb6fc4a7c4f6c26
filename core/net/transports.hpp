// All SIP sockets of the process: UDP in batches, stream listeners and connections (TCP, TLS,
// WebSocket in the clear and under TLS), one interface of flows. Owned by the reactor thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/net/flow.hpp"
#include "core/reactor.hpp"

namespace usher::net {

class Certificates;

// Splits a stream into messages. The room that knows SIP gives one to each connection.
class Framer {
 public:
  struct Fault {
    std::string reason;  // why the connection must be closed
  };
  virtual ~Framer() = default;
  // Takes received bytes; appends each complete message to `out`. Keep-alives (RFC 5626 §3.5.1) are
  // consumed; `pongs` counts the CRLF answers to send back. An error ends the connection.
  virtual Result<void> feed(std::string_view bytes, std::vector<Bytes>& out, int& pongs) = 0;
  // A part of a message is there, and its rest is not.
  virtual bool amid_message() const = 0;
};

// Why a peer's connection was cut off.
enum class CutOff : std::uint8_t {
  handshake,  // TLS's failed
  protocol,   // it speaks something else than SIP, or breaks WebSocket's rules
  slow,       // it does not come to the end of a message
  silent,     // it has said nothing
  crowded,    // there are too many connections, of its address or in all
};
std::string_view cut_off_name(CutOff why);

struct TransportHandlers {
  // A whole message. UDP keep-alives (nothing but CRLF or NUL, and STUN, which is answered) never
  // arrive here.
  std::function<void(Now, Packet)> on_packet;
  // All packets of this wake-up have been handed over: the moment to flush what was queued to send.
  std::function<void(Now)> on_batch_end;
  // Nothing more can be sent on this flow: the connection closed or could not be made, or (UDP) the
  // network reported the remote endpoint unreachable (ICMP).
  std::function<void(Now, const Flow&, const std::string& reason)> on_flow_failed;
  // A peer's connection was cut off for what it did: no proper handshake, no SIP, too slow, too
  // many. on_flow_failed follows if there was a connection. Optional.
  // `detail` may hold what the peer wrote.
  std::function<void(Now, const Flow&, CutOff why, const std::string& detail)> on_cut_off;
  // Known peers, whose connections are not counted against limits::kConnectionsPerSource. Optional.
  std::function<bool(const IpAddress&)> is_known;
  // Which names (host names, addresses as text) the certificate of a server that we connect to may
  // be for. Optional: its address.
  std::function<std::vector<std::string>(const Endpoint&)> certificate_names;
  std::function<std::unique_ptr<Framer>()> make_framer;
};

struct TransportCounts {
  std::uint64_t datagrams_in = 0, datagrams_out = 0, datagrams_failed = 0;
  std::uint64_t stream_messages_in = 0, stream_messages_out = 0;
  std::uint64_t receive_wakeups = 0;
  std::uint64_t cut_off = 0;
  std::size_t connections = 0, silent_connections = 0;
  std::size_t datagrams_queued = 0;  // that wait to be sent
  // UDP datagrams that came and were dropped by the system, the receive buffer being full.
  std::uint64_t datagrams_overflowed = 0;
};

// One open stream connection as it can be shown.
struct ConnectionView {
  Flow flow;               // with its id
  Endpoint local;          // the listener's that it belongs to
  std::string_view state;  // "connecting", "handshaking", "established"
  bool accepted = false;   // the peer made it
  bool proven = false;     // has brought a whole message or a keep-alive
  Instant opened{};
  // When a sweep (each 5 s) last found that bytes had crossed, either way; before it has, when the
  // connection was opened or established.
  Instant last_traffic{};
  std::size_t queued_bytes = 0;  // that wait to be sent
};

// Bytes of datagrams that may wait in a listener's socket to be read. The system gives less than is
// wanted where net.core.rmem_max is lower.
struct ReceiveBuffer {
  std::size_t given = 0, wanted = 0;
};

class Transports {
 public:
  // `certificates`, for TLS and WSS, outlives the transports; null: there are none.
  Transports(Reactor& reactor, TransportHandlers handlers,
             const Certificates* certificates = nullptr);
  ~Transports();
  Transports(const Transports&) = delete;
  Transports& operator=(const Transports&) = delete;

  // Binds every listener or none: the error names the listener ("listen[1] udp 127.0.0.1:5060:
  // Address already in use"). Ids follow the order of `listen`.
  Result<void> open(const std::vector<ListenConfig>& listen);

  // Queues; flush() sends UDP in batches. Failures are reported through on_flow_failed, never here
  // and never before this call has returned. Stream bytes beyond limits::kConnectionQueueBytes
  // close the connection.
  void send(const Flow& flow, const Bytes& bytes);
  void flush();

  Endpoint local(
      ListenerId id) const;  // the bound endpoint, with the port the system chose for port 0
  TransportCounts counts() const;
  // In the order in which they were opened, from behind `after` on, until `visit` returns false.
  void each_connection(ConnectionId after,
                       const std::function<bool(const ConnectionView&)>& visit) const;
  std::optional<ReceiveBuffer> receive_buffer(ListenerId id) const;  // of a UDP listener
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::net
