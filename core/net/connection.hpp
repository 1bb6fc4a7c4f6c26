// One stream connection: its socket, the channel that bytes cross it by, its framer, perhaps the
// WebSocket between the two, and the bytes that wait to be sent.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/net/channel.hpp"
#include "core/net/transports.hpp"
#include "core/net/websocket.hpp"

namespace usher::net {

class Connection {
 public:
  // handshaking: TLS's. A WebSocket's is part of the bytes of an established connection.
  enum class State : std::uint8_t { connecting, handshaking, established };
  struct Trouble {
    std::string reason;
    bool of_peer = false;  // it broke the protocol
  };

  // `accepted`: the peer made it. `unsent`: what all connections together keep; outlives them.
  Connection(boost::asio::ip::tcp::socket socket, Flow flow, bool accepted,
             std::unique_ptr<Framer> framer, std::unique_ptr<Channel> channel,
             std::unique_ptr<WebSocket> web_socket, std::size_t& unsent);
  ~Connection();

  Channel::Io handshake() { return channel_->handshake(); }
  // Queues; false when more than limits::kConnectionQueueBytes or kUnsentBytes would wait, or the
  // WebSocket is not open yet.
  bool queue(const Bytes& bytes, bool by_connection);
  // Sends what the socket takes now. What is left goes on when the socket can be written, or after
  // the next read() when TLS wants that first (`write_waits_for_read`).
  std::optional<Trouble> write();
  // Reads once, at most 16 KiB; appends what was framed. Trouble comes after the messages before
  // it. `read_waits_for_write`: TLS has to send before it can read on.
  std::optional<Trouble> read(Instant now, std::vector<Bytes>& messages);
  bool has_queued() const { return !queue_.empty(); }
  std::size_t queued_bytes() const;
  // Bytes are left that were sent to "whatever connection there is".
  bool has_queued_for_remote() const { return for_remote_ > 0; }
  // Some were sent so, now or earlier.
  bool served_remote() const { return served_remote_; }
  void serve_remote() { served_remote_ = true; }

  boost::asio::ip::tcp::socket socket;
  Flow flow;  // with this connection's id
  State state;
  const bool accepted;
  bool proven = false;  // has carried a whole message or a keep-alive
  bool write_waits_for_read = false, read_waits_for_write = false;
  // Since when the message that is on its way is; nothing: none is.
  std::optional<Instant> partial_since;
  bool doomed = false;  // trouble was found inside send(); closed and reported soon
  bool waiting_to_write = false;
  Instant opened{}, last_traffic{};
  bool traffic = false;  // since the last sweep
  std::unique_ptr<boost::asio::steady_timer> connect_timer;

 private:
  struct Queued {
    Bytes bytes;
    bool by_connection;
    std::size_t cost() const { return bytes.size() + kOverhead; }
  };
  // Of a queued piece, beside its bytes: many small ones are no way around the limits.
  static constexpr std::size_t kOverhead = 96;
  bool has_room(std::size_t bytes) const;
  void queue_raw(Bytes bytes, bool by_connection);

  std::unique_ptr<Framer> framer_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<WebSocket> web_socket_;
  std::deque<Queued> queue_;
  std::size_t kept_ = 0;  // what the queue costs
  std::size_t& unsent_;
  std::size_t first_sent_ = 0;  // bytes of the first entry that are gone
  std::size_t for_remote_ = 0;
  bool served_remote_ = false;
};

std::string_view connection_state_name(Connection::State state);

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& e);
// Nothing when the peer has gone already.
std::optional<Endpoint> peer_of(const boost::asio::ip::tcp::socket& socket);

// Applies to a socket before it is connected or after it was accepted.
void prepare_stream(boost::asio::ip::tcp::socket& socket);

}  // namespace usher::net
