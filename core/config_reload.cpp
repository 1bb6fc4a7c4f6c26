#include "core/config_reload.hpp"

#include <algorithm>

#include "core/duration.hpp"

namespace usher {

namespace {

LogLevel level_of(const LogConfig& log, LogCategory category) {
  const auto own = log.categories.find(category);
  return own == log.categories.end() ? log.level : own->second;
}

bool same(const std::vector<ListenConfig>& a, const std::vector<ListenConfig>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const ListenConfig& x, const ListenConfig& y) {
        return x.transport == y.transport && x.bind == y.bind &&
               x.advertise_host == y.advertise_host && x.advertise_port == y.advertise_port &&
               x.certificate == y.certificate && x.key == y.key && x.client_ca == y.client_ca;
      });
}

}  // namespace

ConfigChanges compare(const Config& running, const Config& fresh) {
  ConfigChanges out;
  const TimersConfig& was = running.timers;
  const TimersConfig& is = fresh.timers;
  const auto live = [&](const std::string& key, const std::string& from, const std::string& to) {
    if (from != to) out.live.push_back(key + ": " + from + " -> " + to);
  };
  live("timers.attempt", duration_text(was.attempt), duration_text(is.attempt));
  live("timers.hunt_limit", duration_text(was.hunt_limit), duration_text(is.hunt_limit));
  live("timers.ring_limit", duration_text(was.ring_limit), duration_text(is.ring_limit));
  live("timers.flow_recovery", duration_text(was.flow_recovery), duration_text(is.flow_recovery));
  live("timers.drain", duration_text(was.drain), duration_text(is.drain));
  const auto on_or_off = [](bool on) { return std::string{on ? "on" : "off"}; };
  live("recorder.enabled", on_or_off(running.recorder.enabled), on_or_off(fresh.recorder.enabled));
  for (std::size_t i = 0; i < kLogCategories; ++i) {
    const auto category = static_cast<LogCategory>(i);
    live("log." + std::string{category_name(category)},
         std::string{level_name(level_of(running.log, category))},
         std::string{level_name(level_of(fresh.log, category))});
  }
  const auto restart = [&](const char* key, bool changed) {
    if (changed) out.restart.emplace_back(key);
  };
  restart("listen", !same(running.listen, fresh.listen));
  restart("tls", running.tls.ca != fresh.tls.ca ||
                     running.tls.certificate != fresh.tls.certificate ||
                     running.tls.key != fresh.tls.key);
  restart("log.format", running.log.json != fresh.log.json);
  restart("log.users", running.log.hide_users != fresh.log.hide_users);
  restart("process.user", running.process.user != fresh.process.user);
  restart("storage.path", running.storage.path != fresh.storage.path);
  restart("storage.backups", running.storage.backups != fresh.storage.backups);
  restart("cdr.keep", running.cdr.keep != fresh.cdr.keep);
  restart("cdr.file", running.cdr.file != fresh.cdr.file);
  restart("admin.bind", running.admin.bind != fresh.admin.bind);
  restart("admin.token", running.admin.token != fresh.admin.token);
  restart("admin.certificate", running.admin.certificate != fresh.admin.certificate);
  restart("admin.key", running.admin.key != fresh.admin.key);
  restart("admin.client_ca", running.admin.client_ca != fresh.admin.client_ca);
  restart("admin.insecure", running.admin.insecure != fresh.admin.insecure);
  restart("timers.t1", was.t1 != is.t1);
  restart("timers.t2", was.t2 != is.t2);
  restart("timers.t4", was.t4 != is.t4);
  restart("timers.trying", was.trying != is.trying);
  restart("webhook", running.webhooks != fresh.webhooks);
  restart("overload", running.overload != fresh.overload);
  restart("recorder.memory", running.recorder.memory != fresh.recorder.memory);
  restart("hep", running.hep != fresh.hep);
  restart("correlation", running.correlation != fresh.correlation);
  restart("nat.keep_alive", running.nat.keep_alive != fresh.nat.keep_alive);
  restart("dns", running.dns != fresh.dns);
  restart("timers.call_probe", was.call_probe != is.call_probe);
  return out;
}

void take_over(Config& running, const Config& fresh) {
  running.timers.attempt = fresh.timers.attempt;
  running.timers.hunt_limit = fresh.timers.hunt_limit;
  running.timers.ring_limit = fresh.timers.ring_limit;
  running.timers.flow_recovery = fresh.timers.flow_recovery;
  running.timers.drain = fresh.timers.drain;
  running.recorder.enabled = fresh.recorder.enabled;
  running.log.level = fresh.log.level;
  running.log.categories = fresh.log.categories;
}

}  // namespace usher
