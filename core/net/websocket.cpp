#include "core/net/websocket.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <functional>
#include <sstream>

#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;

namespace {

constexpr std::string_view kSubprotocol = "sip";

// What Beast takes for a socket: bytes that have come, and bytes to go.
class Pipe {
 public:
  using executor_type = asio::io_context::executor_type;

  explicit Pipe(asio::io_context& loop) : loop_(&loop) {}
  executor_type get_executor() { return loop_->get_executor(); }

  std::string out;

  void give(std::string_view bytes) {
    in_.append(bytes);
    serve();
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          room_ = *asio::buffer_sequence_begin(into);
          // std::function wants what can be copied.
          reader_ = [kept = std::make_shared<decltype(handler)>(std::move(handler))](
                        const error_code& ec, std::size_t taken) { std::move (*kept)(ec, taken); };
          serve();
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          const std::size_t before = out.size();
          for (auto it = asio::buffer_sequence_begin(from); it != asio::buffer_sequence_end(from);
               ++it) {
            const asio::const_buffer piece{*it};
            out.append(static_cast<const char*>(piece.data()), piece.size());
          }
          asio::post(*loop_, [handler = std::move(handler), sent = out.size() - before]() mutable {
            std::move(handler)(error_code{}, sent);
          });
        },
        token, buffers);
  }

 private:
  void serve() {
    if (!reader_ || in_.empty()) return;
    const std::size_t taken = asio::buffer_copy(room_, asio::buffer(in_));
    in_.erase(0, taken);
    asio::post(*loop_, [reader = std::exchange(reader_, {}), taken] { reader({}, taken); });
  }

  asio::io_context* loop_;
  std::string in_;
  asio::mutable_buffer room_;
  std::function<void(const error_code&, std::size_t)> reader_;
};

// Beast asks for these at the end of the closing handshake; whoever owns the socket closes it.
template <class Handler>
void async_teardown(beast::role_type, Pipe& pipe, Handler&& handler) {
  asio::post(pipe.get_executor(), [handler = std::forward<Handler>(handler)]() mutable {
    std::move(handler)(error_code{});
  });
}
void beast_close_socket(Pipe&) {}

bool is_keep_alive(std::string_view message) {
  return message.find_first_not_of("\r\n") == std::string_view::npos;
}

}  // namespace

struct WebSocket::Impl {
  enum class State : std::uint8_t { request, accepting, open, over };

  explicit Impl(asio::io_context& with) : loop(with), stream(with) {
    request.header_limit(static_cast<std::uint32_t>(limits::kHttpHeaderBytes));
    request.body_limit(0);
    request.eager(true);
    stream.read_message_max(limits::kMessageBytes);
    stream.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                      websocket::stream_base::none(), false});
    stream.set_option(websocket::stream_base::decorator([](websocket::response_type& answer) {
      answer.set(http::field::sec_websocket_protocol, kSubprotocol);
    }));
  }

  void run() {
    loop.restart();
    loop.poll();
  }

  // Takes what belongs to the handshake; the rest is the WebSocket's.
  Result<void> shake_hands(std::string_view& bytes) {
    head.append(bytes);
    bytes = {};
    error_code ec;
    const std::size_t used = request.put(asio::buffer(head), ec);
    if (ec == http::error::need_more) ec = {};
    head.erase(0, used);
    if (ec) return refuse(http::status::bad_request, "no WebSocket handshake: " + ec.message());
    if (!request.is_done()) {
      if (head.size() > limits::kHttpHeaderBytes)
        return refuse(http::status::bad_request, "the handshake is too large");
      return {};
    }
    if (!websocket::is_upgrade(request.get()))
      return refuse(http::status::upgrade_required,
                    "a plain HTTP request: only SIP over WebSocket");
    http::token_list offered{request.get()[http::field::sec_websocket_protocol]};
    if (!offered.exists(kSubprotocol))
      return refuse(http::status::bad_request, "the WebSocket does not offer the subprotocol sip");
    state = State::accepting;
    stream.next_layer().give(std::exchange(head, {}));
    stream.async_accept(request.get(), [this](const error_code& failed) {
      if (failed) {
        end(fail(Errc::syntax, "no WebSocket handshake: " + failed.message()));
        return;
      }
      state = State::open;
      read();
    });
    return {};
  }

  Error refuse(http::status status, std::string why) {
    http::response<http::string_body> answer{status, 11};
    answer.set(http::field::connection, "close");
    if (status == http::status::upgrade_required) answer.set(http::field::upgrade, "websocket");
    answer.set(http::field::sec_websocket_protocol, kSubprotocol);
    answer.body() = why + "\n";
    answer.prepare_payload();
    std::ostringstream text;
    text << answer;
    stream.next_layer().out += text.str();
    state = State::over;
    trouble = fail(Errc::syntax, std::move(why));
    return trouble;
  }

  void read() {
    stream.async_read(buffer, [this](const error_code& failed, std::size_t) {
      if (failed) {
        end(failed == websocket::error::closed
                ? fail(Errc::unavailable, "closed by the peer")
                : fail(Errc::syntax, "WebSocket: " + failed.message()));
        return;
      }
      const auto data = buffer.cdata();
      const std::string_view text{static_cast<const char*>(data.data()), data.size()};
      // RFC 5626's keep-alive where RFC 7118 §6 has pings: some clients send both.
      if (is_keep_alive(text)) {
        keep_alives += text.empty() ? 0 : 1;
      } else {
        messages.emplace_back(text);
      }
      buffer.consume(buffer.size());
      read();
    });
  }

  void end(Error why) {
    if (state == State::over) return;
    state = State::over;
    trouble = std::move(why);
  }

  asio::io_context& loop;
  websocket::stream<Pipe, false> stream;
  State state = State::request;
  http::request_parser<http::empty_body> request;
  std::string head;
  beast::flat_buffer buffer;
  std::vector<Bytes> messages;
  int keep_alives = 0;
  Error trouble;
};

WebSocket::WebSocket(asio::io_context& loop) : impl_(std::make_unique<Impl>(loop)) {}
// What Beast has posted must not outlive what it points to.
WebSocket::~WebSocket() {
  impl_->run();
}

Result<void> WebSocket::feed(std::string_view bytes, std::vector<Bytes>& out) {
  Impl& impl = *impl_;
  if (impl.state == Impl::State::over) return impl.trouble;
  if (impl.state == Impl::State::request) {
    if (auto shaken = impl.shake_hands(bytes); !shaken) return shaken;
  }
  if (!bytes.empty()) impl.stream.next_layer().give(bytes);
  impl.run();
  for (Bytes& message : std::exchange(impl.messages, {})) out.push_back(std::move(message));
  for (; impl.keep_alives > 0 && open(); --impl.keep_alives)
    impl.stream.next_layer().out += frame("\r\n");
  if (impl.state == Impl::State::over) return impl.trouble;
  return {};
}

std::string WebSocket::take_reply() {
  return std::exchange(impl_->stream.next_layer().out, {});
}

std::string WebSocket::frame(std::string_view message) {
  USHER_CHECK(open());
  Impl& impl = *impl_;
  std::string before = take_reply();
  impl.stream.text(is_utf8(message));
  impl.stream.async_write(asio::buffer(message), [](const error_code&, std::size_t) {});
  impl.run();
  return std::exchange(impl.stream.next_layer().out, std::move(before));
}

bool WebSocket::amid_message() const {
  switch (impl_->state) {
    case Impl::State::request: return !impl_->head.empty();
    case Impl::State::open: return impl_->buffer.size() > 0 || !impl_->stream.is_message_done();
    case Impl::State::accepting:
    case Impl::State::over: break;
  }
  return false;
}

bool WebSocket::open() const {
  return impl_->state == Impl::State::open;
}

}  // namespace usher::net
