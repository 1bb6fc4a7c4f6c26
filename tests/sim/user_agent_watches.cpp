// Subscriptions (RFC 6665): a subscriber that refreshes and leaves, a notifier that has news, ends
// them, or forgets; either may be the phone.
#include <algorithm>
#include <charconv>

#include "tests/sim/user_agent.hpp"

namespace usher::sim {

namespace {

unsigned expires_in(const Text& text, unsigned otherwise) {
  unsigned out = otherwise;
  const std::string value = text.header("Expires");
  std::from_chars(value.data(), value.data() + value.size(), out);
  return out;
}

}  // namespace

UserAgent::Watch* UserAgent::find_watch(const sip::Message& m) {
  for (auto& [id, watch] : watches_) {
    if (watch.call_id == m.call_id() && watch.local_tag == m.to_tag()) return &watch;
  }
  return nullptr;
}

void UserAgent::watch_later(Duration after, int id, std::function<void(UserAgent&, Watch&)> what) {
  sim_.clock.in(after, [this, id, what = std::move(what), life = life_] {
    if (life != life_) return;
    const auto found = watches_.find(id);
    if (found != watches_.end() && !found->second.over) what(*this, found->second);
  });
}

void UserAgent::watch_fact(Fact fact, const Watch& watch, std::string note) {
  Record record;
  record.at = sim_.clock.now().mono;
  record.agent = agent_;
  record.call = watch.number;
  record.fact = fact;
  record.leg = watch.id;
  record.caller = watch.subscriber;
  record.note = std::move(note);
  sim_.trace.add(std::move(record));
}

void UserAgent::watch_over(Watch& watch, std::string why) {
  if (watch.over) return;
  watch.over = true;
  watch_fact(Fact::watch_over, watch, std::move(why));
}

Draft UserAgent::watch_draft(Watch& watch, std::string method) {
  Draft d{std::move(method),
          watch.target,
          watch.local + ";tag=" + watch.local_tag,
          watch.remote + (watch.remote_tag.empty() ? "" : ";tag=" + watch.remote_tag),
          watch.call_id,
          ++watch.cseq};
  d.headers = std::string{kNumber} + ": " + std::to_string(watch.number) +
              "\nEvent: dialog\nContact: <" + contact_ + ">\n";
  return d;
}

void UserAgent::watch(const WatchPlan& p, const std::string& uri, const std::string& from,
                      const std::string& to) {
  const int id = ++sim_.last_leg;
  Watch& w = watches_[id];
  w.id = id;
  w.number = p.number;
  w.subscriber = true;
  w.call_id = new_call_id();
  w.local_tag = tag();
  w.local = from;
  w.remote = to;
  w.target = uri;
  w.cseq = static_cast<unsigned>(rng_.below(1000));
  watch_fact(Fact::watch_begins, w);
  subscribe(w, p.expires);
  if (p.end == WatchPlan::End::unsubscribes) {
    watch_later(p.ends, id, [](UserAgent& self, Watch& it) {
      self.subscribe(it, 0);
      self.watch_later(kTimeout, it.id,
                       [](UserAgent& me, Watch& gone) { me.watch_over(gone, "no last NOTIFY"); });
    });
  } else if (p.end == WatchPlan::End::subscriber_forgets) {
    watch_later(p.ends, id, [](UserAgent& self, Watch& it) { self.watch_over(it, "forgotten"); });
  }
}

void UserAgent::subscribe(Watch& w, unsigned expires) {
  Draft d = watch_draft(w, "SUBSCRIBE");
  d.headers += "Expires: " + std::to_string(expires) + "\n";
  transactions_.request(d, way(), [this, id = w.id, expires, life = life_](const TextRef& said) {
    const auto found = watches_.find(id);
    if (life != life_ || found == watches_.end() || found->second.over) return;
    Watch& it = found->second;
    if (said && said->status() < 200) return;
    if (said && said->status() < 300) {
      if (it.remote_tag.empty()) it.remote_tag = std::string{said->message->to_tag()};
      const std::string contact = uri_in(said->header("Contact"));
      if (!contact.empty()) it.target = contact;
      const unsigned granted = expires_in(*said, expires);
      it.until = sim_.clock.now().mono + seconds(granted);
      if (granted > 0) refresh(it);
      return;
    }
    // RFC 5057: only these end a subscription that is there.
    const bool granted = it.until != Instant{};
    if (!it.accepted || !granted || (said && (said->status() == 481 || said->status() == 489)))
      watch_over(it, said ? std::to_string(said->status()) : "no answer");
  });
}

// In the middle of the interval again, or at its end the subscription is over.
void UserAgent::refresh(Watch& w) {
  w.accepted = true;
  const WatchPlan& p = sim_.watches[w.number];
  const Duration left = w.until - sim_.clock.now().mono;
  if (w.refreshed < p.refreshes) {
    watch_later(left / 2, w.id, [](UserAgent& self, Watch& it) {
      ++it.refreshed;
      self.subscribe(it, self.sim_.watches[it.number].expires);
    });
  }
  watch_later(left, w.id, [](UserAgent& self, Watch& it) {
    if (it.until <= self.sim_.clock.now().mono) self.watch_over(it, "it has run out");
  });
}

// True when it was about a subscription.
bool UserAgent::watch_request(const TextRef& request, std::uint64_t connection) {
  const sip::Message& m = *request->message;
  if (m.to_tag().empty()) {
    if (m.method() != sip::Method::subscribe || !sim_.watches.contains(request->number()))
      return false;
    watched(request, connection);
    return true;
  }
  Watch* w = find_watch(m);
  if (w == nullptr) return false;
  if (w->remote_tag.empty()) w->remote_tag = std::string{m.from_tag()};
  const bool ours =
      w->remote_tag == m.from_tag() && (m.method() == sip::Method::notify) == w->subscriber;
  if (w->over || !ours) {
    transactions_.respond(request, 481, {}, {}, {}, connection);
    return true;
  }
  if (w->subscriber) {
    if (request->number() != w->number) watch_fact(Fact::stray_notify, *w);
    w->accepted = true;
    transactions_.respond(request, 200, {}, "Contact: <" + contact_ + ">\n", {}, connection);
    const std::string contact = uri_in(request->header("Contact"));
    if (!contact.empty()) w->target = contact;
    if (request->header("Subscription-State").starts_with("terminated"))
      watch_over(*w, "terminated");
    return true;
  }
  const unsigned expires = expires_in(*request, 0);
  w->until = sim_.clock.now().mono + seconds(expires);
  transactions_.respond(request, 200, {},
                        "Contact: <" + contact_ + ">\nExpires: " + std::to_string(expires) + "\n",
                        {}, connection);
  notify(*w,
         expires == 0 ? "terminated;reason=timeout" : "active;expires=" + std::to_string(expires));
  return true;
}

void UserAgent::watched(const TextRef& request, std::uint64_t connection) {
  const sip::Message& m = *request->message;
  const WatchPlan& p = sim_.watches[request->number()];
  const std::string local_tag = tag();
  if (p.refused != 0) {
    transactions_.respond(request, p.refused, local_tag, {}, {}, connection);
    return;
  }
  const int id = ++sim_.last_leg;
  Watch& w = watches_[id];
  w.id = id;
  w.number = p.number;
  w.call_id = std::string{m.call_id()};
  w.local_tag = local_tag;
  w.remote_tag = std::string{m.from_tag()};
  w.local = std::string{m.to_value()};
  w.remote = std::string{m.from_value().substr(0, m.from_value().find(";tag="))};
  w.target = uri_in(request->header("Contact"));
  w.until = sim_.clock.now().mono + seconds(expires_in(*request, 0));
  watch_fact(Fact::watch_begins, w);
  transactions_.respond(
      request, 200, local_tag,
      "Contact: <" + contact_ + ">\nExpires: " + request->header("Expires") + "\n", {}, connection);
  notify(w, "active;expires=" + request->header("Expires"));
  news(w);
  if (p.end == WatchPlan::End::terminated) {
    watch_later(p.ends, id, [](UserAgent& self, Watch& it) {
      self.notify(it, "terminated;reason=noresource");
    });
  } else if (p.end == WatchPlan::End::notifier_forgets) {
    watch_later(p.ends, id, [](UserAgent& self, Watch& it) { self.watch_over(it, "forgotten"); });
  }
}

void UserAgent::news(Watch& w) {
  watch_later(sim_.watches[w.number].news, w.id, [](UserAgent& self, Watch& it) {
    const auto left = std::chrono::duration_cast<seconds>(it.until - self.sim_.clock.now().mono);
    if (left <= seconds(0)) return self.notify(it, "terminated;reason=timeout");
    self.notify(it, "active;expires=" + std::to_string(left.count()));
    self.news(it);
  });
}

void UserAgent::notify(Watch& w, const std::string& state) {
  Draft d = watch_draft(w, "NOTIFY");
  d.headers += "Subscription-State: " + state + "\n";
  transactions_.request(d, way(), [this, id = w.id, life = life_](const TextRef& said) {
    const auto found = watches_.find(id);
    if (life != life_ || found == watches_.end()) return;
    if (!said) return watch_over(found->second, "NOTIFY unanswered");
    if (said->status() == 481) watch_over(found->second, "481 to a NOTIFY");
  });
  if (state.starts_with("terminated")) watch_over(w, "ended by its notifier");
}

}  // namespace usher::sim
