// Is a call still there? By policy an OPTIONS within each dialog asks its peer; the call ends when
// a peer says that it knows no such dialog, or says nothing several times in a row.
#include <fmt/format.h>

#include "sip/b2bua/calls.hpp"

namespace usher::sip {
namespace {

// One miss is a lost packet or a phone that reboots its Wi-Fi.
constexpr std::uint8_t kMissesThatEnd = 3;

}  // namespace

void Calls::start_liveness(Now now, CallId id) {
  if (env_.config.call_probe == Duration{}) return;
  calls_.find(id)->liveness =
      env_.timers.arm(now.mono, env_.config.call_probe, {UserTimer::Kind::liveness, id.packed()});
}

void Calls::ask_whether_alive(Now now, CallId id) {
  const Call* call = calls_.find(id);
  if (call == nullptr) return;
  if (call->state == CallState::established) {
    for (const LegId leg_id : {call->origin, call->answerer}) {
      Leg& leg = *legs_.find(leg_id);
      if (leg.byed || leg.is_asked) continue;
      leg.is_asked = static_cast<bool>(legs_.send_request(now, leg_id, Method::options, "OPTIONS",
                                                          {.cseq = ++leg.dialog.local_cseq},
                                                          {TransactionUser::Kind::liveness, 0, 0}));
    }
  }
  start_liveness(now, id);
}

void Calls::liveness_answer(Now now, LegId leg_id, int status) {
  Leg* leg = legs_.find(leg_id);
  if (leg == nullptr) return;
  leg->is_asked = false;
  const CallId id = leg->call;
  if (calls_.find(id) == nullptr) return;
  // RFC 5057 §5.1: 481 destroys the dialog; any other response comes from a peer that is there.
  const bool gone = status == 481;
  leg->misses = status == 0 ? static_cast<std::uint8_t>(leg->misses + 1) : std::uint8_t{0};
  if (!gone && leg->misses < kMissesThatEnd) return;
  // The words stand in the Reason of the other leg's BYE, which may be a phone's: no address.
  const std::string_view peer = leg->side == Side::phone ? "the phone" : "the backend";
  apply(now, id, CallEvent::edge_ends, {},
        {.why = gone ? fmt::format("{} knows no such dialog (481 to OPTIONS)", peer)
                     : fmt::format("{} answered no OPTIONS, {} times in a row", peer,
                                   kMissesThatEnd)});
}

// RFC 5626 §4.5: the phone recovers its flow, by registering or by a request in the dialog. Without
// a name (Leg::device) it need not: whoever does not register may close an idle connection.
void Calls::connection_lost(Now now, net::ConnectionId connection) {
  for (const LegId leg_id : legs_.on_connection(connection)) {
    const Leg& leg = *legs_.find(leg_id);
    if (leg.device.empty()) continue;
    net::Flow gone = leg.flow;
    gone.connection = net::kGoneConnection;
    legs_.follow(leg_id, gone);
    if (calls_.find(leg.call) != nullptr) wait_for_phone(now, leg.call);
  }
}

void Calls::wait_for_phone(Now now, CallId id) {
  Call& call = *calls_.find(id);
  env_.timers.cancel(call.flow_recovery);
  call.flow_recovery = env_.timers.arm(now.mono, env_.config.flow_recovery,
                                       {UserTimer::Kind::flow_recovery, id.packed()});
  if (call.state != CallState::established) return;
  env_.note_armed(call.context->key, timer_label::kFlowRecovery, env_.config.flow_recovery,
                  "a phone's connection is gone: the call is ended when it has not come back by "
                  "then");
}

void Calls::waited_for_phone(Now now, CallId id) {
  Call* call = calls_.find(id);
  if (call == nullptr) return;
  call->flow_recovery = {};
  const auto is_gone = [&](LegId leg_id) {
    const Leg* leg = legs_.find(leg_id);
    return leg != nullptr && !leg->device.empty() && net::is_reliable(leg->flow.transport) &&
           leg->flow.connection == net::kGoneConnection;
  };
  if (call->state != CallState::established || !(is_gone(call->origin) || is_gone(call->answerer)))
    return;
  env_.note_fired(call->context->key, timer_label::kFlowRecovery, env_.config.flow_recovery,
                  "the phone has not come back");
  apply(now, id, CallEvent::edge_ends, {},
        {.why = fmt::format(
             "the phone's connection is gone, and it has not come back within {} s",
             std::chrono::duration_cast<std::chrono::seconds>(env_.config.flow_recovery).count())});
}

}  // namespace usher::sip
