#include "sip/b2bua/header_policy.hpp"

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
    case HeaderId::referred_by: return Passage::addresses;
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
    case HeaderId::event:
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
    case HeaderId::replaces:
    case HeaderId::join:
    case HeaderId::target_dialog:
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

void pass_headers(const Message& from, const PassOptions& options, MessageBuilder& out) {
  const Presentation& to = options.presentation;
  for (const HeaderField& field : from.headers()) {
    std::string value;
    switch (passage_of(field.id)) {
      case Passage::as_is: out.pass(from, field); continue;
      case Passage::remade:
        if (field.id != HeaderId::contact || !options.contacts) continue;
        [[fallthrough]];
      case Passage::addresses:
        if (!to.conceals()) {
          out.pass(from, field);
          continue;
        }
        value = present_addresses(from.value(field), to);
        break;
      case Passage::warning:
        if (!to.conceals()) {
          out.pass(from, field);
          continue;
        }
        value = present_warning(from.value(field), to);
        break;
      case Passage::rack: value = map_rack(from.value(field), options.invite_cseq); break;
    }
    if (!value.empty()) out.header(from.name(field), value);
  }
}

}  // namespace usher::sip
