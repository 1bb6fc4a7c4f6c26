// Who sent a packet: a backend, known by its address alone, or somebody outside. Decided before any
// filter (rule 7): what comes from a backend is never filtered, limited or banned.
#pragma once

#include <vector>

#include "routing/directory.hpp"

namespace usher::routing {

struct Origin {
  sip::Side side = sip::Side::phone;
  std::vector<const storage::Target*>
      backends;                      // all that send from this address; empty for a phone
  std::vector<storage::SetId> sets;  // the tenants such a packet may speak for

  bool is_backend() const { return side == sip::Side::backend; }
  bool speaks_for(storage::SetId set) const;
  bool is(storage::TargetId target) const;
};

// A backend may send from any port, and stays one while it is disabled: that state says where
// requests go, not who somebody is. The backend that listens on the very source endpoint comes
// first.
Origin origin_of(const Directory& directory, const net::Endpoint& source);

}  // namespace usher::routing
