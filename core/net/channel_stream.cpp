#include "core/net/channel_stream.hpp"

namespace usher::net {

ChannelStream::ChannelStream(boost::asio::ip::tcp::socket socket)
    : state_(std::make_shared<State>(std::move(socket))) {}

ChannelStream::~ChannelStream() {
  state_->timer.cancel();
  state_->close();
}

void ChannelStream::use(std::unique_ptr<Channel> channel) {
  error_code ignored;  // a socket that is gone says so when it is read
  state_->socket.native_non_blocking(true, ignored);
  state_->channel = std::move(channel);
}

void ChannelStream::State::close() {
  ++armed;
  error_code ignored;
  socket.close(ignored);
}

void ChannelStream::expires_after(Duration time) {
  if (state_->late) return;
  state_->timer.expires_after(time);
  state_->timer.async_wait(
      [state = state_->weak_from_this(), armed = ++state_->armed](const error_code& stopped) {
        const std::shared_ptr<State> alive = state.lock();
        if (stopped || !alive || alive->armed != armed) return;
        alive->late = true;
        alive->close();
      });
}

void ChannelStream::expires_never() {
  ++state_->armed;
  state_->timer.cancel();
}

void ChannelStream::finish() {
  if (state_->channel && state_->socket.is_open()) state_->channel->close();
}

void ChannelStream::close() {
  finish();
  expires_never();
  state_->close();
}

}  // namespace usher::net
