// The client's way over HTTP: asynchronous operations on an io_context of its own, run until one
// request is done, so that every step has a time limit.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <csignal>

#include "admin/client.hpp"
#include "core/net/channel_stream.hpp"
#include "core/net/tls.hpp"
#include "core/reactor.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

namespace {

constexpr std::size_t kAnswerBytes = 64 << 20;

struct Authority {
  std::string host;  // without brackets
  std::string port;
  std::string text;  // for Host
  bool tls = false;
};

Result<Authority> parse_url(std::string_view url) {
  constexpr std::string_view kPlain = "http://", kSecure = "https://";
  const Error bad = fail(Errc::syntax, usher::quoted(url) +
                                           " is not of the form http://HOST[:PORT] or "
                                           "https://HOST[:PORT]");
  Authority out;
  out.tls = url.starts_with(kSecure);
  if (!out.tls && !url.starts_with(kPlain)) return bad;
  url.remove_prefix(out.tls ? kSecure.size() : kPlain.size());
  out.port = out.tls ? "443" : "80";
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.empty() || url.find_first_of("/@?# ") != std::string_view::npos) return bad;
  out.text = std::string(url);
  std::string_view port;
  if (url.front() == '[') {
    const auto end = url.find(']');
    if (end == std::string_view::npos) return bad;
    out.host = std::string(url.substr(1, end - 1));
    port = url.substr(end + 1);
  } else {
    const auto colon = url.find(':');
    out.host = std::string(url.substr(0, colon));
    port = colon == std::string_view::npos ? std::string_view{} : url.substr(colon);
  }
  if (!port.empty()) {
    if (port.front() != ':' || port.size() < 2 ||
        port.find_first_not_of("0123456789", 1) != std::string_view::npos)
      return bad;
    out.port = std::string(port.substr(1));
  }
  if (out.host.empty()) return bad;
  return out;
}

// One request from connect to answer.
class Exchange {
 public:
  // `tls` null: in the clear. `names`: those that the server's certificate may be for; none: any.
  Exchange(asio::io_context& context, const net::TlsContext* tls, std::vector<std::string> names)
      : stream_(tcp::socket(context)), tls_(tls), names_(std::move(names)) {
    parser_.body_limit(kAnswerBytes);
  }

  void start(const tcp::resolver::results_type& where, Duration timeout) {
    stream_.expires_after(timeout);
    asio::async_connect(stream_.socket(), where,
                        [this](beast::error_code ec, const tcp::endpoint&) {
                          if (!fault(ec)) connected();
                        });
  }

  http::request<http::string_body> request;
  std::string failed;  // why; empty: it has not
  http::response<http::string_body> take() { return parser_.release(); }

 private:
  void connected() {
    const int fd = stream_.socket().native_handle();
    if (tls_ == nullptr) {
      stream_.use(std::make_unique<net::PlainChannel>(fd));
      return send();
    }
    auto channel = tls_->channel(fd, names_);
    if (!channel) return void(fault(asio::error::no_memory));
    stream_.use(std::move(channel));
    stream_.async_handshake([this](beast::error_code ec, std::size_t) {
      if (!fault(ec)) send();
    });
  }
  void send() {
    http::async_write(stream_, request, [this](beast::error_code written, std::size_t) {
      if (fault(written)) return;
      http::async_read(stream_, buffer_, parser_, [this](beast::error_code read, std::size_t) {
        if (!fault(read)) stream_.close();
      });
    });
  }
  // The end of the time limit would keep the context running.
  bool fault(beast::error_code ec) {
    if (!ec) return false;
    if (stream_.timed_out()) ec = asio::error::timed_out;
    failed = !stream_.timed_out() && !stream_.reason().empty() ? stream_.reason() : ec.message();
    stream_.close();
    return true;
  }

  net::ChannelStream stream_;
  const net::TlsContext* tls_;
  std::vector<std::string> names_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

// What the edge's certificate is held against, and what we show ourselves.
Result<void> load(net::TlsContext& tls, const ClientOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  for (const net::TlsFault& fault : tls.load(
           {options.certificate, options.key, options.ca, options.server}, Reactor::now().wall))
    return fail(Errc::syntax, fault.reason);
  return {};
}

}  // namespace

void half_a_second() {
  asio::io_context context(1);
  asio::steady_timer timer(context, std::chrono::milliseconds(500));
  timer.async_wait([](const beast::error_code&) {});
  context.run();
}

Fetch http_fetch(const ClientOptions& options) {
  return [options](const std::string& method, const std::string& target,
                   const std::string& body) -> Result<Answer> {
    const Result<Authority> authority = parse_url(options.url);
    if (!authority) return authority.error();
    const auto not_reached = [&](const std::string& why) {
      return fail(Errc::io, "cannot reach " + options.url + ": " + why);
    };
    net::TlsContext tls(net::TlsRole::client);
    if (authority->tls) {
      if (const auto loaded = load(tls, options); !loaded) return loaded.error();
    }
    asio::io_context context(1);
    tcp::resolver resolver(context);
    beast::error_code ec;
    const auto where = resolver.resolve(authority->host, authority->port, ec);
    if (ec) return not_reached(ec.message());

    Exchange exchange(
        context, authority->tls ? &tls : nullptr,
        options.server.empty() ? std::vector{authority->host} : std::vector<std::string>{});
    exchange.request.method_string(method);
    exchange.request.target(target);
    exchange.request.version(11);
    exchange.request.set(http::field::host, authority->text);
    exchange.request.set(http::field::user_agent, "usher");
    exchange.request.set(http::field::accept, "application/json, application/problem+json");
    exchange.request.keep_alive(false);
    if (!options.token.empty())
      exchange.request.set(http::field::authorization, "Bearer " + options.token);
    if (!body.empty()) {
      exchange.request.set(http::field::content_type, "application/json");
      exchange.request.body() = body;
      exchange.request.prepare_payload();
    }
    exchange.start(where, options.timeout);
    context.run();
    if (!exchange.failed.empty()) return not_reached(exchange.failed);

    auto response = exchange.take();
    Answer answer;
    answer.status = static_cast<int>(response.result_int());
    answer.content_type = std::string(response[http::field::content_type]);
    for (const auto& field : response)
      answer.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    answer.body = std::move(response.body());
    return answer;
  };
}

}  // namespace usher::admin
