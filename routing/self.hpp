// Which addresses and names are our own: to answer what is meant for the edge itself, and to refuse
// a next hop that would bring a request back to us.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/net/address.hpp"

namespace usher::routing {

class Self {
 public:
  // Bound and advertised endpoints, and advertised host names in lower case.
  Self(std::vector<net::Endpoint> endpoints, std::vector<std::string> hosts);

  // Whether a packet sent there comes to one of our listeners. A listener on the unspecified
  // address has that port on every loopback address; its other addresses are known by what is
  // advertised.
  bool listens_at(const net::Endpoint& where) const;
  // Whether a URI's host names us: any case, IPv6 with or without brackets.
  bool is_host(std::string_view host) const;
  // For Directory::make: hosts alone, and with each port listened on.
  std::vector<std::string> names() const;

 private:
  std::vector<net::Endpoint> endpoints_;
  std::vector<std::string> hosts_;
};

}  // namespace usher::routing
