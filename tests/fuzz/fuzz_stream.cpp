// A stream frames the same messages however it is cut, and each as the datagram parser would bound
// it. The first byte seeds the cuts.
#include <algorithm>
#include <string>
#include <vector>

#include "sip/parse/datagram.hpp"
#include "sip/parse/stream.hpp"
#include "tests/fuzz/fuzz_support.hpp"

using namespace usher;
using namespace usher::sip;

namespace {

struct Outcome {
  std::vector<std::string> messages;
  int pongs = 0;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

Outcome feed(std::string_view text, unsigned seed, bool cut) {
  StreamParser parser;
  Outcome outcome;
  std::vector<Bytes> out;
  do {
    seed = seed * 1103515245u + 12345u;
    const std::size_t n =
        cut ? std::min<std::size_t>(text.size(), 1 + (seed >> 16) % 61) : text.size();
    if (Result<void> fed = parser.feed(text.substr(0, n), out, outcome.pongs); !fed) {
      outcome.error = fed.error().message;
      break;
    }
    text.remove_prefix(n);
  } while (!text.empty());
  for (const Bytes& b : out) outcome.messages.emplace_back(b.view());
  return outcome;
}

// In one datagram with more behind it, the same message ends at the same byte.
void check_framing(const std::string& framed) {
  const Bytes alone(framed);
  const Bytes followed(framed + "OPTIONS sip:a@b SIP/2.0\r\n\r\n");
  const Parsed a = parse_datagram(alone), b = parse_datagram(followed);
  USHER_CHECK(a.index() == b.index() || framed.size() > 65000);
  const auto* x = std::get_if<MessageRef>(&a);
  const auto* y = std::get_if<MessageRef>(&b);
  if (!x || !y) return;
  USHER_CHECK((*x)->body() == (*y)->body());
  USHER_CHECK((*x)->body().data() + (*x)->body().size() ==
              (*x)->text().data() + (*x)->text().size());
  USHER_CHECK((*x)->headers().size() == (*y)->headers().size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  const Outcome whole = feed(text, 0, false);
  USHER_CHECK(feed(text, data[0], true) == whole);
  for (const std::string& message : whole.messages) check_framing(message);
  return 0;
}
