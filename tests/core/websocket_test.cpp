// Frames by hand: RFC 6455 §1.3 and §5.7 give the handshake and the examples.
#include "core/net/websocket.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "core/limits.hpp"

using namespace usher;
using namespace usher::net;

namespace {

const std::string kRequest =
    "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: chat, sip\r\nSec-WebSocket-Version: 13\r\n\r\n";

// A client's frame, masked as §5.3 wants it.
std::string frame(int opcode, std::string_view payload, bool last = true) {
  constexpr std::string_view kMask = "\x37\xfa\x21\x3d";
  std::string out;
  out += static_cast<char>((last ? 0x80 : 0) | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65536) {
    out += static_cast<char>(0x80 | 126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  } else {
    out += static_cast<char>(0x80 | 127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(payload.size() >> shift);
  }
  out += kMask;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(payload[i] ^ kMask[i % 4]);
  return out;
}

struct Server {
  boost::asio::io_context loop;
  WebSocket socket{loop};
  std::vector<Bytes> messages;

  Result<void> feed(std::string_view bytes) { return socket.feed(bytes, messages); }
  void shake_hands() {
    REQUIRE(feed(kRequest).has_value());
    REQUIRE(socket.open());
    socket.take_reply();
  }
  std::string only() {
    REQUIRE(messages.size() == 1);
    return std::string{messages[0].view()};
  }
};

}  // namespace

TEST_CASE("the opening handshake is answered with the RFC's key and the subprotocol sip") {
  Server server;
  REQUIRE(server.feed(kRequest).has_value());
  const std::string answer = server.socket.take_reply();
  CHECK(answer.starts_with("HTTP/1.1 101 "));
  CHECK(answer.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") != std::string::npos);
  CHECK(answer.find("Sec-WebSocket-Protocol: sip\r\n") != std::string::npos);
  CHECK(server.socket.open());
  CHECK(server.messages.empty());
}

TEST_CASE("a handshake without the subprotocol sip is refused") {
  Server server;
  std::string request = kRequest;
  request.replace(request.find("chat, sip"), 9, "chat, xmp");
  const auto fed = server.feed(request);
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().message == "the WebSocket does not offer the subprotocol sip");
  CHECK(server.socket.take_reply().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("a plain HTTP request is told what is spoken here") {
  Server server;
  CHECK_FALSE(server.feed("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").has_value());
  CHECK(server.socket.take_reply().starts_with("HTTP/1.1 426 "));
  CHECK_FALSE(server.feed("more").has_value());
}

TEST_CASE("what is no HTTP is refused, whatever comes first") {
  Server server;
  CHECK_FALSE(server.feed("OPTIONS sip:a.test SIP/2.0\r\nVia: x\r\n\r\n").has_value());
  CHECK(server.socket.take_reply().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("a handshake without an end is cut off at its limit") {
  Server server;
  bool refused = !server.feed("GET / HTTP/1.1\r\n").has_value();
  std::size_t sent = 0;
  for (; !refused && sent < 4 * limits::kHttpHeaderBytes; sent += 1002)
    refused = !server.feed("X: " + std::string(997, 'x') + "\r\n").has_value();
  CHECK(refused);
  CHECK(sent <= limits::kHttpHeaderBytes + 1002);
}

TEST_CASE("a message comes out whole, however its bytes arrive") {
  Server server;
  const std::string all = kRequest + frame(1, "Hello");
  SUBCASE("at once") {
    REQUIRE(server.feed(all).has_value());
  }
  SUBCASE("byte by byte") {
    for (const char& c : all) REQUIRE(server.feed({&c, 1}).has_value());
  }
  CHECK(server.only() == "Hello");
}

TEST_CASE("fragments are one message, and a ping between them is answered") {
  Server server;
  server.shake_hands();
  REQUIRE(server.feed(frame(1, "Hel", false)).has_value());
  CHECK(server.socket.amid_message());
  REQUIRE(server.feed(frame(9, "there?")).has_value());
  CHECK(server.socket.take_reply() == std::string{"\x8a\x06there?"});
  REQUIRE(server.feed(frame(0, "lo")).has_value());
  CHECK(server.only() == "Hello");
  CHECK_FALSE(server.socket.amid_message());
}

TEST_CASE("a frame that is announced is a message on its way") {
  Server server;
  server.shake_hands();
  CHECK_FALSE(server.socket.amid_message());
  const std::string all = frame(1, std::string(1000, 'x'));
  const std::size_t head = all.size() - 1000;
  REQUIRE(server.feed(std::string_view{all}.substr(0, head)).has_value());
  CHECK(server.socket.amid_message());
  REQUIRE(server.feed(std::string_view{all}.substr(head)).has_value());
  CHECK(server.only().size() == 1000);
  CHECK_FALSE(server.socket.amid_message());
}

TEST_CASE("a message of nothing but line ends is a keep-alive") {
  Server server;
  server.shake_hands();
  REQUIRE(server.feed(frame(1, "\r\n\r\n")).has_value());
  CHECK(server.messages.empty());
  CHECK(server.socket.take_reply() == std::string{"\x81\x02\r\n"});
}

TEST_CASE("what is sent is a text frame when it is UTF-8, else a binary one") {
  Server server;
  server.shake_hands();
  CHECK(server.socket.frame("Hello") == std::string{"\x81\x05Hello"});
  CHECK(server.socket.frame("\xff\xfe") == std::string{"\x82\x02\xff\xfe"});
  CHECK(server.socket.frame("Zo\xc3\xab") == std::string{"\x81\x04Zo\xc3\xab"});
  CHECK(server.socket.take_reply().empty());
}

TEST_CASE("a message beyond the limit ends the connection before it is stored") {
  Server server;
  server.shake_hands();
  const std::string large = frame(2, std::string(limits::kMessageBytes + 1, 'x'));
  CHECK_FALSE(server.feed(std::string_view{large}.substr(0, 20)).has_value());
  CHECK(server.messages.empty());
}

TEST_CASE("an unmasked frame breaks the protocol") {
  Server server;
  server.shake_hands();
  const auto fed = server.feed("\x81\x05Hello");
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().code == Errc::syntax);
}

TEST_CASE("a close is answered and is no fault of the peer's") {
  Server server;
  server.shake_hands();
  const auto fed = server.feed(frame(8, std::string{"\x03\xe8", 2}));
  REQUIRE_FALSE(fed.has_value());
  CHECK(fed.error().code == Errc::unavailable);
  CHECK(server.socket.take_reply() == std::string{"\x88\x02\x03\xe8", 4});
}

TEST_CASE("WebSockets that share a loop do not disturb each other") {
  boost::asio::io_context loop;
  WebSocket one{loop};
  std::vector<Bytes> from_one, from_two;
  {
    WebSocket two{loop};
    REQUIRE(one.feed(kRequest, from_one).has_value());
    REQUIRE(two.feed(kRequest, from_two).has_value());
    REQUIRE(two.feed(frame(1, "two"), from_two).has_value());
  }
  REQUIRE(one.feed(frame(1, "one"), from_one).has_value());
  REQUIRE(from_one.size() == 1);
  CHECK(from_one[0].view() == "one");
  CHECK(from_two.size() == 1);
}
