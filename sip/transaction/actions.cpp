#include "sip/transaction/actions.hpp"

#include "sip/transaction/timers.hpp"

namespace usher::sip {

namespace {

std::string_view act_text(Act act) {
  switch (act) {
    case Act::send_request: return "send request";
    case Act::resend_request: return "resend request";
    case Act::send_ack: return "send ACK";
    case Act::resend_ack: return "resend ACK";
    case Act::send_cancel: return "send CANCEL";
    case Act::send_response: return "send response";
    case Act::keep_response: return "keep response";
    case Act::repeat_response: return "repeat response";
    case Act::send_own_100: return "send own 100";
    case Act::answer_cancel: return "200 to CANCEL";
    case Act::forget_request: return "forget request";
    case Act::forget_response: return "forget response";
    case Act::start: return "start";
    case Act::restart: return "double";
    case Act::restart_at_t2: return "T2 for";
    case Act::clear: return "clear";
    case Act::response_to_user: return "response to user";
    case Act::stray_to_user: return "stray to user";
    case Act::cancel_to_user: return "CANCEL to user";
    case Act::ack_to_user: return "ACK to user";
    case Act::report_timeout: return "report timeout";
    case Act::report_failure: return "report failure";
    case Act::report_no_ack: return "report no ACK";
    case Act::absorb: return "absorb";
  }
  return "?";
}

}  // namespace

std::string action_text(const Action& action) {
  std::string out{act_text(action.act)};
  if (action.timer != TimerLetter::none) out.append(" ").append(timer_name(action.timer));
  return out;
}

}  // namespace usher::sip
