#include "tests/sim/edge_host.hpp"

namespace usher::sim {

EdgeHost::EdgeHost(Clock& clock, Network& network, MemoryStore& store, Trace& trace, Log log,
                   Times times, std::uint64_t seed)
    : clock_(clock),
      network_(network),
      store_(store),
      trace_(trace),
      log_(std::move(log)),
      times_(times),
      seed_(seed) {
  network_.edge_receives = [this](const net::Packet& packet) {
    if (!edge_) return;
    edge_->receive(clock_.now(), packet);
    drain();
  };
  network_.edge_flow_failed = [this](const net::Flow& flow, const std::string& reason) {
    if (!edge_) return;
    edge_->flow_failed(clock_.now(), flow, reason);
    drain();
  };
}

void EdgeHost::start() {
  ++life_;
  network_.edge_starts();
  routing::EdgeConfig config;
  config.stack.listeners = {{net::Transport::udp, kEdgeAddress},
                            {net::Transport::tcp, kEdgeAddress}};
  config.stack.attempt = times_.attempt;
  config.stack.ring_limit = times_.ring_limit;
  config.stack.call_probe = times_.call_probe;
  config.stack.names = HashKey{3, 4};
  config.stack.seed = seed_ * 1000 + life_;
  config.seed = config.stack.seed;
  config.token_key = HashKey{1, 2};
  config.own_endpoints = {*net::Endpoint::parse(kEdgeAddress)};
  storage::Snapshot loaded = *store_.load(clock_.now().wall);
  Record record;
  record.at = clock_.now().mono;
  record.fact = Fact::edge_started;
  record.bindings = loaded.bindings;
  trace_.add(std::move(record));
  edge_ = std::make_unique<routing::Edge>(std::move(config), std::move(loaded), log_, clock_.now());
  edge_->on_time(clock_.now());
  drain();
}

void EdgeHost::crash() {
  Record record;
  record.at = clock_.now().mono;
  record.fact = Fact::edge_crashed;
  trace_.add(std::move(record));
  edge_.reset();
  ++life_;
  store_.crash();
  network_.edge_gone();
}

void EdgeHost::change(const storage::Change& change) {
  store_.write(change);
  if (!edge_) return;
  edge_->apply(clock_.now(), {change});
  edge_->on_time(clock_.now());
  drain();
}

void EdgeHost::end_call(sip::CallId call, std::string_view why) {
  if (!edge_) return;
  (void)edge_->end_call(clock_.now(), call, why);
  drain();
}

std::optional<Instant> EdgeHost::next_deadline() const {
  return edge_ ? edge_->next_deadline() : std::nullopt;
}

void EdgeHost::on_time() {
  if (!edge_) return;
  edge_->on_time(clock_.now());
  drain();
}

void EdgeHost::drain() {
  for (;;) {
    routing::EdgeOutput output = edge_->take_output();
    if (output.sends.empty() && output.records.empty() && output.persists.empty() &&
        output.resolve.empty())
      return;
    for (const storage::CallRecord& record : output.records) store_.remember(record);
    for (const sip::Send& send : output.sends) network_.edge_sends(send.flow, send.bytes);
    for (routing::Persist& persist : output.persists) {
      store_.apply(std::move(persist.changes), storage::Durability::eventual,
                   [this, id = persist.id, life = life_](const Result<void>& result) {
                     if (!edge_ || life != life_) return;
                     edge_->stored(clock_.now(), id, result);
                     drain();
                   });
    }
  }
}

}  // namespace usher::sim
