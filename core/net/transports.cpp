#include "core/net/transports.hpp"

#include <sys/resource.h>

#include <csignal>
#include <utility>

#include "core/check.hpp"
#include "core/net/tcp.hpp"
#include "core/net/udp.hpp"

namespace usher::net {

namespace {

// A connection is a descriptor, and the usual soft limit of 1024 is far below limits::kConnections.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

std::string_view cut_off_name(CutOff why) {
  switch (why) {
    case CutOff::handshake: return "failed handshake";
    case CutOff::protocol: return "broken protocol";
    case CutOff::slow: return "slow sender";
    case CutOff::silent: return "silent connection";
    case CutOff::crowded: return "too many connections";
  }
  return "";
}

struct Transports::Impl {
  Impl(Reactor& reactor, TransportHandlers handlers, const Certificates* with)
      : shared(reactor, std::move(handlers)), certificates(with) {}

  TransportShared shared;
  const Certificates* certificates;
  ReceiveArea area;
  std::vector<std::unique_ptr<UdpSocket>> udp;  // by listener; null where that one is a stream's
  std::unique_ptr<Tcp> tcp;
  // Closed ones are kept until the end: close() may be called by a handler that they are calling.
  std::vector<std::unique_ptr<UdpSocket>> closed_udp;
  std::vector<std::unique_ptr<Tcp>> closed_tcp;

  UdpSocket* find_udp(ListenerId id) {
    return id.value < udp.size() ? udp[id.value].get() : nullptr;
  }

  Result<void> open_one(ListenerId id, const ListenConfig& listen) {
    switch (listen.transport) {
      case Transport::udp:
        udp[id.value] = std::make_unique<UdpSocket>(shared, area, id);
        return udp[id.value]->open(listen.bind);
      case Transport::tcp:
      case Transport::tls:
      case Transport::ws:
      case Transport::wss:
        if (!tcp) tcp = std::make_unique<Tcp>(shared, certificates);
        return tcp->listen(id, listen.transport, listen.bind);
    }
    return fail(Errc::unsupported, "no such transport");
  }

  void close() {
    shared.forget_tasks();
    for (auto& socket : udp) {
      if (!socket) continue;
      socket->close();
      closed_udp.push_back(std::move(socket));
    }
    udp.clear();
    if (tcp) {
      tcp->close();
      closed_tcp.push_back(std::move(tcp));
    }
  }
};

Transports::Transports(Reactor& reactor, TransportHandlers handlers,
                       const Certificates* certificates)
    : impl_(std::make_unique<Impl>(reactor, std::move(handlers), certificates)) {
  const TransportHandlers& given = impl_->shared.handlers;
  // OpenSSL writes to its sockets itself: one that the peer has closed must not end the process.
  std::signal(SIGPIPE, SIG_IGN);
  USHER_CHECK(given.on_packet && given.on_batch_end && given.on_flow_failed);
}

Transports::~Transports() {
  impl_->close();
}

Result<void> Transports::open(const std::vector<ListenConfig>& listen) {
  impl_->close();
  raise_descriptor_limit();
  impl_->udp.resize(listen.size());
  for (std::size_t i = 0; i < listen.size(); ++i) {
    const auto opened = impl_->open_one({static_cast<std::uint16_t>(i)}, listen[i]);
    if (opened) continue;
    impl_->close();
    return fail(opened.error().code, "listen[" + std::to_string(i) + "] " +
                                         std::string{transport_name(listen[i].transport)} + " " +
                                         listen[i].bind.text() + ": " + opened.error().message);
  }
  return {};
}

void Transports::send(const Flow& flow, const Bytes& bytes) {
  if (flow.transport == Transport::udp) {
    if (UdpSocket* socket = impl_->find_udp(flow.listener)) {
      socket->send(flow.remote, bytes);
      return;
    }
  } else if (impl_->tcp) {
    impl_->tcp->send(flow, bytes);
    return;
  }
  impl_->shared.fail_later(flow,
                           "no such " + std::string{transport_name(flow.transport)} + " listener");
}

void Transports::flush() {
  for (const auto& socket : impl_->udp) {
    if (socket) socket->flush();
  }
}

Endpoint Transports::local(ListenerId id) const {
  if (const UdpSocket* socket = impl_->find_udp(id)) return socket->local();
  return impl_->tcp ? impl_->tcp->local(id) : Endpoint{};
}

TransportCounts Transports::counts() const {
  TransportCounts counts = impl_->shared.counts;
  for (const auto& socket : impl_->udp) {
    if (!socket) continue;
    counts.datagrams_queued += socket->queued();
    counts.datagrams_overflowed += socket->overflowed();
  }
  counts.connections = impl_->tcp ? impl_->tcp->connections() : 0;
  counts.silent_connections = impl_->tcp ? impl_->tcp->silent() : 0;
  return counts;
}

void Transports::each_connection(ConnectionId after,
                                 const std::function<bool(const ConnectionView&)>& visit) const {
  if (impl_->tcp) impl_->tcp->each_connection(after, visit);
}

std::optional<ReceiveBuffer> Transports::receive_buffer(ListenerId id) const {
  const UdpSocket* socket = impl_->find_udp(id);
  return socket ? std::optional{socket->receive_buffer()} : std::nullopt;
}

void Transports::close() {
  impl_->close();
}

}  // namespace usher::net
