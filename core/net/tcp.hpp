// The stream side of the transports, all of it over TCP: listeners, accepted and outgoing
// connections, TLS and WebSocket on them.
#pragma once

#include <functional>
#include <memory>

#include "core/limits.hpp"
#include "core/net/flow.hpp"
#include "core/net/shared.hpp"
#include "core/result.hpp"

namespace usher::net {

struct TcpTimes {
  Duration connect = limits::kConnectTimeout;
  Duration idle = limits::kConnectionIdle;
  Duration first_message = limits::kFirstMessage;
  Duration message = limits::kMessageTime;
};

class Certificates;

class Tcp {
 public:
  // `certificates` as for Transports.
  explicit Tcp(TransportShared& shared, const Certificates* certificates = nullptr,
               TcpTimes times = {});
  ~Tcp();
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;

  // The error is the operating system's text, or that there is no certificate.
  Result<void> listen(ListenerId id, Transport transport, const Endpoint& bind);
  Endpoint local(ListenerId id) const;
  std::size_t connections() const;
  void each_connection(ConnectionId after,
                       const std::function<bool(const ConnectionView&)>& visit) const;
  std::size_t silent() const;  // of these, accepted ones that have carried no message yet

  // With flow.connection 0: over the live connection between this listener and flow.remote, whoever
  // made it, else over a new one that leaves from the listener's address. Every failure is reported
  // later.
  void send(const Flow& flow, const Bytes& bytes);

  // Closes what has been idle, silent or in the middle of a message too long at `now`; runs by
  // itself every few seconds.
  void sweep(Now now);
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::net
