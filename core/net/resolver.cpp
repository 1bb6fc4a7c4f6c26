#include "core/net/resolver.hpp"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <mutex>

#include "core/check.hpp"

namespace usher::net {

namespace asio = boost::asio;

namespace {

IpAddress address_of(const ares_addrinfo_node& node) {
  if (node.ai_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, node.ai_addr, sizeof v4);
    return IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, node.ai_addr, sizeof v6);
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return IpAddress::v6(bytes);
}

}  // namespace

// c-ares says which of its sockets it wants watched; Asio watches them, and one timer drives its
// retries.
struct Resolver::Impl : std::enable_shared_from_this<Resolver::Impl> {
  explicit Impl(Reactor& r) : reactor(r), timer(r.context()) {}

  struct Watch {
    explicit Watch(asio::io_context& io, int fd) : descriptor(io, fd) {}
    asio::posix::stream_descriptor descriptor;
    bool read = false, write = false;       // wanted by c-ares
    bool reading = false, writing = false;  // being waited for
  };
  struct Query {
    std::weak_ptr<Impl> impl;
    Done done;
  };

  bool open() {
    static std::once_flag once;  // the library's own global state
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    ares_options options{};
    options.timeout = 2000;
    options.tries = 2;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
      static_cast<Impl*>(self)->want(fd, read != 0, write != 0);
    };
    options.sock_state_cb_data = this;
    return ares_init_options(&channel, &options,
                             ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB) ==
           ARES_SUCCESS;
  }

  void want(int fd, bool read, bool write) {
    auto found = watches.find(fd);
    if (!read && !write) {
      if (found == watches.end()) return;
      found->second->descriptor.release();  // c-ares closes it
      watches.erase(found);
      return;
    }
    if (found == watches.end()) {
      found = watches.emplace(fd, std::make_shared<Watch>(reactor.context(), fd)).first;
    }
    found->second->read = read;
    found->second->write = write;
    wait(fd, found->second);
  }

  void wait(int fd, const std::shared_ptr<Watch>& watch) {
    const std::weak_ptr<Impl> weak = weak_from_this();
    if (watch->read && !watch->reading) {
      watch->reading = true;
      watch->descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                                   [weak, fd, watch](const boost::system::error_code& ec) {
                                     watch->reading = false;
                                     if (const auto self = weak.lock(); self && !ec)
                                       self->ready(fd, ARES_SOCKET_BAD, watch);
                                   });
    }
    if (watch->write && !watch->writing) {
      watch->writing = true;
      watch->descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                                   [weak, fd, watch](const boost::system::error_code& ec) {
                                     watch->writing = false;
                                     if (const auto self = weak.lock(); self && !ec)
                                       self->ready(ARES_SOCKET_BAD, fd, watch);
                                   });
    }
  }

  void ready(int read_fd, int write_fd, const std::shared_ptr<Watch>& watch) {
    ares_process_fd(channel, read_fd, write_fd);
    const int fd = read_fd == ARES_SOCKET_BAD ? write_fd : read_fd;
    const auto found = watches.find(fd);
    if (found != watches.end() && found->second == watch) wait(fd, watch);
    schedule();
  }

  // c-ares counts its retries only when it is called.
  void schedule() {
    timeval room{};
    const timeval* next = ares_timeout(channel, nullptr, &room);
    if (next == nullptr) {
      timer.cancel();
      return;
    }
    timer.expires_after(std::chrono::seconds(next->tv_sec) +
                        std::chrono::microseconds(next->tv_usec));
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
      const auto self = weak.lock();
      if (!self || ec) return;
      ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      self->schedule();
    });
  }

  static void answered(void* arg, int status, int, ares_addrinfo* info) {
    const std::unique_ptr<Query> query(static_cast<Query*>(arg));
    std::vector<IpAddress> addresses;
    if (status == ARES_SUCCESS && info != nullptr) {
      for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
        if (node->ai_family == AF_INET || node->ai_family == AF_INET6)
          addresses.push_back(address_of(*node));
      }
    }
    if (info != nullptr) ares_freeaddrinfo(info);
    const auto self = query->impl.lock();
    if (!self || self->closing) return;
    // c-ares may answer from within the call that asks.
    self->reactor.post(
        [weak = query->impl, done = std::move(query->done), addresses = std::move(addresses)] {
          if (const auto impl = weak.lock(); impl && !impl->closing) done(addresses);
        });
  }

  Reactor& reactor;
  asio::steady_timer timer;
  ares_channel channel = nullptr;
  std::map<int, std::shared_ptr<Watch>> watches;
  bool closing = false;
};

Resolver::Resolver(Reactor& reactor) : impl_(std::make_shared<Impl>(reactor)) {
  USHER_CHECK(impl_->open());
}

Resolver::~Resolver() {
  impl_->closing = true;
  impl_->timer.cancel();
  ares_destroy(impl_->channel);
}

void Resolver::resolve(const std::string& name, Done done) {
  auto query = std::make_unique<Impl::Query>(Impl::Query{impl_, std::move(done)});
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(impl_->channel, name.c_str(), nullptr, &hints, &Impl::answered, query.release());
  impl_->schedule();
}

}  // namespace usher::net
