// Where a destination written as a name is: RFC 3263 §4 over the resolver's questions.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "core/net/address.hpp"
#include "core/net/places.hpp"
#include "core/net/resolver.hpp"

namespace usher::net {

class Locator {
 public:
  using Done = std::function<void(Located)>;

  // `resolver` outlives it, and its answers end with it. `speaks`: the transports that we have a
  // listener of; services over others are passed over (§4.1).
  Locator(Resolver& resolver, std::vector<Transport> speaks)
      : resolver_(resolver), speaks_(std::move(speaks)) {}

  // With a port: the addresses of its host. Without: NAPTR unless it names a transport, SRV, and
  // when there is none of them the addresses with the default port. At most limits::kPlacesPerName
  // places. Called once, never before this has returned.
  void locate(const Destination& destination, Done done);

 private:
  struct Search;
  Resolver& resolver_;
  std::vector<Transport> speaks_;
};

}  // namespace usher::net
