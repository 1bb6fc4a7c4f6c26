// What must be there after a crash, and what must be gone at the end.
#include <algorithm>

#include "sip/grammar/grammar.hpp"
#include "tests/sim/checkers/story.hpp"

namespace usher::sim {

void durable(const Trace& trace, const Story& story, const Terms& terms, Violations& out) {
  // Rule 12: a store that is slower than 500 ms delays no registration.
  if (terms.slow_store) return;
  struct Promise {
    Instant until{};
    int call = 0;
  };
  std::map<int, Promise> promised;  // by phone
  for (const Record& r : trace.records) {
    if (r.step == Step::edge_receives && r.text && r.text->is_request() &&
        r.text->method() == "REGISTER") {
      // Until its answer it may go either way.
      promised.erase(r.agent);
    } else if (r.step == Step::edge_sends && r.text && r.text->what() == "200 REGISTER" &&
               is_phone(trace, r.agent) && !story.altered.contains(r.call)) {
      const std::string& own = trace.agents[static_cast<std::size_t>(r.agent)].contact;
      for (const sip::HeaderField& field : r.text->message->headers()) {
        if (field.id != sip::HeaderId::contact) continue;
        const auto contacts = sip::parse_contacts(r.text->message->value(field));
        if (!contacts) continue;
        for (const sip::NameAddr& contact : contacts->contacts) {
          if (contact.uri.raw != own) continue;
          const auto left = sip::parse_delta_seconds(sip::param_value(contact.params, "expires"));
          if (left) promised[r.agent] = {r.at + seconds(*left), r.call};
        }
      }
    } else if (r.fact == Fact::edge_started) {
      for (const auto& [agent, promise] : promised) {
        if (promise.until <= r.at + seconds(1)) continue;
        const AgentInfo& phone = trace.agents[static_cast<std::size_t>(agent)];
        const bool there =
            std::any_of(r.bindings.begin(), r.bindings.end(), [&](const storage::Binding& b) {
              return b.aor == phone.aor && b.contact == phone.contact;
            });
        if (!there)
          out.push_back({"durable", promise.call,
                         phone.name + " had its 200, but its binding is gone after a crash"});
      }
    }
  }
}

void nothing_left(const Remains& remains, Violations& out) {
  const sip::StackCounts& s = remains.counts.stack;
  const auto none = [&](std::size_t count, const std::string& what) {
    if (count > 0) out.push_back({"nothing_left", 0, std::to_string(count) + " " + what + " left"});
  };
  none(s.calls, "calls");
  none(s.legs, "legs");
  none(s.subscriptions, "subscriptions");
  none(s.relays, "relays");
  none(s.probes, "probes");
  none(s.exchanges, "exchanges");
  none(s.users, "marks on transactions");
  none(s.timers, "timers");
  none(s.transactions.invite_client, "INVITE client transactions");
  none(s.transactions.invite_server, "INVITE server transactions");
  none(s.transactions.non_invite_client, "client transactions");
  none(s.transactions.non_invite_server, "server transactions");
  none(remains.counts.registrations, "registrations");
  none(remains.counts.pending_persists, "unanswered writes");
  none(remains.counts.affinities, "affinities");
  none(remains.live_calls, "calls counted with targets");
}

}  // namespace usher::sim
