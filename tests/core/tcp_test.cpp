#include "core/net/tcp.hpp"

#include <doctest/doctest.h>

#include "tests/core/wire.hpp"

using namespace usher;
using namespace usher::net;
using namespace usher::test;
using namespace std::chrono_literals;

namespace {

Peer connect_to(const Endpoint& server) {
  Peer peer{SOCK_STREAM};
  peer.connect(server);
  return peer;
}

// A listening socket of the test's own.
Peer server() {
  Peer peer{SOCK_STREAM};
  ::listen(peer.fd(), 16);
  return peer;
}

Peer accept_from(Wire& wire, Peer& listener) {
  Peer accepted{-1, nullptr};
  wire.until([&] {
    pollfd wait{listener.fd(), POLLIN, 0};
    wire.reactor.context().poll();
    wire.reactor.post([] {});
    return ::poll(&wait, 1, 1) == 1;
  });
  return listener.accept();
}

// Makes the system hold little of what this process sends from `local` to `remote`.
bool shrink_send_buffer(const Endpoint& local, const Endpoint& remote) {
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (from_sockaddr(peer) == remote && local_endpoint(fd) == local) {
      return set_option(fd, SOL_SOCKET, SO_SNDBUF, 32 << 10);
    }
  }
  return false;
}

std::size_t connections(const Wire& wire) {
  return wire.transports.counts().connections;
}

}  // namespace

TEST_CASE("messages of an accepted connection arrive framed, and answers go back over it") {
  Wire wire{{Transport::tcp}};
  REQUIRE(wire.opened);
  Peer phone = connect_to(wire.local());
  phone.send("REGISTER\nOPT");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  const Packet packet = wire.record.packets[0];
  CHECK(packet.data.view() == "REGISTER");
  CHECK(packet.flow.transport == Transport::tcp);
  CHECK(packet.flow.listener == ListenerId{0});
  CHECK(packet.flow.connection.value != 0);
  CHECK(packet.flow.remote == phone.local());
  phone.send("IONS\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 2; }));
  CHECK(wire.record.packets[1].data.view() == "OPTIONS");
  CHECK(wire.record.packets[1].flow == packet.flow);

  wire.send(packet.flow, "200 OK\n");
  CHECK(wire.read(phone) == "200 OK\n");
  CHECK(connections(wire) == 1);
  CHECK(wire.transports.counts().stream_messages_in == 2);
  CHECK(wire.transports.counts().stream_messages_out == 1);
}

TEST_CASE("open connections are shown in the order they came, as many as are counted") {
  Wire wire{{Transport::tcp}};
  const auto shown = [&](ConnectionId after = {}, std::size_t most = 100) {
    std::vector<ConnectionView> out;
    wire.transports.each_connection(after, [&](const ConnectionView& view) {
      out.push_back(view);
      return out.size() < most;
    });
    return out;
  };
  Peer first = connect_to(wire.local());
  REQUIRE(wire.until([&] { return connections(wire) == 1; }));
  Peer second = connect_to(wire.local());
  REQUIRE(wire.until([&] { return connections(wire) == 2; }));
  Peer listener = server();
  wire.send(wire.tcp(listener.local()), "OPTIONS\n");
  Peer ours = accept_from(wire, listener);
  first.send("REGISTER\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));

  const auto all = shown();
  REQUIRE(all.size() == 3);
  CHECK(all[0].flow == wire.record.packets[0].flow);
  CHECK(all[1].flow.remote == second.local());
  CHECK(all[2].flow.remote == listener.local());
  for (const ConnectionView& one : all) {
    CHECK(one.local == wire.local());
    CHECK(one.state == "established");
    CHECK(one.opened != Instant{});
    CHECK(one.last_traffic >= one.opened);
    CHECK(one.queued_bytes == 0);
  }
  CHECK(all[0].accepted);
  CHECK(all[0].proven);
  CHECK(all[1].accepted);
  CHECK_FALSE(all[1].proven);
  CHECK_FALSE(all[2].accepted);

  CHECK(shown({}, 1).size() == 1);
  REQUIRE(shown(all[0].flow.connection, 1).size() == 1);
  CHECK(shown(all[0].flow.connection, 1)[0].flow == all[1].flow);
  CHECK(shown(all[2].flow.connection).empty());
  first.close();
  REQUIRE(wire.until([&] { return connections(wire) == 2; }));
  CHECK(shown().front().flow == all[1].flow);
}

TEST_CASE("pings are answered, one pong each") {
  Wire wire{{Transport::tcp}};
  Peer phone = connect_to(wire.local());
  phone.send("ping\nping\nREGISTER\n");
  CHECK(wire.read(phone) == "\r\n\r\n");
  CHECK(wire.record.packets.size() == 1);
}

TEST_CASE("a connection that the peer closes is reported once, with its id") {
  Wire wire{{Transport::tcp}};
  Peer phone = connect_to(wire.local());
  phone.send("REGISTER\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  phone.close();
  REQUIRE(wire.until([&] { return !wire.record.failures.empty(); }));
  CHECK(wire.record.failures[0].flow == wire.record.packets[0].flow);
  CHECK(wire.record.failures[0].reason == "closed by the peer");
  CHECK(connections(wire) == 0);
  run_ready(wire.reactor);
  CHECK(wire.record.failures.size() == 1);
}

TEST_CASE("messages before the end are handed over before the end is reported") {
  Wire wire{{Transport::tcp}};
  Peer phone = connect_to(wire.local());
  phone.send("first\nbad\nnever\n");
  REQUIRE(wire.until([&] { return !wire.record.failures.empty(); }));
  REQUIRE(wire.record.packets.size() == 1);
  CHECK(wire.record.packets[0].data.view() == "first");
  CHECK(wire.record.failures[0].reason == "not a message");
  CHECK(wire.read(phone).empty());
  CHECK(phone.at_end);
}

TEST_CASE("a connection reset by the peer is reported") {
  Wire wire{{Transport::tcp}};
  Peer phone = connect_to(wire.local());
  phone.send("REGISTER\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  phone.reset();
  REQUIRE(wire.until([&] { return !wire.record.failures.empty(); }));
  CHECK(wire.record.failures[0].reason == "Connection reset by peer");
}

TEST_CASE("a send to a connection that is gone is reported, after the call") {
  Wire wire{{Transport::tcp}};
  const Flow flow = wire.tcp(loopback(5999), 77);
  wire.send(flow, "200 OK\n");
  CHECK(wire.record.failures.empty());
  REQUIRE(wire.until([&] { return !wire.record.failures.empty(); }));
  CHECK(wire.record.failures[0].flow == flow);
  CHECK(wire.record.failures[0].reason == "the connection is gone");
  CHECK(connections(wire) == 0);
  wire.until([&] { return wire.record.batches == 1; });
  CHECK(wire.record.batches == 1);
}

TEST_CASE("a send without a connection makes one, from the listener's address, and reuses it") {
  Wire wire{{Transport::tcp}};
  Peer pbx = server();
  wire.send(wire.tcp(pbx.local()), "one\n");
  wire.send(wire.tcp(pbx.local()), "two\n");
  Peer accepted = accept_from(wire, pbx);
  std::string text;
  while (text.size() < 8) {
    const std::string more = wire.read(accepted);
    REQUIRE_FALSE(more.empty());
    text += more;
  }
  CHECK(text == "one\ntwo\n");
  wire.send(wire.tcp(pbx.local()), "three\n");
  CHECK(wire.read(accepted) == "three\n");
  CHECK(connections(wire) == 1);
  CHECK(pbx.accept().fd() == -1);

  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getpeername(accepted.fd(), reinterpret_cast<sockaddr*>(&address), &length);
  CHECK(from_sockaddr(address)->address == wire.local().address);

  accepted.send("answer\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  CHECK(wire.record.packets[0].flow.remote == pbx.local());
  CHECK(wire.record.packets[0].flow.connection.value != 0);
  CHECK(wire.record.failures.empty());
}

TEST_CASE("an accepted connection serves what is sent to its remote endpoint") {
  Wire wire{{Transport::tcp}};
  Peer phone = connect_to(wire.local());
  phone.send("REGISTER\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  wire.send(wire.tcp(phone.local()), "INVITE\n");
  CHECK(wire.read(phone) == "INVITE\n");
  CHECK(connections(wire) == 1);
}

TEST_CASE("after the connection has ended its senders are told, and a new one is made") {
  Wire wire{{Transport::tcp}};
  Peer pbx = server();
  wire.send(wire.tcp(pbx.local()), "one\n");
  Peer first = accept_from(wire, pbx);
  CHECK(wire.read(first) == "one\n");
  first.close();
  REQUIRE(wire.until([&] { return wire.record.failures.size() == 2; }));
  CHECK(wire.record.failures[0].flow.connection.value != 0);
  CHECK(wire.record.failures[1].flow == wire.tcp(pbx.local()));
  CHECK(wire.record.failures[1].reason == "closed by the peer");
  wire.send(wire.tcp(pbx.local()), "two\n");
  Peer second = accept_from(wire, pbx);
  CHECK(wire.read(second) == "two\n");
}

TEST_CASE("a refused connection is reported with the flow as it was sent to") {
  Wire wire{{Transport::tcp}};
  Endpoint nobody;
  {
    Peer gone = server();
    nobody = gone.local();
  }
  const Flow flow = wire.tcp(nobody);
  wire.send(flow, "INVITE\n");
  CHECK(wire.record.failures.empty());
  REQUIRE(wire.until([&] { return !wire.record.failures.empty(); }));
  CHECK(wire.record.failures[0].flow == flow);
  CHECK(wire.record.failures[0].reason == "Connection refused");
  CHECK_FALSE(wire.record.failed_inside_send);
  CHECK(connections(wire) == 0);
}

TEST_CASE("a connection that is not answered is given up in time, and its bytes reported lost") {
  // A backlog of one, filled: the system drops further SYNs.
  Peer deaf{SOCK_STREAM};
  ::listen(deaf.fd(), 0);
  std::vector<Peer> filling;
  for (int i = 0; i < 4; ++i) filling.push_back(connect_to(deaf.local()));

  Reactor reactor;
  Record record;
  TransportShared shared{reactor, record.handlers()};
  Tcp tcp{shared, nullptr, {.connect = 20ms}};
  REQUIRE(tcp.listen({0}, Transport::tcp, loopback()).has_value());
  const Flow flow{Transport::tcp, {0}, {}, deaf.local()};
  tcp.send(flow, Bytes{"INVITE\n"});
  REQUIRE(run_until(reactor, [&] { return !record.failures.empty(); }));
  CHECK(record.failures[0].flow == flow);
  CHECK(record.failures[0].reason == "Connection timed out");
  CHECK(tcp.connections() == 0);
  shared.forget_tasks();
}

TEST_CASE(
    "a peer that reads nothing is cut off at the queue's limit, and reported after the send") {
  Wire wire{{Transport::tcp}};
  Peer phone = connect_to(wire.local());
  phone.send("REGISTER\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  const Flow flow = wire.record.packets[0].flow;
  const std::string message(60'000, 'x');
  std::size_t sent = 0;
  // More than all buffers of the system hold is not needed: the limit comes first or the test
  // fails.
  while (wire.record.failures.empty() && sent < (std::size_t{64} << 20)) {
    for (int i = 0; i < 20; ++i) wire.send(flow, message);
    sent += 20 * message.size();
    run_ready(wire.reactor);
  }
  REQUIRE_FALSE(wire.record.failures.empty());
  CHECK(wire.record.failures[0].flow == flow);
  CHECK(wire.record.failures[0].reason == "does not read what it is sent");
  CHECK_FALSE(wire.record.failed_inside_send);
  CHECK(connections(wire) == 0);
}

TEST_CASE("what a slow peer has not read yet waits, and arrives in order and whole") {
  Wire wire{{Transport::tcp}};
  Peer phone{SOCK_STREAM};
  // Less than what is sent, but not so little that the kernels talk in slivers.
  const int small = 128 << 10;
  setsockopt(phone.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  phone.connect(wire.local());
  phone.send("REGISTER\n");
  REQUIRE(wire.until([&] { return wire.record.packets.size() == 1; }));
  REQUIRE(shrink_send_buffer(wire.local(), phone.local()));
  const auto queued = [&] {
    std::size_t bytes = 0;
    wire.transports.each_connection({}, [&](const ConnectionView& view) {
      bytes += view.queued_bytes;
      return true;
    });
    return bytes;
  };
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string message = std::to_string(i) + std::string(900, 'x') + "\n";
    expected += message;
    wire.transports.send(wire.record.packets[0].flow, Bytes{message});
  }
  CHECK(queued() > 0);
  CHECK(queued() < expected.size());
  std::string got;
  while (got.size() < expected.size()) {
    const std::string more = wire.read(phone);
    REQUIRE_FALSE(more.empty());
    got += more;
  }
  CHECK(got == expected);
  CHECK(queued() == 0);
  CHECK(wire.record.failures.empty());
}

TEST_CASE("an idle connection is closed, one with traffic is not") {
  Reactor reactor;
  Record record;
  TransportShared shared{reactor, record.handlers()};
  Tcp tcp{shared};
  REQUIRE(tcp.listen({0}, Transport::tcp, loopback()).has_value());
  Peer idle = connect_to(tcp.local({0}));
  Peer busy = connect_to(tcp.local({0}));
  busy.send("a\n");
  idle.send("a\n");
  REQUIRE(run_until(reactor, [&] { return tcp.connections() == 2 && record.packets.size() == 2; }));
  Now now = Reactor::now();
  tcp.sweep(now);  // from here on both are quiet
  busy.send("b\n");
  REQUIRE(run_until(reactor, [&] { return record.packets.size() == 3; }));
  now.mono += 9min;
  tcp.sweep(now);
  CHECK(tcp.connections() == 2);
  now.mono += 1min;
  tcp.sweep(now);
  REQUIRE(record.failures.size() == 1);
  CHECK(record.failures[0].flow.remote == idle.local());
  CHECK(record.failures[0].reason == "idle for 10m");
  CHECK(tcp.connections() == 1);
  shared.forget_tasks();
}

TEST_CASE("the last traffic is when a sweep found some, and at first when it was established") {
  Reactor reactor;
  Record record;
  TransportShared shared{reactor, record.handlers()};
  Tcp tcp{shared};
  REQUIRE(tcp.listen({0}, Transport::tcp, loopback()).has_value());
  Peer phone = connect_to(tcp.local({0}));
  REQUIRE(run_until(reactor, [&] { return tcp.connections() == 1; }));
  Instant last{};
  const auto swept_at = [&](Now now) {
    tcp.sweep(now);
    tcp.each_connection({}, [&](const ConnectionView& view) {
      last = view.last_traffic;
      return true;
    });
    return last;
  };
  Now now = Reactor::now();
  now.mono += 1s;
  CHECK(swept_at(now) < now.mono);
  phone.send("a\n");
  REQUIRE(run_until(reactor, [&] { return record.packets.size() == 1; }));
  CHECK(swept_at(now) == now.mono);
  CHECK(swept_at({now.mono + 5s, now.wall}) == now.mono);
  shared.forget_tasks();
}

TEST_CASE("who says nothing, or does not come to an end, is cut off with the reason") {
  Reactor reactor;
  Record record;
  TransportShared shared{reactor, record.handlers()};
  Tcp tcp{shared};
  REQUIRE(tcp.listen({0}, Transport::tcp, loopback()).has_value());
  Peer silent = connect_to(tcp.local({0}));
  REQUIRE(run_until(reactor, [&] { return tcp.connections() == 1; }));
  Peer slow = connect_to(tcp.local({0}));
  slow.send("a\nhalf a mess");
  REQUIRE(run_until(reactor, [&] { return record.packets.size() == 1; }));
  CHECK(tcp.silent() == 1);
  Now now = Reactor::now();
  now.mono += 15s;
  slow.send("age");
  run_ready(reactor);
  tcp.sweep(now);
  CHECK(record.cut_off.empty());
  now.mono += 6s;
  tcp.sweep(now);
  REQUIRE(record.cut_off.size() == 2);
  CHECK(record.cut_off[0].flow.remote == slow.local());
  CHECK(record.cut_off[0].reason == "a message took longer than 20s");
  CHECK(record.cut_off[1].flow.remote == silent.local());
  CHECK(record.cut_off[1].reason == "no message within 20s");
  CHECK(tcp.connections() == 0);
  CHECK(tcp.silent() == 0);
  shared.forget_tasks();
}

TEST_CASE("closing from inside a handler closes every connection and ends all reports") {
  Wire wire{{Transport::tcp}};
  const Endpoint was = wire.local();
  Peer phone = connect_to(was);
  wire.record.on_packet = [&](const Packet&) { wire.transports.close(); };
  phone.send("a\nb\nc\n");
  REQUIRE(wire.until([&] { return !wire.record.packets.empty(); }));
  run_ready(wire.reactor);
  CHECK(wire.record.packets.size() == 1);
  CHECK(wire.record.failures.empty());
  CHECK(wire.read(phone).empty());
  CHECK(phone.at_end);
  CHECK(connections(wire) == 0);
}

TEST_CASE("transports destroyed before their reactor leave no report behind") {
  Reactor reactor;
  Record record;
  {
    Transports transports{reactor, record.handlers()};
    REQUIRE(transports.open({{Transport::tcp, loopback(), "", 0}}).has_value());
    transports.send({Transport::tcp, {0}, {99}, loopback(5999)}, Bytes{"x"});
    transports.send({Transport::tcp, {0}, {}, loopback(1)}, Bytes{"x"});
  }
  run_ready(reactor);
  CHECK(record.failures.empty());
}
