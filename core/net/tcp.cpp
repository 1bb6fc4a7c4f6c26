#include "core/net/tcp.hpp"

#include <algorithm>

#include "core/check.hpp"
#include "core/duration.hpp"
#include "core/net/tcp_impl.hpp"

namespace usher::net {

namespace {

constexpr std::chrono::seconds kSweepEvery{5};

}  // namespace

Tcp::Impl::Listener* Tcp::Impl::find_listener(ListenerId id) {
  for (const auto& listener : listeners) {
    if (listener->id == id) return listener.get();
  }
  return nullptr;
}

Connection* Tcp::Impl::find(ConnectionId id) {
  const auto found = connections.find(id);
  return found == connections.end() ? nullptr : found->second.get();
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
  if (connection->state != Connection::State::established || connection->waiting_to_write) return;
  if (const auto trouble = connection->write()) {
    doom(*connection, trouble->reason);
  } else if (connection->has_queued()) {
    wait_to_write(*connection);
  }
}

void Tcp::Impl::wait_to_read(Connection& connection) {
  const ConnectionId id = connection.flow.connection;
  connection.socket.async_wait(
      connection.read_waits_for_write ? tcp::socket::wait_write : tcp::socket::wait_read,
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
  const bool was_silent = connection->accepted && !connection->proven;
  const auto trouble = connection->read(now.mono, messages);
  if (was_silent && connection->proven) crowd.speak(connection->flow.remote.address);
  const Flow flow = connection->flow;
  const auto alive = shared.alive();
  for (Bytes& message : messages) {
    ++shared.counts.stream_messages_in;
    shared.handlers.on_packet(now, {std::move(message), flow});
    if (alive.expired()) return;
  }
  if (trouble) {
    if (trouble->of_peer) {
      cut_off_connection(id, CutOff::protocol, trouble->reason);
    } else {
      end(id, now, trouble->reason);
    }
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
  if (connection.write_waits_for_read) return;  // readable() goes on with it
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
  const auto found = connections.find(id);
  if (found == connections.end()) return;
  const std::unique_ptr<Connection> connection = std::move(found->second);
  connections.erase(found);
  const Flow flow = connection->flow;
  const auto known = by_remote.find(any_connection(flow));
  const bool current = known != by_remote.end() && known->second == id;
  if (current) by_remote.erase(known);
  if (connection->accepted) {
    crowd.leave(flow.remote.address, !connection->proven);
  } else {
    --own;
  }
  error_code ignored;
  connection->socket.close(ignored);

  const auto alive = shared.alive();
  if (!connection->accepted && connection->state != Connection::State::established) {
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
  std::vector<ConnectionId> idle, slow, silent;
  for (auto& [id, connection] : connections) {
    if (connection->traffic) {
      connection->traffic = false;
      connection->last_traffic = now.mono;
    } else if (connection->state == Connection::State::established &&
               now.mono - connection->last_traffic >= times.idle) {
      idle.push_back(id);
      continue;
    }
    if (connection->partial_since && now.mono - *connection->partial_since >= times.message) {
      slow.push_back(id);
    } else if (connection->accepted && !connection->proven &&
               now.mono - connection->opened >= times.first_message) {
      silent.push_back(id);
    }
  }
  const auto alive = shared.alive();
  for (const ConnectionId id : idle) {
    end(id, now, "idle for " + duration_text(times.idle));
    if (alive.expired()) return;
  }
  for (const ConnectionId id : slow) {
    cut_off_connection(id, CutOff::slow,
                       "a message took longer than " + duration_text(times.message));
    if (alive.expired()) return;
  }
  for (const ConnectionId id : silent) {
    cut_off_connection(id, CutOff::silent,
                       "no message within " + duration_text(times.first_message));
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

Tcp::Tcp(TransportShared& shared, const Certificates* certificates, TcpTimes times)
    : impl_(std::make_unique<Impl>(shared, certificates, times)) {
  USHER_CHECK(shared.handlers.make_framer);
}
Tcp::~Tcp() = default;

Result<void> Tcp::listen(ListenerId id, Transport transport, const Endpoint& bind) {
  return impl_->listen(id, transport, bind);
}

Endpoint Tcp::local(ListenerId id) const {
  const auto* listener = impl_->find_listener(id);
  return listener ? listener->local : Endpoint{};
}

std::size_t Tcp::connections() const {
  return impl_->connections.size();
}
void Tcp::each_connection(ConnectionId after,
                          const std::function<bool(const ConnectionView&)>& visit) const {
  const auto& all = impl_->connections;
  for (auto at = all.upper_bound(after); at != all.end(); ++at) {
    const Connection& c = *at->second;
    if (!visit({.flow = c.flow,
                .local = local(c.flow.listener),
                .state = connection_state_name(c.state),
                .accepted = c.accepted,
                .proven = c.proven,
                .opened = c.opened,
                .last_traffic = c.last_traffic,
                .queued_bytes = c.queued_bytes()}))
      return;
  }
}
std::size_t Tcp::silent() const {
  return impl_->crowd.silent();
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
