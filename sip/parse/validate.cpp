#include "sip/parse/validate.hpp"

#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

template <class T>
Result<void> outcome(const Result<T>& parsed) {
  if (!parsed) return parsed.error();
  return {};
}

// A list of tokens with parameters: Accept, Reason. May be empty where `may_be_empty`.
Result<void> token_params_list(std::string_view value, bool may_be_empty) {
  if (value.empty() && may_be_empty) return {};
  const auto elements = split_list(value);
  if (!elements) return elements.error();
  for (std::string_view element : *elements) {
    if (auto parsed = parse_token_params(element); !parsed) return parsed.error();
  }
  return {};
}

// delta-seconds [ comment ] *( SEMI retry-param ): the number decides.
Result<void> retry_after(std::string_view value) {
  return outcome(parse_delta_seconds(value.substr(0, value.find_first_of("(; \t\r\n"))));
}

// Session-Expires and Min-SE: delta-seconds with parameters (RFC 4028 §4, §5).
Result<void> seconds_with_params(std::string_view value) {
  const auto parsed = parse_token_params(value);
  if (!parsed) return parsed.error();
  return outcome(parse_delta_seconds(parsed->token));
}

Result<void> required_tokens(std::string_view value) {
  if (value.empty()) return fail(Errc::syntax, "expected a token before the end");
  return outcome(parse_token_list(value));
}

}  // namespace

Result<void> validate_field(HeaderId id, std::string_view value) {
  switch (id) {
    case HeaderId::via: return outcome(parse_via_list(value));
    case HeaderId::from:
    case HeaderId::to:
    case HeaderId::refer_to:
    case HeaderId::referred_by:
    case HeaderId::reply_to: return outcome(parse_name_addr(value));
    case HeaderId::contact: return outcome(parse_contacts(value));
    case HeaderId::route:
    case HeaderId::record_route:
    case HeaderId::path:
    case HeaderId::service_route:
    case HeaderId::p_asserted_identity:
    case HeaderId::p_preferred_identity:
    case HeaderId::remote_party_id:
    case HeaderId::diversion:
    case HeaderId::p_called_party_id:
    case HeaderId::p_associated_uri:
    case HeaderId::history_info: return outcome(parse_name_addr_list(value));
    case HeaderId::cseq: return outcome(parse_cseq(value));
    case HeaderId::content_length:
    case HeaderId::rseq: return outcome(parse_number(value));
    case HeaderId::expires:
    case HeaderId::min_expires: return outcome(parse_delta_seconds(value));
    case HeaderId::rack: return outcome(parse_rack(value));
    case HeaderId::require:
    case HeaderId::proxy_require:
    case HeaderId::unsupported:
    case HeaderId::content_encoding:
    case HeaderId::allow_events: return required_tokens(value);
    case HeaderId::supported:
    case HeaderId::allow: return outcome(parse_token_list(value));
    case HeaderId::content_type:
    case HeaderId::event:
    case HeaderId::subscription_state:
    case HeaderId::refer_sub: return outcome(parse_token_params(value));
    case HeaderId::reason: return token_params_list(value, false);
    case HeaderId::accept:
    case HeaderId::accept_encoding:
    case HeaderId::accept_language: return token_params_list(value, true);
    case HeaderId::session_expires:
    case HeaderId::min_se: return seconds_with_params(value);
    case HeaderId::authorization:
    case HeaderId::proxy_authorization:
    case HeaderId::www_authenticate:
    case HeaderId::proxy_authenticate: return outcome(parse_auth(value));
    case HeaderId::replaces:
    case HeaderId::join:
    case HeaderId::target_dialog: return outcome(parse_replaces(value));
    case HeaderId::retry_after: return retry_after(value);
    case HeaderId::call_id:
    case HeaderId::max_forwards:  // both judged on arrival
    case HeaderId::authentication_info:
    case HeaderId::user_agent:
    case HeaderId::server:
    case HeaderId::warning:
    case HeaderId::organization:
    case HeaderId::subject:
    case HeaderId::date:
    case HeaderId::timestamp:
    case HeaderId::privacy:
    case HeaderId::identity:
    case HeaderId::session_id:
    case HeaderId::call_info:  // what phones and PBXs write here is seldom the RFC's grammar
    case HeaderId::alert_info:
    case HeaderId::error_info:
    case HeaderId::other: return {};
  }
  return {};
}

namespace {

// What MessageParser has judged already, by the same grammar.
bool judged_on_arrival(const Message& message, const HeaderField& h) {
  if (h.id == HeaderId::via)
    return message.value(h).data() == message.top_via().raw.data() &&
           message.value(h).size() == message.top_via().raw.size();
  return h.id == HeaderId::from || h.id == HeaderId::to || h.id == HeaderId::cseq ||
         h.id == HeaderId::content_length;
}

// Credentials and challenges pass untouched, to be judged by who asked for them (rule 11).
bool is_for_others(HeaderId id) {
  return id == HeaderId::authorization || id == HeaderId::proxy_authorization ||
         id == HeaderId::www_authenticate || id == HeaderId::proxy_authenticate ||
         id == HeaderId::authentication_info;
}

}  // namespace

Result<void> validate(const Message& message) {
  for (const HeaderField& h : message.headers()) {
    if (judged_on_arrival(message, h) || is_for_others(h.id)) continue;
    if (Result<void> checked = validate_field(h.id, message.value(h)); !checked) {
      return fail(checked.error().code,
                  "Bad " + std::string(header_name(h.id)) + " header: " + checked.error().message);
    }
  }
  return {};
}

}  // namespace usher::sip
