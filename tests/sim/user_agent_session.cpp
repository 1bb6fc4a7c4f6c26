// Session timers (RFC 4028): who refreshes, who hangs up when nobody does, and who forgets the
// call.
#include <algorithm>

#include "tests/sim/user_agent.hpp"

namespace usher::sim {

namespace {

std::string session_lines(unsigned interval) {
  return "Supported: timer\nSession-Expires: " + std::to_string(interval) + ";refresher=uac\n";
}

}  // namespace

void UserAgent::start_session(Leg& leg) {
  const CallPlan& p = plan(leg);
  if (p.session == 0) return;
  session_refreshed(leg);
  watch_session(leg);
  if (const auto& vanishes = refreshes(leg) ? p.refresher_vanishes : p.other_vanishes) {
    later(*vanishes, leg.id, [](UserAgent& self, Leg& l) {
      if (l.phase == Phase::up) self.over(l, "vanished");
    });
  }
}

void UserAgent::session_refreshed(Leg& leg) {
  const unsigned interval = plan(leg).session;
  leg.session_until = sim_.clock.now().mono + seconds(interval);
  if (!refreshes(leg)) return;
  later(seconds(interval) / 2, leg.id, [](UserAgent& self, Leg& l) { self.refresh_session(l); });
}

// §10: whoever has seen no refresh hangs up a third of the interval before it ends, or 32 s.
void UserAgent::watch_session(Leg& leg) {
  const Duration before = std::min<Duration>(seconds(32), seconds(plan(leg).session) / 3);
  later(leg.session_until - before - sim_.clock.now().mono, leg.id,
        [before](UserAgent& self, Leg& l) {
          if (l.phase != Phase::up) return;
          if (self.sim_.clock.now().mono < l.session_until - before) return self.watch_session(l);
          self.hang_up(l, "nobody refreshed the session");
        });
}

void UserAgent::refresh_session(Leg& leg) {
  if (leg.phase != Phase::up || leg.inviting || leg.answer.open) return;
  if (!plan(leg).refreshes_by_update) return reinvite(leg);
  ++leg.cseq;
  Draft d = draft(leg, "UPDATE");
  d.headers = "Contact: <" + contact_ + ">\n" + session_lines(plan(leg).session);
  transactions_.request(d, way(), [this, id = leg.id, life = life_](const TextRef& said) {
    Leg* found = life == life_ ? find(id) : nullptr;
    if (found == nullptr || found->phase != Phase::up) return;
    if (said && said->status() < 200) return;
    if (said && said->status() < 300) return session_refreshed(*found);
    // §12.2.1.2: the dialog is gone.
    if (said && (said->status() == 481 || said->status() == 408))
      return hang_up(*found, "a refresh failed");
    later(seconds(3), id, [](UserAgent& self, Leg& l) { self.refresh_session(l); });
  });
}

std::string UserAgent::session_headers(const Leg& leg, const TextRef& answers) const {
  const unsigned interval = plan(leg).session;
  if (interval == 0) return {};
  if (!answers) return session_lines(interval);
  // In an answer to its INVITE the callee decides who refreshes; later the sender does.
  const bool by_sender = leg.phase >= Phase::up || plan(leg).caller_refreshes;
  return "Require: timer\nSession-Expires: " + std::to_string(interval) +
         (by_sender ? ";refresher=uac\n" : ";refresher=uas\n");
}

}  // namespace usher::sim
