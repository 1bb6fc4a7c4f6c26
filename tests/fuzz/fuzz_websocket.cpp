// A WebSocket gives the same messages and says the same, however its bytes are cut. The first byte
// seeds the cuts; when it is 0 the input is everything, handshake included, else what follows a
// good handshake.
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

#include "core/limits.hpp"
#include "core/net/websocket.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;
using namespace usher::net;

namespace {

struct Outcome {
  std::vector<std::string> messages;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome feed(std::string_view text, unsigned seed, bool shaken) {
  boost::asio::io_context loop;
  WebSocket socket{loop};
  Outcome outcome;
  std::vector<Bytes> out;
  if (shaken) USHER_CHECK(socket.feed(fuzz::kWebSocketRequest, out).has_value());
  while (!text.empty() && !outcome.failed) {
    seed = seed * 1103515245u + 12345u;
    const std::size_t n =
        seed == 0 ? text.size() : std::min<std::size_t>(text.size(), 1 + (seed >> 16) % 61);
    outcome.failed = !socket.feed(text.substr(0, n), out).has_value();
    text.remove_prefix(n);
  }
  for (const Bytes& b : out) {
    USHER_CHECK(!b.empty() && b.size() <= limits::kMessageBytes);
    outcome.messages.emplace_back(b.view());
  }
  if (socket.open()) USHER_CHECK(!socket.frame("x").empty());
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  const bool shaken = data[0] != 0;
  USHER_CHECK(feed(text, data[0], shaken).messages == feed(text, data[0] + 256u, shaken).messages);
  return 0;
}
