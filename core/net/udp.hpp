// The UDP socket of one listener: receives and sends in batches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/net/flow.hpp"
#include "core/net/shared.hpp"
#include "core/net/transports.hpp"
#include "core/result.hpp"

namespace usher::net {

// Where batches are received before each datagram gets its own Bytes. One for all sockets: 4 MiB of
// address space, of which the system gives out only the pages that datagrams have touched.
class ReceiveArea {
 public:
  ReceiveArea();
  ~ReceiveArea();

 private:
  friend class UdpSocket;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Packets leave from the listener's own address and port. An IPv6 listener takes IPv6 only: an IPv4
// peer has one spelling and one listener.
class UdpSocket {
 public:
  // `area` and `shared` outlive the socket.
  UdpSocket(TransportShared& shared, ReceiveArea& area, ListenerId id);
  ~UdpSocket();

  // The error is the operating system's text. The port is never shared with another process.
  Result<void> open(const Endpoint& bind);
  void close();
  Endpoint local() const;

  // Queues; drops, as the network would, beyond limits::kDatagramQueue.
  void send(const Endpoint& remote, const Bytes& bytes);
  void flush();
  std::size_t queued() const;

  ReceiveBuffer receive_buffer() const;
  // Datagrams that the system has dropped since open() because it was full.
  std::uint64_t overflowed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::net
