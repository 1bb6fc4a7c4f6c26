// Commands that need no running process: check, import, backup, restore, extract. And what they
// share with the start of one: reading the configuration and opening the store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/config.hpp"
#include "core/net/certificates.hpp"
#include "core/reactor.hpp"
#include "core/result.hpp"
#include "storage/keys.hpp"
#include "storage/store.hpp"

namespace CLI {
class App;
}

namespace usher::admin {

inline constexpr int kExitConfiguration = 2;  // what the operator has to mend

// Says why a command cannot be done on standard error, in one line; gives
// kExitConfiguration.
int refuse(const std::string& line);

// The configuration, with its certificates read, or nothing after every fault has been told.
// `before` runs between the two.
std::optional<Config> read_config(const std::string& path, net::Certificates& certificates,
                                  const std::function<Result<void>(const Config&)>& before = {});

struct OpenStore {
  std::unique_ptr<storage::Store> store;
  storage::Snapshot snapshot;
  storage::Keys keys;
};
// Opens and reads the store and gives a new one its keys; may run the reactor meanwhile. The error
// is one line.
Result<OpenStore> open_store(const Config& config, Reactor& reactor);

struct OfflineCommands {
  std::string config = "usher.toml", file;
  std::function<int()> chosen;  // set by parsing, when one of these commands was given
};
// Adds them to `app`. The result outlives the parsing.
std::unique_ptr<OfflineCommands> add_offline_commands(CLI::App& app);

}  // namespace usher::admin
