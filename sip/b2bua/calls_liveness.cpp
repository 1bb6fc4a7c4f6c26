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

}  // namespace usher::sip
