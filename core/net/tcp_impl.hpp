// The state of the stream side. A connection's way: tcp_open.cpp (listen, accept, connect,
// handshake) → tcp.cpp (send, read, write, its end).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/net/certificates.hpp"
#include "core/net/connection.hpp"
#include "core/net/crowd.hpp"
#include "core/net/tcp.hpp"

namespace usher::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Flow{tcp, listener, 0, remote}: "whatever connection there is".
inline Flow any_connection(Flow flow) {
  flow.connection = {};
  return flow;
}

struct Tcp::Impl {
  struct Listener {
    Listener(asio::io_context& io, ListenerId listener, Transport with)
        : id(listener), transport(with), acceptor(io), pause(io) {}
    ListenerId id;
    Transport transport;
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    Endpoint local;
  };

  Impl(TransportShared& with, const Certificates* proofs, TcpTimes limits)
      : shared(with), certificates(proofs), times(limits), sweep_timer(with.reactor.context()) {}

  TransportShared& shared;
  const Certificates* certificates;
  TcpTimes times;
  asio::io_context web_socket_loop;  // outlives the connections
  asio::steady_timer sweep_timer;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::size_t unsent = 0;  // bytes that the connections keep; outlives them
  std::map<ConnectionId, std::unique_ptr<Connection>> connections;  // in the order they came
  std::unordered_map<Flow, ConnectionId> by_remote;                 // keys have connection 0
  Crowd crowd;                                                      // the accepted ones
  std::size_t own = 0;                                              // the others
  std::uint64_t last_id = 0;

  Listener* find_listener(ListenerId id);
  Connection* find(ConnectionId id);
  Result<void> listen(ListenerId id, Transport transport, const Endpoint& bind);
  void accept(Listener& listener);
  void take(Listener& listener, tcp::socket socket);
  std::unique_ptr<Channel> channel(int fd, const Flow& flow, bool accepted);
  Connection& add(tcp::socket socket, Flow flow, bool accepted, std::unique_ptr<Channel> channel);
  Connection* connect(const Flow& flow);
  void connected(ConnectionId id, const error_code& ec);
  void shake_hands(ConnectionId id);
  void established(Connection& connection);
  // What a peer did wrong is told, and then the end of its connection.
  void cut_off(Now now, const Flow& flow, CutOff why, const std::string& detail);
  void cut_off_connection(ConnectionId id, CutOff why, const std::string& detail);
  void send(const Flow& flow, const Bytes& bytes);
  void wait_to_read(Connection& connection);
  void readable(ConnectionId id);
  void wait_to_write(Connection& connection);
  void doom(Connection& connection, std::string reason);
  void end(ConnectionId id, Now now, const std::string& reason);
  void sweep(Now now);
  void wait_to_sweep();
};

}  // namespace usher::net
