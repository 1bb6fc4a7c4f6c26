#include "sip/dialog/session_timer.hpp"

#include <algorithm>

#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

constexpr std::uint32_t kSmallest = 90;  // seconds, RFC 4028 §4
constexpr std::uint32_t kLargest = 7 * 24 * 3600;

}  // namespace

std::optional<Duration> session_interval(const Message& response) {
  const auto value = parse_token_params(response.header(HeaderId::session_expires));
  if (!value) return std::nullopt;
  const auto interval = parse_delta_seconds(value->token);
  if (!interval) return std::nullopt;
  return std::chrono::seconds(std::clamp(*interval, kSmallest, kLargest));
}

}  // namespace usher::sip
