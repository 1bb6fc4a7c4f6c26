#include "core/net/connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/limits.hpp"
#include "core/net/sockaddr.hpp"

namespace usher::net {

namespace {

constexpr std::size_t kVectors = 32;

bool would_block(int error) {
  return error == EAGAIN || error == EWOULDBLOCK;
}

}  // namespace

boost::asio::ip::tcp::endpoint to_asio(const Endpoint& e) {
  if (e.address.is_v4()) {
    boost::asio::ip::address_v4::bytes_type bytes;
    std::copy_n(e.address.bytes().begin(), bytes.size(), bytes.begin());
    return {boost::asio::ip::address_v4{bytes}, e.port};
  }
  boost::asio::ip::address_v6::bytes_type bytes;
  std::copy_n(e.address.bytes().begin(), bytes.size(), bytes.begin());
  return {boost::asio::ip::address_v6{bytes}, e.port};
}

std::optional<Endpoint> peer_of(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ec;
  const boost::asio::ip::tcp::endpoint remote = socket.remote_endpoint(ec);
  if (ec) return std::nullopt;
  if (remote.address().is_v4())
    return Endpoint{IpAddress::v4(remote.address().to_v4().to_uint()), remote.port()};
  return Endpoint{IpAddress::v6(remote.address().to_v6().to_bytes()), remote.port()};
}

Connection::Connection(boost::asio::ip::tcp::socket with, Flow on, State initial,
                       std::unique_ptr<Framer> framer)
    : socket(std::move(with)), flow(on), state(initial), framer_(std::move(framer)) {}

bool Connection::queue(const Bytes& bytes, bool by_connection) {
  if (bytes.empty()) return true;
  if (queued_bytes_ + bytes.size() > limits::kConnectionQueueBytes) return false;
  queue_.push_back({bytes, by_connection});
  queued_bytes_ += bytes.size();
  if (!by_connection) {
    ++for_remote_;
    serve_remote();
  }
  return true;
}

std::optional<Connection::Trouble> Connection::write() {
  while (!queue_.empty()) {
    std::array<iovec, kVectors> vectors{};
    std::size_t count = 0;
    for (const Queued& one : queue_) {
      if (count == kVectors) break;
      const std::size_t skip = count == 0 ? first_sent_ : 0;
      vectors[count++] = {const_cast<char*>(one.bytes.view().data()) + skip,
                          one.bytes.size() - skip};
    }
    msghdr header{};
    header.msg_iov = vectors.data();
    header.msg_iovlen = count;
    const ssize_t sent = sendmsg(socket.native_handle(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (would_block(errno)) return std::nullopt;
      return Trouble{std::strerror(errno)};
    }
    traffic = true;
    first_sent_ += static_cast<std::size_t>(sent);
    queued_bytes_ -= static_cast<std::size_t>(sent);
    while (!queue_.empty() && first_sent_ >= queue_.front().bytes.size()) {
      first_sent_ -= queue_.front().bytes.size();
      if (!queue_.front().by_connection) --for_remote_;
      queue_.pop_front();
    }
  }
  return std::nullopt;
}

std::optional<Connection::Trouble> Connection::read(std::vector<Bytes>& messages) {
  std::array<char, kReadBytes> buffer;
  const ssize_t got = recv(socket.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) {
    if (errno == EINTR || would_block(errno)) return std::nullopt;
    return Trouble{std::strerror(errno)};
  }
  if (got == 0) return Trouble{"closed by the peer"};
  traffic = true;
  int pongs = 0;
  const auto fed = framer_->feed({buffer.data(), static_cast<std::size_t>(got)}, messages, pongs);
  if (pongs > 0) {
    std::string answer;
    for (int i = 0; i < pongs; ++i) answer += "\r\n";
    if (!queue(Bytes{answer}, true)) return Trouble{"does not read what it is sent"};
  }
  if (!fed) return Trouble{fed.error().message};
  return std::nullopt;
}

void prepare_stream(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.native_non_blocking(true, ignored);
  set_option(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket.native_handle(), SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace usher::net
