// The HTTP server on a thread of its own, and what talks to it over real sockets.
#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "admin/http.hpp"
#include "admin/json.hpp"

namespace usher::admin::test {

// A server on its own thread. What the handler touches belongs to that thread; on() runs there.
class Server {
 public:
  template <class F>
  auto on(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto result = task.get_future();
    boost::asio::post(context_, std::move(task));
    return result.get();
  }
  explicit Server(HttpHandler handler, HttpOptions options = {}) {
    options.bind = {net::IpAddress::v4(0x7f000001), 0};
    server_ = std::make_unique<HttpServer>(context_, options, std::move(handler), log_);
    REQUIRE(server_->open().has_value());
    port_ = server_->local().port;
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Server() {
    // run() returns only when no session, timer or acceptor is left.
    on([this] { server_->close(); });
    thread_.join();
    CHECK(server_->counts().connections == 0);
  }
  HttpCounts counts() {
    return on([this] { return server_->counts(); });
  }
  void wake() { server_->wake(); }  // within on()
  std::uint16_t port() const { return port_; }
  boost::asio::io_context& context() { return context_; }

 private:
  boost::asio::io_context context_{1};
  Log log_;
  std::unique_ptr<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// Waits for what another thread does; false on the bound of ten seconds.
template <class Holds>
bool becomes_true(Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

// A TCP connection to 127.0.0.1; the caller closes it.
inline int connected_to(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(connect(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  return fd;
}

// A client of raw bytes; every wait has a bound.
class Raw {
 public:
  explicit Raw(std::uint16_t port) : fd_(connected_to(port)) {}
  ~Raw() { close(fd_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  // False when the other side has gone.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // Reads until `stop` says enough, or the end; false on the bound of ten seconds.
  template <class Stop>
  bool read(Stop stop) {
    while (!stop(received)) {
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 10'000) != 1) return false;
      char buffer[65536];
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return ended = true;
      received.append(buffer, static_cast<std::size_t>(n));
    }
    return true;
  }
  // Reads until the text has come.
  bool expect(std::string_view text) {
    const auto has = [text](const std::string& all) { return all.find(text) != std::string::npos; };
    return read(has) && has(received);
  }
  // One whole answer with Content-Length; what follows stays in `received`.
  std::string answer() {
    const auto whole = [](const std::string& text) { return length(text) <= text.size(); };
    REQUIRE(read(whole));
    if (!whole(received)) return {};
    const std::size_t n = length(received);
    std::string out = received.substr(0, n);
    received.erase(0, n);
    return out;
  }
  bool read_to_end() {
    return read([](const std::string&) { return false; });
  }

  std::string received;
  bool ended = false;

 private:
  static std::size_t length(const std::string& text) {
    const auto head = text.find("\r\n\r\n");
    if (head == std::string::npos) return std::string::npos;
    const auto at = text.find("Content-Length: ");
    return head + 4 + (at < head ? std::stoul(text.substr(at + 16)) : 0);
  }
  int fd_;
};

inline void echo(const Request& request, const Respond& respond) {
  respond(json_answer(200, Json::Object{{"method", request.method},
                                        {"target", request.target},
                                        {"body", request.body.size()}}));
}

inline bool has_status(const std::string& answer, const char* status) {
  return answer.rfind(std::string("HTTP/1.1 ") + status, 0) == 0;
}

inline constexpr const char* kGet = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

// As long as somebody asks, 64 KiB at a time; or a word whenever it is woken.
class Endless : public Stream {
 public:
  explicit Endless(bool flood) : flood_(flood) {}
  std::string take(std::size_t most) override {
    if (flood_) {
      taken_ += most;
      return std::string(most, 'x');
    }
    return std::exchange(next_, {});
  }
  std::string idle() const override { return ":idle\n"; }
  std::string next_ = "first\n";
  std::size_t taken_ = 0;  // bytes of a flood

 private:
  bool flood_;
};

}  // namespace usher::admin::test
