// Tells other programs what happens: each event of the edge's log is POSTed to each webhook that
// wants it, one after another, in order, again and again until it is taken.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.hpp"
#include "core/log.hpp"
#include "core/net/address.hpp"
#include "core/time.hpp"
#include "routing/event_log.hpp"

namespace boost::asio {
class io_context;
}

namespace usher::admin {

// Gives a host name's addresses, none when it has none; asynchronously or at once.
using ResolveHost =
    std::function<void(const std::string& name, std::function<void(std::vector<net::IpAddress>)>)>;

// A request is {"id", "at", "kind", "subject", "text"} as in GET /v1/events, with the headers
// Usher-Event (the kind), Usher-Delivery (the number, the same when it is sent again) and, with a
// secret, Usher-Signature: "sha256=" and the HMAC of the body in hexadecimal.
// Taken is what is answered with a 2xx. A 4xx but 408 and 429 will not become better: that event is
// given up, and the log says so. Everything else is tried again after 1 s, 2 s, 4 s … 5 min.
// Nothing is queued: what waits is the edge's own log of events, and what that has given up is
// counted and told in the log.
class Webhooks {
 public:
  // All on the thread that runs `context`. What is given outlives this. Events that are in the log
  // already are not sent.
  Webhooks(boost::asio::io_context& context, const std::vector<WebhookConfig>& hooks,
           const routing::EventLog& events, ResolveHost resolve, const Log& log);
  ~Webhooks();  // what is under way is dropped
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

  // There may be more events.
  void wake();

 private:
  class Hook;
  std::vector<std::shared_ptr<Hook>> hooks_;
};

// "sha256=…": HMAC-SHA-256 (RFC 2104) of the body.
std::string signature(std::string_view secret, std::string_view body);

}  // namespace usher::admin
