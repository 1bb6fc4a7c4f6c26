#include "core/net/locator.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "core/limits.hpp"

namespace usher::net {

// One question after the other; each answer keeps the search alive until the next is asked.
struct Locator::Search : std::enable_shared_from_this<Locator::Search> {
  Search(const Locator& locator, Destination d, Done then)
      : resolver(locator.resolver_),
        speaks(locator.speaks_),
        destination(std::move(d)),
        done(std::move(then)) {}

  void begin() {
    if (!destination.any_port) return fall_back();
    if (!destination.any_transport)
      return with(services_for(destination.host, destination.transport));
    resolver.naptr(destination.host, [self = shared_from_this()](Answer<Naptr> answer) {
      if (!self->take(answer)) return;
      self->with(services_of(std::move(answer.records)));
    });
  }

  // False when the search is over.
  template <class Record>
  bool take(const Answer<Record>& answer) {
    if (!answer.problem.empty()) located.problem = answer.problem;
    if (!answer.records.empty()) located.ttl = std::min(located.ttl, answer.ttl);
    if (answer.silent) finish();
    return !answer.silent;
  }

  void with(std::vector<Service> found) {
    const auto unspoken = [&](const Service& service) {
      return std::find(speaks.begin(), speaks.end(), service.transport) == speaks.end();
    };
    std::erase_if(found, unspoken);
    if (found.empty() && destination.any_transport) {
      found = services_for(destination.host, std::nullopt);
      std::erase_if(found, unspoken);
    }
    services.assign(found.begin(), found.end());
    next_service();
  }

  // §4.2: "If no SRV records were found, the client performs an A or AAAA record lookup". The first
  // service that has records is the one.
  void next_service() {
    if (services.empty()) return fall_back();
    const Service service = std::move(services.front());
    services.pop_front();
    resolver.services(service.name, [self = shared_from_this(),
                                     transport = service.transport](Answer<Srv> answer) {
      if (!self->take(answer)) return;
      if (answer.records.empty()) return self->next_service();
      self->take_hosts(std::move(answer.records), transport);
    });
  }

  void take_hosts(std::vector<Srv> records, Transport transport) {
    std::stable_sort(records.begin(), records.end(),
                     [](const Srv& a, const Srv& b) { return a.priority < b.priority; });
    for (Srv& record : records) {
      // RFC 2782: "A Target of "." means that the service is decidedly not available".
      if (record.host.empty() || record.host == "." || record.port == 0) continue;
      hosts.push_back({std::move(record), transport});
    }
    if (hosts.size() > limits::kPlacesPerName) hosts.resize(limits::kPlacesPerName);
    if (hosts.empty()) located.problem = "its SRV record says that there is no such service";
    next_host();
  }

  void fall_back() {
    hosts.push_back({{destination.host, destination.port, 0, 0}, destination.transport});
    next_host();
  }

  void next_host() {
    if (hosts.empty() || located.places.size() >= limits::kPlacesPerName) return finish();
    Host host = std::move(hosts.front());
    hosts.pop_front();
    const std::string name = host.record.host;
    resolver.addresses(
        name, [self = shared_from_this(), host = std::move(host)](const Answer<IpAddress>& answer) {
          self->take_addresses(host.record, host.transport, answer);
        });
  }

  void take_addresses(const Srv& host, Transport transport, const Answer<IpAddress>& answer) {
    if (!answer.records.empty()) located.ttl = std::min(located.ttl, answer.ttl);
    for (const IpAddress& address : answer.records) {
      if (located.places.size() >= limits::kPlacesPerName) break;
      if (address.is_unspecified()) continue;  // no host is there but ourselves
      located.places.push_back(
          {{address, host.port}, transport, host.priority, host.weight, host.host});
    }
    if (!answer.problem.empty()) {
      host_problem = host.host + ": " + answer.problem;
      located.unanswered.push_back(host.host);
    }
    if (!answer.silent) return next_host();
    for (const Host& other : hosts) located.unanswered.push_back(other.record.host);
    finish();
  }

  void finish() {
    if (located.places.empty()) {
      if (!host_problem.empty()) located.problem = host_problem;
      if (located.problem.empty()) located.problem = "the name has no address";
      located.ttl = Duration{};
    }
    // A host that is not answered for is soon asked for again.
    if (!located.unanswered.empty()) located.ttl = Duration{};
    done(std::move(located));
  }

  struct Host {
    Srv record;
    Transport transport = Transport::udp;
  };
  Resolver& resolver;
  std::vector<Transport> speaks;
  Destination destination;
  Done done;
  std::deque<Service> services;
  std::deque<Host> hosts;
  std::string host_problem;
  Located located{{}, limits::kNameTtlMost, {}, {}};
};

void Locator::locate(const Destination& destination, Done done) {
  std::make_shared<Search>(*this, destination, std::move(done))->begin();
}

}  // namespace usher::net
