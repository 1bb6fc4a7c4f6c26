// A packet for the capture server, byte by byte.
#include "routing/capture/hep.hpp"

#include <doctest/doctest.h>

#include "core/limits.hpp"

using namespace std::chrono_literals;

namespace usher::routing {
namespace {

net::Endpoint at(const char* text) {
  return *net::Endpoint::parse(text);
}

// "48 45 50" as bytes.
std::string bytes(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    while (hex[i] == ' ') ++i;
    out += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
  }
  return out;
}

std::size_t said_length(const std::string& packet) {
  return static_cast<std::size_t>(static_cast<unsigned char>(packet[4]) << 8 |
                                  static_cast<unsigned char>(packet[5]));
}

TEST_CASE("hep: a packet of IPv4 over UDP, to the byte") {
  const std::string packet =
      hep_packet({.id = 2001, .password = "pw"}, {.transport = net::Transport::udp,
                                                  .source = at("127.0.0.21:5062"),
                                                  .destination = at("10.1.2.3:5060"),
                                                  .since_1970 = 1'700'000'000s + 123'456us,
                                                  .correlation = "abc",
                                                  .payload = "BYE x"});
  CHECK(packet == bytes("48455033 0079"
                        "0000 0001 0007 02"
                        "0000 0002 0007 11"
                        "0000 0003 000a 7f000015"
                        "0000 0004 000a 0a010203"
                        "0000 0007 0008 13c6"
                        "0000 0008 0008 13c4"
                        "0000 0009 000a 6553f100"
                        "0000 000a 000a 0001e240"
                        "0000 000b 0007 01"
                        "0000 000c 000a 000007d1"
                        "0000 000e 0008 7077"
                        "0000 0011 0009 616263"
                        "0000 000f 000b 4259452078"));
}

TEST_CASE("hep: IPv6 has chunks of its own, and every stream is TCP") {
  for (const net::Transport transport :
       {net::Transport::tcp, net::Transport::tls, net::Transport::ws, net::Transport::wss}) {
    const std::string packet = hep_packet({.id = 0xfffefdfc}, {.transport = transport,
                                                               .source = at("[2001:db8::1]:5060"),
                                                               .destination = at("[::1]:65535"),
                                                               .payload = "x"});
    CHECK(packet == bytes("48455033 007c"
                          "0000 0001 0007 0a"
                          "0000 0002 0007 06"
                          "0000 0005 0016 20010db8000000000000000000000001"
                          "0000 0006 0016 00000000000000000000000000000001"
                          "0000 0007 0008 13c4"
                          "0000 0008 0008 ffff"
                          "0000 0009 000a 00000000"
                          "0000 000a 000a 00000000"
                          "0000 000b 0007 01"
                          "0000 000c 000a fffefdfc"
                          "0000 000f 0007 78"));
  }
}

TEST_CASE("hep: what is too long for a datagram loses its end, and the lengths stay true") {
  const HepAgent agent{.id = 1, .password = std::string(255, 'p')};
  HepMessage message{.source = at("127.0.0.1:1"), .destination = at("127.0.0.2:2")};
  const std::string name(5'000, 'n');
  message.correlation = name;
  const std::string most(limits::kMessageBytes, 'm');
  message.payload = most;
  const std::string cut = hep_packet(agent, message);
  CHECK(cut.size() == 65'507);
  CHECK(said_length(cut) == cut.size());
  const std::size_t chunk = cut.find(bytes("0000 000f"));
  REQUIRE(chunk != std::string::npos);
  CHECK(cut.substr(chunk + 6) == most.substr(0, cut.size() - chunk - 6));
  CHECK(static_cast<std::size_t>(static_cast<unsigned char>(cut[chunk + 4]) << 8 |
                                 static_cast<unsigned char>(cut[chunk + 5])) == cut.size() - chunk);

  // One byte less than what is cut is whole.
  message.payload = std::string_view{most}.substr(0, cut.size() - chunk - 6);
  CHECK(hep_packet(agent, message) == cut);
  message.payload.remove_suffix(1);
  CHECK(hep_packet(agent, message).size() == 65'506);
}

}  // namespace
}  // namespace usher::routing
