// What would become of a request: the same questions as Edge::receive() asks, of the live state,
// without an effect. The order of a round robin is what it would be now; the limits of how often
// somebody may ask are not looked at.
#pragma once

#include <string>
#include <vector>

#include "core/net/flow.hpp"
#include "routing/recorder/trace.hpp"
#include "storage/records.hpp"

namespace usher::routing {

// As an operator asks: only `method`, `request_uri` and `source` are needed.
struct RouteQuestion {
  std::string method, request_uri;
  std::string from, to;  // URIs or name-addrs; empty: the Request-URI, `to` of a REGISTER: `from`
  net::Endpoint source;
  net::Transport transport = net::Transport::udp;
};

struct RouteTest {
  struct Candidate {
    storage::TargetId target = 0;  // 0: a phone
    std::string destination;       // of a phone: its AoR and where it is
    bool chosen = false;           // it is the first one tried
    int order = 0;                 // in which it is tried, from 1; 0: it is not
    std::string rejected{};        // why not; empty: it is not rejected
  };
  std::string outcome;  // "relayed", "refused", "dropped", "answered"
  int status = 0;       // of "refused" and "answered"
  std::string reason;   // plain words
  bool from_backend = false;
  std::string origin;  // who the sender is, and how that is known
  storage::TargetId origin_target = 0;
  std::string domain;  // empty: none of ours, or a backend's request that names none
  std::vector<Candidate> candidates;
  std::vector<Step> steps;
};

}  // namespace usher::routing
