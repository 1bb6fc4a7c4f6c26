// What the resources work on. Everything is borrowed and outlives the Api.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "admin/http.hpp"
#include "core/config.hpp"
#include "core/lag.hpp"
#include "core/log.hpp"
#include "core/net/datagram_sender.hpp"
#include "core/net/transports.hpp"
#include "core/time.hpp"
#include "routing/edge.hpp"
#include "storage/store.hpp"

namespace usher::admin {

struct Service {
  routing::Edge& edge;
  storage::Store& store;
  Log& log;
  const Config& config;
  std::function<Now()> now;
  std::function<void()>
      drain;  // executes the edge's output; called after each call that can leave some
  std::function<net::TransportCounts()> transports;
  // As the transports' (core/net/transports.hpp).
  std::function<void(net::ConnectionId after,
                     const std::function<bool(const net::ConnectionView&)>& visit)>
      each_connection = [](net::ConnectionId, const auto&) {};
  // Of the packets for a capture server.
  std::function<net::DatagramSender::Counts()> captures = [] {
    return net::DatagramSender::Counts{};
  };
  // Of the administration itself.
  std::function<HttpCounts()> http = [] { return HttpCounts{}; };
  // A stream of the administration has more to give.
  std::function<void()> wake = [] {};
  // Calls back when this much time has gone by, or not at all when the process ends first.
  std::function<void(Duration, std::function<void()>)> after;
  std::function<LagMeter::View()> lag;
  std::string version;
  Instant started{};
  std::vector<storage::AuditEntry> audit{};  // of earlier processes, newest first
};

// Why the service is degraded though it works, in words: a store that fails or lags, an overload.
// Empty: it is not.
std::vector<std::string> degraded(const Service& service);

}  // namespace usher::admin
