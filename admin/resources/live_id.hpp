// The ids of what is live, in paths and cursors: of a call or subscription "GENERATION-INDEX", of a
// connection its number. An id is never given to another one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "admin/service.hpp"
#include "sip/stack.hpp"

namespace usher::admin {

std::string id_text(sip::CallId id);
std::string id_text(sip::SubscriptionId id);
std::string id_text(net::ConnectionId id);
std::optional<sip::CallId> parse_call_id(std::string_view text);
std::optional<sip::SubscriptionId> parse_subscription_id(std::string_view text);
// The live call with this id; nothing: there is none.
std::optional<sip::CallView> live_call(const Service& service, std::string_view id);

}  // namespace usher::admin
