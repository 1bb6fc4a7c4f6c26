// The whole edge, without sockets: datagrams, bytes over TCP and WebSockets, answers and requests
// that fit what it has sent, and time. Chunks are parted by the byte 0x1e; the first byte of each
// says who sends it, or that time passes. When all is said, every call is ended and an hour has
// gone by, nothing of what anybody wanted is left.
#include <array>
#include <optional>
#include <string>

#include "core/log.hpp"
#include "routing/edge.hpp"
#include "tests/fuzz/edge_peers.hpp"
#include "tests/fuzz/edge_streams.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;

namespace {

net::Flow flow(net::Transport transport, std::uint16_t listener, std::uint64_t connection,
               std::uint32_t address) {
  return {transport,
          net::ListenerId{listener},
          net::ConnectionId{connection},
          {net::IpAddress::v4(address), 5060}};
}

struct House {
  House() : log([](const LogLine&) {}), edge(configuration(), snapshot(), log, now) {}

  static routing::EdgeConfig configuration() {
    routing::EdgeConfig config;
    config.stack.listeners = {{net::Transport::udp, "127.0.0.1:5060"},
                              {net::Transport::tcp, "127.0.0.1:5060"},
                              {net::Transport::ws, "127.0.0.1:5080"}};
    config.own_endpoints = {{net::IpAddress::v4(0x7f000001), 5060}};
    return config;
  }
  static storage::Snapshot snapshot() {
    storage::Snapshot loaded;
    storage::DispatcherSet set;
    set.setid = 10;
    set.health.interval = std::chrono::hours(24);  // nobody answers probes: calls are what matters
    loaded.sets = {set};
    loaded.domains = {{"biloxi.example.com", 10, true, ""}, {"atlanta.example.com", 10, true, ""}};
    storage::Target target;
    target.id = 1;
    target.setid = 10;
    target.destination = *net::Destination::parse("127.0.0.10");
    loaded.targets = {target};
    loaded.last_target = 1;
    return loaded;
  }

  void settle() {
    for (bool again = true; again;) {
      const routing::EdgeOutput out = edge.take_output();
      again = !out.persists.empty();
      for (const sip::Send& send : out.sends) peers.sent(send);
      for (const routing::Persist& persist : out.persists) edge.stored(now, persist.id, {});
    }
  }
  // What a party sends over its flow.
  void receive(const net::Flow& from, std::string_view bytes) {
    if (!net::is_reliable(from.transport)) return edge.receive(now, {Bytes{bytes}, from});
    bool good = true;
    for (Bytes& message : streams.receive(from, bytes, good)) {
      edge.receive(now, {std::move(message), from});
      settle();
    }
    if (!good) edge.flow_failed(now, from, "no SIP");
  }
  void receive(const std::optional<net::Packet>& packet) {
    if (packet) edge.receive(now, *packet);
  }
  void pass(Duration time) {
    const Instant end = now.mono + time;
    for (int steps = 0; steps < 100'000; ++steps) {
      const auto due = edge.next_deadline();
      if (!due || *due > end) break;
      const Duration step = std::max(*due - now.mono, Duration{1});
      now.mono += step;
      edge.on_time(now);
      settle();
    }
    now.mono = end;
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(time);
    edge.on_time(now);
    settle();
  }

  Now now{Instant{std::chrono::hours(10)}, WallTime{std::chrono::hours(480'000)}};
  Log log;
  routing::Edge edge;
  fuzz::EdgePeers peers;
  fuzz::EdgeStreams streams;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::array<net::Flow, 6> flows{
      flow(net::Transport::udp, 0, 0, 0xc0000201),  // strangers and phones
      flow(net::Transport::udp, 0, 0, 0xc0000202),
      flow(net::Transport::tcp, 1, 1, 0xc0000203),
      flow(net::Transport::ws, 2, 2, 0xc0000204),
      flow(net::Transport::udp, 0, 0, 0x7f00000a),  // the backend
      flow(net::Transport::tcp, 1, 3, 0x7f00000a)};
  House house;
  std::string_view rest = fuzz::text_of(data, size);
  for (int chunks = 0; !rest.empty() && chunks < 40; ++chunks) {
    std::string_view one = rest.substr(0, rest.find('\x1e'));
    rest.remove_prefix(std::min(rest.size(), one.size() + 1));
    if (one.empty()) continue;
    const auto what = static_cast<std::uint8_t>(one.front());
    one.remove_prefix(1);
    const net::Flow& from = flows[what % flows.size()];
    if (what >= 0xf0) {
      house.pass(std::chrono::milliseconds(1 << (what - 0xf0)));
    } else if (what >= 0xe0) {
      house.edge.flow_failed(house.now, from, "gone");
    } else if (what >= 0xc0) {
      house.receive(house.peers.response(one));
    } else if (what >= 0xa0) {
      house.receive(house.peers.request(one));
    } else {
      house.receive(from, one);
    }
    house.settle();
  }
  for (const sip::CallView& call : house.edge.calls())
    (void)house.edge.end_call(house.now, call.call, "the end");  // one that rings ends by its limit
  house.settle();
  house.pass(std::chrono::hours(1));
  const sip::StackCounts counts = house.edge.counts().stack;
  USHER_CHECK(counts.transactions.invite_server == 0 && counts.transactions.invite_client == 0);
  USHER_CHECK(counts.transactions.non_invite_server == 0);
  USHER_CHECK(counts.relays == 0 && counts.calls == 0 && counts.exchanges == 0);
  USHER_CHECK(counts.legs == 0 || counts.subscriptions > 0);
  return 0;
}
