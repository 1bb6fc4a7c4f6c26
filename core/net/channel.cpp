#include "core/net/channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace usher::net {

namespace {

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Channel::Io PlainChannel::read(char* into, std::size_t most) {
  const ssize_t got = recv(fd_, into, most, MSG_DONTWAIT);
  if (got > 0) return done(static_cast<std::size_t>(got));
  if (got == 0) return failed("closed by the peer");
  if (would_block(errno)) return {Outcome::wait_read, 0};
  return failed(std::strerror(errno));
}

Channel::Io PlainChannel::write(std::span<const iovec> pieces) {
  msghdr header{};
  header.msg_iov = const_cast<iovec*>(pieces.data());
  header.msg_iovlen = pieces.size();
  const ssize_t sent = sendmsg(fd_, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return done(static_cast<std::size_t>(sent));
  if (would_block(errno)) return {Outcome::wait_write, 0};
  return failed(std::strerror(errno));
}

}  // namespace usher::net
