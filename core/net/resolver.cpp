#include "core/net/resolver.hpp"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

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

// RFC 1035 §4.1: the shortest TTL of an answer's records, which c-ares does not tell for SRV and
// NAPTR. Zero when the answer can't be read.
Duration shortest_ttl(const unsigned char* message, int size) {
  constexpr int kHeader = 12;
  if (size < kHeader) return {};
  const auto number = [&](int at) { return (message[at] << 8) | message[at + 1]; };
  int at = kHeader;
  const auto skip_name = [&] {
    char* name = nullptr;
    long length = 0;
    if (ares_expand_name(message + at, message, size, &name, &length) != ARES_SUCCESS) return false;
    ares_free_string(name);
    at += static_cast<int>(length);
    return true;
  };
  for (int questions = number(4); questions > 0; --questions) {
    if (at >= size || !skip_name()) return {};
    at += 4;
  }
  std::optional<std::uint32_t> least;
  for (int answers = number(6); answers > 0; --answers) {
    if (at >= size || !skip_name() || at + 10 > size) return {};
    const std::uint32_t ttl = (static_cast<std::uint32_t>(number(at + 4)) << 16) |
                              static_cast<std::uint32_t>(number(at + 6));
    least = std::min(least.value_or(ttl), ttl);
    at += 10 + number(at + 8);
  }
  return std::chrono::seconds(least.value_or(0));
}

// "There is no such name" and "it has no such record" are answers too.
std::string problem_of(int status) {
  if (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND) return {};
  // What c-ares calls refused is also a server that says itself that it can't answer.
  if (status == ARES_ECONNREFUSED) return "DNS: no server has an answer";
  return std::string{"DNS: "} + ares_strerror(status);
}

// No server has said anything.
bool is_silence(int status) {
  return status == ARES_ETIMEOUT;
}

template <class Record, class Reply, class Read>
Answer<Record> read_records(int status, const unsigned char* message, int size,
                            int (*parse)(const unsigned char*, int, Reply**), Read read) {
  Answer<Record> answer;
  Reply* first = nullptr;
  if (status == ARES_SUCCESS) status = parse(message, size, &first);
  answer.problem = problem_of(status);
  answer.silent = is_silence(status);
  if (status == ARES_SUCCESS) answer.ttl = shortest_ttl(message, size);
  for (const Reply* reply = first; reply != nullptr; reply = reply->next)
    answer.records.push_back(read(*reply));
  if (first != nullptr) ares_free_data(first);
  return answer;
}

Answer<Srv> read_srv(int status, const unsigned char* message, int size) {
  return read_records<Srv>(status, message, size, &ares_parse_srv_reply,
                           [](const ares_srv_reply& r) {
                             return Srv{r.host, r.port, r.priority, r.weight};
                           });
}

Answer<Naptr> read_naptr(int status, const unsigned char* message, int size) {
  const auto text = [](const unsigned char* t) {
    return std::string{reinterpret_cast<const char*>(t)};
  };
  return read_records<Naptr>(
      status, message, size, &ares_parse_naptr_reply, [&](const ares_naptr_reply& r) {
        return Naptr{r.order, r.preference, text(r.flags), text(r.service), r.replacement};
      });
}

constexpr Duration kNoTtl = std::chrono::seconds(60);
constexpr int kClassIn = 1, kTypeSrv = 33, kTypeNaptr = 35;

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
  template <class Record>
  struct Query {
    Query(std::weak_ptr<Impl> i, Done<Record> d) : impl(std::move(i)), done(std::move(d)) {}
    std::weak_ptr<Impl> impl;
    Done<Record> done;
  };

  bool open(const ResolverOptions& given) {
    static std::once_flag once;  // the library's own global state
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    ares_options options{};
    options.timeout = static_cast<int>(
        std::chrono::duration_cast<std::chrono::milliseconds>(given.timeout).count());
    options.tries = 2;
    // RFC 6891: an answer of many records fits into one datagram.
    options.flags = ARES_FLAG_EDNS;
    options.ednspsz = 1232;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
      static_cast<Impl*>(self)->want(fd, read != 0, write != 0);
    };
    options.sock_state_cb_data = this;
    if (ares_init_options(&channel, &options,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ |
                              ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS)
      return false;
    std::string list;
    for (const Endpoint& server : given.servers)
      list.append(list.empty() ? "" : ",").append(server.text());
    return list.empty() || ares_set_servers_ports_csv(channel, list.c_str()) == ARES_SUCCESS;
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

  // c-ares may answer from within the call that asks.
  template <class Record>
  static void tell(Query<Record>& query, Answer<Record> answer) {
    const auto self = query.impl.lock();
    if (!self || self->closing) return;
    self->reactor.post(
        [weak = query.impl, done = std::move(query.done), answer = std::move(answer)] {
          if (const auto impl = weak.lock(); impl && !impl->closing) {
            done(answer);
            impl->schedule();
          }
        });
  }

  static void addresses_answered(void* arg, int status, int, ares_addrinfo* info) {
    const std::unique_ptr<Query<IpAddress>> query(static_cast<Query<IpAddress>*>(arg));
    Answer<IpAddress> answer;
    answer.problem = problem_of(status);
    answer.silent = is_silence(status);
    std::optional<int> ttl;
    if (status == ARES_SUCCESS && info != nullptr) {
      for (const ares_addrinfo_node* node = info->nodes; node != nullptr; node = node->ai_next) {
        if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
        answer.records.push_back(address_of(*node));
        ttl = std::min(ttl.value_or(node->ai_ttl), node->ai_ttl);
      }
      for (const ares_addrinfo_cname* alias = info->cnames; ttl && alias; alias = alias->next)
        ttl = std::min(*ttl, alias->ttl);
    }
    // What /etc/hosts says has no TTL.
    answer.ttl = ttl && *ttl > 0 ? Duration{std::chrono::seconds(*ttl)} : kNoTtl;
    if (info != nullptr) ares_freeaddrinfo(info);
    tell(*query, std::move(answer));
  }

  template <class Record, Answer<Record> (*Read)(int, const unsigned char*, int)>
  static void records_answered(void* arg, int status, int, unsigned char* message, int size) {
    const std::unique_ptr<Query<Record>> query(static_cast<Query<Record>*>(arg));
    tell(*query, Read(status, message, size));
  }

  Reactor& reactor;
  asio::steady_timer timer;
  ares_channel channel = nullptr;
  std::map<int, std::shared_ptr<Watch>> watches;
  bool closing = false;
};

Resolver::Resolver(Reactor& reactor, const ResolverOptions& options)
    : impl_(std::make_shared<Impl>(reactor)) {
  USHER_CHECK(impl_->open(options));
}

Resolver::~Resolver() {
  impl_->closing = true;
  impl_->timer.cancel();
  ares_destroy(impl_->channel);
}

void Resolver::addresses(const std::string& name, Done<IpAddress> done) {
  auto query = std::make_unique<Impl::Query<IpAddress>>(impl_, std::move(done));
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_flags = ARES_AI_NOSORT;
  ares_getaddrinfo(impl_->channel, name.c_str(), nullptr, &hints, &Impl::addresses_answered,
                   query.release());
  impl_->schedule();
}

void Resolver::services(const std::string& name, Done<Srv> done) {
  auto query = std::make_unique<Impl::Query<Srv>>(impl_, std::move(done));
  ares_query(impl_->channel, name.c_str(), kClassIn, kTypeSrv,
             &Impl::records_answered<Srv, &read_srv>, query.release());
  impl_->schedule();
}

void Resolver::naptr(const std::string& name, Done<Naptr> done) {
  auto query = std::make_unique<Impl::Query<Naptr>>(impl_, std::move(done));
  ares_query(impl_->channel, name.c_str(), kClassIn, kTypeNaptr,
             &Impl::records_answered<Naptr, &read_naptr>, query.release());
  impl_->schedule();
}

}  // namespace usher::net
