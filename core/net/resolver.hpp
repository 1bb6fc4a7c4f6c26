// Host names to addresses, without blocking: c-ares on the reactor thread (A and AAAA; /etc/hosts
// first).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/net/address.hpp"
#include "core/reactor.hpp"

namespace usher::net {

class Resolver {
 public:
  // Called once, on the reactor thread, never before resolve() has returned. Empty: no answer, or
  // no such name.
  using Done = std::function<void(std::vector<IpAddress>)>;

  explicit Resolver(Reactor& reactor);
  ~Resolver();  // what is open is not answered any more
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Within 10 s.
  void resolve(const std::string& name, Done done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace usher::net
