// The server's side of a WebSocket that carries SIP (RFC 6455, RFC 7118): bytes in, messages and
// bytes to send out. No socket: the connection moves the bytes. Beast does the protocol.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace boost::asio {
class io_context;
}

namespace usher::net {

class WebSocket {
 public:
  // `loop` is the library's own way from one step to the next; feed() and frame() run it dry.
  // Shared by all of a process, never run by anybody else, outlives this.
  explicit WebSocket(boost::asio::io_context& loop);
  ~WebSocket();

  // Received bytes: the opening handshake, which must offer the subprotocol "sip" (RFC 7118 §4),
  // and then frames. Each message, of limits::kMessageBytes at most, is appended to `out`; one of
  // nothing but line ends is a keep-alive, answered and not told. An error ends the connection,
  // after take_reply() has been sent; Errc::unavailable: the peer has closed it in order.
  Result<void> feed(std::string_view bytes, std::vector<Bytes>& out);
  // What feed() wants sent: the handshake's answer, pongs, the closing handshake.
  std::string take_reply();

  // The frame of one message: text where it is UTF-8, else binary. Only once open.
  std::string frame(std::string_view message);
  bool open() const;
  // A part of the handshake or of a message is there, and its rest is not.
  bool amid_message() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace usher::net
