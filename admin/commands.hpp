// The client commands' place in the command line.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "admin/client.hpp"

namespace CLI {
class App;
}

namespace usher::admin {

struct ClientCommands {
  ClientOptions options;
  std::optional<Command> chosen;  // set by parsing, when one of these commands was given
  std::string config;             // --config FILE: url, token and certificate are its [admin]'s

  // Runs what was chosen: 0, 1 on failure, 2 when the URL or the configuration is unusable. Only
  // when `chosen`.
  int run();
};

// Adds status, timers, calls, registrations, set, domain, target with their options to `app`:
// --url (or USHER_URL), --token (or USHER_TOKEN), --ca (or USHER_CA), --certificate and --key (or
// USHER_CERTIFICATE and USHER_KEY), --config FILE, --json. The result outlives the
// parsing.
std::unique_ptr<ClientCommands> add_client_commands(CLI::App& app);

}  // namespace usher::admin
