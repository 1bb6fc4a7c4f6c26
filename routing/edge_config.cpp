#include "routing/edge_config.hpp"

namespace usher::routing {

namespace {

// As others see it, where it listens on all addresses.
net::Endpoint received_at(const ListenConfig& listen) {
  const auto advertised = net::IpAddress::parse(listen.advertise_host);
  return listen.bind.address.is_unspecified() && advertised
             ? net::Endpoint{*advertised, listen.advertise_port}
             : listen.bind;
}

}  // namespace

EdgeConfig edge_config(const Config& config, const storage::Keys& keys, Seeds seeds) {
  EdgeConfig edge;
  sip::StackConfig& stack = edge.stack;
  const TimersConfig& timers = config.timers;
  stack.timers = {timers.t1, timers.t2, timers.t4, timers.trying};
  stack.attempt = timers.attempt;
  stack.hunt_limit = timers.hunt_limit;
  stack.ring_limit = timers.ring_limit;
  stack.call_probe = timers.call_probe;
  stack.flow_recovery = timers.flow_recovery;
  stack.seed = seeds.stack;
  stack.names = keys.names;
  edge.seed = seeds.edge;
  edge.token_key = keys.contact_tokens;
  const OverloadConfig& overload = config.overload;
  edge.registers = {overload.registers_in_flight, overload.register_queue, overload.register_wait};
  edge.max_lag = overload.max_lag;
  edge.retry_after = overload.retry_after;
  edge.keep_alive = config.nat.keep_alive;
  edge.recorder.enabled = config.recorder.enabled;
  edge.recorder.memory = config.recorder.memory;
  if (config.hep.server) edge.capture = HepAgent{config.hep.agent_id, config.hep.password};
  stack.correlation = {config.correlation.x_cid, config.correlation.session_id};
  edge.keep_records = config.cdr.keep;
  for (const ListenConfig& listen : config.listen) {
    edge.recorder.local.push_back(received_at(listen));
    stack.listeners.push_back({listen.transport, listen.sent_by()});
    edge.own_endpoints.push_back(listen.bind);
    if (const auto address = net::IpAddress::parse(listen.advertise_host)) {
      edge.own_endpoints.push_back({*address, listen.advertise_port});
    } else {
      edge.own_hosts.push_back(listen.advertise_host);
    }
  }
  return edge;
}

}  // namespace usher::routing
