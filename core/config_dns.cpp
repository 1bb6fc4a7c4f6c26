#include "core/config_dns.hpp"

#include "core/duration.hpp"
#include "core/text.hpp"

namespace usher {

namespace {

constexpr std::size_t kServers = 8;
constexpr std::uint16_t kPort = 53;
constexpr std::chrono::milliseconds kLeast{100};
constexpr std::chrono::seconds kMost{10};

void read_servers(ConfigSection& section, std::vector<net::Endpoint>& servers) {
  const auto texts = section.strings("servers");
  if (!texts) return;
  if (texts->size() > kServers) {
    section.fault("servers", "names " + std::to_string(texts->size()) +
                                 " servers: expected at most " + std::to_string(kServers));
    return;
  }
  for (const std::string& text : *texts) {
    const auto server = net::HostPort::parse(text);
    if (!server || !server->address || server->address->is_unspecified()) {
      section.fault("servers", quoted(text) +
                                   " is no server: expected an address, perhaps with a port, as in "
                                   "\"192.0.2.53\" or \"127.0.0.1:5353\"");
      continue;
    }
    servers.push_back({*server->address, server->port.value_or(kPort)});
  }
}

}  // namespace

void read_dns(ConfigSection section, DnsConfig& dns) {
  section.expect({"servers", "timeout"});
  read_servers(section, dns.servers);
  const auto timeout = section.duration("timeout");
  if (!timeout) return;
  if (*timeout < kLeast || *timeout > kMost) {
    section.fault("timeout",
                  duration_text(*timeout) + (*timeout < kLeast ? " is too short" : " is too long") +
                      ": expected " + duration_text(kLeast) + " to " + duration_text(kMost));
    return;
  }
  dns.timeout = *timeout;
}

}  // namespace usher
