#include "admin/http.hpp"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/net/channel_stream.hpp"
#include "core/net/tls.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

class HttpSession;

// What the server and its sessions share; it lives as long as the last of them.
struct HttpShared {
  HttpShared(asio::io_context& context, HttpOptions o, HttpHandler h, const Log& l)
      : options(o), handler(std::move(h)), log(l), acceptor(context), retry(context) {}

  HttpOptions options;
  HttpHandler handler;
  const Log& log;
  HttpCounts counts;
  bool open = false;
  tcp::acceptor acceptor;
  asio::steady_timer retry;  // pauses accepting while the system has no descriptor left
  std::unordered_set<HttpSession*> sessions;
  std::unordered_set<HttpSession*> streams;  // of these, those whose answer has no end
};

namespace {

net::Endpoint endpoint_of(const tcp::endpoint& e) {
  const auto address = e.address().is_v4() ? net::IpAddress::v4(e.address().to_v4().to_uint())
                                           : net::IpAddress::v6(e.address().to_v6().to_bytes());
  return {address, e.port()};
}

tcp::endpoint asio_endpoint(const net::Endpoint& e) {
  if (!e.address.is_v4()) return {asio::ip::address_v6{e.address.bytes()}, e.port};
  const auto& b = e.address.bytes();
  return {asio::ip::address_v4{asio::ip::address_v4::bytes_type{b[0], b[1], b[2], b[3]}}, e.port};
}

// What a request that cannot be read is answered with; nothing when there is nobody to answer.
std::optional<Answer> refusal(error_code ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return problem(431, "limit", "the request line and headers are too large");
  }
  if (ec == http::error::body_limit) return problem(413, "limit", "the body is too large");
  if (ec == http::error::end_of_stream || ec == http::error::partial_message) return std::nullopt;
  if (ec.category() == error_code{http::error::bad_method}.category()) {
    return problem(400, "http", "this is no HTTP request: " + ec.message());
  }
  return std::nullopt;
}

}  // namespace

// Reads a request, has it answered, writes the answer, and again. Each asynchronous step holds the
// session, and it ends when no step follows.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(tcp::socket socket, net::Endpoint peer, std::shared_ptr<HttpShared> shared)
      : shared_(std::move(shared)),
        stream_(std::move(socket)),
        answer_timer_(stream_.get_executor()),
        peer_(peer.text()),
        secure_(shared_->options.tls != nullptr),
        // Room for the header and for a read-ahead of the body, which itself goes into the parser's
        // string.
        buffer_(shared_->options.header_bytes + kReadAhead) {
    shared_->sessions.insert(this);
    ++shared_->counts.connections;
  }
  ~HttpSession() {
    shared_->sessions.erase(this);
    shared_->streams.erase(this);
    --shared_->counts.connections;
  }
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void start() {
    stream_.expires_after(shared_->options.timeout);
    const int fd = stream_.socket().native_handle();
    if (!secure_) {
      stream_.use(std::make_unique<net::PlainChannel>(fd));
      return read_header();
    }
    auto channel = shared_->options.tls->channel(fd, {});
    if (!channel) return;
    stream_.use(std::move(channel));
    stream_.async_handshake(
        [self = shared_from_this()](error_code ec, std::size_t) { self->on_handshake(ec); });
  }

  void read() {
    stream_.expires_after(shared_->options.timeout);
    read_header();
  }

  // Sends what the stream has, one piece after another. The client may only listen: the connection
  // ends when it says a word or leaves, or does not take a piece in its time.
  void go_on() {
    if (!endless_ || writing_) return;
    piece_ = endless_->take(kPiece);
    if (!piece_.empty()) return send_piece();
    if (!endless_->over()) return wait_for_more();
    endless_.reset();
    shared_->streams.erase(this);
    say_good_bye();  // the client's leaving ends it, or its silence
  }

  void end() {
    stream_.close();
    answer_timer_.cancel();
  }

 private:
  static constexpr std::size_t kPiece = 65536;
  static constexpr std::size_t kReadAhead = 65536;
  static constexpr std::size_t kLingerBytes = 8 << 20;
  static constexpr std::chrono::seconds kLinger{2};
  // RFC 6797 §6.1: a browser that was here comes over TLS again, for a month.
  static constexpr const char* kStrictFor = "max-age=2592000";
  static constexpr const char* kStrict = "\r\nStrict-Transport-Security: max-age=2592000";

  void on_handshake(error_code ec) {
    if (!ec) return read_header();
    ++shared_->counts.handshakes_failed;
    if (stream_.timed_out()) ++shared_->counts.timed_out;
    if (!shared_->open) return;
    shared_->log.write(
        LogCategory::admin, LogLevel::info, {},
        "no TLS with " + peer_ + ": " + (stream_.timed_out() ? "too slow" : stream_.reason()));
    // The library's word for what begins like an HTTP request.
    if (!stream_.reason().ends_with("http request")) return;
    stream_.use(std::make_unique<net::PlainChannel>(stream_.socket().native_handle()));
    secure_ = false;
    keep_alive_ = false;
    write(problem(400, "http", "this port speaks HTTPS only: the address begins with https://"));
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(shared_->options.header_bytes));
    parser_->body_limit(shared_->options.body_bytes);
    http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code ec, std::size_t) { self->on_header(ec); });
  }

  void on_header(error_code ec) {
    if (ec) return on_error(ec);
    if (!beast::iequals(parser_->get()[http::field::expect], "100-continue")) return read_body();
    // RFC 9110 §10.1.1. A body beyond the limit never gets here: its Content-Length was refused.
    response_ = {http::status::continue_, parser_->get().version()};
    http::async_write(stream_, response_,
                      [self = shared_from_this()](error_code failed, std::size_t) {
                        if (!failed) self->read_body();
                      });
  }

  void read_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](error_code ec, std::size_t) {
                       if (ec) return self->on_error(ec);
                       self->on_request();
                     });
  }

  void on_error(error_code ec) {
    if (stream_.timed_out()) {
      ++shared_->counts.timed_out;
      return;
    }
    keep_alive_ = false;
    version_ = 11;
    if (auto answer = refusal(ec); answer && shared_->open) {
      ++shared_->counts.bad;
      shared_->log.write(LogCategory::admin, LogLevel::info, {},
                         "a request from " + peer_ + " was refused: " + ec.message());
      write(std::move(*answer));
    }
  }

  void on_request() {
    if (!shared_->open) return;
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message) {
      request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    }
    request.body = std::move(message.body());
    request.peer = peer_;

    ++shared_->counts.requests;
    stream_.expires_never();
    waiting_ = true;
    const std::uint64_t serial = ++serial_;
    answer_timer_.expires_after(shared_->options.timeout);
    answer_timer_.async_wait([self = shared_from_this(), serial](error_code ec) {
      if (!ec)
        self->on_answer(
            serial, problem(503, "timeout", "no answer in time; a write may still take effect"));
    });
    shared_->handler(request, [self = shared_from_this(), serial](Answer answer) {
      self->on_answer(serial, std::move(answer));
    });
  }

  // An answer that comes after its time, or after the end, is dropped.
  void on_answer(std::uint64_t serial, Answer answer) {
    if (!waiting_ || serial != serial_) return;
    waiting_ = false;
    answer_timer_.cancel();
    if (!shared_->open) return;
    if (!answer.stream || answer.omit_body) return write(std::move(answer));
    if (shared_->streams.size() >= shared_->options.streams)
      return write(problem(503, "limit", "there are too many streams already"));
    begin_stream(std::move(answer));
  }

  void begin_stream(Answer answer) {
    endless_ = std::move(answer.stream);
    shared_->streams.insert(this);
    piece_ = "HTTP/1.1 200 OK\r\nServer: Usher\r\nCache-Control: no-store\r\nContent-Type: " +
             answer.content_type + "\r\nX-Content-Type-Options: nosniff" +
             (secure_ ? kStrict : "") + "\r\nConnection: close\r\n";
    for (const auto& [name, value] : answer.headers) piece_ += name + ": " + value + "\r\n";
    piece_ += "\r\n";
    send_piece();
    stream_.async_read_some(asio::buffer(word_),
                            [self = shared_from_this()](error_code, std::size_t) { self->end(); });
  }

  void send_piece() {
    writing_ = true;
    answer_timer_.cancel();
    stream_.expires_after(shared_->options.timeout);
    asio::async_write(stream_, asio::buffer(piece_),
                      [self = shared_from_this()](error_code ec, std::size_t) {
                        self->writing_ = false;
                        if (self->stream_.timed_out()) ++self->shared_->counts.timed_out;
                        if (ec || !self->shared_->open) return self->end();
                        self->stream_.expires_never();
                        self->go_on();
                      });
  }

  void wait_for_more() {
    answer_timer_.expires_after(shared_->options.idle);
    answer_timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->writing_ || !self->shared_->open) return;
      self->piece_ = self->endless_->idle();
      self->send_piece();
    });
  }

  void write(Answer answer) {
    response_ = {static_cast<http::status>(answer.status), version_};
    response_.set(http::field::server, "Usher");
    response_.set(http::field::cache_control, "no-store");
    // Whatever an answer holds, a browser runs nothing of it. The page has a policy of its own.
    response_.set("X-Content-Type-Options", "nosniff");
    response_.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    if (secure_) response_.set(http::field::strict_transport_security, kStrictFor);
    if (!answer.content_type.empty()) response_.set(http::field::content_type, answer.content_type);
    response_.keep_alive(keep_alive_);
    const std::size_t length = answer.body.size();
    if (!answer.omit_body) response_.body() = std::move(answer.body);
    response_.prepare_payload();
    if (answer.omit_body && length > 0) response_.content_length(length);
    for (const auto& [name, value] : answer.headers) response_.set(name, value);
    stream_.expires_after(shared_->options.timeout);
    http::async_write(stream_, response_, [self = shared_from_this()](error_code ec, std::size_t) {
      if (self->stream_.timed_out()) ++self->shared_->counts.timed_out;
      if (ec) return;
      if (self->keep_alive_) return self->read();
      self->linger();
    });
  }

  // Closing while the client still sends would reset the connection and lose the answer on its way:
  // read on for a moment.
  void linger() {
    say_good_bye();
    drain();
  }
  void say_good_bye() {
    error_code ignored;
    stream_.finish();
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLinger);
  }
  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kReadAhead),
                            [self = shared_from_this()](error_code ec, std::size_t n) {
                              self->drained_ += n;
                              if (!ec && self->drained_ < kLingerBytes) self->drain();
                            });
  }

  std::shared_ptr<HttpShared> shared_;
  net::ChannelStream stream_;
  asio::steady_timer answer_timer_;
  std::string peer_;
  bool secure_;  // over TLS
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::uint64_t serial_ = 0;  // of the request under way
  bool waiting_ = false;      // for its answer
  bool keep_alive_ = false;
  unsigned version_ = 11;
  std::size_t drained_ = 0;
  std::shared_ptr<Stream> endless_;  // the answer, when it has no end
  std::string piece_;                // of it, on its way
  std::array<char, 1> word_{};       // of a client that should only listen
  bool writing_ = false;
};

namespace {

// Beyond the limit of connections: said at once, without a session.
void turn_away(tcp::socket socket) {
  static constexpr std::string_view kFull =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
      "close\r\n\r\n";
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(kFull.data(), kFull.size()), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  socket.close(ignored);
}

void accept_next(const std::shared_ptr<HttpShared>& shared);

void on_accept(const std::shared_ptr<HttpShared>& shared, error_code ec, tcp::socket socket,
               const tcp::endpoint& peer) {
  if (!shared->open) return;
  if (ec) {
    shared->log.write(LogCategory::admin, LogLevel::warning, {},
                      "accepting failed: " + ec.message());
    shared->retry.expires_after(std::chrono::milliseconds(100));
    shared->retry.async_wait([shared](error_code cancelled) {
      if (!cancelled && shared->open) accept_next(shared);
    });
    return;
  }
  if (shared->counts.connections >= shared->options.connections) {
    ++shared->counts.refused;
    if (shared->options.tls == nullptr) turn_away(std::move(socket));
  } else {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::make_shared<HttpSession>(std::move(socket), endpoint_of(peer), shared)->start();
  }
  accept_next(shared);
}

void accept_next(const std::shared_ptr<HttpShared>& shared) {
  auto peer = std::make_shared<tcp::endpoint>();
  shared->acceptor.async_accept(*peer, [shared, peer](error_code ec, tcp::socket socket) {
    on_accept(shared, ec, std::move(socket), *peer);
  });
}

}  // namespace

HttpServer::HttpServer(asio::io_context& context, HttpOptions options, HttpHandler handler,
                       const Log& log)
    : shared_(std::make_shared<HttpShared>(context, options, std::move(handler), log)) {}

HttpServer::~HttpServer() {
  close();
}

Result<void> HttpServer::open() {
  USHER_CHECK(!shared_->open);
  if (shared_->options.tls) std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const tcp::endpoint bind = asio_endpoint(shared_->options.bind);
  tcp::acceptor& acceptor = shared_->acceptor;
  error_code ec;
  acceptor.open(bind.protocol(), ec);
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor.bind(bind, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) {
    error_code ignored;
    acceptor.close(ignored);
    return fail(Errc::io, "admin " + shared_->options.bind.text() + ": " + ec.message());
  }
  shared_->open = true;
  accept_next(shared_);
  return {};
}

net::Endpoint HttpServer::local() const {
  error_code ignored;
  return endpoint_of(shared_->acceptor.local_endpoint(ignored));
}

HttpCounts HttpServer::counts() const {
  HttpCounts counts = shared_->counts;
  counts.streams = shared_->streams.size();
  return counts;
}

void HttpServer::wake() {
  // A session may end within, and take itself off the list.
  const std::vector<HttpSession*> streams(shared_->streams.begin(), shared_->streams.end());
  for (HttpSession* session : streams) session->go_on();
}

void HttpServer::close() {
  if (!std::exchange(shared_->open, false)) return;
  error_code ignored;
  shared_->acceptor.close(ignored);
  shared_->retry.cancel();
  const std::vector<HttpSession*> sessions(shared_->sessions.begin(), shared_->sessions.end());
  for (HttpSession* session : sessions) session->end();
}

}  // namespace usher::admin
