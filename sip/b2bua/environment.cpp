#include "sip/b2bua/environment.hpp"

#include "sip/b2bua/leg_messages.hpp"
#include "sip/message/status.hpp"

namespace usher::sip {

void Environment::refuse(const RequestReceived& received, int status, std::string_view why,
                         std::string_view extra_header_lines) {
  std::string lines(extra_header_lines);
  if (!why.empty()) lines += "Reason: " + reason_value(status, why) + "\r\n";
  layer.reply_stateless(*received.request, received.flow, status, reason_phrase(status), out,
                        lines);
}

}  // namespace usher::sip
