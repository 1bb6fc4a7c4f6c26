// One stream connection: its socket, its framer, and the bytes that wait to be sent.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "core/net/transports.hpp"

namespace usher::net {

class Connection {
 public:
  enum class State : std::uint8_t { connecting, established };
  struct Trouble {
    std::string reason;
  };

  Connection(boost::asio::ip::tcp::socket socket, Flow flow, State initial,
             std::unique_ptr<Framer> framer);

  // Queues; false when more than limits::kConnectionQueueBytes would wait.
  bool queue(const Bytes& bytes, bool by_connection);
  // Sends what the socket takes now.
  std::optional<Trouble> write();
  // Reads once, at most 16 KiB; appends what was framed. Trouble comes after the messages before
  // it.
  std::optional<Trouble> read(std::vector<Bytes>& messages);
  bool has_queued() const { return !queue_.empty(); }
  // Bytes are left that were sent to "whatever connection there is".
  bool has_queued_for_remote() const { return for_remote_ > 0; }
  // Some were sent so, now or earlier.
  bool served_remote() const { return served_remote_; }
  void serve_remote() { served_remote_ = true; }

  boost::asio::ip::tcp::socket socket;
  Flow flow;  // with this connection's id
  State state;
  bool doomed = false;  // trouble was found inside send(); closed and reported soon
  bool waiting_to_write = false;
  Instant last_traffic{};
  bool traffic = true;  // since the last sweep
  std::unique_ptr<boost::asio::steady_timer> connect_timer;

 private:
  static constexpr std::size_t kReadBytes = 16384;
  struct Queued {
    Bytes bytes;
    bool by_connection;
  };
  std::unique_ptr<Framer> framer_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  std::size_t first_sent_ = 0;  // bytes of the first entry that are gone
  std::size_t for_remote_ = 0;
  bool served_remote_ = false;
};

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& e);
// Nothing when the peer has gone already.
std::optional<Endpoint> peer_of(const boost::asio::ip::tcp::socket& socket);

// Applies to a socket before it is connected or after it was accepted.
void prepare_stream(boost::asio::ip::tcp::socket& socket);

}  // namespace usher::net
