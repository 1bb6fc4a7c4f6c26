#include "sip/traffic.hpp"

#include <charconv>
#include <utility>

#include "core/check.hpp"

namespace usher::sip {

namespace {

template <std::size_t... I>
std::array<Histogram, sizeof...(I)> histograms(std::index_sequence<I...>) {
  return {((void)I, Histogram{kTransactionBounds})...};
}

// The method in the CSeq of a message of our own making, which spells it in one way.
std::string_view cseq_method(std::string_view bytes) {
  constexpr std::string_view kName = "\r\nCSeq: ";
  const std::size_t at = bytes.find(kName);
  if (at == std::string_view::npos) return {};
  std::string_view value = bytes.substr(at + kName.size());
  value = value.substr(0, value.find('\r'));
  return value.substr(value.find(' ') + 1);
}

}  // namespace

Traffic::Traffic()
    : counts_(std::make_unique<Counts>()),
      transactions_{histograms(std::make_index_sequence<kMethods>{}),
                    histograms(std::make_index_sequence<kMethods>{})} {}

std::size_t Traffic::place(Method method, int status, Side side, Direction direction) {
  USHER_CHECK(status >= 0 && status < static_cast<int>(kStatuses));
  const std::size_t way = 2 * static_cast<std::size_t>(side) + static_cast<std::size_t>(direction);
  return (way * kMethods + static_cast<std::size_t>(method)) * kStatuses +
         static_cast<std::size_t>(status);
}

void Traffic::received(const Message& message, Side from) {
  ++(*counts_)[place(message.method(), message.status(), from, Direction::in)];
}

void Traffic::sent(std::string_view bytes, Side to) {
  constexpr std::string_view kVersion = "SIP/2.0 ";
  int status = 0;
  std::string_view method;
  if (bytes.substr(0, kVersion.size()) == kVersion) {
    const char* const from = bytes.data() + kVersion.size();
    if (bytes.size() < kVersion.size() + 3 ||
        std::from_chars(from, from + 3, status).ptr != from + 3 || status < 100 || status > 699)
      return;
    method = cseq_method(bytes);
  } else {
    method = bytes.substr(0, bytes.find(' '));
  }
  if (method.empty() || method.size() == bytes.size()) return;
  ++(*counts_)[place(parse_method(method), status, to, Direction::out)];
}

void Traffic::answered(Method method, Side by, Duration took) {
  transactions_[static_cast<std::size_t>(by)][static_cast<std::size_t>(method)].observe(took);
}

std::uint64_t Traffic::requests(Method method, Side side, Direction direction) const {
  return (*counts_)[place(method, 0, side, direction)];
}

std::uint64_t Traffic::responses(Method method, int status, Side side, Direction direction) const {
  return (*counts_)[place(method, status, side, direction)];
}

const Histogram& Traffic::transactions(Method method, Side side) const {
  return transactions_[static_cast<std::size_t>(side)][static_cast<std::size_t>(method)];
}

}  // namespace usher::sip
