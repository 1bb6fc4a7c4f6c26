#include "admin/resources/live_id.hpp"

#include <charconv>

namespace usher::admin {

namespace {

template <class Tag>
std::string text_of(SlabId<Tag> id) {
  return std::to_string(id.generation) + "-" + std::to_string(id.index);
}

template <class Tag>
std::optional<SlabId<Tag>> parse_id(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto number = [](std::string_view digits) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  };
  const auto generation = number(text.substr(0, dash));
  const auto index = number(text.substr(dash + 1));
  if (!generation || !index || *generation == 0) return std::nullopt;
  return SlabId<Tag>{*index, *generation};
}

}  // namespace

std::string id_text(sip::CallId id) {
  return text_of(id);
}
std::string id_text(sip::SubscriptionId id) {
  return text_of(id);
}
std::string id_text(net::ConnectionId id) {
  return std::to_string(id.value);
}
std::optional<sip::CallId> parse_call_id(std::string_view text) {
  return parse_id<sip::CallTag>(text);
}
std::optional<sip::SubscriptionId> parse_subscription_id(std::string_view text) {
  return parse_id<sip::SubscriptionTag>(text);
}

std::optional<sip::CallView> live_call(const Service& service, std::string_view id) {
  const auto call = parse_call_id(id);
  return call ? service.edge.call(*call) : std::nullopt;
}

}  // namespace usher::admin
