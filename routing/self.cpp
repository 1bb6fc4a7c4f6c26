#include "routing/self.hpp"

#include <algorithm>
#include <set>

#include "core/text.hpp"

namespace usher::routing {

Self::Self(std::vector<net::Endpoint> endpoints, std::vector<std::string> hosts)
    : endpoints_(std::move(endpoints)), hosts_(std::move(hosts)) {}

bool Self::listens_at(const net::Endpoint& where) const {
  return std::any_of(endpoints_.begin(), endpoints_.end(), [&](const net::Endpoint& own) {
    return own == where ||
           (own.port == where.port && own.address.is_unspecified() && where.address.is_loopback());
  });
}

bool Self::is_host(std::string_view host) const {
  if (const auto address = net::IpAddress::parse(host)) {
    return std::any_of(endpoints_.begin(), endpoints_.end(),
                       [&](const net::Endpoint& own) { return own.address == *address; });
  }
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [&](const std::string& own) { return equals_without_case(own, host); });
}

std::vector<std::string> Self::names() const {
  std::set<std::string> out(hosts_.begin(), hosts_.end());
  for (const net::Endpoint& own : endpoints_) {
    const std::string port = ":" + std::to_string(own.port);
    if (own.address.is_unspecified()) {
      out.insert("127.0.0.1" + port);
      out.insert("[::1]" + port);
    } else {
      out.insert(own.address.text());
      out.insert(own.text());
    }
    for (const std::string& host : hosts_) out.insert(host + port);
  }
  return {out.begin(), out.end()};
}

}  // namespace usher::routing
