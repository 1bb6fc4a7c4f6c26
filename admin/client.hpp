// The thin command line over REST: each command is a request or two, shown as a table or as the
// JSON that came.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "admin/message.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace usher::admin {

struct ClientOptions {
  std::string url = "http://127.0.0.1:8080";
  std::string token;  // empty: none is sent
  // https:// only, PEM files; empty: none. `ca`: who may sign the edge's certificate, without it
  // those that the system trusts. `server`: the edge's own certificate, which is all it has to
  // show; not with `ca`. `certificate`, `key`: our own, where the edge asks for one.
  std::string ca, server, certificate, key;
  bool json = false;  // print the answers as they came
  Duration timeout = std::chrono::seconds(20);
};

namespace command {
struct Status {};
struct Timers {};
struct Calls {
  std::string aor, user, domain, target, state, call_id, key;  // empty: any
};
struct EndCall {
  std::string id;
};
struct Subscriptions {
  std::string aor, domain, event, target, call_id, key;  // empty: any
};
struct Connections {
  std::string transport, source, silent;  // empty: any
};
struct Registrations {
  std::string domain, user, source;
};
struct SetList {};
struct DomainList {};
struct DomainAdd {
  std::string domain;
  std::int64_t setid = 0;
  std::string comment;
  bool disabled = false;
  bool preview = false;  // of all three: tell what it would touch, and do nothing
};
struct DomainMove {
  std::string domain;
  std::int64_t setid = 0;
  bool preview = false;
};
struct DomainRemove {
  std::string domain;
  bool preview = false;
};
struct TargetList {
  std::int64_t setid = 0;
};
struct TargetAdd {
  std::int64_t setid = 0;
  std::string destination;
  std::optional<std::int64_t> weight, priority;
  std::vector<std::string> sources;
  std::string comment;
};
struct TargetRemove {
  std::int64_t setid = 0, id = 0;
};
struct TargetState {
  std::int64_t setid = 0, id = 0;
  std::string state;
};  // "active", "draining", "disabled"
// Without times: what there is. With them: one window more.
struct TargetMaintenance {
  std::int64_t setid = 0, id = 0;
  std::string from, until, comment;
  bool clear = false;  // removes all there are, before
};
struct ConfigurationShow {};
struct ConfigurationApply {
  std::string document;  // JSON
  bool preview = false;  // tell what it would change, and do nothing
};
struct BackupList {};
struct BackupMake {};
struct BackupRestore {
  std::string name;
  bool preview = false;  // tell what it would change, and do nothing
};
struct BackupRemove {
  std::string name;
};
struct BanList {};
struct BanAdd {
  std::string network, ttl, reason;  // ttl "": until it is lifted
};
struct BanRemove {
  std::string network;
};
struct Explain {
  std::string id;  // a live call's id, a call's key, a Call-ID
};
struct Requests {
  std::string kind, method, status, domain, target, source;  // empty: any
};
struct RouteTest {
  std::string method, request_uri, from, to, source, transport;
};
}  // namespace command

using Command = std::variant<
    command::Status, command::Timers, command::Calls, command::EndCall, command::Subscriptions,
    command::Connections, command::Registrations, command::SetList, command::DomainList,
    command::DomainAdd, command::DomainMove, command::DomainRemove, command::TargetList,
    command::TargetAdd, command::TargetRemove, command::TargetState, command::TargetMaintenance,
    command::ConfigurationShow, command::ConfigurationApply, command::BackupList,
    command::BackupMake, command::BackupRestore, command::BackupRemove, command::BanList,
    command::BanAdd, command::BanRemove, command::Explain, command::Requests, command::RouteTest>;

// How a command reaches the edge. Errors are those of the way there; every HTTP status is an
// answer.
using Fetch = std::function<Result<Answer>(const std::string& method, const std::string& target,
                                           const std::string& body)>;

// Over HTTP or HTTPS, one connection per request, each within options.timeout. Blocks; for the
// command line only. Errc::syntax: the URL is not http[s]://HOST[:PORT], or a file is unusable;
// Errc::io: not reached.
Fetch http_fetch(const ClientOptions& options);

// Waits a moment before the edge is asked again.
using Pause = std::function<void()>;
void half_a_second();  // blocks; for the command line only

// Runs the command: 0, or 1 with the reason on `err` (for a problem document: its detail and
// fields).
int run_command(const Command& command, const Fetch& fetch, const Pause& pause, bool json,
                std::ostream& out, std::ostream& err);

// Both together, on standard output and standard error.
int run_client(const ClientOptions& options, const Command& command);

}  // namespace usher::admin
