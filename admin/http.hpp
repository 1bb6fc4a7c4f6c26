// The HTTP/1.1 server, over TLS where it has a certificate: sockets, framing, limits and time. What
// a request means is the handler's matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "admin/message.hpp"
#include "core/limits.hpp"
#include "core/log.hpp"
#include "core/net/address.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace boost::asio {
class io_context;
}

namespace usher::net {
class TlsContext;
}

namespace usher::admin {

struct HttpShared;

struct HttpOptions {
  net::Endpoint bind;                                   // port 0: the system chooses
  const net::TlsContext* tls = nullptr;                 // null: plain HTTP; outlives the server
  std::size_t body_bytes = limits::kHttpBodyBytes;      // beyond: 413
  std::size_t header_bytes = limits::kHttpHeaderBytes;  // request line and headers; beyond: 431
  std::size_t connections = limits::kHttpConnections;   // beyond: 503 and closed
  std::size_t streams = limits::kHttpStreams;           // answers without an end; beyond: 503
  Duration idle = limits::kHttpStreamIdle;              // until a stream says that it lives
  Duration timeout = limits::kHttpTimeout;  // for a handshake and a whole request to come, an
                                            // answer to be made, to be taken
};

struct HttpCounts {
  std::size_t connections = 0;          // open now
  std::size_t streams = 0;              // of these
  std::uint64_t requests = 0;           // handed to the handler
  std::uint64_t refused = 0;            // connections beyond the limit
  std::uint64_t bad = 0;                // requests that are no HTTP or beyond a limit
  std::uint64_t handshakes_failed = 0;  // connections without TLS where it is wanted
  std::uint64_t timed_out = 0;          // connections closed because the client was too slow
};

using HttpHandler = std::function<void(const Request&, Respond)>;

// All on the thread that runs `context`, which outlives the server and every session. `log`
// outlives the server.
class HttpServer {
 public:
  HttpServer(boost::asio::io_context& context, HttpOptions options, HttpHandler handler,
             const Log& log);
  ~HttpServer();  // as close()
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and listens. Errc::io names the address and the reason ("admin 127.0.0.1:8080: Address
  // already in use").
  Result<void> open();
  net::Endpoint local() const;  // after open()
  HttpCounts counts() const;
  // There may be more for the streams to send.
  void wake();
  // Stops listening and ends each session. The handler is not called any more; late answers are
  // dropped.
  void close();

 private:
  std::shared_ptr<HttpShared> shared_;
};

}  // namespace usher::admin
