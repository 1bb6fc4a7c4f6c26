#include "core/net/udp.hpp"

#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/limits.hpp"
#include "core/net/sockaddr.hpp"
#include "core/net/stun.hpp"

namespace usher::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kDatagramBytes = 65536;
// Received ones: what comes while the process is not on a processor.
constexpr int kBufferBytes = 4 << 20;

// RFC 5626 §4.4 and what phones really send: CRLF pairs, single NULs, empty datagrams.
bool is_keep_alive(std::string_view text) {
  return text.find_first_not_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos;
}

// How often a call is tried: an error may be the socket's pending one, left by an ICMP message
// about an earlier datagram and told only once.
constexpr int kTries = 3;

}  // namespace

struct ReceiveArea::Impl {
  std::unique_ptr<char[]> bytes{new char[limits::kBatch * kDatagramBytes]};  // left uninitialised
  std::array<mmsghdr, limits::kBatch> messages{};
  std::array<iovec, limits::kBatch> vectors{};
  std::array<sockaddr_storage, limits::kBatch> addresses{};
  alignas(cmsghdr) std::array<char, 64> control{};  // of the first: when it arrived

  void prepare() {
    for (std::size_t i = 0; i < limits::kBatch; ++i) {
      vectors[i] = {bytes.get() + i * kDatagramBytes, kDatagramBytes};
      msghdr& header = messages[i].msg_hdr;
      header = {};
      header.msg_name = &addresses[i];
      header.msg_namelen = sizeof addresses[i];
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
    }
    messages[0].msg_hdr.msg_control = control.data();
    messages[0].msg_hdr.msg_controllen = control.size();
  }

  // How long the first datagram has waited in the socket: it is the oldest one. A clock that was
  // set meanwhile makes no lag.
  Duration waited(Now now) {
    constexpr Duration kMost = std::chrono::minutes(1);
    msghdr& header = messages[0].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
      timespec arrived{};
      std::memcpy(&arrived, CMSG_DATA(c), sizeof arrived);
      const Duration age = now.wall.time_since_epoch() - std::chrono::seconds(arrived.tv_sec) -
                           std::chrono::microseconds(arrived.tv_nsec / 1000);
      return age > Duration{} && age < kMost ? age : Duration{};
    }
    return {};
  }
};

ReceiveArea::ReceiveArea() : impl_(std::make_unique<Impl>()) {}
ReceiveArea::~ReceiveArea() = default;

struct UdpSocket::Impl {
  Impl(TransportShared& with, ReceiveArea::Impl& receive_area, ListenerId listener)
      : shared(with), area(receive_area), id(listener), socket(with.reactor.context()) {}

  struct Outgoing {
    Endpoint remote;
    Bytes bytes;
  };

  TransportShared& shared;
  ReceiveArea::Impl& area;
  ListenerId id;
  asio::ip::udp::socket socket;
  int fd = -1;
  Endpoint local;
  std::vector<Outgoing> queue;
  bool waiting_to_send = false;
  bool errors_queued = false;  // the error queue may hold something

  bool has_room() const { return queue.size() < limits::kDatagramQueue; }
  Flow flow_to(const Endpoint& remote) const { return {Transport::udp, id, {}, remote}; }

  Result<void> open(const Endpoint& bind);
  void wait_to_receive();
  void receive();
  int receive_batch();
  bool read_error(Now now);
  void read_errors(Now now);
  void wait_to_send();
  void flush();
};

Result<void> UdpSocket::Impl::open(const Endpoint& bind) {
  const int family = address_family(bind);
  const int opened = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (opened < 0) return fail(Errc::io, std::strerror(errno));
  boost::system::error_code ec;
  socket.assign(family == AF_INET ? asio::ip::udp::v4() : asio::ip::udp::v6(), opened, ec);
  if (ec) {
    ::close(opened);
    return fail(Errc::io, ec.message());
  }
  fd = opened;
  socket.native_non_blocking(true, ec);
  bool good = true;
  if (family == AF_INET6) {
    good = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
           set_option(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
  } else {
    good = set_option(fd, IPPROTO_IP, IP_RECVERR, 1);
    // Large messages are fragmented on their way rather than refused.
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  }
  set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  // Beyond net.core.rmem_max only for a process with CAP_NET_ADMIN.
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, kBufferBytes))
    set_option(fd, SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  set_option(fd, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(bind, address);
  if (!good || ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    const int why = errno;
    return fail(why == EADDRINUSE ? Errc::conflict : Errc::io, std::strerror(why));
  }
  local = local_endpoint(fd).value_or(bind);
  wait_to_receive();
  return {};
}

void UdpSocket::Impl::wait_to_receive() {
  socket.async_wait(asio::socket_base::wait_read,
                    [this, alive = shared.alive()](const boost::system::error_code& ec) {
                      if (ec || alive.expired()) return;
                      receive();
                    });
}

// One batch per wake-up, so that timers and other sockets get their turn.
void UdpSocket::Impl::receive() {
  const Now now = Reactor::now();
  ++shared.counts.receive_wakeups;
  const int count = receive_batch();
  if (count > 0) shared.reactor.lag().note(now.mono, area.waited(now));
  // Out of the shared area before anybody is called: a handler may do anything, closing included.
  std::vector<Packet> packets;
  packets.reserve(static_cast<std::size_t>(std::max(count, 0)));
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const std::string_view text{static_cast<const char*>(area.vectors[at].iov_base),
                                area.messages[at].msg_len};
    const auto remote = from_sockaddr(area.addresses[at]);
    if (is_keep_alive(text) || !remote) continue;
    if (is_stun(text)) {
      if (const auto answer = stun_answer(text, *remote); answer && has_room())
        queue.push_back({*remote, *answer});
      continue;
    }
    packets.push_back({Bytes{text}, flow_to(*remote)});
  }
  shared.counts.datagrams_in += static_cast<std::uint64_t>(std::max(count, 0));
  // A wake-up without a datagram is one for the error queue.
  if (count <= 0) errors_queued = true;
  const auto alive = shared.alive();
  for (Packet& packet : packets) {
    if (alive.expired()) return;
    shared.handlers.on_packet(now, std::move(packet));
  }
  if (alive.expired()) return;
  if (errors_queued) read_errors(now);
  if (alive.expired()) return;
  shared.handlers.on_batch_end(now);
  if (alive.expired()) return;
  if (!queue.empty()) flush();  // answers to keep-alives
  wait_to_receive();
}

// The number of datagrams now in the area, or -1.
int UdpSocket::Impl::receive_batch() {
  for (int tries = 0; tries < kTries; ++tries) {
    area.prepare();
    const int count = recvmmsg(fd, area.messages.data(), limits::kBatch, MSG_DONTWAIT, nullptr);
    if (count >= 0) return count;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return -1;
    // An error report stands before the datagrams; reading it has taken it away.
    if (errno != EINTR) errors_queued = true;
  }
  return -1;
}

void UdpSocket::Impl::read_errors(Now now) {
  errors_queued = false;
  const auto alive = shared.alive();
  for (std::size_t i = 0; i < limits::kBatch * 4; ++i) {
    if (!read_error(now) || alive.expired()) return;
  }
  errors_queued = true;  // the rest with the next wake-up
}

// One report from the error queue (ip(7), IP_RECVERR); false when there is none.
bool UdpSocket::Impl::read_error(Now now) {
  alignas(cmsghdr) char control[512];
  sockaddr_storage address{};
  char start[1];
  iovec vector{start, sizeof start};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = sizeof address;
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  if (recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return errno == EINTR;
  const auto remote = from_sockaddr(address);
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    const bool ours = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
                      (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR);
    if (!ours || !remote) continue;
    sock_extended_err error{};
    std::memcpy(&error, CMSG_DATA(c), sizeof error);
    // What this host found by itself came back from the send. EMSGSIZE only tells a path's MTU.
    const bool from_network =
        error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6;
    if (!from_network || error.ee_errno == EMSGSIZE) continue;
    ++shared.counts.datagrams_failed;
    shared.handlers.on_flow_failed(
        now, flow_to(*remote),
        std::string{"ICMP: "} + std::strerror(static_cast<int>(error.ee_errno)));
    return true;
  }
  return true;
}

void UdpSocket::Impl::wait_to_send() {
  waiting_to_send = true;
  socket.async_wait(asio::socket_base::wait_write,
                    [this, alive = shared.alive()](const boost::system::error_code& ec) {
                      if (ec || alive.expired()) return;
                      waiting_to_send = false;
                      flush();
                    });
}

void UdpSocket::Impl::flush() {
  if (waiting_to_send) return;
  std::array<mmsghdr, limits::kBatch> messages{};
  std::array<iovec, limits::kBatch> vectors{};
  std::array<sockaddr_storage, limits::kBatch> addresses{};
  std::size_t sent = 0;
  int tries = 0;  // of the datagram at `sent`
  while (sent < queue.size()) {
    const std::size_t batch = std::min(limits::kBatch, queue.size() - sent);
    for (std::size_t i = 0; i < batch; ++i) {
      const Outgoing& out = queue[sent + i];
      vectors[i] = {const_cast<char*>(out.bytes.view().data()), out.bytes.size()};
      msghdr& header = messages[i].msg_hdr;
      header = {};
      header.msg_namelen = to_sockaddr(out.remote, addresses[i]);
      header.msg_name = &addresses[i];
      header.msg_iov = &vectors[i];
      header.msg_iovlen = 1;
    }
    const int count =
        sendmmsg(fd, messages.data(), static_cast<unsigned>(batch), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      shared.counts.datagrams_out += static_cast<std::uint64_t>(count);
      tries = 0;
      // What stopped the call short isn't told; it may have been a report about an earlier
      // datagram.
      if (static_cast<std::size_t>(count) < batch) errors_queued = true;
      continue;
    }
    const int why = errno;
    if (why == EINTR) continue;
    if (why == EAGAIN || why == EWOULDBLOCK) {
      wait_to_send();
      break;
    }
    errors_queued = true;
    // A report about an earlier datagram is given out once, in place of sending this one: try
    // again. What comes back each time is about this one.
    if (++tries < kTries) continue;
    tries = 0;
    ++shared.counts.datagrams_failed;
    shared.fail_later(flow_to(queue[sent].remote), std::strerror(why));
    ++sent;
  }
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(sent));
}

UdpSocket::UdpSocket(TransportShared& shared, ReceiveArea& area, ListenerId id)
    : impl_(std::make_unique<Impl>(shared, *area.impl_, id)) {}
UdpSocket::~UdpSocket() = default;

Result<void> UdpSocket::open(const Endpoint& bind) {
  auto result = impl_->open(bind);
  if (!result) close();
  return result;
}

void UdpSocket::close() {
  boost::system::error_code ignored;
  impl_->socket.close(ignored);
  impl_->fd = -1;
  impl_->queue.clear();
}

Endpoint UdpSocket::local() const {
  return impl_->local;
}

void UdpSocket::send(const Endpoint& remote, const Bytes& bytes) {
  if (!impl_->has_room()) {
    ++impl_->shared.counts.datagrams_failed;
    return;
  }
  impl_->queue.push_back({remote, bytes});
}

void UdpSocket::flush() {
  impl_->flush();
}

std::size_t UdpSocket::queued() const {
  return impl_->queue.size();
}

ReceiveBuffer UdpSocket::receive_buffer() const {
  int bytes = 0;
  socklen_t length = sizeof bytes;
  const int result = getsockopt(impl_->fd, SOL_SOCKET, SO_RCVBUF, &bytes, &length);
  // socket(7): the system doubles what it is asked for, to have room for its own bookkeeping, and
  // tells the doubled value.
  return {result == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) / 2 : 0, kBufferBytes};
}

std::uint64_t UdpSocket::overflowed() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> counts{};
  socklen_t length = sizeof counts;
  const int result = getsockopt(impl_->fd, SOL_SOCKET, SO_MEMINFO, counts.data(), &length);
  return result == 0 ? counts[SK_MEMINFO_DROPS] : 0;
}

}  // namespace usher::net
