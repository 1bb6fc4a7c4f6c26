// The subscriptions as they are shown: all that are counted, whose they are, and until when.
#include <doctest/doctest.h>

#include <map>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kBlf = "Event: dialog\r\nExpires: 3600\r\n";
constexpr std::string_view kActive = "Event: dialog\r\nSubscription-State: active;expires=3600\r\n";

// What one shows, in values that outlive the next input.
struct Shown {
  sip::SubscriptionId id;
  std::string state, event, subscriber, notifier, domain, key;
  bool refer = false, in_call = false;
};

std::vector<Shown> shown(const House& net, sip::SubscriptionId after = {}) {
  std::vector<Shown> out;
  net.stack->each_subscription(after, [&](const sip::SubscriptionView& s) {
    CHECK(after < s.id);
    CHECK((out.empty() || out.back().id < s.id));
    out.push_back({s.id, std::string(s.state), std::string(s.package), std::string(s.subscriber),
                   std::string(s.notifier), std::string(s.domain), std::string(s.key), s.refer,
                   s.in_call});
    const auto found = net.stack->subscription(s.id);
    REQUIRE(found.has_value());
    CHECK(found->subscriber_call_id == s.subscriber_call_id);
    return true;
  });
  if (!after) CHECK_EQ(out.size(), net.stack->counts().subscriptions);
  return out;
}

void notify(Party& notifier, Party& subscriber, std::string_view extra = kActive) {
  notifier.request("NOTIFY", {}, extra);
  subscriber.respond(subscriber.expect("NOTIFY"), 200);
  notifier.expect("200 NOTIFY");
}

void subscribe(House& net, std::string_view extra = kBlf) {
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", extra);
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 200, {}, "Expires: 3600\r\n");
  net.phone.expect("200 SUBSCRIBE");
}

void refer(Party& from, Party& to) {
  from.request("REFER", {}, "Refer-To: <sip:403@a.test>\r\n");
  to.respond(to.expect("REFER"), 202);
  from.expect("202 REFER");
}

}  // namespace

TEST_CASE("a BLF shows who asks whom, where both are, in which state and until when") {
  House net;
  net.plan.key = "k1";
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
  CHECK_EQ(shown(net).at(0).state, "asked");
  const Seen request = net.backend.expect("SUBSCRIBE");
  net.backend.respond(request, 200, {}, "Expires: 1800\r\n");
  net.phone.expect("200 SUBSCRIBE");
  CHECK_EQ(shown(net).at(0).state, "accepted");
  const Instant granted = net.now().mono + seconds(1800);
  CHECK(net.stack->subscription(shown(net).at(0).id)->expires == granted);
  notify(net.backend, net.phone);

  const auto id = shown(net).at(0).id;
  const auto s = net.stack->subscription(id);
  REQUIRE(s.has_value());
  CHECK_EQ(s->state, "live");
  CHECK_EQ(s->package, "dialog");
  CHECK_EQ(s->key, "k1");
  CHECK_EQ(s->domain, "a.test");
  CHECK_EQ(s->subscriber, "sip:401@a.test");
  CHECK_EQ(s->notifier, "sip:402@a.test");
  CHECK(s->subscriber_side == sip::Side::phone);
  CHECK_EQ(s->subscriber_at.text(), "192.0.2.20:5062");
  CHECK_EQ(s->notifier_at.text(), "10.0.1.100:5060");
  CHECK_EQ(s->subscriber_call_id, net.phone.call_id);
  CHECK_EQ(s->notifier_call_id, request.message->call_id());
  CHECK_FALSE(s->refer);
  CHECK_FALSE(s->in_call);
  CHECK_EQ(s->attempt, 5060);
  CHECK_EQ(net.stack->subscriptions_of("a.test"), 1);
  CHECK_EQ(net.stack->subscriptions_of("b.test"), 0);

  net.phone.request("SUBSCRIBE", {}, "Event: dialog\r\nExpires: 0\r\n");
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 200, {}, "Expires: 0\r\n");
  net.phone.expect("200 SUBSCRIBE");
  CHECK_EQ(shown(net).at(0).state, "leaving");
  notify(net.backend, net.phone, "Event: dialog\r\nSubscription-State: terminated\r\n");
  CHECK(shown(net).empty());
  CHECK_FALSE(net.stack->subscription(id).has_value());
  net.expect_quiet();
}

TEST_CASE("they come in the order of their ids, from behind one on, until the visitor has enough") {
  House net;
  for (int i = 0; i < 5; ++i) {
    subscribe(net);
    notify(net.backend, net.phone);
  }
  const auto all = shown(net);
  REQUIRE_EQ(all.size(), 5);
  const auto rest = shown(net, all[2].id);
  REQUIRE_EQ(rest.size(), 2);
  CHECK(rest[0].id == all[3].id);
  CHECK(shown(net, all[4].id).empty());
  std::size_t visited = 0;
  net.stack->each_subscription({}, [&](const sip::SubscriptionView&) { return ++visited < 2; });
  CHECK_EQ(visited, 2);
  // The place of one that has ended is no other's, and a cursor on it goes on behind it.
  net.phone.request("SUBSCRIBE", {}, "Event: dialog\r\nExpires: 0\r\n");
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 200, {}, "Expires: 0\r\n");
  net.phone.expect("200 SUBSCRIBE");
  notify(net.backend, net.phone, "Event: dialog\r\nSubscription-State: terminated\r\n");
  CHECK_EQ(shown(net).size(), 4);
  CHECK_FALSE(net.stack->subscription(all[4].id).has_value());
  subscribe(net);
  CHECK_FALSE(net.stack->subscription(all[4].id).has_value());
  CHECK_EQ(shown(net, all[4].id).size(), 1);
}

TEST_CASE("the REFERs of a call have its key, and outlive it in the list as they do in the count") {
  House net;
  net.plan.key = "k1";
  net.set_up();
  refer(net.phone, net.backend);
  refer(net.backend, net.phone);
  const auto both = shown(net);
  REQUIRE_EQ(both.size(), 2);
  for (const Shown& s : both) {
    CHECK_EQ(s.key, net.stack->calls().at(0).key);
    CHECK_EQ(s.event, "refer");
    CHECK(s.refer);
    CHECK(s.in_call);
    CHECK_EQ(s.domain, "a.test");
  }
  CHECK_EQ(both[0].subscriber, "sip:401@a.test");
  CHECK_EQ(both[0].notifier, "sip:402@a.test");
  CHECK_EQ(both[1].subscriber, "sip:402@a.test");
  CHECK_EQ(both[1].notifier, "sip:401@a.test");
  const auto other = net.stack->subscription(both[1].id);
  CHECK(other->subscriber_side == sip::Side::backend);
  CHECK_EQ(other->subscriber_at.text(), "10.0.1.100:5060");
  CHECK_EQ(other->notifier_at.text(), "192.0.2.20:5062");
  net.hang_up();
  CHECK_EQ(net.stack->counts().calls, 0);
  REQUIRE_EQ(shown(net).size(), 2);
  CHECK(shown(net)[0].in_call);
  net.advance(seconds(32));  // both without a NOTIFY
  CHECK(shown(net).empty());
  net.expect_quiet();
}

TEST_CASE("a backend that asks a phone is shown with the phone's address of record") {
  House net;
  net.plan.to_uri = "sip:401@a.test";
  net.backend.begin("SUBSCRIBE", "sip:401~token@203.0.113.5", "Event: presence\r\n");
  net.phone.respond(net.phone.expect("SUBSCRIBE"), 200, {}, "Expires: 60\r\n");
  net.backend.expect("200 SUBSCRIBE");
  const auto s = net.stack->subscription(shown(net).at(0).id);
  CHECK(s->subscriber_side == sip::Side::backend);
  CHECK_EQ(s->notifier, "sip:401@a.test");
  CHECK_EQ(s->subscriber.find("10.0.1."), std::string_view::npos);
  CHECK_EQ(s->notifier_at.text(), "192.0.2.20:5062");
  CHECK_EQ(s->attempt, 0);
}

TEST_CASE("a further notifier is one more, and all are there after a restart") {
  House net;
  subscribe(net);
  notify(net.backend, net.phone);
  net.backend.local_tag = "the-other-fork";
  notify(net.backend, net.phone);
  const auto before = shown(net);
  REQUIRE_EQ(before.size(), 2);
  CHECK_EQ(before[1].subscriber, before[0].subscriber);
  const Instant expires = net.stack->subscription(before[0].id)->expires;

  std::map<std::string, sip::SubscriptionCheckpoint> kept;
  for (sip::SubscriptionChanged& e : net.taken<sip::SubscriptionChanged>())
    kept[e.checkpoint.id] = e.checkpoint;
  REQUIRE_EQ(kept.size(), 2);
  net.stack = std::make_unique<sip::Stack>(House::default_config(), net.log);
  for (const auto& entry : kept)
    REQUIRE(net.stack->restore(net.now(), {entry.second, net.plan.hidden}).has_value());
  net.flush();
  const auto after = shown(net);
  REQUIRE_EQ(after.size(), 2);
  for (const Shown& s : after) {
    CHECK_EQ(s.state, "live");
    CHECK_EQ(s.subscriber, "sip:401@a.test");
    CHECK_EQ(s.notifier, "sip:402@a.test");
    CHECK_EQ(s.domain, "a.test");
    CHECK_EQ(s.key, before[0].key);
    CHECK_FALSE(s.in_call);
    CHECK(net.stack->subscription(s.id)->expires - expires < seconds(1));
  }
  CHECK_EQ(net.stack->subscriptions_of("a.test"), 2);
}
