#include "core/config.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "core/config_correlation.hpp"
#include "core/config_dns.hpp"
#include "core/config_hep.hpp"
#include "core/config_overload.hpp"
#include "core/config_reader.hpp"
#include "core/config_recorder.hpp"
#include "core/config_webhook.hpp"
#include "core/duration.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher {

namespace {

void read_advertise(ConfigSection& section, ListenConfig& listen) {
  listen.advertise_host = listen.bind.address.uri_host();
  listen.advertise_port = listen.bind.port;
  const auto text = section.string("advertise");
  if (!text) {
    if (listen.bind.address.is_unspecified() && !section.has("advertise")) {
      section.fault("advertise",
                    "missing: " + listen.bind.text() +
                        " listens on every address, so phones must be told which one to use, as in "
                        "advertise = \"203.0.113.5\"");
    }
    return;
  }
  const auto host = net::HostPort::parse(*text);
  if (!host) {
    section.fault("advertise", host.error().message);
    return;
  }
  if (host->address && host->address->is_unspecified()) {
    section.fault(
        "advertise",
        quoted(*text) + " is the unspecified address: expected one that phones can reach");
  } else if (host->address && host->address->is_v4() != listen.bind.address.is_v4()) {
    section.fault("advertise",
                  quoted(*text) + " is of the other IP version than bind, " + listen.bind.text());
  }
  listen.advertise_host = host->uri_host();
  listen.advertise_port = host->port.value_or(listen.bind.port);
}

// Two listeners that the operating system would not open side by side.
bool collide(const ListenConfig& a, const ListenConfig& b) {
  return net::is_reliable(a.transport) == net::is_reliable(b.transport) &&
         a.bind.port == b.bind.port && a.bind.address.is_v4() == b.bind.address.is_v4() &&
         (a.bind.address == b.bind.address || a.bind.address.is_unspecified() ||
          b.bind.address.is_unspecified());
}

// The path of a file, relative to where the process is started; empty when the key is absent.
std::string read_file_name(ConfigSection& section, std::string_view key) {
  const auto path = section.string(key);
  if (!path) return {};
  if (path->empty() || path->find('\0') != std::string::npos)
    section.fault(key, quoted(*path) + " is not a path: expected the name of a PEM file");
  return *path;
}

void read_listener_files(ConfigSection& section, ListenConfig& listen) {
  const std::string name{net::transport_name(listen.transport)};
  if (!net::is_secure(listen.transport)) {
    for (const char* key : {"certificate", "key", "client_ca"}) {
      if (section.has(key))
        section.fault(key, name + " has no TLS: expected transport \"tls\" or \"wss\" with it");
    }
    return;
  }
  listen.certificate = read_file_name(section, "certificate");
  listen.key = read_file_name(section, "key");
  listen.client_ca = read_file_name(section, "client_ca");
  for (const char* key : {"certificate", "key"}) {
    if (!section.has(key))
      section.fault(key, "missing: " + name + " needs a certificate and its key, each a PEM file");
  }
}

void read_listen(ConfigSection section, std::vector<ListenConfig>& all) {
  section.expect({"transport", "bind", "advertise", "certificate", "key", "client_ca"});
  ListenConfig listen;
  if (const auto text = section.string("transport")) {
    const auto transport = net::parse_transport(*text);
    if (!transport) {
      section.fault("transport", quoted(*text) +
                                     " is no transport: expected \"udp\", \"tcp\", \"tls\", \"ws\" "
                                     "or \"wss\"");
    } else {
      listen.transport = *transport;
      read_listener_files(section, listen);
    }
  }
  if (!section.has("bind")) {
    section.fault("bind", "missing: expected an address and port, such as \"0.0.0.0:5060\"");
  } else if (const auto bind = section.endpoint("bind")) {
    listen.bind = *bind;
    read_advertise(section, listen);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!collide(all[i], listen)) continue;
      section.fault("bind", std::string{net::transport_name(listen.transport)} + " " +
                                listen.bind.text() + " is taken by listen[" + std::to_string(i) +
                                "], " + all[i].bind.text());
      break;
    }
  }
  all.push_back(std::move(listen));
}

// Both or neither.
void expect_key_with_certificate(ConfigSection& section) {
  if (section.has("certificate") == section.has("key")) return;
  section.fault(section.has("key") ? "certificate" : "key",
                "missing: a certificate and its key go together");
}

void read_tls(ConfigSection section, TlsConfig& tls) {
  section.expect({"ca", "certificate", "key"});
  tls.ca = read_file_name(section, "ca");
  tls.certificate = read_file_name(section, "certificate");
  tls.key = read_file_name(section, "key");
  expect_key_with_certificate(section);
}

void read_admin(ConfigSection section, AdminConfig& admin) {
  section.expect({"bind", "token", "certificate", "key", "client_ca", "insecure"});
  if (const auto bind = section.endpoint("bind")) admin.bind = *bind;
  if (const auto token = section.string("token")) {
    const bool sendable =
        std::all_of(token->begin(), token->end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (token->empty() || !sendable) {
      section.fault("token",
                    "expected at least one visible ASCII character and no spaces: it travels in an "
                    "HTTP header");
    }
    admin.token = *token;
  }
  admin.certificate = read_file_name(section, "certificate");
  admin.key = read_file_name(section, "key");
  admin.client_ca = read_file_name(section, "client_ca");
  expect_key_with_certificate(section);
  if (section.has("client_ca") && !section.has("certificate") && !section.has("key")) {
    section.fault("client_ca",
                  "needs TLS: expected certificate and key with it, each the name of a PEM file");
  }
  admin.insecure = section.boolean("insecure").value_or(false);
  if (admin.bind.address.is_loopback()) return;
  if (!section.has("token")) {
    section.fault("token", "missing: " + admin.bind.text() +
                               " can be reached from other machines, so a token is required");
  }
  if (!admin.insecure && !section.has("certificate") && !section.has("key")) {
    section.fault("insecure",
                  "without TLS the token crosses the network in clear from " + admin.bind.text() +
                      ": give certificate and key, bind to loopback, or accept it with insecure = "
                      "true");
  }
}

void read_timers(ConfigSection section, TimersConfig& timers) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  section.expect({"t1", "t2", "t4", "trying", "attempt", "hunt_limit", "ring_limit", "call_probe",
                  "flow_recovery", "drain"});

  const auto read = [&](const char* key, Duration& value, Duration least, Duration most,
                        const char* least_is = "") {
    const auto found = section.duration(key);
    if (!found) return !section.has(key);
    if (*found < least || *found > most) {
      section.fault(key, duration_text(*found) +
                             (*found < least ? " is too short" : " is too long") + ": expected " +
                             duration_text(least) + least_is + " to " + duration_text(most));
      return false;
    }
    value = *found;
    return true;
  };
  const bool t1_is_good = read("t1", timers.t1, milliseconds(100), seconds(4));
  // Bounds that hang on a faulty T1 would only add noise.
  const Duration floor = t1_is_good ? timers.t1 : milliseconds(100);
  const char* const floor_is = t1_is_good ? " (t1)" : "";
  const Duration ceiling = 64 * (t1_is_good ? timers.t1 : seconds(4));
  read("t2", timers.t2, floor, seconds(40), floor_is);
  read("t4", timers.t4, floor, seconds(50), floor_is);
  read("trying", timers.trying, milliseconds(50), seconds(1));
  read("attempt", timers.attempt, milliseconds(100), ceiling);
  read("hunt_limit", timers.hunt_limit, seconds(1), hours(1));
  read("ring_limit", timers.ring_limit, seconds(10), hours(1));
  read("call_probe", timers.call_probe, seconds(30), hours(1));
  read("flow_recovery", timers.flow_recovery, seconds(10), hours(24));
  read("drain", timers.drain, seconds(0), hours(1));
}

void read_nat(ConfigSection section, NatConfig& nat) {
  constexpr std::chrono::seconds kLeast{10};
  constexpr std::chrono::minutes kMost{5};
  section.expect({"keep_alive"});
  const auto found = section.duration("keep_alive");
  if (!found) return;
  if (*found < kLeast || *found > kMost) {
    section.fault("keep_alive",
                  duration_text(*found) + (*found < kLeast ? " is too short" : " is too long") +
                      ": expected " + duration_text(kLeast) + " to " + duration_text(kMost));
    return;
  }
  nat.keep_alive = *found;
}

void read_cdr(ConfigSection section, RecordsConfig& cdr) {
  constexpr std::chrono::hours kLeast{1};
  constexpr std::chrono::hours kMost{3650 * 24};
  section.expect({"keep", "file"});
  if (const auto keep = section.duration("keep")) {
    if (*keep < kLeast || *keep > kMost) {
      section.fault("keep",
                    duration_text(*keep) + (*keep < kLeast ? " is too short" : " is too long") +
                        ": expected " + duration_text(kLeast) + " to " + duration_text(kMost));
    } else {
      cdr.keep = *keep;
    }
  }
  if (const auto file = section.string("file")) {
    if (file->empty() || file->find('\0') != std::string::npos)
      section.fault("file", quoted(*file) + " is not a path: expected the name of a file");
    cdr.file = *file;
  }
}

void read_level(ConfigSection& section, const std::string& key, LogLevel& level) {
  const auto text = section.string(key);
  if (!text) return;
  if (const auto parsed = parse_level(*text)) {
    level = *parsed;
  } else {
    section.fault(key, quoted(*text) + " is no level: expected debug, info, warning, error or off");
  }
}

// The index of the key's value among the choices; 0, the default, when it is absent or wrong.
std::size_t read_choice(ConfigSection& section, const std::string& key,
                        const std::array<std::string_view, 2>& choices) {
  const auto text = section.string(key);
  if (!text) return 0;
  const auto* const found = std::find(choices.begin(), choices.end(), *text);
  if (found != choices.end()) return static_cast<std::size_t>(found - choices.begin());
  section.fault(key, quoted(*text) + " is unknown: expected " + quoted(choices[0]) + " or " +
                         quoted(choices[1]));
  return 0;
}

void read_log(ConfigSection section, LogConfig& log) {
  section.expect({"level", "format", "users", "categories"});
  read_level(section, "level", log.level);
  log.json = read_choice(section, "format", {"text", "json"}) == 1;
  log.hide_users = read_choice(section, "users", {"plain", "hidden"}) == 1;
  if (auto categories = section.table("categories")) {
    std::vector<std::string_view> names;
    for (std::size_t i = 0; i < kLogCategories; ++i)
      names.push_back(category_name(static_cast<LogCategory>(i)));
    categories->expect(names);
    for (const std::string_view name : names) {
      LogLevel level = log.level;
      if (!categories->has(name)) continue;
      read_level(*categories, std::string{name}, level);
      log.categories[*parse_category(name)] = level;
    }
  }
}

void read_all(ConfigReader& reader, Config& config) {
  ConfigSection top = reader.top();
  top.expect({"listen", "tls", "process", "storage", "cdr", "admin", "timers", "nat", "dns",
              "overload", "recorder", "hep", "correlation", "log", "webhook"});
  for (ConfigSection& section : top.tables("listen"))
    read_listen(std::move(section), config.listen);
  if (!top.has("listen") || (config.listen.empty() && top.is_empty_array("listen"))) {
    reader.fault(0, "listen",
                 "no listener: expected at least one [[listen]] with transport and bind");
  }
  if (auto tls = top.table("tls")) read_tls(std::move(*tls), config.tls);
  if (auto process = top.table("process")) {
    process->expect({"user"});
    if (const auto user = process->string("user")) {
      if (user->empty()) process->fault("user", "expected the name of a user of this system");
      config.process.user = *user;
    }
  }
  if (auto storage = top.table("storage")) {
    storage->expect({"path", "backups"});
    const auto read = [&](const char* key, const char* expected, std::string& out) {
      const auto path = storage->string(key);
      if (!path) return;
      if (path->empty() || path->find('\0') != std::string::npos)
        storage->fault(key, quoted(*path) + " is not a path: expected the name of " + expected);
      out = *path;
    };
    read("path", "the database file", config.storage.path);
    config.storage.backups = config.storage.path + ".backups";
    read("backups", "a folder", config.storage.backups);
  }
  if (auto cdr = top.table("cdr")) read_cdr(std::move(*cdr), config.cdr);
  if (auto admin = top.table("admin")) read_admin(std::move(*admin), config.admin);
  if (auto timers = top.table("timers")) read_timers(std::move(*timers), config.timers);
  if (auto overload = top.table("overload")) read_overload(std::move(*overload), config.overload);
  if (auto recorder = top.table("recorder")) read_recorder(std::move(*recorder), config.recorder);
  if (auto hep = top.table("hep")) read_hep(std::move(*hep), config.hep);
  if (auto correlation = top.table("correlation"))
    read_correlation(std::move(*correlation), config.correlation);
  if (auto nat = top.table("nat")) read_nat(std::move(*nat), config.nat);
  for (ConfigSection& section : top.tables("webhook"))
    read_webhook(std::move(section), config.webhooks);
  if (auto dns = top.table("dns")) read_dns(std::move(*dns), config.dns);
  if (auto log = top.table("log")) read_log(std::move(*log), config.log);
}

}  // namespace

std::string ConfigFault::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line);
  if (!key.empty()) out += ": " + key;
  return out + ": " + reason;
}

ConfigResult parse_config(std::string_view toml, std::string file) {
  ConfigResult result;
  result.config.file = file;
  result.config.admin.bind = {net::IpAddress::v4(0x7f000001), 8080};
  ConfigReader reader{std::move(file)};
  if (reader.parse(toml)) read_all(reader, result.config);
  result.faults = reader.take_faults();
  return result;
}

ConfigResult load_config(const std::string& path) {
  const auto refuse = [&](const std::string& reason) {
    ConfigResult result;
    result.config.file = path;
    result.faults.push_back({path, "", reason, 0});
    return result;
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rb"),
                                                             &std::fclose};
  if (!file) return refuse(std::string{"cannot be read: "} + std::strerror(errno));
  std::string text(limits::kConfigBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()))
    return refuse(std::string{"cannot be read: "} + std::strerror(errno));
  if (text.size() > limits::kConfigBytes) {
    return refuse("is larger than " + std::to_string(limits::kConfigBytes) + " bytes");
  }
  return parse_config(text, path);
}

}  // namespace usher
