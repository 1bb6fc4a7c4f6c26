// Peers over the loopback interface, plain blocking-free sockets of the test's own, and transports
// that record what they report.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/net/sockaddr.hpp"
#include "core/net/transports.hpp"
#include "tests/core/loop.hpp"

namespace usher::test {

inline net::Endpoint loopback(std::uint16_t port = 0) {
  return {net::IpAddress::v4(0x7f000001), port};
}

// A socket that closes itself.
class Peer {
 public:
  explicit Peer(int type, net::Endpoint bind_to = loopback())
      : fd_(::socket(net::address_family(bind_to), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_storage address{};
    const socklen_t length = net::to_sockaddr(bind_to, address);
    good_ = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), length) == 0;
  }
  explicit Peer(int fd, std::nullptr_t) : fd_(fd) {}
  Peer(Peer&& other) noexcept : fd_(std::exchange(other.fd_, -1)), good_(other.good_) {}
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() { close(); }

  bool good() const { return good_; }
  int fd() const { return fd_; }
  net::Endpoint local() const { return net::local_endpoint(fd_).value_or(net::Endpoint{}); }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // Close with RST instead of FIN.
  void reset() {
    const linger hard{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

  void send_to(const net::Endpoint& to, std::string_view text) const {
    sockaddr_storage address{};
    const socklen_t length = net::to_sockaddr(to, address);
    ::sendto(fd_, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address), length);
  }
  void connect(const net::Endpoint& to) const {
    sockaddr_storage address{};
    const socklen_t length = net::to_sockaddr(to, address);
    ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), length);
  }
  void send(std::string_view text) const { ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  // What can be read now; nothing when there is nothing. "closed" is empty and `at_end`.
  std::string read() {
    std::string out(65536, '\0');
    const ssize_t got = ::recv(fd_, out.data(), out.size(), 0);
    at_end = got == 0 || (got < 0 && errno != EAGAIN);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }
  // One connection from the backlog; an fd of -1 when there is none.
  Peer accept() const {
    return Peer{::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC), nullptr};
  }

  bool at_end = false;

 private:
  int fd_;
  bool good_ = true;
};

// Messages end with a line feed. "ping" is answered with a pong, "bad" ends the connection.
class LineFramer : public net::Framer {
 public:
  Result<void> feed(std::string_view bytes, std::vector<Bytes>& out, int& pongs) override {
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      const std::string line = std::exchange(line_, {});
      if (line == "bad") return fail(Errc::syntax, "not a message");
      if (line == "ping") {
        ++pongs;
      } else {
        out.emplace_back(line);
      }
    }
    return {};
  }

  bool amid_message() const override { return !line_.empty(); }

 private:
  std::string line_;
};

struct Failure {
  net::Flow flow;
  std::string reason;
};

// Handlers that record.
struct Record {
  std::vector<net::Packet> packets;
  std::vector<Failure> failures;
  std::vector<Failure> cut_off;
  std::vector<std::string> names;  // that servers' certificates may be for
  int batches = 0;
  bool inside_send = false;
  bool failed_inside_send = false;
  std::function<void(const net::Packet&)> on_packet;

  net::TransportHandlers handlers() {
    net::TransportHandlers h;
    h.on_packet = [this](Now, net::Packet packet) {
      if (on_packet) on_packet(packet);
      packets.push_back(std::move(packet));
    };
    h.on_batch_end = [this](Now) { ++batches; };
    h.on_flow_failed = [this](Now, const net::Flow& flow, const std::string& reason) {
      failed_inside_send = failed_inside_send || inside_send;
      failures.push_back({flow, reason});
    };
    h.on_cut_off = [this](Now, const net::Flow& flow, net::CutOff, const std::string& detail) {
      cut_off.push_back({flow, detail});
    };
    h.certificate_names = [this](const net::Endpoint&) { return names; };
    h.make_framer = [] { return std::make_unique<LineFramer>(); };
    return h;
  }
};

// A reactor and transports on free loopback ports.
struct Wire {
  explicit Wire(std::vector<net::Transport> listeners) : Wire(on_loopback(listeners)) {}
  explicit Wire(const std::vector<ListenConfig>& listen,
                const net::Certificates* certificates = nullptr)
      : transports(reactor, record.handlers(), certificates) {
    opened = transports.open(listen).has_value();
  }
  static std::vector<ListenConfig> on_loopback(const std::vector<net::Transport>& listeners) {
    std::vector<ListenConfig> listen;
    for (const net::Transport transport : listeners)
      listen.push_back({transport, loopback(), "127.0.0.1", 5060});
    return listen;
  }

  net::Endpoint local(std::uint16_t listener = 0) const { return transports.local({listener}); }
  net::Flow udp(const net::Endpoint& remote, std::uint16_t listener = 0) const {
    return {net::Transport::udp, {listener}, {}, remote};
  }
  net::Flow tcp(const net::Endpoint& remote, std::uint64_t connection = 0,
                std::uint16_t listener = 0) const {
    return {net::Transport::tcp, {listener}, {connection}, remote};
  }
  void send(const net::Flow& flow, std::string_view text) {
    record.inside_send = true;
    transports.send(flow, Bytes{text});
    transports.flush();
    record.inside_send = false;
  }
  template <class Condition>
  bool until(Condition&& condition) {
    return run_until(reactor, condition);
  }
  // Waits until `peer` has read something, which is returned.
  std::string read(Peer& peer) {
    std::string text;
    run_until(reactor, [&] {
      text = peer.read();
      if (!text.empty() || peer.at_end) return true;
      // Its bytes may be under way without anything for the reactor to do.
      pollfd wait{peer.fd(), POLLIN, 0};
      reactor.context().poll();
      ::poll(&wait, 1, 1);
      reactor.post([] {});
      return false;
    });
    return text;
  }

  Reactor reactor;
  Record record;
  net::Transports transports;
  bool opened = false;
};

}  // namespace usher::test
