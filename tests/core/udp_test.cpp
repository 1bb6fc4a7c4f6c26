#include <doctest/doctest.h>

#include <set>

#include "core/limits.hpp"
#include "tests/core/wire.hpp"

using namespace usher;
using namespace usher::net;
using namespace usher::test;

TEST_CASE("a datagram arrives with the flow it came by, and the answer leaves from the listener") {
  Wire wire{{Transport::udp}};
  REQUIRE(wire.opened);
  Peer phone{SOCK_DGRAM};
  phone.send_to(wire.local(), "OPTIONS");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  const Packet packet = wire.record.packets[0];
  CHECK(packet.data.view() == "OPTIONS");
  CHECK(packet.flow == Flow{Transport::udp, {0}, {}, phone.local()});
  wire.until([&] { return wire.record.batches == 1; });
  CHECK(wire.record.batches == 1);

  wire.send(packet.flow, "200 OK");
  std::string answer(100, '\0');
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const ssize_t got = recvfrom(phone.fd(), answer.data(), answer.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &length);
  REQUIRE(got == 6);
  CHECK(from_sockaddr(from) == wire.local());
  CHECK(wire.transports.counts().datagrams_in == 1);
  CHECK(wire.transports.counts().datagrams_out == 1);
  CHECK(wire.transports.counts().datagrams_failed == 0);
}

TEST_CASE("each listener has its own socket and its own id") {
  Wire wire{{Transport::udp, Transport::tcp, Transport::udp}};
  REQUIRE(wire.opened);
  CHECK(wire.local(0).port != wire.local(2).port);
  CHECK(wire.local(1).port != 0);
  Peer phone{SOCK_DGRAM};
  phone.send_to(wire.local(2), "to the third");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  CHECK(wire.record.packets[0].flow.listener == ListenerId{2});
}

TEST_CASE("many datagrams arrive whole, in order, and at most one batch per wake-up") {
  Wire wire{{Transport::udp}};
  REQUIRE(wire.opened);
  Peer phone{SOCK_DGRAM};
  constexpr std::size_t kCount = limits::kBatch * 3;
  for (std::size_t i = 0; i < kCount; ++i)
    phone.send_to(wire.local(), std::to_string(i) + std::string(i, 'x'));
  std::size_t most = 0;
  while (wire.record.packets.size() < kCount) {
    const std::size_t before = wire.record.packets.size();
    const int batches = wire.record.batches;
    REQUIRE(wire.until([&] { return wire.record.batches > batches; }));
    most = std::max(most, wire.record.packets.size() - before);
  }
  CHECK(most <= limits::kBatch);
  for (std::size_t i = 0; i < kCount; ++i) {
    CHECK(wire.record.packets[i].data.view() == std::to_string(i) + std::string(i, 'x'));
  }
  CHECK(wire.transports.counts().receive_wakeups < kCount);
}

TEST_CASE("the largest datagram arrives and leaves whole") {
  Wire wire{{Transport::udp}};
  Peer phone{SOCK_DGRAM};
  const std::string large(65507, 'x');
  phone.send_to(wire.local(), large);
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  CHECK(wire.record.packets[0].data.view() == large);
  wire.send(wire.udp(phone.local()), large);
  CHECK(wire.read(phone) == large);
}

TEST_CASE("keep-alives are dropped, messages among them are not") {
  Wire wire{{Transport::udp}};
  Peer phone{SOCK_DGRAM};
  phone.send_to(wire.local(), "");
  phone.send_to(wire.local(), "\r\n\r\n");
  phone.send_to(wire.local(), {"\0", 1});
  phone.send_to(wire.local(), {"\0\0\0\0", 4});
  phone.send_to(wire.local(), "\r\nREGISTER");
  REQUIRE(wire.until([&] { return !wire.record.packets.empty(); }));
  CHECK(wire.record.packets.size() == 1);
  CHECK(wire.record.packets[0].data.view() == "\r\nREGISTER");
  CHECK(wire.transports.counts().datagrams_in == 5);
}

TEST_CASE("queued datagrams leave together, in order, with nothing before the flush") {
  Wire wire{{Transport::udp}};
  Peer phone{SOCK_DGRAM};
  for (int i = 0; i < 150; ++i)
    wire.transports.send(wire.udp(phone.local()), Bytes{std::to_string(i)});
  CHECK(phone.read().empty());
  wire.transports.flush();
  for (int i = 0; i < 150; ++i) CHECK(wire.read(phone) == std::to_string(i));
  CHECK(wire.transports.counts().datagrams_out == 150);
}

TEST_CASE("an unreachable port is reported with its flow") {
  Wire wire{{Transport::udp}};
  Endpoint nobody;
  {
    Peer gone{SOCK_DGRAM};
    nobody = gone.local();
  }
  wire.send(wire.udp(nobody), "INVITE");
  CHECK(wire.record.failures.empty());
  REQUIRE(wire.until([&] { return !wire.record.failures.empty(); }));
  CHECK(wire.record.failures[0].flow == wire.udp(nobody));
  CHECK(wire.record.failures[0].reason == "ICMP: Connection refused");
  CHECK_FALSE(wire.record.failed_inside_send);
}

TEST_CASE("an unreachable peer costs the reachable ones nothing") {
  Wire wire{{Transport::udp}};
  Peer alive{SOCK_DGRAM};
  std::vector<Endpoint> dead;
  {
    std::vector<Peer> gone;
    for (int i = 0; i < 5; ++i) gone.emplace_back(SOCK_DGRAM);
    for (const Peer& peer : gone) dead.push_back(peer.local());
  }
  for (int round = 0; round < 20; ++round) {
    for (const Endpoint& target : dead) {
      wire.transports.send(wire.udp(target), Bytes{"INVITE"});
      wire.transports.send(wire.udp(alive.local()), Bytes{std::to_string(round)});
    }
  }
  wire.transports.flush();
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = 0; i < dead.size(); ++i) CHECK(wire.read(alive) == std::to_string(round));
  }
  std::set<Endpoint> reported;
  REQUIRE(wire.until([&] {
    for (const Failure& failure : wire.record.failures) reported.insert(failure.flow.remote);
    return reported.size() == dead.size();
  }));
  CHECK_FALSE(reported.contains(alive.local()));
  // The socket still receives.
  alive.send_to(wire.local(), "BYE");
  CHECK(wire.until([&] { return !wire.record.packets.empty(); }));
}

TEST_CASE("a datagram that the system refuses is reported, later, and does not hold up the next") {
  Wire wire{{Transport::udp}};
  Peer phone{SOCK_DGRAM};
  const Flow wrong_family = wire.udp({*IpAddress::parse("::1"), 5060});
  const Flow too_large = wire.udp(phone.local());
  wire.transports.send(wrong_family, Bytes{"a"});
  wire.transports.send(too_large, Bytes{std::string(65508, 'x')});
  wire.send(wire.udp(phone.local()), "next");
  CHECK(wire.record.failures.empty());
  CHECK(wire.read(phone) == "next");
  REQUIRE(wire.until([&] { return wire.record.failures.size() == 2; }));
  CHECK(wire.record.failures[0].flow == wrong_family);
  CHECK(wire.record.failures[1].reason == "Message too long");
  CHECK(wire.transports.counts().datagrams_failed == 2);
}

TEST_CASE("datagrams that come while the receive buffer is full are counted") {
  Wire wire{{Transport::udp, Transport::tcp}};
  REQUIRE(wire.opened);
  const auto room = wire.transports.receive_buffer({0});
  REQUIRE(room);
  CHECK(room->given > 0);
  CHECK(room->given <= room->wanted);
  CHECK_FALSE(wire.transports.receive_buffer({1}));
  CHECK(wire.transports.counts().datagrams_overflowed == 0);
  Peer phone{SOCK_DGRAM};
  const std::string large(60'000, 'x');
  const std::size_t count = 3 * room->wanted / large.size();
  for (std::size_t i = 0; i < count; ++i) phone.send_to(wire.local(), large);
  const std::uint64_t lost = wire.transports.counts().datagrams_overflowed;
  CHECK(lost > 0);
  CHECK(lost < count);
  REQUIRE(wire.until([&] { return wire.record.packets.size() + lost == count; }));
  CHECK(wire.transports.counts().datagrams_in + lost == count);
}

TEST_CASE("a flow of a listener that does not exist is reported") {
  Wire wire{{Transport::udp}};
  Peer phone{SOCK_DGRAM};
  wire.send(wire.udp(phone.local(), 7), "a");
  wire.send(wire.tcp(phone.local()), "a");
  CHECK(wire.record.failures.empty());
  REQUIRE(wire.until([&] { return wire.record.failures.size() == 2; }));
  CHECK(wire.record.failures[0].reason == "no such udp listener");
  CHECK(wire.record.failures[1].reason == "no such tcp listener");
}

TEST_CASE("a port in use is refused by name, and nothing is left open") {
  Wire first{{Transport::udp, Transport::tcp}};
  REQUIRE(first.opened);
  Endpoint free_port;
  {
    Peer probe{SOCK_DGRAM};
    free_port = probe.local();
  }
  Reactor reactor;
  Record record;
  Transports transports{reactor, record.handlers()};
  const auto udp = transports.open(
      {{Transport::udp, free_port, "", 0}, {Transport::udp, first.local(0), "", 0}});
  REQUIRE(udp.has_error());
  CHECK(udp.error().message ==
        "listen[1] udp " + first.local(0).text() + ": Address already in use");
  CHECK(udp.error().code == Errc::conflict);
  CHECK(Peer{SOCK_DGRAM, free_port}.good());

  const auto tcp = transports.open(
      {{Transport::udp, free_port, "", 0}, {Transport::tcp, first.local(1), "", 0}});
  REQUIRE(tcp.has_error());
  CHECK(tcp.error().message ==
        "listen[1] tcp " + first.local(1).text() + ": Address already in use");
  CHECK(Peer{SOCK_DGRAM, free_port}.good());

  const auto foreign =
      transports.open({{Transport::udp, {*IpAddress::parse("192.0.2.1"), 5060}, "", 0}});
  REQUIRE(foreign.has_error());
  CHECK(foreign.error().message == "listen[0] udp 192.0.2.1:5060: Cannot assign requested address");

  const auto tls = transports.open({{Transport::tls, free_port, "", 0}});
  REQUIRE(tls.has_error());
  CHECK(tls.error().message.ends_with(": it has no certificate"));

  CHECK(transports.open({{Transport::udp, free_port, "", 0}}).has_value());
}

TEST_CASE("closing from inside a handler ends all reports") {
  Wire wire{{Transport::udp}};
  Peer phone{SOCK_DGRAM};
  wire.record.on_packet = [&](const Packet&) { wire.transports.close(); };
  const Endpoint was = wire.local();
  for (int i = 0; i < 10; ++i) phone.send_to(was, "x");
  REQUIRE(wire.until([&] { return !wire.record.packets.empty(); }));
  run_ready(wire.reactor);
  CHECK(wire.record.packets.size() == 1);
  CHECK(wire.record.batches == 0);
  CHECK(Peer{SOCK_DGRAM, was}.good());
  wire.send(wire.udp(phone.local()), "after close");
  run_ready(wire.reactor);
  CHECK(phone.read().empty());
}

TEST_CASE("IPv6 works as IPv4 does") {
  const Endpoint bind{*IpAddress::parse("::1"), 0};
  if (!Peer{SOCK_DGRAM, bind}.good()) {
    MESSAGE("this machine has no IPv6 loopback");
    return;
  }
  Reactor reactor;
  Record record;
  Transports transports{reactor, record.handlers()};
  REQUIRE(transports.open({{Transport::udp, bind, "[::1]", 5060}}).has_value());
  Peer phone{SOCK_DGRAM, bind};
  phone.send_to(transports.local({0}), "OPTIONS");
  REQUIRE(run_until(reactor, [&] { return record.packets.size() == 1; }));
  CHECK(record.packets[0].flow.remote == phone.local());
  const Endpoint was = phone.local();
  phone.close();
  transports.send(record.packets[0].flow, Bytes{"200"});
  transports.flush();
  REQUIRE(run_until(reactor, [&] { return !record.failures.empty(); }));
  CHECK(record.failures[0].flow.remote == was);
}
