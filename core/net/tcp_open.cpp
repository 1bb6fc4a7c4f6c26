// How a stream connection comes to be: accepted or made, and its handshake.
#include <boost/asio/ip/v6_only.hpp>

#include "core/net/sockaddr.hpp"
#include "core/net/tcp_impl.hpp"

namespace usher::net {

namespace {

// After accept() has failed for want of descriptors or memory: the backlog keeps the listener
// readable.
constexpr std::chrono::milliseconds kAcceptPause{100};

Errc code_of(const error_code& ec) {
  return ec == asio::error::address_in_use ? Errc::conflict : Errc::io;
}

}  // namespace

Result<void> Tcp::Impl::listen(ListenerId id, Transport transport, const Endpoint& bind) {
  if (is_secure(transport) && (!certificates || !certificates->server(id)))
    return fail(Errc::not_found, "it has no certificate");
  auto listener = std::make_unique<Listener>(shared.reactor.context(), id, transport);
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
  if (!remote) return;
  const Flow flow{listener.transport, listener.id, {}, *remote};
  const bool known = shared.handlers.is_known && shared.handlers.is_known(remote->address);
  if (const std::string why = crowd.refuses(remote->address, known); !why.empty()) {
    cut_off(Reactor::now(), flow, CutOff::crowded, why);  // and closes it
    return;
  }
  prepare_stream(socket);
  std::unique_ptr<Channel> with = channel(socket.native_handle(), flow, true);
  if (!with) return;
  Connection& connection = add(std::move(socket), flow, true, std::move(with));
  const ConnectionId id = connection.flow.connection;
  crowd.enter(id, remote->address);
  const auto is_silent = [this](ConnectionId one) {
    const Connection* found = find(one);
    return found && !found->proven;
  };
  if (const auto oldest = crowd.too_many(is_silent))
    cut_off_connection(*oldest, CutOff::silent, "silent, while others want to speak");
  shake_hands(id);
}

// Null: TLS cannot begin.
std::unique_ptr<Channel> Tcp::Impl::channel(int fd, const Flow& flow, bool accepted) {
  if (!is_secure(flow.transport)) return std::make_unique<PlainChannel>(fd);
  if (!certificates) return nullptr;
  if (accepted) return certificates->server(flow.listener)->channel(fd, {});
  const auto& certificate_names = shared.handlers.certificate_names;
  return certificates->client().channel(
      fd, certificate_names ? certificate_names(flow.remote)
                            : std::vector<std::string>{flow.remote.address.text()});
}

Connection& Tcp::Impl::add(tcp::socket socket, Flow flow, bool accepted,
                           std::unique_ptr<Channel> with) {
  flow.connection = {++last_id};
  auto connection = std::make_unique<Connection>(
      std::move(socket), flow, accepted, shared.handlers.make_framer(), std::move(with),
      is_websocket(flow.transport) ? std::make_unique<WebSocket>(web_socket_loop) : nullptr,
      unsent);
  connection->opened = connection->last_traffic = Reactor::now().mono;
  Connection& added = *connection;
  connections.emplace(flow.connection, std::move(connection));
  by_remote[any_connection(flow)] = flow.connection;
  return added;
}

// Null when it failed at once; that is then reported already.
Connection* Tcp::Impl::connect(const Flow& flow) {
  const auto refuse = [&](std::string why) {
    shared.fail_later(flow, std::move(why));
    return nullptr;
  };
  const Listener* listener = find_listener(flow.listener);
  if (!listener || listener->transport != flow.transport)
    return refuse("no such " + std::string{transport_name(flow.transport)} + " listener");
  // RFC 7118 §5: only its client makes a WebSocket.
  if (is_websocket(flow.transport)) return refuse("its WebSocket is gone");
  if (own >= limits::kOwnConnections) return refuse("too many connections");
  const tcp::endpoint remote = to_asio(flow.remote);
  tcp::socket socket{shared.reactor.context()};
  error_code ec;
  socket.open(remote.protocol(), ec);
  // From the address that the peer knows us by.
  if (!ec && !listener->local.address.is_unspecified())
    socket.bind(to_asio({listener->local.address, 0}), ec);
  if (ec) return refuse(ec.message());
  prepare_stream(socket);
  std::unique_ptr<Channel> with = channel(socket.native_handle(), flow, false);
  if (!with) return refuse("TLS cannot begin");
  Connection& connection = add(std::move(socket), flow, false, std::move(with));
  ++own;
  const ConnectionId id = connection.flow.connection;
  connection.connect_timer =
      std::make_unique<asio::steady_timer>(shared.reactor.context(), times.connect);
  connection.connect_timer->async_wait(
      [this, id, alive = shared.alive()](const error_code& stopped) {
        if (stopped || alive.expired()) return;
        const Connection* waiting = find(id);
        if (!waiting || waiting->doomed || waiting->state == Connection::State::established) return;
        end(id, Reactor::now(), asio::error::make_error_code(asio::error::timed_out).message());
      });
  connection.socket.async_connect(remote,
                                  [this, id, alive = shared.alive()](const error_code& result) {
                                    if (!alive.expired()) connected(id, result);
                                  });
  return &connection;
}

void Tcp::Impl::connected(ConnectionId id, const error_code& ec) {
  const Connection* connection = find(id);
  if (!connection || connection->doomed) return;
  if (ec) {
    end(id, Reactor::now(), ec.message());
    return;
  }
  shake_hands(id);
}

void Tcp::Impl::shake_hands(ConnectionId id) {
  Connection* connection = find(id);
  if (!connection || connection->doomed) return;
  connection->state = Connection::State::handshaking;
  const Channel::Io io = connection->handshake();
  switch (io.outcome) {
    case Channel::Outcome::done: established(*connection); return;
    case Channel::Outcome::failed:
      if (connection->accepted) {
        cut_off_connection(id, CutOff::handshake, io.reason);
      } else {
        end(id, Reactor::now(), io.reason);
      }
      return;
    case Channel::Outcome::wait_read:
    case Channel::Outcome::wait_write: break;
  }
  connection->socket.async_wait(
      io.outcome == Channel::Outcome::wait_read ? tcp::socket::wait_read : tcp::socket::wait_write,
      [this, id, alive = shared.alive()](const error_code& ec) {
        if (!ec && !alive.expired()) shake_hands(id);
      });
}

void Tcp::Impl::established(Connection& connection) {
  const ConnectionId id = connection.flow.connection;
  const Now now = Reactor::now();
  connection.state = Connection::State::established;
  connection.connect_timer.reset();
  connection.last_traffic = now.mono;
  if (const auto trouble = connection.write()) {
    end(id, now, trouble->reason);
    return;
  }
  if (connection.has_queued()) wait_to_write(connection);
  wait_to_read(connection);
}

void Tcp::Impl::cut_off(Now now, const Flow& flow, CutOff why, const std::string& detail) {
  ++shared.counts.cut_off;
  if (shared.handlers.on_cut_off) shared.handlers.on_cut_off(now, flow, why, detail);
}

void Tcp::Impl::cut_off_connection(ConnectionId id, CutOff why, const std::string& detail) {
  const Now now = Reactor::now();
  const Connection* connection = find(id);
  if (!connection) return;
  const auto alive = shared.alive();
  cut_off(now, connection->flow, why, detail);
  if (!alive.expired()) end(id, now, detail);
}

}  // namespace usher::net
