#include "sip/b2bua/environment.hpp"

#include "sip/b2bua/leg_messages.hpp"
#include "sip/message/status.hpp"

namespace usher::sip {

Reply no_room(std::string_view limit) {
  return {.status = 503,
          .reason = {},
          .why = "the limit of " + std::string(limit) + " is reached",
          .headers = {{"Retry-After", "10"}}};
}

void Environment::reply(Now now, const RequestReceived& received, const Reply& reply) {
  std::string lines;
  for (const auto& [name, value] : reply.headers) lines += name + ": " + value + "\r\n";
  if (!reply.why.empty()) lines += "Reason: " + reason_value(reply.status, reply.why) + "\r\n";
  const std::string_view phrase =
      reply.reason.empty() ? reason_phrase(reply.status) : std::string_view(reply.reason);
  if (reply.status >= 300) {
    layer.refuse(now.mono, received.request, received.flow, reply.status, phrase, out, lines);
  } else {
    layer.reply_stateless(*received.request, received.flow, reply.status, phrase, out, lines);
  }
}

}  // namespace usher::sip
