#include "core/net/datagram_sender.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/check.hpp"
#include "core/net/sockaddr.hpp"

namespace usher::net {

namespace {

// What one burst of calls may leave behind before the system has sent it.
constexpr int kBufferBytes = 1 << 20;

}  // namespace

DatagramSender::~DatagramSender() {
  if (socket_ >= 0) ::close(socket_);
}

Result<void> DatagramSender::open(const Endpoint& server) {
  USHER_CHECK(socket_ < 0);
  socket_ = ::socket(address_family(server), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return fail(Errc::io, std::strerror(errno));
  set_option(socket_, SOL_SOCKET, SO_SNDBUF, kBufferBytes);
  server_ = server;
  connect();
  return {};
}

// Chooses a route, so it fails where there is none.
bool DatagramSender::connect() {
  sockaddr_storage address{};
  const socklen_t length = to_sockaddr(server_, address);
  connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0;
  if (!connected_) trouble_ = std::strerror(errno);
  return connected_;
}

bool DatagramSender::send(std::string_view datagram) {
  if (socket_ < 0) return false;
  if (!connected_ && !connect()) {
    ++counts_.lost;
    return false;
  }
  // An error may be the pending one of an earlier datagram, told once (ICMP): that one is lost, and
  // this one has not been tried yet.
  bool good = true;
  for (int tries = 0; tries < 2; ++tries) {
    if (::send(socket_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) {
      ++counts_.sent;
      if (!good) ++counts_.lost;
      return good;
    }
    good = false;
    trouble_ = std::strerror(errno);
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EMSGSIZE) break;
  }
  ++counts_.lost;
  return false;
}

}  // namespace usher::net
