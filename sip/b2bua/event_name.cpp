#include "sip/b2bua/event_name.hpp"

#include "core/text.hpp"
#include "sip/b2bua/text_edits.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::sip {

EventName event_of(const Message& request) {
  const std::string_view value = request.header(HeaderId::event);
  const auto parsed = parse_token_params(value);
  if (!parsed) return {};
  return {parsed->token, param_value(parsed->params, "id")};
}

std::string with_event_id(std::string_view event_value, std::string_view id) {
  const auto parsed = parse_token_params(event_value);
  const Param* found = parsed ? find_param(parsed->params, "id") : nullptr;
  if (found == nullptr || !found->value) return std::string(event_value);
  TextEdits edits(event_value);
  edits.replace(*found->value, std::string(id));
  return edits.finish();
}

NotifiedState notified_state(const Message& notify) {
  const auto parsed = parse_token_params(notify.header(HeaderId::subscription_state));
  if (!parsed) return {};
  NotifiedState state;
  state.terminated = equals_without_case(parsed->token, "terminated");
  if (const auto seconds = parse_delta_seconds(param_value(parsed->params, "expires")))
    state.expires = *seconds;
  state.reason = param_value(parsed->params, "reason");
  return state;
}

}  // namespace usher::sip
