// What comes over the streams of an edge under fuzzing: bytes, which the framers of the transports
// make messages of, or end the connection over.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/websocket.hpp"
#include "sip/parse/stream.hpp"
#include "tests/fuzz/fuzz_support.hpp"

namespace usher::fuzz {

class EdgeStreams {
 public:
  // The messages that become complete; `good` is false when the connection ends after them, and the
  // next bytes are those of a new one. On a WebSocket the bytes are one frame's payload, or frames
  // themselves behind the byte 0x01.
  std::vector<Bytes> receive(const net::Flow& flow, std::string_view bytes, bool& good) {
    std::vector<Bytes> out;
    if (net::is_websocket(flow.transport)) {
      if (!socket_) {
        socket_ = std::make_unique<net::WebSocket>(loop_);
        USHER_CHECK(socket_->feed(kWebSocketRequest, out).has_value());
      }
      const bool raw = bytes.starts_with('\x01');
      good = socket_->feed(raw ? std::string(bytes.substr(1)) : frame(bytes), out).has_value();
      if (!good) socket_.reset();
    } else {
      sip::StreamParser& parser = parsers_[flow.connection.value];
      int pongs = 0;
      good = parser.feed(bytes, out, pongs).has_value();
      if (!good) parsers_.erase(flow.connection.value);
    }
    return out;
  }

 private:
  // RFC 6455 §5.2: binary, whole, masked with zeros.
  static std::string frame(std::string_view payload) {
    payload = payload.substr(0, 0xffff);
    std::string out{"\x82\xfe"};
    out.push_back(static_cast<char>(payload.size() >> 8));
    out.push_back(static_cast<char>(payload.size() & 0xff));
    return out.append(4, '\0').append(payload);
  }

  boost::asio::io_context loop_;
  std::unique_ptr<net::WebSocket> socket_;
  std::map<std::uint64_t, sip::StreamParser> parsers_;
};

}  // namespace usher::fuzz
