// What a process needs to start, read from usher.toml. Everything that changes in daily life lives
// in the store instead.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_kind.hpp"
#include "core/log.hpp"
#include "core/net/address.hpp"
#include "core/time.hpp"

namespace usher {

struct ListenConfig {
  net::Transport transport = net::Transport::udp;
  net::Endpoint bind;
  // Host (and port) that phones and backends can reach us at; goes into Via and Contact. Defaults
  // to `bind`; required where bind is unspecified.
  std::string advertise_host;  // an address in uri_host() form, or a host name
  std::uint16_t advertise_port = 5060;
  // TLS and WSS: PEM files. `client_ca`: clients must present a certificate of one of these.
  std::string certificate{}, key{}, client_ca{};

  std::string sent_by() const { return advertise_host + ":" + std::to_string(advertise_port); }
};

// TLS towards backends. PEM files; empty: the system's authorities, no certificate of our own.
struct TlsConfig {
  std::string ca, certificate, key;
};

struct TimersConfig {
  Duration t1 = std::chrono::milliseconds(500);      // RFC 3261 §17.1.1.1; 100ms–4s
  Duration t2 = std::chrono::seconds(4);             // t1–40s
  Duration t4 = std::chrono::seconds(5);             // t1–50s
  Duration trying = std::chrono::milliseconds(200);  // own 100 when nothing came; 50ms–1s
  Duration attempt = std::chrono::seconds(4);  // per target, while another is left; 100ms–64·T1
  Duration hunt_limit = std::chrono::seconds(32);   // of silence, over all targets; 1s–1h
  Duration ring_limit = std::chrono::seconds(180);  // restarted by 101–199; 10s–1h
  Duration call_probe{};  // OPTIONS within the dialogs of a call; 30s–1h; 0: not asked for
  // A call waits so long for a registered phone whose connection is gone; 10s–24h.
  Duration flow_recovery = std::chrono::minutes(10);
  Duration drain = std::chrono::seconds(30);  // for running calls after SIGTERM; 0s–1h
};

struct ProcessConfig {
  std::string user;  // whom a process started by root becomes; empty: it stays what it is
};

// What keeps a storm of registrations away from calls and backends.
struct OverloadConfig {
  std::size_t registers_in_flight = 64;  // REGISTERs a backend has to answer at a time; 1–10000
  std::size_t register_queue = 10'000;   // that wait for their turn, over all backends; 0–50000
  Duration register_wait = std::chrono::seconds(5);  // of one of them, at most; 100ms–10s
  // Above it new calls are refused, and above half of it new registrations; 50ms–10s.
  Duration max_lag = std::chrono::milliseconds(500);
  // What a 503 asks for in Retry-After is spread from half of it to one and a half; 2s–10m.
  Duration retry_after = std::chrono::seconds(20);

  friend bool operator==(const OverloadConfig&, const OverloadConfig&) = default;
};

// The flight recorder: the last messages and decisions, in memory.
struct FlightRecorderConfig {
  bool enabled = true;
  std::size_t memory = 64 << 20;  // bytes; 1MB–4GB

  friend bool operator==(const FlightRecorderConfig&, const FlightRecorderConfig&) = default;
};

// SIP messages mirrored to a capture server, as HEP version 3.
struct HepConfig {
  std::optional<net::Endpoint> server;  // absent: nothing is mirrored
  std::uint32_t agent_id = 2001;        // how the server tells its agents apart
  std::string password;                 // of the agent; empty: none; never shown

  friend bool operator==(const HepConfig&, const HepConfig&) = default;
};

// What backends are told so that both legs of a call can be found together.
struct CorrelationConfig {
  bool x_cid = false;       // X-CID: the Call-ID of the phone's leg
  bool session_id = false;  // a Session-ID (RFC 7989) on behalf of phones that have none

  friend bool operator==(const CorrelationConfig&, const CorrelationConfig&) = default;
};

// Phones behind NAT.
struct NatConfig {
  Duration keep_alive = std::chrono::seconds(25);  // between two datagrams to each; 10s–5m
};

// Where host names of targets are asked for.
struct DnsConfig {
  std::vector<net::Endpoint> servers;  // empty: the system's; at most 8
  // Of the first try; the second has twice as long; 100ms–10s.
  Duration timeout = std::chrono::seconds(2);

  friend bool operator==(const DnsConfig&, const DnsConfig&) = default;
};

struct StorageConfig {
  std::string path = "usher.db";
  // The folder of the backups that are made over REST; "<path>.backups" unless it is given.
  std::string backups = "usher.db.backups";
};

// Call detail records.
struct RecordsConfig {
  Duration keep = std::chrono::hours(30 * 24);  // of an ended call; 1h–3650d
  std::string file;  // a line for each ended call is appended here; empty: nowhere
};

struct AdminConfig {
  net::Endpoint bind;  // 127.0.0.1:8080
  std::string token;   // empty: none; required off loopback
  // PEM files; empty: plain HTTP. `client_ca`: clients must present a certificate of one of these.
  std::string certificate, key, client_ca;
  bool insecure = false;  // plain HTTP off loopback is meant
  bool has_tls() const { return !certificate.empty(); }
};

// Who is told of events.
struct WebhookConfig {
  std::string url;  // as written
  bool tls = false;
  std::string host;  // a name, or an address without brackets
  std::uint16_t port = 80;
  std::string authority, path;   // for Host; for the request line
  std::string secret;            // of the signature; empty: there is none
  std::vector<EventKind> kinds;  // of events; empty: all
  static constexpr std::size_t kLeastSecret = 16;
  friend bool operator==(const WebhookConfig&, const WebhookConfig&) = default;
};

struct LogConfig {
  LogLevel level = LogLevel::info;
  std::map<LogCategory, LogLevel> categories;
  bool json = false;        // "format": a JSON object for each line
  bool hide_users = false;  // "users": see core/log_users.hpp
};

struct Config {
  std::string file;  // as given, for messages
  std::vector<ListenConfig> listen;
  TlsConfig tls;
  TimersConfig timers;
  ProcessConfig process;
  OverloadConfig overload;
  FlightRecorderConfig recorder;
  HepConfig hep;
  CorrelationConfig correlation;
  NatConfig nat;
  DnsConfig dns;
  StorageConfig storage;
  RecordsConfig cdr;
  AdminConfig admin;
  LogConfig log;
  std::vector<WebhookConfig> webhooks;
};

// One thing wrong with the configuration.
struct ConfigFault {
  std::string file;
  std::string key;           // "listen[0].advertise", "timers.t1"
  std::string reason;        // found and expected
  int line = 0;              // 0: unknown
  std::string text() const;  // "usher.toml:12: timers.t1: …"
};

struct ConfigResult {
  Config config;                    // meaningful only without faults
  std::vector<ConfigFault> faults;  // all that were found, in the order of the file
};

// Reads and validates the whole file: every fault is reported, not just the first. Unknown keys,
// wrong types, missing units and values out of bounds are faults. Opens no socket and no database.
ConfigResult load_config(const std::string& path);
// The same from text; `file` is for messages only.
ConfigResult parse_config(std::string_view toml, std::string file);

}  // namespace usher
