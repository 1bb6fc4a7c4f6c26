// A socket that is read and written through a Channel, in the shape that Asio and Beast build their
// operations on (AsyncReadStream, AsyncWriteStream). Owned by the reactor thread.
#pragma once

#include <sys/uio.h>

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/net/channel.hpp"
#include "core/time.hpp"

namespace usher::net {

// One read and one write may be under way at a time. Those that are when the stream is destroyed
// end with an error.
class ChannelStream {
 public:
  using error_code = boost::system::error_code;
  using executor_type = boost::asio::any_io_executor;

  explicit ChannelStream(boost::asio::ip::tcp::socket socket);
  ~ChannelStream();
  ChannelStream(const ChannelStream&) = delete;
  ChannelStream& operator=(const ChannelStream&) = delete;

  executor_type get_executor() { return state_->socket.get_executor(); }
  // To be connected; its bytes are the channel's.
  boost::asio::ip::tcp::socket& socket() { return state_->socket; }
  // Of the connected socket; before any reading, writing or handshake.
  void use(std::unique_ptr<Channel> channel);

  // When the time is over, the socket is closed, and what is under way or begun later ends with
  // asio::error::timed_out. Each call sets it anew.
  void expires_after(Duration time);
  void expires_never();
  bool timed_out() const { return state_->late; }
  // Why the last operation failed, in words; empty: the error code says all.
  const std::string& reason() const { return state_->reason; }

  // Sends the channel's good-bye and nothing more; can still be read.
  void finish();
  // The same, and closes.
  void close();

  // void(error_code, std::size_t), of which the number means nothing.
  template <class Token>
  auto async_handshake(Token&& token) {
    return start([](Channel& channel) { return channel.handshake(); },
                 boost::asio::error::connection_refused, std::forward<Token>(token));
  }
  // void(error_code, std::size_t); the end and each fault are asio::error::eof.
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    boost::asio::mutable_buffer into;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         into.size() == 0 && at != boost::asio::buffer_sequence_end(buffers); ++at)
      into = *at;
    return start(
        [into](Channel& channel) {
          return into.size() == 0 ? Channel::done(0)
                                  : channel.read(static_cast<char*>(into.data()), into.size());
        },
        boost::asio::error::eof, std::forward<Token>(token));
  }
  // void(error_code, std::size_t)
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    std::array<iovec, kPieces> pieces{};
    std::size_t count = 0;
    for (auto at = boost::asio::buffer_sequence_begin(buffers);
         count < kPieces && at != boost::asio::buffer_sequence_end(buffers); ++at) {
      const boost::asio::const_buffer piece{*at};
      if (piece.size() > 0) pieces[count++] = {const_cast<void*>(piece.data()), piece.size()};
    }
    return start(
        [pieces, count](Channel& channel) {
          return count == 0 ? Channel::done(0) : channel.write(std::span{pieces.data(), count});
        },
        boost::asio::error::broken_pipe, std::forward<Token>(token));
  }

 private:
  static constexpr std::size_t kPieces = 8;

  struct State : std::enable_shared_from_this<State> {
    explicit State(boost::asio::ip::tcp::socket with)
        : socket(std::move(with)), timer(socket.get_executor()) {}
    void close();

    boost::asio::ip::tcp::socket socket;
    std::unique_ptr<Channel> channel;
    boost::asio::steady_timer timer;
    std::uint64_t armed = 0;  // how often the timer was set: an expiry that is overtaken is none
    bool late = false;
    std::string reason;
  };

  // Repeats `attempt` until it does not wait for the socket any more.
  template <class Attempt>
  struct Operation {
    std::shared_ptr<State> state;
    Attempt attempt;
    error_code fault;  // what a failure of the channel is called
    bool waited = false, finished = false;
    error_code result{};
    std::size_t bytes = 0;

    template <class Self>
    void operator()(Self& self, error_code ec = {}) {
      if (finished) return self.complete(result, bytes);
      const std::shared_ptr<State> keep = state;
      if (keep->late) {
        result = boost::asio::error::timed_out;
      } else if (ec || !keep->socket.is_open()) {
        result = ec ? ec : error_code{boost::asio::error::operation_aborted};
      } else {
        Channel::Io io = attempt(*keep->channel);
        if (io.outcome == Channel::Outcome::wait_read ||
            io.outcome == Channel::Outcome::wait_write) {
          waited = true;
          const auto what = io.outcome == Channel::Outcome::wait_read
                                ? boost::asio::ip::tcp::socket::wait_read
                                : boost::asio::ip::tcp::socket::wait_write;
          return keep->socket.async_wait(what, std::move(self));
        }
        if (io.outcome == Channel::Outcome::failed) {
          keep->reason = std::move(io.reason);
          result = fault;
        } else {
          bytes = io.bytes;
        }
      }
      finished = true;
      if (waited) return self.complete(result, bytes);
      boost::asio::post(keep->socket.get_executor(), std::move(self));
    }
  };

  template <class Attempt, class Token>
  auto start(Attempt attempt, error_code fault, Token&& token) {
    return boost::asio::async_compose<Token, void(error_code, std::size_t)>(
        Operation<Attempt>{state_, std::move(attempt), fault}, token, state_->socket);
  }

  std::shared_ptr<State> state_;
};

}  // namespace usher::net
