#include "tests/sim/network.hpp"

#include <algorithm>

namespace usher::sim {

namespace {

constexpr net::ListenerId kUdp{0};
constexpr net::ListenerId kTcp{1};

net::Flow udp_flow(const net::Endpoint& remote) {
  return {net::Transport::udp, kUdp, net::ConnectionId{}, remote};
}

}  // namespace

Duration Network::delay() {
  const auto span = static_cast<std::uint64_t>((faults_.most - faults_.least).count());
  Duration out = faults_.least + Duration(span == 0 ? 0 : rng_.below(span));
  if (happens(faults_.late))
    out += Duration(rng_.below(static_cast<std::uint64_t>(faults_.latest.count())));
  return out;
}

int Network::agent_at(const net::Endpoint& remote) {
  if (agents_.size() != trace_.agents.size()) {
    agents_.clear();
    for (std::size_t i = 0; i < trace_.agents.size(); ++i)
      agents_.emplace(trace_.agents[i].at, static_cast<int>(i));
  }
  const auto found = agents_.find(remote);
  return found == agents_.end() ? -1 : found->second;
}

int Network::record(Step step, int agent, const net::Flow& flow, const TextRef& text, Fate fate,
                    int call) {
  Record record;
  record.at = clock_.now().mono;
  record.step = step;
  record.agent = agent;
  record.flow = flow;
  record.text = text;
  record.fate = fate;
  record.call = call;
  trace_.add(std::move(record));
  return trace_.records.back().call;
}

TextRef Network::alter(const TextRef& text) {
  std::string bytes{text->bytes.view()};
  if (bytes.empty()) return text;
  if (rng_.below(4) == 0) {
    bytes.resize(rng_.below(bytes.size()));
  } else {
    const std::size_t at = rng_.below(bytes.size());
    bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << rng_.below(8)));
  }
  return read_text(Bytes{bytes}, true);
}

void Network::deliver(Duration after, Step step, int agent, const net::Flow& flow,
                      const TextRef& text, int call) {
  clock_.in(after, [this, step, agent, flow, text, call, life = edge_life_] {
    if (text->altered) {
      // The number may be what was altered: then it names another's call.
      for (const int touched : {call, text->number()}) {
        Record record;
        record.at = clock_.now().mono;
        record.agent = agent;
        record.call = touched;
        record.fact = Fact::altered;
        trace_.add(std::move(record));
      }
    }
    const std::uint64_t connection = flow.connection.value;
    if (step == Step::edge_receives) {
      // A datagram meets whoever listens; a stream ended with its process.
      if (!edge_there_) return;
      if (connection != 0 && (life != edge_life_ || !connections_.contains(connection))) return;
      this->record(step, agent, flow, text, Fate::on_its_way, call);
      edge_receives(net::Packet{text->bytes, flow});
      return;
    }
    if (connection != 0 && !connections_.contains(connection)) return;
    const Presence there = presence(agent);
    if (there == Presence::silent) return;
    if (there == Presence::port_closed) {
      if (life == edge_life_ && connection == 0) fail_later(flow, "connection refused");
      return;
    }
    this->record(step, agent, flow, text, Fate::on_its_way, call);
    agent_receives(agent, text, connection);
  });
}

void Network::datagram_to_edge(int agent, const net::Flow& flow, const TextRef& text, int call) {
  deliver(delay(), Step::edge_receives, agent, flow, happens(faults_.altered) ? alter(text) : text,
          call);
}

void Network::datagram_to_agent(int agent, const net::Flow& flow, const TextRef& text, int call) {
  deliver(delay(), Step::agent_receives, agent, flow, happens(faults_.altered) ? alter(text) : text,
          call);
}

void Network::fail_later(const net::Flow& flow, std::string reason) {
  clock_.in(milliseconds(1), [this, flow, reason = std::move(reason), life = edge_life_] {
    if (life == edge_life_) edge_flow_failed(flow, reason);
  });
}

void Network::agent_sends(int agent, std::string bytes, std::uint64_t connection) {
  const TextRef text = read_text(Bytes{bytes});
  const AgentInfo& info = trace_.agents[static_cast<std::size_t>(agent)];
  if (connection == 0) {
    const net::Flow flow = udp_flow(info.at);
    const bool lost = happens(faults_.lost);
    const int call =
        record(Step::agent_sends, agent, flow, text, lost ? Fate::lost : Fate::on_its_way);
    if (!lost) datagram_to_edge(agent, flow, text, call);
    if (happens(faults_.twice)) datagram_to_edge(agent, flow, text, call);
    return;
  }
  const auto found = connections_.find(connection);
  if (found == connections_.end()) {
    record(Step::agent_sends, agent, {net::Transport::tcp, kTcp, {}, info.at}, text, Fate::refused);
    return;
  }
  Connection& c = found->second;
  const int call = record(Step::agent_sends, agent, c.flow, text, Fate::on_its_way);
  const Instant now = clock_.now().mono;
  c.last_to_edge = std::max(c.last_to_edge, now + delay());
  deliver(c.last_to_edge - now, Step::edge_receives, agent, c.flow, text, call);
}

void Network::edge_sends(const net::Flow& flow, const Bytes& bytes) {
  const TextRef text = read_text(bytes);
  if (flow.transport == net::Transport::udp) {
    const int agent = agent_at(flow.remote);
    const bool lost = agent < 0 || happens(faults_.lost);
    const int call =
        record(Step::edge_sends, agent, flow, text, lost ? Fate::lost : Fate::on_its_way);
    if (agent < 0) return;
    if (!lost) datagram_to_agent(agent, flow, text, call);
    if (happens(faults_.twice)) datagram_to_agent(agent, flow, text, call);
    return;
  }
  auto found = connections_.end();
  if (flow.connection.value != 0) {
    found = connections_.find(flow.connection.value);
  } else {
    found = std::find_if(connections_.begin(), connections_.end(),
                         [&](const auto& c) { return c.second.flow.remote == flow.remote; });
    const int agent = agent_at(flow.remote);
    if (found == connections_.end() && agent >= 0 && presence(agent) == Presence::listening) {
      const std::uint64_t id = ++last_connection_;
      Connection c;
      c.agent = agent;
      c.flow = flow;
      c.flow.connection = net::ConnectionId{id};
      found = connections_.emplace(id, c).first;
      whose_[id] = agent;
    }
    if (found != connections_.end()) found->second.for_remote = true;
  }
  if (found == connections_.end()) {
    const auto whose = whose_.find(flow.connection.value);
    record(Step::edge_sends, whose == whose_.end() ? agent_at(flow.remote) : whose->second, flow,
           text, Fate::refused);
    fail_later(flow, "there is no such connection");
    return;
  }
  Connection& c = found->second;
  const int call = record(Step::edge_sends, c.agent, c.flow, text, Fate::on_its_way);
  const Instant now = clock_.now().mono;
  c.last_to_agent = std::max(c.last_to_agent, now + delay());
  deliver(c.last_to_agent - now, Step::agent_receives, c.agent, c.flow, text, call);
}

std::uint64_t Network::connect(int agent) {
  const std::uint64_t id = ++last_connection_;
  Connection c;
  c.agent = agent;
  c.flow = {net::Transport::tcp,
            kTcp,
            net::ConnectionId{id},
            {trace_.agents[static_cast<std::size_t>(agent)].at.address,
             static_cast<std::uint16_t>(20000 + id % 40000)}};
  connections_.emplace(id, c);
  whose_[id] = agent;
  return id;
}

void Network::break_connection(std::uint64_t connection, bool agent_hears, bool edge_hears) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  const Connection c = found->second;
  connections_.erase(found);
  Record record;
  record.at = clock_.now().mono;
  record.agent = c.agent;
  record.fact = Fact::disconnected;
  trace_.add(std::move(record));
  if (edge_hears) {
    fail_later(c.flow, "connection reset");
    if (c.for_remote) {
      net::Flow any = c.flow;
      any.connection = {};
      fail_later(any, "connection reset");
    }
  }
  if (agent_hears) {
    clock_.in(milliseconds(1),
              [this, agent = c.agent, connection] { agent_disconnected(agent, connection); });
  }
}

void Network::break_all_of(int agent, bool agent_hears) {
  std::vector<std::uint64_t> gone;
  for (const auto& [id, c] : connections_) {
    if (c.agent == agent) gone.push_back(id);
  }
  for (const std::uint64_t id : gone) break_connection(id, agent_hears);
}

void Network::edge_gone() {
  edge_there_ = false;
  ++edge_life_;
  std::vector<std::uint64_t> gone;
  for (const auto& [id, c] : connections_) gone.push_back(id);
  for (const std::uint64_t id : gone) break_connection(id, true, false);
}

}  // namespace usher::sim
