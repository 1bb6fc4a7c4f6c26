// The stream side of the transports: listeners, accepted and outgoing connections.
#pragma once

#include <memory>

#include "core/limits.hpp"
#include "core/net/flow.hpp"
#include "core/net/shared.hpp"
#include "core/result.hpp"

namespace usher::net {

struct TcpTimes {
  Duration connect = limits::kConnectTimeout;
  Duration idle = limits::kConnectionIdle;
};

class Tcp {
 public:
  explicit Tcp(TransportShared& shared, TcpTimes times = {});
  ~Tcp();
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;

  // The error is the operating system's text.
  Result<void> listen(ListenerId id, const Endpoint& bind);
  Endpoint local(ListenerId id) const;
  std::size_t connections() const;

  // With flow.connection 0: over the live connection between this listener and flow.remote, whoever
  // made it, else over a new one that leaves from the listener's address. Every failure is reported
  // later.
  void send(const Flow& flow, const Bytes& bytes);

  // Closes what has been idle too long at `now`; runs by itself once a minute.
  void sweep(Now now);
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::net
