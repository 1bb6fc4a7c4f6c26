// The composition root: the only file that sees every room. It reads the configuration, opens the
// store and the sockets, and executes what the edge decides.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "admin/api.hpp"
#include "admin/commands.hpp"
#include "admin/greeting.hpp"
#include "admin/http.hpp"
#include "admin/offline.hpp"
#include "admin/webhooks.hpp"
#include "core/config.hpp"
#include "core/config_reload.hpp"
#include "core/entropy.hpp"
#include "core/log_output.hpp"
#include "core/log_users.hpp"
#include "core/net/certificates.hpp"
#include "core/net/datagram_sender.hpp"
#include "core/net/locator.hpp"
#include "core/net/resolver.hpp"
#include "core/net/transports.hpp"
#include "core/privileges.hpp"
#include "core/reactor.hpp"
#include "routing/edge.hpp"
#include "routing/edge_config.hpp"
#include "sip/parse/stream.hpp"

namespace usher {
namespace {

using admin::kExitConfiguration;
using admin::open_store;
using admin::OpenStore;
using admin::read_config;
using admin::refuse;

constexpr int kExitFailure = 1;

class SipFramer final : public net::Framer {
 public:
  Result<void> feed(std::string_view bytes, std::vector<Bytes>& out, int& pongs) override {
    return parser_.feed(bytes, out, pongs);
  }
  bool amid_message() const override { return parser_.amid_message(); }

 private:
  sip::StreamParser parser_;
};

std::vector<net::Transport> transports_of(const Config& config) {
  std::vector<net::Transport> out;
  for (const ListenConfig& listen : config.listen) out.push_back(listen.transport);
  return out;
}

// Gives the edge its world: packets in, time, storage answers; and does what it decided.
class Driver {
 public:
  Driver(Reactor& reactor, const Config& config, const net::Certificates& certificates,
         OpenStore opened, Log& log)
      : reactor_(reactor),
        log_(log),
        store_(std::move(opened.store)),
        resolver_(reactor, {config.dns.servers, config.dns.timeout}),
        locator_(resolver_, transports_of(config)),
        transports_(reactor, handlers(), &certificates),
        edge_(routing::edge_config(config, opened.keys, {system_entropy(), system_entropy()}),
              std::move(opened.snapshot), log, Reactor::now()) {
    write_numbers();
    reactor_.on_deadline([this](Now now) {
      edge_.lag(now, reactor_.lag().read(now.mono).average);
      edge_.on_time(now);
      drain();
    });
  }

  Result<void> open(const Config& config) {
    if (auto result = transports_.open(config.listen); !result) return result;
    return config.hep.server ? captures_.open(*config.hep.server) : Result<void>{};
  }

  // Executes the edge's output until there is none.
  void drain() {
    for (;;) {
      routing::EdgeOutput output = edge_.take_output();
      if (output.sends.empty() && output.records.empty() && output.persists.empty() &&
          output.resolve.empty() && output.captured.empty())
        break;
      for (const storage::CallRecord& record : output.records) store_->remember(record);
      for (const sip::Send& send : output.sends) transports_.send(send.flow, send.bytes);
      for (routing::Persist& persist : output.persists) {
        write(std::move(persist), [this] { drain(); });
      }
      for (const net::Destination& name : output.resolve) locate(name);
      for (const std::string& packet : output.captured) mirror(packet);
    }
    transports_.flush();
    if (const auto last = edge_.events().last(); std::exchange(told_, last) != last && on_events_)
      on_events_();
    if (edge_.drained()) reactor_.stop();
    if (const auto deadline = edge_.next_deadline()) {
      reactor_.set_deadline(*deadline);
    } else {
      reactor_.clear_deadline();
    }
  }

  // What is still owed to callers goes out; calls that are up stay in the store.
  void close() {
    edge_.stop(Reactor::now());
    drain();
    transports_.close();
    store_->close();
  }

  // Called when something has been added to the edge's log of events.
  void on_events(std::function<void()> then) { on_events_ = std::move(then); }

  void find_host(const std::string& name, std::function<void(std::vector<net::IpAddress>)> then) {
    resolver_.addresses(name, [then = std::move(then)](net::Answer<net::IpAddress> answer) {
      then(std::move(answer.records));
    });
  }

  routing::Edge& edge() { return edge_; }
  storage::Store& store() { return *store_; }
  net::Transports& transports() { return transports_; }
  const net::DatagramSender& captures() const { return captures_; }

 private:
  template <class Then>
  void write(routing::Persist&& persist, Then then) {
    store_->apply(std::move(persist.changes), storage::Durability::eventual,
                  [this, id = persist.id, then](const Result<void>& result) {
                    edge_.stored(Reactor::now(), id, result);
                    look_at_record_file();
                    then();
                  });
  }

  // Told once when the file of call records cannot be written, and once when it can again.
  void look_at_record_file() {
    std::string trouble = store_->health().record_file;
    if (trouble.empty() == record_file_.empty()) return;
    log_.write(LogCategory::storage, trouble.empty() ? LogLevel::info : LogLevel::error, "",
               trouble.empty() ? "the file of call records is written again"
                               : "call records wait in the store for their file: " + trouble);
    record_file_ = std::move(trouble);
  }

  // A loss is told once: it may go on for days, and the counter says how much it is.
  void mirror(const std::string& packet) {
    if (captures_.send(packet) || std::exchange(loss_told_, true)) return;
    log_.write(LogCategory::net, LogLevel::warning, "",
               "packets for the capture server are lost: " + captures_.trouble() +
                   "; usher_hep_lost_total counts them");
  }

  void locate(const net::Destination& name) {
    locator_.locate(name, [this, name](net::Located located) {
      edge_.resolved(Reactor::now(), name, std::move(located));
      drain();
    });
  }

  // The dialogs of the process before go on with higher CSeq numbers. These are in the store before
  // the first of them is sent, or a second crash would lead to the same ones again (RFC 3261
  // §12.2.1.1). A disk that is slower than this is not waited for.
  void write_numbers() {
    constexpr std::chrono::seconds kAtMost{5};
    routing::EdgeOutput output = edge_.take_output();
    if (!output.persists.empty()) {
      const auto left = std::make_shared<std::size_t>(output.persists.size());
      for (routing::Persist& persist : output.persists) {
        write(std::move(persist), [this, left] {
          if (*left > 0 && --*left == 0) reactor_.stop();
        });
      }
      reactor_.on_deadline([this](Now) { reactor_.stop(); });
      reactor_.set_deadline(Reactor::now().mono + kAtMost);
      reactor_.run();
      reactor_.clear_deadline();
      *left = 0;  // whatever is answered from now on stops nothing
    }
    for (const net::Destination& name : output.resolve) locate(name);
  }

  net::TransportHandlers handlers() {
    net::TransportHandlers h;
    h.on_packet = [this](Now now, const net::Packet& packet) { edge_.receive(now, packet); };
    h.on_batch_end = [this](Now now) {
      edge_.lag(now, reactor_.lag().read(now.mono).average);
      drain();
    };
    h.on_flow_failed = [this](Now now, const net::Flow& flow, const std::string& reason) {
      edge_.flow_failed(now, flow, reason);
      drain();
    };
    h.on_cut_off = [this](Now now, const net::Flow& flow, net::CutOff why,
                          const std::string& detail) {
      edge_.cut_off(now, flow, net::cut_off_name(why), detail);
    };
    h.is_known = [this](const net::IpAddress& address) { return edge_.is_backend(address); };
    h.certificate_names = [this](const net::Endpoint& backend) {
      return edge_.certificate_names(backend);
    };
    h.make_framer = [] { return std::make_unique<SipFramer>(); };
    return h;
  }

  Reactor& reactor_;
  const Log& log_;
  std::unique_ptr<storage::Store> store_;
  std::string record_file_;  // why it cannot be written
  net::Resolver resolver_;
  net::Locator locator_;
  net::Transports transports_;
  net::DatagramSender captures_;
  bool loss_told_ = false;  // of packets for the capture server
  routing::Edge edge_;
  std::function<void()> on_events_;
  std::uint64_t told_ = 0;  // the number of the newest event that on_events_ knows of
};

void set_levels(Log& log, const LogConfig& config) {
  for (std::size_t i = 0; i < kLogCategories; ++i)
    log.set_level(static_cast<LogCategory>(i), config.level);
  for (const auto& [category, level] : config.categories) log.set_level(category, level);
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out.append(out.empty() ? "" : ", ").append(text);
  return out;
}

// SIGHUP: what may change at run time does; a file with faults changes nothing.
void reload(Config& config, Log& log, routing::Edge& edge) {
  const auto say = [&](LogLevel level, const std::string& text) {
    log.write(LogCategory::core, level, "", "SIGHUP: " + text);
  };
  const ConfigResult fresh = load_config(config.file);
  if (!fresh.faults.empty()) {
    for (const ConfigFault& fault : fresh.faults) say(LogLevel::error, fault.text());
    say(LogLevel::error, config.file + " is refused, everything stays as it is");
    return;
  }
  const ConfigChanges changes = compare(config, fresh.config);
  take_over(config, fresh.config);
  set_levels(log, config.log);
  edge.set_times({.attempt = config.timers.attempt,
                  .hunt_limit = config.timers.hunt_limit,
                  .ring_limit = config.timers.ring_limit,
                  .flow_recovery = config.timers.flow_recovery});
  edge.enable_recorder(config.recorder.enabled);
  if (!changes.live.empty()) say(LogLevel::info, joined(changes.live));
  if (!changes.restart.empty())
    say(LogLevel::warning, "only a restart changes " + joined(changes.restart));
  if (changes.live.empty() && changes.restart.empty())
    say(LogLevel::info, config.file + " says nothing new");
}

// SIGTERM lets the calls end by themselves; a second one, and SIGINT, end the process at once.
void stop_or_drain(int signal, const Config& config, const Log& log, Reactor& reactor,
                   Driver& driver) {
  const bool again = driver.edge().draining();
  if (signal == SIGTERM && !again) {
    driver.edge().drain(Reactor::now(), config.timers.drain);
    driver.drain();
    return;
  }
  log.write(LogCategory::core, LogLevel::info, "", "stopping at once");
  reactor.stop();
}

// Before any file is opened, so that a certificate or a store which that user may not open shows
// now and not when it is to be read again.
Result<void> leave_root(const Config& config) {
  if (config.process.user.empty()) return {};
  const bool low_ports =
      config.admin.bind.port < 1024 ||
      std::any_of(config.listen.begin(), config.listen.end(),
                  [](const ListenConfig& listen) { return listen.bind.port < 1024; });
  return become_user(config.process.user, low_ports);
}

int run(const std::string& path) {
  net::Certificates certificates;
  std::optional<Config> config = read_config(path, certificates, leave_root);
  if (!config) return kExitConfiguration;
  Log::Sink sink = stderr_log(config->log.json);
  if (config->log.hide_users)
    sink = hiding_users(std::move(sink), {system_entropy(), system_entropy()});
  Log log(std::move(sink));
  set_levels(log, config->log);
  if (is_root()) {
    log.write(LogCategory::core, LogLevel::warning, "",
              "runs as root: process.user names whom to become, or start it as somebody else");
  }

  Reactor reactor;
  auto opened = open_store(*config, reactor);
  if (!opened) return refuse(opened.error().message);
  std::vector<storage::AuditEntry> audit = std::move(opened->snapshot.audit);
  Driver driver(reactor, *config, certificates, std::move(*opened), log);
  if (auto result = driver.open(*config); !result)
    return refuse(config->file + ": " + result.error().message);

  admin::HttpServer* served = nullptr;
  admin::Api api(
      {.edge = driver.edge(),
       .store = driver.store(),
       .log = log,
       .config = *config,
       .now = [] { return Reactor::now(); },
       .drain = [&driver] { driver.drain(); },
       .transports = [&driver] { return driver.transports().counts(); },
       .each_connection =
           [&driver](net::ConnectionId after, const auto& visit) {
             driver.transports().each_connection(after, visit);
           },
       .captures = [&driver] { return driver.captures().counts(); },
       .http = [&served] { return served ? served->counts() : admin::HttpCounts{}; },
       .wake =
           [&served] {
             if (served) served->wake();
           },
       .after = [&reactor](Duration time,
                           std::function<void()> task) { reactor.after(time, std::move(task)); },
       .lag = [&reactor] { return reactor.lag().read(Reactor::now().mono); },
       .version = USHER_VERSION,
       .started = Reactor::now().mono,
       .audit = std::move(audit)});
  admin::HttpServer http(
      reactor.context(), {.bind = config->admin.bind, .tls = certificates.admin()},
      [&api](const admin::Request& request, admin::Respond respond) {
        handle(api, request, std::move(respond));
      },
      log);
  served = &http;
  if (auto result = http.open(); !result) {
    return refuse(config->file + ": admin.bind: " + result.error().message);
  }

  admin::Webhooks webhooks(
      reactor.context(), config->webhooks, driver.edge().events(),
      [&driver](const std::string& name, auto then) { driver.find_host(name, std::move(then)); },
      log);
  driver.on_events([&] {
    http.wake();
    webhooks.wake();
  });

  if (const auto given_up = give_up_low_ports(); !given_up && !config->process.user.empty())
    return refuse(config->file + ": process.user: " + given_up.error().message);

  const auto tell = [&](const net::Certificates::Change& change) {
    log.write(LogCategory::net, change.good ? LogLevel::info : LogLevel::error, "", change.text);
    driver.edge().note(Reactor::now(), EventKind::certificate, "tls", change.text);
    driver.drain();
  };
  certificates.watch(reactor, tell);
  reactor.on_signal([&](int signal) {
    if (signal == SIGHUP) {
      for (const auto& change : certificates.refresh(Reactor::now().wall)) tell(change);
      return reload(*config, log, driver.edge());
    }
    stop_or_drain(signal, *config, log, reactor, driver);
  });
  admin::greet(*config, driver.transports());
  admin::warn_of_small_buffers(*config, driver.transports(), log);
  admin::warn_of_clear_tokens(config->admin, log);
  driver.drain();
  reactor.run();
  http.close();
  driver.close();
  log.write(LogCategory::core, LogLevel::info, "",
            "stopped; " + std::to_string(driver.edge().counts().stack.calls) +
                " call(s) are left to the next process");
  return 0;
}

}  // namespace
}  // namespace usher

int main(int argc, char** argv) {
  CLI::App app{"Usher: a SIP edge for Asterisk farms"};
  app.set_version_flag("--version", USHER_VERSION);
  app.require_subcommand(1);
  int exit_code = 0;

  std::string config = "usher.toml";
  CLI::App* run = app.add_subcommand("run", "Run the edge");
  run->add_option("--config", config, "Configuration file")->capture_default_str();
  run->callback([&] { exit_code = usher::run(config); });
  const auto offline = usher::admin::add_offline_commands(app);
  const auto client = usher::admin::add_client_commands(app);

  try {
    app.parse(argc, argv);
    if (offline->chosen) exit_code = offline->chosen();
    if (client->chosen) exit_code = client->run();
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : usher::admin::kExitConfiguration;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "usher: %s\n", e.what());
    return usher::kExitFailure;
  }
  return exit_code;
}
