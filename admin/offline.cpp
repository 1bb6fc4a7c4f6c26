#include "admin/offline.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "admin/resources/configuration.hpp"
#include "core/entropy.hpp"
#include "storage/backup.hpp"
#include "storage/import_kamailio.hpp"
#include "storage/sqlite/sqlite_store.hpp"

namespace usher::admin {

int refuse(const std::string& line) {
  std::fprintf(stderr, "%s\n", line.c_str());
  return kExitConfiguration;
}

std::optional<Config> read_config(const std::string& path, net::Certificates& certificates,
                                  const std::function<Result<void>(const Config&)>& before) {
  ConfigResult result = load_config(path);
  if (result.faults.empty() && before) {
    if (const auto done = before(result.config); !done)
      result.faults.push_back({path, "process.user", done.error().message, 0});
  }
  if (result.faults.empty()) result.faults = certificates.load(result.config, Reactor::now().wall);
  for (const ConfigFault& fault : result.faults) std::fprintf(stderr, "%s\n", fault.text().c_str());
  if (!result.faults.empty()) return std::nullopt;
  return std::move(result.config);
}

Result<OpenStore> open_store(const Config& config, Reactor& reactor) {
  const auto named = [&](const Error& e) {
    return Error{e.code, config.file + ": storage.path: " + e.message};
  };
  auto store = storage::open_sqlite(
      {config.storage.path,
       [&reactor](std::function<void()> task) { reactor.post(std::move(task)); }, config.cdr.file,
       config.storage.backups});
  if (!store) return named(store.error());
  auto snapshot = (*store)->load(Reactor::now().wall);
  if (!snapshot) return named(snapshot.error());
  auto keys = storage::read_keys(*snapshot, system_entropy);
  if (!keys) return named(keys.error());
  if (!keys->missing.empty()) {
    std::optional<Result<void>> written;
    (*store)->apply(keys->missing, storage::Durability::required, [&](Result<void> result) {
      written = std::move(result);
      reactor.stop();
    });
    reactor.run();
    if (written && !*written) return named(written->error());
  }
  return OpenStore{std::move(*store), std::move(*snapshot), std::move(*keys)};
}

namespace {

int check(const std::string& path) {
  net::Certificates certificates;
  if (!read_config(path, certificates)) return kExitConfiguration;
  std::printf("%s: ok\n", path.c_str());
  return 0;
}

int import_kamailio(const std::string& path, const std::string& file) {
  net::Certificates certificates;
  std::optional<Config> config = read_config(path, certificates);
  if (!config) return kExitConfiguration;
  Reactor reactor;
  auto opened = open_store(*config, reactor);
  if (!opened) return refuse(opened.error().message);
  auto taken = storage::read_kamailio(file, opened->snapshot, opened->keys.contact_tokens,
                                      Reactor::now().wall);
  if (!taken) return refuse(file + ": " + taken.error().message);
  for (const storage::ImportNote& note : taken->notes) {
    std::fprintf(stderr, "%s: %s: %s\n", file.c_str(), note.where.c_str(), note.reason.c_str());
  }
  std::optional<Result<void>> written;
  opened->store->apply(std::move(taken->changes), storage::Durability::required,
                       [&](Result<void> result) {
                         written = std::move(result);
                         reactor.stop();
                       });
  reactor.run();
  opened->store->close();
  if (!written || !*written)
    return refuse(file + ": " + (written ? written->error().message : "not written"));
  std::printf("%s: %zu domains, %zu sets, %zu targets, %zu locations taken over into %s\n",
              file.c_str(), taken->domains, taken->sets, taken->targets, taken->locations,
              config->storage.path.c_str());
  return 0;
}

int copy_store(const std::string& path, const std::string& file, bool back) {
  const ConfigResult read = load_config(path);
  for (const ConfigFault& fault : read.faults) std::fprintf(stderr, "%s\n", fault.text().c_str());
  if (!read.faults.empty()) return kExitConfiguration;
  const std::string& store = read.config.storage.path;
  const auto done = back ? storage::restore(store, file) : storage::back_up(store, file);
  if (!done) return refuse(done.error().message);
  std::printf(back ? "%s: restored from %s\n" : "%s: copied to %s\n", store.c_str(), file.c_str());
  return 0;
}

int extract(const std::string& file) {
  auto read = storage::read_backup(file, Reactor::now().wall);
  if (!read) return refuse(read.error().message);
  std::fputs(json_text(configuration_json(std::move(*read))).c_str(), stdout);
  return 0;
}

}  // namespace

std::unique_ptr<OfflineCommands> add_offline_commands(CLI::App& app) {
  auto out = std::make_unique<OfflineCommands>();
  OfflineCommands* const c = out.get();
  const auto add = [&](const char* name, const char* what, std::function<int()> run) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--config", c->config, "Configuration file")->capture_default_str();
    command->callback([c, run = std::move(run)] { c->chosen = run; });
    return command;
  };
  add("check", "Tell everything that is wrong with a configuration",
      [c] { return check(c->config); });
  add("import", "Take over domains, targets and locations of a Kamailio SQLite database",
      [c] { return import_kamailio(c->config, c->file); })
      ->add_option("file", c->file, "The Kamailio database")
      ->required();
  add("backup", "Copy the store, also while a process uses it",
      [c] { return copy_store(c->config, c->file, false); })
      ->add_option("file", c->file, "The copy, a new file")
      ->required();
  add("restore", "Put a copy of a store in its place again",
      [c] { return copy_store(c->config, c->file, true); })
      ->add_option("file", c->file, "The copy")
      ->required();
  CLI::App* const of_copy = app.add_subcommand(
      "extract",
      "Print the configuration that a copy of a store holds, as `configuration apply` takes it");
  of_copy->add_option("file", c->file, "The copy")->required();
  of_copy->callback([c] { c->chosen = [c] { return extract(c->file); }; });
  return out;
}

}  // namespace usher::admin
