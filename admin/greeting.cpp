#include "admin/greeting.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "core/duration.hpp"

namespace usher::admin {

void greet(const Config& config, const net::Transports& transports) {
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const net::Endpoint bound = transports.local(net::ListenerId{static_cast<std::uint16_t>(i)});
    std::printf("listening  %s %s, known to others as %s\n",
                std::string(net::transport_name(config.listen[i].transport)).c_str(),
                bound.text().c_str(), config.listen[i].sent_by().c_str());
  }
  const TimersConfig& t = config.timers;
  std::printf(
      "timers     t1=%s t2=%s t4=%s 64*t1=%s trying=%s attempt=%s hunt_limit=%s ring_limit=%s "
      "call_probe=%s flow_recovery=%s drain=%s\n",
      duration_text(t.t1).c_str(), duration_text(t.t2).c_str(), duration_text(t.t4).c_str(),
      duration_text(64 * t.t1).c_str(), duration_text(t.trying).c_str(),
      duration_text(t.attempt).c_str(), duration_text(t.hunt_limit).c_str(),
      duration_text(t.ring_limit).c_str(),
      t.call_probe == Duration{} ? "off" : duration_text(t.call_probe).c_str(),
      duration_text(t.flow_recovery).c_str(), duration_text(t.drain).c_str());
  const std::string base =
      (config.admin.has_tls() ? "https://" : "http://") + config.admin.bind.text();
  std::printf("store      %s\nadmin      %s\n\nnext:\n", config.storage.path.c_str(), base.c_str());
  const std::string curl =
      config.admin.token.empty() ? "curl" : "curl -H 'Authorization: Bearer TOKEN'";
  std::printf(
      "  %s -X POST %s/v1/dispatcher/sets/10/targets -d '{\"destination\": \"10.0.1.100\"}'\n",
      curl.c_str(), base.c_str());
  std::printf("  %s -X PUT  %s/v1/domains/a.test -d '{\"setid\": 10}'\n", curl.c_str(),
              base.c_str());
  std::printf("  %s %s/readyz\n", curl.c_str(), base.c_str());
  std::fflush(stdout);
}

void warn_of_small_buffers(const Config& config, const net::Transports& transports,
                           const Log& log) {
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    const auto room = transports.receive_buffer(net::ListenerId{static_cast<std::uint16_t>(i)});
    if (!room || room->given >= room->wanted) continue;
    log.write(LogCategory::net, LogLevel::warning, "",
              "udp " + config.listen[i].bind.text() + " has room for " +
                  std::to_string(room->given / 1024) + " kB of packets that wait, where " +
                  std::to_string(room->wanted / 1024) +
                  " kB were asked for; the rest is lost: raise net.core.rmem_max");
  }
}

void warn_of_clear_tokens(const AdminConfig& admin, const Log& log) {
  if (admin.has_tls() || admin.bind.address.is_loopback()) return;
  log.write(LogCategory::admin, LogLevel::warning, "",
            "admin.bind " + admin.bind.text() +
                " is for other machines too, and tokens reach it in the clear: admin.certificate "
                "and admin.key make it HTTPS");
}

}  // namespace usher::admin
