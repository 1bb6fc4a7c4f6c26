#include "core/net/connection.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "core/limits.hpp"
#include "core/net/sockaddr.hpp"

namespace usher::net {

namespace {

constexpr std::size_t kVectors = 32;

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

Connection::Connection(boost::asio::ip::tcp::socket with, Flow on, bool accepted_one,
                       std::unique_ptr<Framer> framer, std::unique_ptr<Channel> channel,
                       std::unique_ptr<WebSocket> web_socket, std::size_t& unsent)
    : socket(std::move(with)),
      flow(on),
      state(State::connecting),
      accepted(accepted_one),
      framer_(std::move(framer)),
      channel_(std::move(channel)),
      web_socket_(std::move(web_socket)),
      unsent_(unsent) {}

std::string_view connection_state_name(Connection::State state) {
  switch (state) {
    case Connection::State::connecting: return "connecting";
    case Connection::State::handshaking: return "handshaking";
    case Connection::State::established: return "established";
  }
  return {};
}

Connection::~Connection() {
  if (state == State::established) channel_->close();
  unsent_ -= kept_;
}

bool Connection::has_room(std::size_t bytes) const {
  const std::size_t cost = bytes + kOverhead;
  if (kept_ + cost > limits::kConnectionQueueBytes) return false;
  return queue_.empty() || unsent_ + cost <= limits::kUnsentBytes;
}

bool Connection::queue(const Bytes& bytes, bool by_connection) {
  if (bytes.empty()) return true;
  if (!has_room(bytes.size())) return false;
  if (web_socket_ && !web_socket_->open()) return false;
  queue_raw(web_socket_ ? Bytes{web_socket_->frame(bytes.view())} : bytes, by_connection);
  return true;
}

void Connection::queue_raw(Bytes bytes, bool by_connection) {
  queue_.push_back({std::move(bytes), by_connection});
  kept_ += queue_.back().cost();
  unsent_ += queue_.back().cost();
  if (!by_connection) {
    ++for_remote_;
    serve_remote();
  }
}

std::size_t Connection::queued_bytes() const {
  return kept_ - queue_.size() * kOverhead - first_sent_;
}

std::optional<Connection::Trouble> Connection::write() {
  write_waits_for_read = false;
  while (!queue_.empty()) {
    std::array<iovec, kVectors> vectors{};
    std::size_t count = 0;
    for (const Queued& one : queue_) {
      if (count == kVectors) break;
      const std::size_t skip = count == 0 ? first_sent_ : 0;
      vectors[count++] = {const_cast<char*>(one.bytes.view().data()) + skip,
                          one.bytes.size() - skip};
    }
    Channel::Io io = channel_->write(std::span{vectors}.first(count));
    switch (io.outcome) {
      case Channel::Outcome::wait_read: write_waits_for_read = true; return std::nullopt;
      case Channel::Outcome::wait_write: return std::nullopt;
      case Channel::Outcome::failed: return Trouble{std::move(io.reason)};
      case Channel::Outcome::done: break;
    }
    traffic = true;
    first_sent_ += io.bytes;
    while (!queue_.empty() && first_sent_ >= queue_.front().bytes.size()) {
      first_sent_ -= queue_.front().bytes.size();
      kept_ -= queue_.front().cost();
      unsent_ -= queue_.front().cost();
      if (!queue_.front().by_connection) --for_remote_;
      queue_.pop_front();
    }
  }
  return std::nullopt;
}

std::optional<Connection::Trouble> Connection::read(Instant now, std::vector<Bytes>& messages) {
  std::array<char, kChannelRead> buffer;
  Channel::Io io = channel_->read(buffer.data(), buffer.size());
  read_waits_for_write = io.outcome == Channel::Outcome::wait_write;
  if (io.outcome == Channel::Outcome::failed) return Trouble{std::move(io.reason)};
  if (io.outcome != Channel::Outcome::done) return std::nullopt;
  traffic = true;
  const std::string_view bytes{buffer.data(), io.bytes};
  const std::size_t before = messages.size();
  std::string reply;
  Result<void> fed;
  int pongs = 0;
  if (web_socket_) {
    fed = web_socket_->feed(bytes, messages);
    reply = web_socket_->take_reply();
  } else {
    fed = framer_->feed(bytes, messages, pongs);
    for (int i = 0; i < pongs; ++i) reply += "\r\n";
  }
  if (messages.size() > before || pongs > 0) {
    proven = true;
    partial_since.reset();
  }
  if (web_socket_ ? !web_socket_->amid_message() : !framer_->amid_message()) {
    partial_since.reset();
  } else if (!partial_since) {
    partial_since = now;
  }
  if (!reply.empty()) {
    if (!has_room(reply.size())) return Trouble{"does not read what it is sent", true};
    queue_raw(Bytes{reply}, true);
  }
  if (!fed) {
    write();  // the last word, as far as the socket takes it
    return Trouble{fed.error().message, fed.error().code != Errc::unavailable};
  }
  return std::nullopt;
}

void prepare_stream(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.native_non_blocking(true, ignored);
  set_option(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(socket.native_handle(), SOL_SOCKET, SO_KEEPALIVE, 1);
}

}  // namespace usher::net
