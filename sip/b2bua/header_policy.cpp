#include "sip/b2bua/header_policy.hpp"

#include "core/text.hpp"
#include "sip/b2bua/dialog_info.hpp"
#include "sip/b2bua/session_uuid.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::sip {

Passage passage_of(HeaderId id) {
  switch (id) {
    case HeaderId::via:
    case HeaderId::from:
    case HeaderId::to:
    case HeaderId::call_id:
    case HeaderId::cseq:
    case HeaderId::contact:
    case HeaderId::max_forwards:
    case HeaderId::content_length:
    case HeaderId::route:
    case HeaderId::record_route:
    case HeaderId::path:  // RFC 3327: names proxies between the phone and us; our Contact stands
                          // for them
    case HeaderId::service_route:  // RFC 3608: would lead the phone around the edge
      return Passage::remade;
    case HeaderId::p_asserted_identity:
    case HeaderId::p_preferred_identity:
    case HeaderId::remote_party_id:
    case HeaderId::diversion:
    case HeaderId::history_info:
    case HeaderId::reply_to:
    case HeaderId::refer_to:
    case HeaderId::referred_by:
    case HeaderId::p_called_party_id:
    case HeaderId::p_associated_uri: return Passage::addresses;
    case HeaderId::call_info:
    case HeaderId::alert_info:
    case HeaderId::error_info: return Passage::links;
    case HeaderId::replaces:
    case HeaderId::join:
    case HeaderId::target_dialog: return Passage::dialog;
    case HeaderId::event: return Passage::event;
    case HeaderId::warning: return Passage::warning;
    case HeaderId::rack: return Passage::rack;
    case HeaderId::content_type:
    case HeaderId::expires:
    case HeaderId::min_expires:
    case HeaderId::require:
    case HeaderId::proxy_require:
    case HeaderId::supported:
    case HeaderId::unsupported:
    case HeaderId::allow:
    case HeaderId::allow_events:
    case HeaderId::accept:
    case HeaderId::accept_encoding:
    case HeaderId::accept_language:
    case HeaderId::content_encoding:
    case HeaderId::authorization:
    case HeaderId::proxy_authorization:
    case HeaderId::www_authenticate:
    case HeaderId::proxy_authenticate:
    case HeaderId::authentication_info:
    case HeaderId::user_agent:
    case HeaderId::server:
    case HeaderId::retry_after:
    case HeaderId::reason:
    case HeaderId::refer_sub:
    case HeaderId::rseq:
    case HeaderId::session_expires:
    case HeaderId::min_se:
    case HeaderId::subscription_state:
    case HeaderId::organization:
    case HeaderId::subject:
    case HeaderId::date:
    case HeaderId::timestamp:
    case HeaderId::privacy:
    case HeaderId::identity:
    case HeaderId::session_id:
    case HeaderId::other: return Passage::as_is;
  }
  return Passage::as_is;
}

namespace {

constexpr std::string_view kOtherCallId = "X-CID";

// The field's value as it crosses; empty: it does not.
std::string crossing_value(const Message& from, const HeaderField& field,
                           const PassOptions& options) {
  const Presentation& to = options.presentation;
  const std::string_view value = from.value(field);
  switch (passage_of(field.id)) {
    case Passage::remade:
      if (field.id != HeaderId::contact || !options.contacts) return {};
      return present_addresses(value, to);
    case Passage::addresses: return present_addresses(value, to);
    case Passage::links: return present_links(value, to);
    case Passage::dialog: return map_dialog_id(value, to);
    case Passage::event: return map_event(options.event.empty() ? value : options.event, to);
    case Passage::warning: return present_warning(value, to);
    case Passage::rack: return map_rack(value, options.invite_cseq);
    case Passage::as_is: break;
  }
  return std::string(value);
}

bool is_dialog_info(const Message& message) {
  if (message.body().empty() || message.count(HeaderId::content_encoding) > 0) return false;
  const auto type = parse_token_params(message.header(HeaderId::content_type));
  return type && equals_without_case(type->token, "application/dialog-info+xml");
}

}  // namespace

Bytes pass_message(const Message& from, const PassOptions& options, MessageBuilder& out) {
  const bool named = options.presentation.x_cid && options.presentation.towards == Side::backend;
  if (named && from.is_request()) out.header(kOtherCallId, from.call_id());
  for (const HeaderField& field : from.headers()) {
    // What a phone says there is worth nothing.
    if (named && equals_without_case(from.name(field), kOtherCallId)) continue;
    if (options.aggregated && field.id == HeaderId::session_id) {
      out.header(from.name(field), without_local_uuid(from.value(field)));
      continue;
    }
    if (passage_of(field.id) == Passage::as_is) {
      out.pass(from, field);
      continue;
    }
    const std::string value = crossing_value(from, field, options);
    if (value.empty()) continue;
    if (value == from.value(field)) {
      out.pass(from, field);  // folds included
    } else {
      out.header(from.name(field), value);
    }
  }
  if (is_dialog_info(from)) {
    if (const auto body = present_dialog_info(from.body(), options.presentation))
      return out.finish(*body);
  }
  return out.finish(from.body());
}

}  // namespace usher::sip
