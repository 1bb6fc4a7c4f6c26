#include "tests/sim/world.hpp"

#include <algorithm>
#include <cstdio>

namespace usher::sim {

namespace {

constexpr int kPhones = 24;
constexpr int kBackends = 6;

Faults draw_faults(Rng& rng, const Mood& mood) {
  Faults faults;
  if (mood.calm) {
    faults.most = milliseconds(1 + rng.below(20));
    return faults;
  }
  if (rng.below(3) != 0) faults.lost = static_cast<unsigned>(rng.below(150));
  if (rng.below(3) != 0) faults.twice = static_cast<unsigned>(rng.below(100));
  if (rng.below(3) != 0) faults.late = static_cast<unsigned>(rng.below(200));
  if (rng.below(3) == 0) faults.altered = static_cast<unsigned>(1 + rng.below(5));
  faults.most = milliseconds(2 + rng.below(200));
  return faults;
}

}  // namespace

World::World(const RunOptions& options) : options_(options), rng_(options.seed) {
  mood = draw_mood(rng_);
  const Faults faults = draw_faults(rng_, mood);
  network_ = std::make_unique<Network>(clock_, trace, faults, rng_.next());
  simulation_ = std::make_unique<Simulation>(
      Simulation{clock_, *network_, trace, Rng(rng_.next()), mood, {}, {}, 0, 0, 0});
  people();
  store_ = std::make_unique<MemoryStore>(clock_, milliseconds(1),
                                         mood.slow_store ? milliseconds(2000) : milliseconds(200),
                                         rng_.next());
  directory();
  Log log;
  if (options_.log) {
    log = Log([this](const LogLine& line) {
      std::fprintf(stderr, "%11.4f  %.*s %.*s\n",
                   static_cast<double>(clock_.now().mono.time_since_epoch().count()) / 1e6 - 3600.0,
                   static_cast<int>(line.key.size()), line.key.data(),
                   static_cast<int>(line.text.size()), line.text.data());
    });
  }
  EdgeHost::Times times;
  times.ring_limit = mood.ring_limit;
  times.call_probe = mood.call_probe;
  host_ = std::make_unique<EdgeHost>(clock_, *network_, *store_, trace, std::move(log), times,
                                     options_.seed);
  network_->presence = [this](int agent) {
    return agent < static_cast<int>(agents_.size()) && agents_[static_cast<std::size_t>(agent)]
               ? agents_[static_cast<std::size_t>(agent)]->presence()
               : Network::Presence::listening;
  };
  network_->agent_receives = [this](int agent, const TextRef& text, std::uint64_t connection) {
    if (UserAgent* who = agents_[static_cast<std::size_t>(agent)]) who->receive(text, connection);
  };
  network_->agent_disconnected = [this](int agent, std::uint64_t connection) {
    if (UserAgent* who = agents_[static_cast<std::size_t>(agent)]) who->disconnected(connection);
  };
}

// The same user names with each tenant; every sixth phone is a second device of the one before,
// which rings together with it or after it.
void World::people() {
  const char* domains[] = {"a.test", "b.test", "c.test", "d.test"};
  const storage::SetId sets[] = {10, 20, 30, 30};
  for (int i = 0; i < kPhones; ++i) {
    AgentInfo info;
    const int who = i % 6 == 5 ? i - 1 : i;
    info.role = Role::phone;
    info.name = "phone" + std::to_string(i);
    const int tenant = (i / 6) % 4;
    info.aor = std::to_string(400 + who % 6) + "@" + domains[tenant];
    info.set = sets[tenant];
    if (who != i) info.q = rng_.below(2) == 0 ? 1000 : 500;
    info.transport = i % 3 == 2 ? net::Transport::tcp : net::Transport::udp;
    info.at =
        *net::Endpoint::parse("127.0.1." + std::to_string(i + 1) + ":" + std::to_string(5062 + i));
    info.contact = "sip:" + std::to_string(400 + who % 6) + "@192.168.1." + std::to_string(i + 1) +
                   ":5060;line=" + std::to_string(i) +
                   (info.transport == net::Transport::tcp ? ";transport=tcp" : "");
    trace.agents.push_back(std::move(info));
  }
  for (int i = 0; i < kBackends; ++i) {
    AgentInfo info;
    info.role = Role::backend;
    info.name = "pbx" + std::to_string(i);
    info.at = *net::Endpoint::parse("127.0.0." + std::to_string(10 + i) + ":5060");
    info.set = sets[i / 2];
    info.transport = i == 3 ? net::Transport::tcp : net::Transport::udp;
    trace.agents.push_back(std::move(info));
  }
  for (int i = 0; i < 2; ++i) {
    AgentInfo info;
    info.role = Role::stranger;
    info.name = "stranger" + std::to_string(i);
    info.at = *net::Endpoint::parse("127.0.9." + std::to_string(i + 1) + ":5060");
    strangers_.push_back(static_cast<int>(trace.agents.size()));
    trace.agents.push_back(std::move(info));
  }
  agents_.resize(trace.agents.size());
  for (std::size_t i = 0; i < trace.agents.size(); ++i) {
    const int agent = static_cast<int>(i);
    if (trace.agents[i].role == Role::phone) {
      phones_.push_back(std::make_unique<Phone>(*simulation_, agent));
      agents_[i] = phones_.back().get();
    } else if (trace.agents[i].role == Role::backend) {
      backends_.push_back(std::make_unique<Backend>(*simulation_, agent));
      agents_[i] = backends_.back().get();
    }
  }
}

void World::directory() {
  const storage::Algorithm algorithms[] = {storage::Algorithm::round_robin,
                                           storage::Algorithm::weighted,
                                           storage::Algorithm::priority, storage::Algorithm::hash};
  for (const storage::SetId id : {10, 20, 30}) {
    storage::DispatcherSet set;
    set.setid = id;
    set.algorithm = algorithms[rng_.below(4)];
    store_->write(storage::PutSet{set});
  }
  store_->write(storage::PutDomain{{"a.test", 10, true, ""}});
  store_->write(storage::PutDomain{{"b.test", 20, true, ""}});
  store_->write(storage::PutDomain{{"c.test", 30, true, ""}});
  store_->write(storage::PutDomain{{"d.test", 30, true, ""}});
  store_->write(storage::PutDomain{{"off.test", 10, false, ""}});
  store_->durable.scanners = {{"friendly-scanner", ""}};
  storage::TargetId id = 0;
  for (const auto& backend : backends_) {
    const AgentInfo& info = backend->info();
    storage::Target target;
    target.id = ++id;
    target.setid = info.set;
    target.destination = *net::Destination::parse(
        "sip:" + info.at.text() + (info.transport == net::Transport::tcp ? ";transport=tcp" : ""));
    store_->write(storage::PutTarget{target});
  }
}

void World::note(Fact fact, int agent) {
  Record record;
  record.at = clock_.now().mono;
  record.agent = agent;
  record.fact = fact;
  trace.add(std::move(record));
}

void World::pass(Instant until) {
  for (;;) {
    const auto planned = clock_.next();
    const auto due = host_->next_deadline();
    if (due && *due <= until && (!planned || *due <= *planned)) {
      clock_.move_to(*due);
      host_->on_time();
    } else if (planned && *planned <= until) {
      clock_.step();
    } else {
      break;
    }
  }
  clock_.move_to(until);
}

CallPlan& World::new_plan(bool towards_phone) {
  const int number = ++simulation_->last_number;
  return simulation_->plans[number] = draw_plan(rng_, mood, number, towards_phone);
}

void World::one_call() {
  if (rng_.below(2) == 0) {
    Backend& backend = *backends_[rng_.below(backends_.size())];
    const Backend::Registered* whom = backend.anybody();
    if (backend.presence() == Network::Presence::listening && whom != nullptr) {
      const bool by_token = rng_.below(4) != 0;
      const CallPlan& plan = new_plan(true);
      trace.errands[plan.number] = {"INVITE", backend.agent(), whom->aor,
                                    by_token ? whom->device : -1};
      ++started_;
      return backend.call_out(plan, *whom, by_token);
    }
  }
  Phone& phone = *phones_[rng_.below(phones_.size())];
  if (phone.presence() != Network::Presence::listening) return;
  const CallPlan& plan = new_plan(false);
  trace.errands[plan.number] = {"INVITE", phone.agent(), {}, -1};
  ++started_;
  phone.call_out(plan);
}

void World::one_errand() {
  CallPlan& plan = new_plan(true);
  plan.deaf = rng_.below(5) == 0;
  const char* methods[] = {"OPTIONS", "OPTIONS", "NOTIFY", "MESSAGE"};
  const std::string method = methods[rng_.below(4)];
  if (rng_.below(3) == 0) {
    Phone& phone = *phones_[rng_.below(phones_.size())];
    trace.errands[plan.number] = {method, phone.agent(), {}, -1};
    if (phone.presence() == Network::Presence::listening) phone.errand_out(plan.number, method);
    return;
  }
  Backend& backend = *backends_[rng_.below(backends_.size())];
  const Backend::Registered* whom = backend.anybody();
  if (backend.presence() != Network::Presence::listening || whom == nullptr) return;
  const bool by_token = rng_.below(3) != 0;
  trace.errands[plan.number] = {method, backend.agent(), whom->aor, by_token ? whom->device : -1};
  backend.errand_out(plan.number, method, *whom, by_token);
}

void World::one_watch() {
  const int number = ++simulation_->last_number;
  const WatchPlan& plan = simulation_->watches[number] = draw_watch(rng_, number);
  Phone& phone = *phones_[rng_.below(phones_.size())];
  Backend& backend = *backends_[rng_.below(backends_.size())];
  const Backend::Registered* whom = rng_.below(4) == 0 ? backend.anybody() : nullptr;
  if (whom != nullptr && backend.presence() == Network::Presence::listening) {
    trace.errands[number] = {"SUBSCRIBE", backend.agent(), whom->aor, whom->device};
    backend.watch_out(plan, *whom);
  } else if (phone.presence() == Network::Presence::listening) {
    trace.errands[number] = {"SUBSCRIBE", phone.agent(), {}, -1};
    phone.watch_out(plan);
  }
}

void World::one_stranger() {
  const int stranger = strangers_[rng_.below(strangers_.size())];
  const AgentInfo& info = trace.agents[static_cast<std::size_t>(stranger)];
  const char* domains[] = {"nowhere.test", "off.test", "192.0.2.7"};
  std::string domain = domains[rng_.below(3)];
  const char* methods[] = {"REGISTER", "INVITE", "OPTIONS", "BYE", "ACK", "CANCEL", "MESSAGE"};
  const std::string method = methods[rng_.below(7)];
  std::string lines;
  if (rng_.below(3) == 0) {
    domain = "a.test";
    lines = "User-Agent: friendly-scanner\n";
  }
  std::string text =
      write_text(method + " sip:100@" + domain + " SIP/2.0\nVia: SIP/2.0/UDP " + info.at.text() +
                 ";branch=z9hG4bK" + rng_.token(8) + ";rport\nMax-Forwards: 70\nFrom: <sip:100@" +
                 domain + ">;tag=" + rng_.token(6) + "\nTo: <sip:100@" + domain + ">" +
                 (rng_.below(4) == 0 ? ";tag=x" : "") + "\nCall-ID: " + rng_.token(10) +
                 "\nCSeq: 1 " + method + "\nContact: <sip:100@" + info.at.text() + ">\n" + lines);
  if (rng_.below(8) == 0) text = "SIP/2.0 200 OK\r\n" + rng_.token(30);
  if (rng_.below(8) == 0) text = rng_.token(1 + rng_.below(200));
  network_->agent_sends(stranger, std::move(text), 0);
}

int World::agent_at(const storage::Target& target) const {
  const auto& agents = simulation_->trace.agents;
  for (std::size_t i = 0; i < agents.size(); ++i) {
    if (agents[i].role == Role::backend && agents[i].at.address == target.destination.address)
      return static_cast<int>(i);
  }
  return -1;
}

void World::one_operator_change() {
  routing::Edge& edge = host_->edge();
  const auto& targets = edge.directory().targets();
  if (targets.empty()) return;
  switch (rng_.below(5)) {
    case 0: {  // a call is ended over REST
      const auto calls = edge.calls();
      if (calls.empty()) return;
      host_->end_call(calls[rng_.below(calls.size())].call, "ended by the operator");
      return;
    }
    case 1: {  // a target goes and comes back under another id
      auto chosen = targets.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(rng_.below(targets.size())));
      storage::Target target = chosen->second;
      const int backend = agent_at(target);
      note(Fact::target_removed, backend);
      host_->change(storage::DeleteTarget{target.id});
      clock_.in(seconds(1 + rng_.below(20)), [this, target, backend]() mutable {
        note(Fact::target_added, backend);
        if (!host_->running()) {
          store_->write(storage::PutTarget{target});
          return;
        }
        target.id = host_->edge().last_target_id() + 1;
        host_->change(storage::PutTarget{target});
      });
      return;
    }
    default: {
      auto chosen = targets.begin();
      std::advance(chosen, static_cast<std::ptrdiff_t>(rng_.below(targets.size())));
      storage::Target target = chosen->second;
      target.state = rng_.below(2) == 0   ? storage::TargetState::active
                     : rng_.below(2) == 0 ? storage::TargetState::draining
                                          : storage::TargetState::disabled;
      note(Fact::target_changed);
      host_->change(storage::PutTarget{target});
      target.state = storage::TargetState::active;
      clock_.in(seconds(5 + rng_.below(30)), [this, target] {
        if (host_->running() && host_->edge().directory().target(target.id) != nullptr)
          host_->change(storage::PutTarget{target});
      });
    }
  }
}

void World::misfortune() {
  const auto share = [&](bool wanted, std::uint64_t one_in) {
    return wanted && rng_.below(one_in) == 0;
  };
  if (share(mood.strangers, 10)) one_stranger();
  if (host_->running() && share(mood.operators, 40)) one_operator_change();
  if (share(mood.breaks, 40)) {
    std::vector<UserAgent*> streams;
    for (UserAgent* agent : agents_) {
      if (agent && agent->info().transport == net::Transport::tcp) streams.push_back(agent);
    }
    network_->break_all_of(streams[rng_.below(streams.size())]->agent(), true);
  }
  if (share(mood.dying, 80)) {
    UserAgent& agent = *agents_[rng_.below(phones_.size() + backends_.size())];
    if (agent.presence() == Network::Presence::listening) {
      agent.die(seconds(2 + rng_.below(60)),
                rng_.below(2) == 0 ? Network::Presence::silent : Network::Presence::port_closed);
    }
  }
  if (host_->running() && share(mood.crashes, 300)) {
    host_->crash();
    clock_.in(milliseconds(50 + rng_.below(4000)), [this] { host_->start(); });
  }
}

// When the calls are over and nobody registers or is probed any more, nothing may be left.
void World::quiet() {
  for (int i = 0; i < 90 && simulation_->calls_over < started_; ++i)
    pass(clock_.now().mono + seconds(10));
  pass(clock_.now().mono + seconds(150));
  if (!host_->running()) pass(clock_.now().mono + seconds(10));
  for (const auto& phone : phones_) phone->retire();
  const auto targets = host_->edge().directory().targets();
  for (const auto& [id, target] : targets) {
    storage::Target off = target;
    off.state = storage::TargetState::disabled;
    host_->change(storage::PutTarget{off});
  }
  pass(clock_.now().mono + seconds(300));
  std::vector<sip::CallId> stuck;
  for (const sip::CallView& call : host_->edge().calls()) {
    remains.stuck.push_back(
        {std::string{call.origin_call_id}, std::string{call.new_call_id}, clock_.now().mono});
    stuck.push_back(call.call);
  }
  for (const sip::CallId call : stuck) host_->end_call(call, "nobody is left to end it");
  pass(clock_.now().mono + seconds(200));
  remains.counts = host_->edge().counts();
  for (const auto& [id, target] : targets)
    remains.live_calls += host_->edge().target_status(id).live_calls;
  for (const UserAgent* agent : agents_) remains.live_legs += agent ? agent->live_legs() : 0;
}

void World::run() {
  const Instant began = clock_.now().mono;
  host_->start();
  for (const auto& phone : phones_) phone->start();
  pass(began + seconds(8));
  while (started_ < static_cast<std::size_t>(options_.calls)) {
    one_call();
    if (rng_.below(4) == 0) one_errand();
    if (rng_.below(5) == 0) one_watch();
    misfortune();
    if (rng_.below(20) == 0) {
      Phone& phone = *phones_[rng_.below(phones_.size())];
      phone.register_now(rng_.below(2) == 0);
    }
    pass(clock_.now().mono + milliseconds(rng_.below(1000)));
  }
  quiet();
  took = clock_.now().mono - began;
}

}  // namespace usher::sim
