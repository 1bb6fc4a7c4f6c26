// The network between the edge and the agents: datagrams that get lost, late, twice or altered, and
// streams that deliver in order until they break.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>

#include "core/rng.hpp"
#include "tests/sim/clock.hpp"
#include "tests/sim/trace.hpp"

namespace usher::sim {

// Shares are in thousandths.
struct Faults {
  unsigned lost = 0;
  unsigned twice = 0;
  unsigned late = 0;     // by up to `latest` more, so that it is overtaken
  unsigned altered = 0;  // a flipped bit, or cut off
  Duration least = milliseconds(1), most = milliseconds(20);
  // Below T4 (RFC 3261 §17.1.2.2: how long a message remains in the network).
  Duration latest = milliseconds(1500);
};

class Network {
 public:
  Network(Clock& clock, Trace& trace, const Faults& faults, std::uint64_t seed)
      : clock_(clock), trace_(trace), faults_(faults), rng_(seed) {}

  // Who listens. Set before the first message.
  std::function<void(const net::Packet&)> edge_receives;
  std::function<void(const net::Flow&, const std::string&)> edge_flow_failed;
  std::function<void(int agent, const TextRef&, std::uint64_t connection)> agent_receives;
  std::function<void(int agent, std::uint64_t connection)> agent_disconnected;
  // Whether the agent's host answers a datagram to a closed port, or nobody is there.
  enum class Presence : std::uint8_t { listening, port_closed, silent };
  std::function<Presence(int agent)> presence;

  void edge_sends(const net::Flow& flow, const Bytes& bytes);
  // `connection` 0: a datagram.
  void agent_sends(int agent, std::string text, std::uint64_t connection);

  std::uint64_t connect(int agent);  // from the agent to the edge
  bool connected(std::uint64_t connection) const { return connections_.contains(connection); }
  // Both ends hear of it, `quiet` ones excepted.
  void break_connection(std::uint64_t connection, bool agent_hears = true, bool edge_hears = true);
  void break_all_of(int agent, bool agent_hears);
  // The edge's process is gone, and with it every stream; what comes to it then nobody hears.
  void edge_gone();
  void edge_starts() { edge_there_ = true; }

 private:
  struct Connection {
    int agent = -1;
    net::Flow flow;
    bool for_remote = false;  // used by a flow with connection 0
    Instant last_to_edge{}, last_to_agent{};
  };
  Duration delay();
  bool happens(unsigned thousandths) { return thousandths > 0 && rng_.below(1000) < thousandths; }
  TextRef alter(const TextRef& text);
  void datagram_to_edge(int agent, const net::Flow& flow, const TextRef& text, int call);
  void datagram_to_agent(int agent, const net::Flow& flow, const TextRef& text, int call);
  void deliver(Duration after, Step step, int agent, const net::Flow& flow, const TextRef& text,
               int call);
  void fail_later(const net::Flow& flow, std::string reason);
  int agent_at(const net::Endpoint& remote);
  int record(Step step, int agent, const net::Flow& flow, const TextRef& text, Fate fate,
             int call = 0);

  Clock& clock_;
  Trace& trace_;
  Faults faults_;
  Rng rng_;
  std::unordered_map<net::Endpoint, int> agents_;
  std::map<std::uint64_t, Connection> connections_;
  std::map<std::uint64_t, int> whose_;  // connections that are gone as well
  std::uint64_t last_connection_ = 0;
  std::uint64_t edge_life_ = 1;
  bool edge_there_ = false;
};

}  // namespace usher::sim
