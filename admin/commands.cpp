#include "admin/commands.hpp"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "core/config.hpp"

namespace usher::admin {

namespace {

using Chosen = ClientCommands*;

void common(CLI::App& command, Chosen c) {
  command.add_option("--url", c->options.url, "The administration's address")
      ->envname("USHER_URL")
      ->capture_default_str();
  command.add_option("--token", c->options.token, "Bearer token")->envname("USHER_TOKEN");
  command.add_option("--config", c->config,
                     "Take address, token and the edge's certificate from this usher.toml");
  command.add_option("--ca", c->options.ca, "PEM file: who may sign the edge's certificate")
      ->envname("USHER_CA");
  auto* own = command.add_option("--certificate", c->options.certificate,
                                 "PEM file: own certificate, for admin.client_ca");
  auto* key = command.add_option("--key", c->options.key, "PEM file: its key");
  own->envname("USHER_CERTIFICATE");
  key->envname("USHER_KEY");
  command.add_flag("--json", c->options.json, "Print JSON as it came");
}

// A command whose arguments `bind` attaches to a value of T that lives as long as the command line.
template <class T, class Bind>
CLI::App* add(CLI::App& app, Chosen c, const char* name, const char* help, Bind bind) {
  CLI::App* command = app.add_subcommand(name, help);
  auto value = std::make_shared<T>();
  bind(*command, *value);
  common(*command, c);
  // A parent's callback runs after its subcommand's.
  command->callback([c, value, command] {
    if (command->get_subcommands().empty()) c->chosen = *value;
  });
  return command;
}

template <class T>
CLI::App* add(CLI::App& app, Chosen c, const char* name, const char* help) {
  return add<T>(app, c, name, help, [](CLI::App&, T&) {});
}

void add_preview(CLI::App& command, bool& preview) {
  command.add_flag("--preview", preview, "Tell what it would touch, and do nothing");
}

void add_domain(CLI::App& app, Chosen c) {
  CLI::App& domain = *app.add_subcommand("domain", "Tenants' SIP domains")->require_subcommand(1);
  add<command::DomainList>(domain, c, "list", "All domains");
  add<command::DomainAdd>(
      domain, c, "add", "Make or replace a domain", [](CLI::App& a, command::DomainAdd& v) {
        a.add_option("DOMAIN", v.domain)->required();
        a.add_option("SETID", v.setid, "Dispatcher set; must exist")->required();
        a.add_option("--comment", v.comment);
        a.add_flag("--disabled", v.disabled);
        add_preview(a, v.preview);
      });
  add<command::DomainMove>(
      domain, c, "move", "Let another set serve a domain", [](CLI::App& a, command::DomainMove& v) {
        a.add_option("DOMAIN", v.domain)->required();
        a.add_option("SETID", v.setid, "Dispatcher set; must exist")->required();
        add_preview(a, v.preview);
      });
  add<command::DomainRemove>(domain, c, "remove", "Remove a domain",
                             [](CLI::App& a, command::DomainRemove& v) {
                               a.add_option("DOMAIN", v.domain)->required();
                               add_preview(a, v.preview);
                             });
}

// activate, drain, disable: the same change with another state.
void add_state(CLI::App& target, Chosen c, const char* name, const char* help, const char* state) {
  add<command::TargetState>(target, c, name, help, [state](CLI::App& a, command::TargetState& v) {
    v.state = state;
    a.add_option("SETID", v.setid)->required();
    a.add_option("ID", v.id)->required();
  });
}

void add_target(CLI::App& app, Chosen c) {
  CLI::App& target =
      *app.add_subcommand("target", "Backends of a dispatcher set")->require_subcommand(1);
  add<command::TargetList>(
      target, c, "list", "Targets with health and live calls",
      [](CLI::App& a, command::TargetList& v) { a.add_option("SETID", v.setid)->required(); });
  add<command::TargetAdd>(
      target, c, "add", "Add a target; makes the set if there is none",
      [](CLI::App& a, command::TargetAdd& v) {
        a.add_option("SETID", v.setid)->required();
        a.add_option("DESTINATION", v.destination, "10.0.1.100, sip:pbx.example:5070;transport=tcp")
            ->required();
        a.add_option("--weight", v.weight, "1 to 1000");
        a.add_option("--priority", v.priority, "0 to 1000, lower first");
        a.add_option("--source", v.sources, "Further network it sends from; may be repeated");
        a.add_option("--comment", v.comment);
      });
  add<command::TargetRemove>(target, c, "remove", "Remove a target without live calls",
                             [](CLI::App& a, command::TargetRemove& v) {
                               a.add_option("SETID", v.setid)->required();
                               a.add_option("ID", v.id)->required();
                             });
  add_state(target, c, "drain", "No new calls; live ones end by themselves", "draining");
  add_state(target, c, "activate", "Take calls again", "active");
  add_state(target, c, "disable", "Out of service", "disabled");
  add<command::TargetMaintenance>(
      target, c, "maintenance", "When it is drained by itself; with times, one window more",
      [](CLI::App& a, command::TargetMaintenance& v) {
        a.add_option("SETID", v.setid)->required();
        a.add_option("ID", v.id)->required();
        auto* from = a.add_option("FROM", v.from, "2026-12-01T22:00:00Z");
        auto* until = a.add_option("UNTIL", v.until, "At most 7 days later");
        from->needs(until);
        a.add_option("--comment", v.comment);
        a.add_flag("--clear", v.clear, "Remove the windows there are");
      });
}

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw CLI::ValidationError("FILE", file + " cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

void add_configuration(CLI::App& app, Chosen c) {
  CLI::App& all =
      *app.add_subcommand("configuration", "Domains, sets, targets and gate as one document")
           ->require_subcommand(1);
  add<command::ConfigurationShow>(all, c, "show", "Print it");
  add<command::ConfigurationApply>(
      all, c, "apply", "Make everything as the document says",
      [](CLI::App& a, command::ConfigurationApply& v) {
        a.add_option_function<std::string>("FILE", [&v](const std::string& file) {
           v.document = content(file);
         })->required();
        a.add_flag("--preview", v.preview, "Tell what it would change, and do nothing");
      });
}

void add_backups(CLI::App& app, Chosen c) {
  CLI::App* all = add<command::BackupList>(app, c, "backups", "Copies of the store on its host");
  add<command::BackupList>(*all, c, "list", "The same");
  add<command::BackupMake>(*all, c, "make", "Copy the store as of now, while it is in use");
  add<command::BackupRestore>(
      *all, c, "restore", "Make the configuration as it was; calls and registrations stay",
      [](CLI::App& a, command::BackupRestore& v) {
        a.add_option("NAME", v.name)->required();
        a.add_flag("--preview", v.preview, "Tell what it would change, and do nothing");
      });
  add<command::BackupRemove>(
      *all, c, "remove", "Remove a copy",
      [](CLI::App& a, command::BackupRemove& v) { a.add_option("NAME", v.name)->required(); });
}

void add_ban(CLI::App& app, Chosen c) {
  CLI::App& ban = *app.add_subcommand("ban", "Who gets silence")->require_subcommand(1);
  add<command::BanList>(ban, c, "list", "All bans, those that dry-run would have made included");
  add<command::BanAdd>(ban, c, "add", "Ban an address or network",
                       [](CLI::App& a, command::BanAdd& v) {
                         a.add_option("NETWORK", v.network, "192.0.2.1, 192.0.2.0/24")->required();
                         a.add_option("--ttl", v.ttl, "For how long, such as 1h; else for ever");
                         a.add_option("--reason", v.reason);
                       });
  add<command::BanRemove>(
      ban, c, "remove", "Lift a ban at once",
      [](CLI::App& a, command::BanRemove& v) { a.add_option("NETWORK", v.network)->required(); });
}

}  // namespace

int ClientCommands::run() {
  if (!config.empty()) {
    const ConfigResult loaded = load_config(config);
    for (const ConfigFault& fault : loaded.faults) std::cerr << "usher: " << fault.text() << '\n';
    if (!loaded.faults.empty()) return 2;
    net::Endpoint at = loaded.config.admin.bind;
    if (at.address.is_unspecified()) {
      at.address = at.address.is_v4()
                       ? net::IpAddress::v4(0x7f000001)
                       : net::IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    }
    options.url = (loaded.config.admin.has_tls() ? "https://" : "http://") + at.text();
    // The edge is at an address, which its certificate need not name: it has to be this very one.
    if (options.ca.empty()) options.server = loaded.config.admin.certificate;
    if (options.token.empty()) options.token = loaded.config.admin.token;
  }
  return run_client(options, *chosen);
}

std::unique_ptr<ClientCommands> add_client_commands(CLI::App& app) {
  auto commands = std::make_unique<ClientCommands>();
  const Chosen c = commands.get();
  add<command::Status>(app, c, "status", "Version, uptime, counts of everything alive");
  add<command::Timers>(app, c, "timers", "The effective timers");
  add<command::Registrations>(app, c, "registrations", "Who is registered",
                              [](CLI::App& a, command::Registrations& v) {
                                a.add_option("--domain", v.domain);
                                a.add_option("--user", v.user);
                                a.add_option("--source", v.source, "IP address");
                              });
  CLI::App* calls =
      add<command::Calls>(app, c, "calls", "Live calls", [](CLI::App& a, command::Calls& v) {
        a.add_option("--aor", v.aor, "401@a.test, who calls or is called");
        a.add_option("--user", v.user, "The same by the user alone");
        a.add_option("--domain", v.domain);
        a.add_option("--target", v.target, "A target's number");
        a.add_option("--state", v.state, "trying, ringing, answered, confirmed, ending");
        a.add_option("--call-id", v.call_id, "Of either leg");
        a.add_option("--call", v.key, "Its key: call= of the log");
      });
  add<command::EndCall>(*calls, c, "end", "End a call", [](CLI::App& a, command::EndCall& v) {
    a.add_option("ID", v.id)->required();
  });
  add<command::Subscriptions>(
      app, c, "subscriptions", "Live subscriptions: BLF, MWI, presence, transfers",
      [](CLI::App& a, command::Subscriptions& v) {
        a.add_option("--aor", v.aor, "401@a.test, who subscribes or is subscribed to");
        a.add_option("--domain", v.domain);
        a.add_option("--event", v.event, "dialog, message-summary, presence, refer, …");
        a.add_option("--target", v.target, "A target's number");
        a.add_option("--call-id", v.call_id, "Of either leg");
        a.add_option("--call", v.key, "Its key: call= of the log");
      });
  add<command::Connections>(app, c, "connections", "Open connections of TCP, TLS and WebSockets",
                            [](CLI::App& a, command::Connections& v) {
                              a.add_option("--transport", v.transport, "tcp, tls, ws, wss");
                              a.add_option("--source", v.source, "IP address of the peer");
                              a.add_option("--silent", v.silent,
                                           "true: it has brought nothing yet");
                            });
  CLI::App& set = *app.add_subcommand("set", "Dispatcher sets")->require_subcommand(1);
  add<command::SetList>(set, c, "list", "All sets");
  add_domain(app, c);
  add_target(app, c);
  add_configuration(app, c);
  add_backups(app, c);
  add_ban(app, c);
  add<command::Requests>(
      app, c, "requests",
      "What has come lately, and what came of it: the flight recorder's requests",
      [](CLI::App& a, command::Requests& v) {
        a.add_option("--kind", v.kind, "call, registration, request, drop");
        a.add_option("--method", v.method);
        a.add_option("--status", v.status, "The final one; 0: none");
        a.add_option("--domain", v.domain);
        a.add_option("--target", v.target, "A target's number: it was tried there");
        a.add_option("--source", v.source, "An address, or a network");
      });
  add<command::Explain>(
      app, c, "explain", "What happened to a call or request, and why",
      [](CLI::App& a, command::Explain& v) {
        a.add_option("ID", v.id, "A live call's id, a call's key, or a Call-ID")->required();
      });
  add<command::RouteTest>(
      app, c, "route-test", "What would happen to a request now; nothing is sent",
      [](CLI::App& a, command::RouteTest& v) {
        a.add_option("METHOD", v.method, "INVITE, REGISTER, …")->required();
        a.add_option("REQUEST-URI", v.request_uri, "sip:402@a.test")->required();
        a.add_option("SOURCE", v.source, "Where it comes from: 192.0.2.1 or 192.0.2.1:5060")
            ->required();
        a.add_option("--from", v.from, "sip:401@a.test; else the Request-URI");
        a.add_option("--to", v.to, "Else the Request-URI");
        a.add_option("--transport", v.transport, "udp, tcp, tls, ws, wss");
      });
  return commands;
}

}  // namespace usher::admin
