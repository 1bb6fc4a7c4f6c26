#include "core/net/tcp.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "core/check.hpp"
#include "core/duration.hpp"
#include "core/net/connection.hpp"
#include "core/net/sockaddr.hpp"

namespace usher::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::minutes kSweepEvery{1};
// After accept() has failed for want of descriptors or memory: the backlog keeps the listener
// readable.
constexpr std::chrono::milliseconds kAcceptPause{100};

Errc code_of(const error_code& ec) {
  return ec == asio::error::address_in_use ? Errc::conflict : Errc::io;
}

// Flow{tcp, listener, 0, remote}: "whatever connection there is".
Flow any_connection(Flow flow) {
  flow.connection = {};
  return flow;
}

}  // namespace

struct Tcp::Impl {
  struct Listener {
    Listener(asio::io_context& io, ListenerId listener) : id(listener), acceptor(io), pause(io) {}
    ListenerId id;
    tcp::acceptor acceptor;
    asio::steady_timer pause;
    Endpoint local;
  };

  Impl(TransportShared& with, TcpTimes limits)
      : shared(with), times(limits), sweep_timer(with.reactor.context()) {}

  TransportShared& shared;
  TcpTimes times;
  asio::steady_timer sweep_timer;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections;
  std::unordered_map<Flow, ConnectionId> by_remote;  // keys have connection 0
  std::uint64_t last_id = 0;

  Listener* find_listener(ListenerId id);
  Connection* find(ConnectionId id);
  Result<void> listen(ListenerId id, const Endpoint& bind);
  void accept(Listener& listener);
  void take(Listener& listener, tcp::socket socket);
  Connection& add(tcp::socket socket, Flow flow, Connection::State state);
  Connection* connect(const Flow& flow);
  void connected(ConnectionId id, const error_code& ec);
  void send(const Flow& flow, const Bytes& bytes);
  void wait_to_read(Connection& connection);
  void readable(ConnectionId id);
  void wait_to_write(Connection& connection);
  void doom(Connection& connection, std::string reason);
  void end(ConnectionId id, Now now, const std::string& reason);
  void sweep(Now now);
  void wait_to_sweep();
};

Tcp::Impl::Listener* Tcp::Impl::find_listener(ListenerId id) {
  for (const auto& listener : listeners) {
    if (listener->id == id) return listener.get();
  }
  return nullptr;
}

Connection* Tcp::Impl::find(ConnectionId id) {
  const auto found = connections.find(id.value);
  return found == connections.end() ? nullptr : found->second.get();
}

Result<void> Tcp::Impl::listen(ListenerId id, const Endpoint& bind) {
  auto listener = std::make_unique<Listener>(shared.reactor.context(), id);
  const tcp::endpoint endpoint = to_asio(bind);
  tcp::acceptor& acceptor = listener->acceptor;
  error_code ec;
  acceptor.open(endpoint.protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec && endpoint.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return fail(code_of(ec), ec.message());
  listener->local = local_endpoint(acceptor.native_handle()).value_or(bind);
  listeners.push_back(std::move(listener));
  accept(*listeners.back());
  if (listeners.size() == 1) wait_to_sweep();
  return {};
}

void Tcp::Impl::accept(Listener& listener) {
  listener.acceptor.async_accept(
      [this, &listener, alive = shared.alive()](const error_code& ec, tcp::socket socket) {
        if (alive.expired() || ec == asio::error::operation_aborted) return;
        if (!ec) {
          take(listener, std::move(socket));
          accept(listener);
          return;
        }
        listener.pause.expires_after(kAcceptPause);
        listener.pause.async_wait([this, &listener, alive](const error_code& stopped) {
          if (!stopped && !alive.expired()) accept(listener);
        });
      });
}

void Tcp::Impl::take(Listener& listener, tcp::socket socket) {
  const auto remote = peer_of(socket);
  if (!remote || connections.size() >= limits::kConnections) return;  // closes it
  prepare_stream(socket);
  Connection& connection = add(std::move(socket), {Transport::tcp, listener.id, {}, *remote},
                               Connection::State::established);
  wait_to_read(connection);
}

Connection& Tcp::Impl::add(tcp::socket socket, Flow flow, Connection::State state) {
  flow.connection = {++last_id};
  auto connection =
      std::make_unique<Connection>(std::move(socket), flow, state, shared.handlers.make_framer());
  connection->last_traffic = Reactor::now().mono;
  Connection& added = *connection;
  connections.emplace(last_id, std::move(connection));
  by_remote[any_connection(flow)] = flow.connection;
  return added;
}

// Null when it failed at once; that is then reported already.
Connection* Tcp::Impl::connect(const Flow& flow) {
  const Listener* listener = find_listener(flow.listener);
  if (!listener) {
    shared.fail_later(flow, "no such TCP listener");
    return nullptr;
  }
  if (connections.size() >= limits::kConnections) {
    shared.fail_later(flow, "too many connections");
    return nullptr;
  }
  const tcp::endpoint remote = to_asio(flow.remote);
  tcp::socket socket{shared.reactor.context()};
  error_code ec;
  socket.open(remote.protocol(), ec);
  // From the address that the peer knows us by.
  if (!ec && !listener->local.address.is_unspecified())
    socket.bind(to_asio({listener->local.address, 0}), ec);
  if (ec) {
    shared.fail_later(flow, ec.message());
    return nullptr;
  }
  prepare_stream(socket);
  Connection& connection = add(std::move(socket), flow, Connection::State::connecting);
  const ConnectionId id = connection.flow.connection;
  connection.connect_timer =
      std::make_unique<asio::steady_timer>(shared.reactor.context(), times.connect);
  connection.connect_timer->async_wait(
      [this, id, alive = shared.alive()](const error_code& stopped) {
        if (!stopped && !alive.expired()) connected(id, asio::error::timed_out);
      });
  connection.socket.async_connect(remote,
                                  [this, id, alive = shared.alive()](const error_code& result) {
                                    if (!alive.expired()) connected(id, result);
                                  });
  return &connection;
}

void Tcp::Impl::connected(ConnectionId id, const error_code& ec) {
  Connection* connection = find(id);
  if (!connection || connection->doomed || connection->state != Connection::State::connecting)
    return;
  const Now now = Reactor::now();
  if (ec) {
    end(id, now, ec.message());
    return;
  }
  connection->state = Connection::State::established;
  connection->connect_timer.reset();
  connection->last_traffic = now.mono;
  if (const auto trouble = connection->write()) {
    end(id, now, trouble->reason);
    return;
  }
  if (connection->has_queued()) wait_to_write(*connection);
  wait_to_read(*connection);
}

void Tcp::Impl::send(const Flow& flow, const Bytes& bytes) {
  const bool by_connection = flow.connection.value != 0;
  Connection* connection = nullptr;
  if (by_connection) {
    connection = find(flow.connection);
    if (!connection) {
      shared.fail_later(flow, "the connection is gone");
      return;
    }
  } else {
    const auto known = by_remote.find(flow);
    if (known != by_remote.end()) connection = find(known->second);
    if (!connection) connection = connect(flow);
    if (!connection) return;
  }
  if (connection->doomed) {  // its end is about to be reported
    if (!by_connection) connection->serve_remote();
    return;
  }
  if (!connection->queue(bytes, by_connection)) {
    if (!by_connection) connection->serve_remote();
    doom(*connection, "does not read what it is sent");
    return;
  }
  ++shared.counts.stream_messages_out;
  if (connection->state == Connection::State::connecting || connection->waiting_to_write) return;
  if (const auto trouble = connection->write()) {
    doom(*connection, trouble->reason);
  } else if (connection->has_queued()) {
    wait_to_write(*connection);
  }
}

void Tcp::Impl::wait_to_read(Connection& connection) {
  const ConnectionId id = connection.flow.connection;
  connection.socket.async_wait(tcp::socket::wait_read,
                               [this, id, alive = shared.alive()](const error_code& ec) {
                                 if (!ec && !alive.expired()) readable(id);
                               });
}

void Tcp::Impl::readable(ConnectionId id) {
  Connection* connection = find(id);
  if (!connection || connection->doomed) return;
  const Now now = Reactor::now();
  ++shared.counts.receive_wakeups;
  std::vector<Bytes> messages;
  const auto trouble = connection->read(messages);
  const Flow flow = connection->flow;
  const auto alive = shared.alive();
  for (Bytes& message : messages) {
    ++shared.counts.stream_messages_in;
    shared.handlers.on_packet(now, {std::move(message), flow});
    if (alive.expired()) return;
  }
  if (trouble) {
    end(id, now, trouble->reason);
    return;
  }
  shared.handlers.on_batch_end(now);
  if (alive.expired()) return;
  // A handler may have ended it.
  connection = find(id);
  if (!connection || connection->doomed) return;
  if (connection->has_queued() && !connection->waiting_to_write) {
    if (const auto failed = connection->write()) {
      end(id, now, failed->reason);
      return;
    }
    if (connection->has_queued()) wait_to_write(*connection);
  }
  wait_to_read(*connection);
}

void Tcp::Impl::wait_to_write(Connection& connection) {
  connection.waiting_to_write = true;
  const ConnectionId id = connection.flow.connection;
  connection.socket.async_wait(tcp::socket::wait_write,
                               [this, id, alive = shared.alive()](const error_code& ec) {
                                 if (ec || alive.expired()) return;
                                 Connection* found = find(id);
                                 if (!found || found->doomed) return;
                                 found->waiting_to_write = false;
                                 if (const auto trouble = found->write()) {
                                   end(id, Reactor::now(), trouble->reason);
                                 } else if (found->has_queued()) {
                                   wait_to_write(*found);
                                 }
                               });
}

// Trouble inside send(): nothing is reported before the caller has returned.
void Tcp::Impl::doom(Connection& connection, std::string reason) {
  connection.doomed = true;
  const ConnectionId id = connection.flow.connection;
  // It stays the connection to its remote until then: what is sent meanwhile ends with it, and
  // nothing on a new one is reported lost.
  shared.later([this, id, reason = std::move(reason)] { end(id, Reactor::now(), reason); });
}

// Closes, forgets, and reports.
void Tcp::Impl::end(ConnectionId id, Now now, const std::string& reason) {
  const auto found = connections.find(id.value);
  if (found == connections.end()) return;
  const std::unique_ptr<Connection> connection = std::move(found->second);
  connections.erase(found);
  const Flow flow = connection->flow;
  const auto known = by_remote.find(any_connection(flow));
  const bool current = known != by_remote.end() && known->second == id;
  if (current) by_remote.erase(known);
  error_code ignored;
  connection->socket.close(ignored);

  const auto alive = shared.alive();
  if (connection->state == Connection::State::connecting) {
    shared.handlers.on_flow_failed(now, any_connection(flow), reason);
  } else {
    shared.handlers.on_flow_failed(now, flow, reason);
    // Who sent to "whatever connection there is" knows none by its id. What he sent is lost, or its
    // answer will not come this way (RFC 3261 §17.1.4).
    const bool served = current ? connection->served_remote() : connection->has_queued_for_remote();
    if (!alive.expired() && served) {
      shared.handlers.on_flow_failed(now, any_connection(flow), reason);
    }
  }
  if (!alive.expired()) shared.handlers.on_batch_end(now);
}

void Tcp::Impl::sweep(Now now) {
  std::vector<ConnectionId> idle;
  for (auto& [id, connection] : connections) {
    if (connection->traffic) {
      connection->traffic = false;
      connection->last_traffic = now.mono;
    } else if (connection->state == Connection::State::established &&
               now.mono - connection->last_traffic >= times.idle) {
      idle.push_back({id});
    }
  }
  const auto alive = shared.alive();
  for (const ConnectionId id : idle) {
    end(id, now, "idle for " + duration_text(times.idle));
    if (alive.expired()) return;
  }
}

void Tcp::Impl::wait_to_sweep() {
  sweep_timer.expires_after(kSweepEvery);
  sweep_timer.async_wait([this, alive = shared.alive()](const error_code& ec) {
    if (ec || alive.expired()) return;
    sweep(Reactor::now());
    if (!alive.expired()) wait_to_sweep();
  });
}

Tcp::Tcp(TransportShared& shared, TcpTimes times) : impl_(std::make_unique<Impl>(shared, times)) {
  USHER_CHECK(shared.handlers.make_framer);
}
Tcp::~Tcp() = default;

Result<void> Tcp::listen(ListenerId id, const Endpoint& bind) {
  return impl_->listen(id, bind);
}

Endpoint Tcp::local(ListenerId id) const {
  const auto* listener = impl_->find_listener(id);
  return listener ? listener->local : Endpoint{};
}

std::size_t Tcp::connections() const {
  return impl_->connections.size();
}
void Tcp::send(const Flow& flow, const Bytes& bytes) {
  impl_->send(flow, bytes);
}
void Tcp::sweep(Now now) {
  impl_->sweep(now);
}

void Tcp::close() {
  impl_->sweep_timer.cancel();
  impl_->listeners.clear();
  impl_->connections.clear();
  impl_->by_remote.clear();
}

}  // namespace usher::net
