// Datagrams to one place, and what is counted when it is not there.
#include "core/net/datagram_sender.hpp"

#include <doctest/doctest.h>

#include "tests/core/wire.hpp"

using namespace usher;
using namespace usher::net;
using namespace usher::test;

TEST_CASE("datagrams arrive whole and are counted") {
  Peer server{SOCK_DGRAM};
  DatagramSender sender;
  CHECK_FALSE(sender.send("before it is open"));
  REQUIRE(sender.open(server.local()).has_value());
  CHECK(sender.send("one"));
  CHECK(sender.send(std::string(65'507, 'x')));
  std::string got(70'000, '\0');
  CHECK(recv(server.fd(), got.data(), got.size(), 0) == 3);
  CHECK(got.starts_with("one"));
  CHECK(recv(server.fd(), got.data(), got.size(), 0) == 65'507);
  CHECK(sender.counts().sent == 2);
  CHECK(sender.counts().lost == 0);
  CHECK(sender.trouble().empty());
}

TEST_CASE("a server that is not there costs packets, each counted") {
  Endpoint place;
  {
    const Peer server{SOCK_DGRAM};
    place = server.local();
  }
  DatagramSender sender;
  REQUIRE(sender.open(place).has_value());
  int told = 0;
  for (int i = 0; i < 10; ++i) told += sender.send("lost") ? 0 : 1;
  CHECK(told == 9);  // over loopback the first one's ICMP message is there before the second
  CHECK(sender.counts().lost == 9);
  CHECK(sender.counts().sent == 10);
  CHECK(sender.trouble() == "Connection refused");
}

TEST_CASE("what no datagram has room for is lost") {
  Peer server{SOCK_DGRAM};
  DatagramSender sender;
  REQUIRE(sender.open(server.local()).has_value());
  CHECK_FALSE(sender.send(std::string(65'508, 'x')));
  CHECK(sender.counts().lost == 1);
  CHECK(sender.counts().sent == 0);
}

TEST_CASE("without a way there each packet is lost, and nothing breaks") {
  DatagramSender sender;
  // The system wants to be told that a broadcast is meant, and refuses the way before that.
  REQUIRE(sender.open(*Endpoint::parse("255.255.255.255:9060")).has_value());
  CHECK_FALSE(sender.send("x"));
  CHECK_FALSE(sender.send("y"));
  CHECK(sender.counts().lost == 2);
  CHECK(sender.counts().sent == 0);
  CHECK(sender.trouble() == "Permission denied");
}
