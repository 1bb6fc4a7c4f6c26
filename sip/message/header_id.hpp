// The header fields that Usher looks at, by a small number. All others are `other` and keep their
// name.
#pragma once

#include <cstdint>
#include <string_view>

namespace usher::sip {

enum class HeaderId : std::uint8_t {
  via,
  from,
  to,
  call_id,
  cseq,
  contact,
  max_forwards,
  content_length,
  content_type,
  route,
  record_route,
  expires,
  min_expires,
  require,
  proxy_require,
  supported,
  unsupported,
  allow,
  allow_events,
  event,
  accept,
  accept_encoding,
  accept_language,
  content_encoding,
  authorization,
  proxy_authorization,
  www_authenticate,
  proxy_authenticate,
  authentication_info,
  user_agent,
  server,
  retry_after,
  warning,
  reason,
  path,
  service_route,
  replaces,
  join,
  target_dialog,
  refer_to,
  referred_by,
  refer_sub,
  rseq,
  rack,
  session_expires,
  min_se,
  subscription_state,
  p_asserted_identity,
  p_preferred_identity,
  remote_party_id,
  diversion,
  history_info,
  reply_to,
  organization,
  subject,
  date,
  timestamp,
  privacy,
  identity,
  session_id,
  p_called_party_id,
  p_associated_uri,
  call_info,
  alert_info,
  error_info,
  other,
};

// By name without case, compact forms (RFC 3261 §20, "f" = From) included.
HeaderId parse_header_name(std::string_view name);
std::string_view header_name(HeaderId id);  // the RFC's spelling; "" for other

}  // namespace usher::sip
