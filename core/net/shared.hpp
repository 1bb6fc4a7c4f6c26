// What the UDP and the stream side of the transports have in common: whom to tell, and a way to
// tell it later. Lives on the reactor thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/net/transports.hpp"
#include "core/reactor.hpp"

namespace usher::net {

class TransportShared {
 public:
  TransportShared(Reactor& on, TransportHandlers to) : reactor(on), handlers(std::move(to)) {}
  TransportShared(const TransportShared&) = delete;
  TransportShared& operator=(const TransportShared&) = delete;

  // Runs `task` in a wake-up of its own, unless the transports are closed by then.
  void later(std::function<void()> task) {
    reactor.post([alive = std::weak_ptr<int>(alive_), task = std::move(task)] {
      if (!alive.expired()) task();
    });
  }
  // Reports from a wake-up of its own: never to a caller who is still inside send().
  void fail_later(Flow flow, std::string reason) {
    later([this, flow, reason = std::move(reason)] {
      const Now now = Reactor::now();
      handlers.on_flow_failed(now, flow, reason);
      handlers.on_batch_end(now);
    });
  }
  void forget_tasks() { alive_ = std::make_shared<int>(0); }

  // For handlers of Asio that may outlive the transports.
  std::weak_ptr<int> alive() const { return alive_; }

  Reactor& reactor;
  TransportHandlers handlers;
  TransportCounts counts;

 private:
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace usher::net
