// The client's way over HTTP: asynchronous operations on an io_context of its own, run until one
// request is done, so that every step has a time limit.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "admin/client.hpp"
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
  std::string port = "80";
  std::string text;  // for Host
};

Result<Authority> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const Error bad =
      fail(Errc::syntax, usher::quoted(url) + " is not of the form http://HOST[:PORT]");
  if (!url.starts_with(kScheme)) return bad;
  url.remove_prefix(kScheme.size());
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.empty() || url.find_first_of("/@?# ") != std::string_view::npos) return bad;
  Authority out;
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

// One request from connect to answer. `failed` names the step.
class Exchange {
 public:
  Exchange(asio::io_context& context, Duration timeout) : stream_(context), timeout_(timeout) {
    parser_.body_limit(kAnswerBytes);
  }

  void start(const tcp::resolver::results_type& where) {
    stream_.expires_after(timeout_);
    stream_.async_connect(where, [this](beast::error_code ec, const tcp::endpoint&) {
      if (fault(ec)) return;
      http::async_write(stream_, request, [this](beast::error_code written, std::size_t) {
        if (fault(written)) return;
        http::async_read(stream_, buffer_, parser_,
                         [this](beast::error_code read, std::size_t) { fault(read); });
      });
    });
  }

  http::request<http::string_body> request;
  beast::error_code failed;
  http::response<http::string_body> take() { return parser_.release(); }

 private:
  bool fault(beast::error_code ec) {
    failed = ec;
    return ec.failed();
  }
  beast::tcp_stream stream_;
  Duration timeout_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

}  // namespace

Fetch http_fetch(const ClientOptions& options) {
  return [options](const std::string& method, const std::string& target,
                   const std::string& body) -> Result<Answer> {
    const Result<Authority> authority = parse_url(options.url);
    if (!authority) return authority.error();
    const auto not_reached = [&](const beast::error_code& ec) {
      return fail(Errc::io, "cannot reach " + options.url + ": " + ec.message());
    };
    asio::io_context context(1);
    tcp::resolver resolver(context);
    beast::error_code ec;
    const auto where = resolver.resolve(authority->host, authority->port, ec);
    if (ec) return not_reached(ec);

    Exchange exchange(context, options.timeout);
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
    exchange.start(where);
    context.run();
    if (exchange.failed) return not_reached(exchange.failed);

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
