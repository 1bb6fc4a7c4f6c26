#include "admin/webhooks.hpp"

#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

#include "admin/resources/representation.hpp"
#include "core/limits.hpp"
#include "core/net/channel_stream.hpp"
#include "core/net/tls.hpp"
#include "core/reactor.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using beast::error_code;

std::string signature(std::string_view secret, std::string_view body) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data(), &length);
  std::string out = "sha256=";
  for (unsigned i = 0; i < length; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

// One webhook: at most one request at a time, on a connection of its own.
class Webhooks::Hook : public std::enable_shared_from_this<Hook> {
 public:
  Hook(asio::io_context& context, const WebhookConfig& config, const routing::EventLog& events,
       ResolveHost resolve, const Log& log)
      : context_(context),
        config_(config),
        events_(events),
        resolve_(std::move(resolve)),
        log_(log),
        timer_(context),
        after_(events.last()) {
    // By the system's authorities. Without them nobody is trusted, and the log says so then.
    if (config_.tls) tls_.load({}, Reactor::now().wall);
  }

  void wake() {
    if (!busy_) next();
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
    if (stream_) stream_->close();
  }

 private:
  static constexpr std::size_t kAnswerBytes = 65536;

  void next() {
    if (const std::uint64_t lost = events_.lost(after_); lost > 0) {
      say(LogLevel::warning, std::to_string(lost) + " event(s) were not told in time");
      after_ += lost;
    }
    const routing::Event* event = nullptr;
    while ((event = events_.next(after_)) != nullptr && !is_wanted(*event)) after_ = event->id;
    busy_ = event != nullptr && !stopped_;
    if (!busy_) return;
    request_ = {http::verb::post, config_.path, 11};
    request_.set(http::field::host, config_.authority);
    request_.set(http::field::user_agent, "Usher");
    request_.set(http::field::content_type, "application/json");
    request_.set("Usher-Event", std::string{event_kind_name(event->kind)});
    request_.set("Usher-Delivery", std::to_string(event->id));
    request_.body() = json_line(event_json(*event));
    if (!config_.secret.empty())
      request_.set("Usher-Signature", signature(config_.secret, request_.body()));
    request_.keep_alive(false);
    request_.prepare_payload();
    sending_ = event->id;
    find_host();
  }

  bool is_wanted(const routing::Event& event) const {
    return config_.kinds.empty() ||
           std::find(config_.kinds.begin(), config_.kinds.end(), event.kind) != config_.kinds.end();
  }

  void find_host() {
    if (const auto address = net::IpAddress::parse(config_.host)) return connect(*address);
    resolve_(config_.host,
             [self = shared_from_this()](const std::vector<net::IpAddress>& addresses) {
               if (self->stopped_) return;
               if (addresses.empty()) return self->failed("the host name does not resolve");
               // Not all of them need to be reachable from here.
               self->connect(addresses[self->turn_ % addresses.size()]);
             });
  }

  void connect(const net::IpAddress& address) {
    error_code ec;
    const tcp::endpoint to{asio::ip::make_address(address.text(), ec), config_.port};
    stream_.emplace(tcp::socket(context_));
    stream_->expires_after(limits::kHttpTimeout);
    stream_->socket().async_connect(to, [self = shared_from_this()](error_code refused) {
      if (refused) return self->broken(refused);
      self->greet();
    });
  }

  void greet() {
    const int fd = stream_->socket().native_handle();
    if (!config_.tls) {
      stream_->use(std::make_unique<net::PlainChannel>(fd));
      return send();
    }
    auto channel = tls_.channel(fd, {config_.host});
    if (!channel) return failed("the TLS library has no memory");
    stream_->use(std::move(channel));
    stream_->async_handshake([self = shared_from_this()](error_code ec, std::size_t) {
      if (ec) return self->broken(ec);
      self->send();
    });
  }

  void send() {
    http::async_write(*stream_, request_, [self = shared_from_this()](error_code ec, std::size_t) {
      if (ec) return self->broken(ec);
      self->read();
    });
  }

  void read() {
    buffer_.clear();
    parser_.emplace();
    parser_->body_limit(kAnswerBytes);
    http::async_read_header(*stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code ec, std::size_t) {
                              if (ec) return self->broken(ec);
                              self->answered(self->parser_->get().result_int());
                            });
  }

  void broken(const error_code& ec) {
    if (stream_->timed_out()) return failed("no answer in time");
    failed(stream_->reason().empty() ? ec.message() : stream_->reason());
  }

  void answered(unsigned status) {
    stream_->close();
    if (stopped_) return;
    if (status >= 400 && status < 500 && status != 408 && status != 429) {
      say(LogLevel::error, "event " + std::to_string(sending_) + " was refused with " +
                               std::to_string(status) + " and is given up");
    } else if (status < 200 || status >= 300) {
      return failed("it answers " + std::to_string(status));
    } else if (std::exchange(failures_, 0) > 0) {
      say(LogLevel::info, "it takes events again");
    }
    failures_ = 0;
    after_ = sending_;
    // Not from here, so that a long list of events does not make a deep stack.
    asio::post(context_, [self = shared_from_this()] { self->next(); });
  }

  void failed(const std::string& why) {
    if (stream_) stream_->close();
    if (stopped_) return;
    ++turn_;
    if (++failures_ == 1) say(LogLevel::warning, why + "; it is tried again");
    const auto wait = std::min<Duration>(
        std::chrono::seconds(1) * (1 << std::min(failures_ - 1, 9)), limits::kWebhookWait);
    timer_.expires_after(wait);
    timer_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled) self->next();
    });
  }

  void say(LogLevel level, const std::string& text) const {
    log_.write(LogCategory::admin, level, {}, "webhook " + config_.url + ": " + text);
  }

  asio::io_context& context_;
  const WebhookConfig config_;
  const routing::EventLog& events_;
  ResolveHost resolve_;
  const Log& log_;
  net::TlsContext tls_{net::TlsRole::client};
  std::optional<net::ChannelStream> stream_;  // of the request under way
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  std::optional<http::response_parser<http::string_body>> parser_;
  std::uint64_t after_;        // the last event that is done with
  std::uint64_t sending_ = 0;  // the one under way
  int failures_ = 0;           // in a row
  std::size_t turn_ = 0;       // which of the host's addresses is tried
  bool busy_ = false, stopped_ = false;
};

Webhooks::Webhooks(asio::io_context& context, const std::vector<WebhookConfig>& hooks,
                   const routing::EventLog& events, ResolveHost resolve, const Log& log) {
  for (const WebhookConfig& hook : hooks)
    hooks_.push_back(std::make_shared<Hook>(context, hook, events, resolve, log));
}

Webhooks::~Webhooks() {
  for (const auto& hook : hooks_) hook->stop();
}

void Webhooks::wake() {
  for (const auto& hook : hooks_) hook->wake();
}

}  // namespace usher::admin
