// DNS without blocking: c-ares on the reactor thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/net/address.hpp"
#include "core/net/places.hpp"
#include "core/reactor.hpp"

namespace usher::net {

template <class Record>
struct Answer {
  std::vector<Record> records;
  Duration ttl{};         // the shortest among them
  std::string problem{};  // why there is no answer, in words; empty: these are all there are
  bool silent = false;    // no server has answered: another question would hardly fare better
};

struct ResolverOptions {
  std::vector<Endpoint> servers;               // where to ask; empty: as /etc/resolv.conf says
  Duration timeout = std::chrono::seconds(2);  // of the first try; the second has twice as long
};

class Resolver {
 public:
  // Called once, on the reactor thread, never before the question has been taken.
  template <class Record>
  using Done = std::function<void(Answer<Record>)>;

  explicit Resolver(Reactor& reactor, const ResolverOptions& options = {});
  ~Resolver();  // what is open is not answered any more
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Each within three times the timeout and server. A and AAAA; /etc/hosts first.
  void addresses(const std::string& name, Done<IpAddress> done);
  void services(const std::string& name, Done<Srv> done);  // SRV (RFC 2782)
  void naptr(const std::string& name, Done<Naptr> done);   // RFC 3403

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace usher::net
