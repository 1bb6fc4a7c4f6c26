// A subscription outlives its process: another stack goes on from the checkpoints that the first
// one emitted (docs/specs/subscription.md, "Restart").
#include <doctest/doctest.h>

#include <map>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kBlf = "Event: dialog\r\nExpires: 3600\r\n";
constexpr std::string_view kActive = "Event: dialog\r\nSubscription-State: active;expires=3600\r\n";

struct Restarting : House {
  // What the store would hold.
  std::map<std::string, sip::SubscriptionCheckpoint> kept;
  std::size_t written = 0;

  void collect() {
    for (sip::SubscriptionChanged& e : taken<sip::SubscriptionChanged>()) {
      ++written;
      kept[e.checkpoint.id] = e.checkpoint;
    }
    for (const sip::SubscriptionEnded& e : taken<sip::SubscriptionEnded>())
      CHECK_EQ(kept.erase(e.id), 1);
  }
  Result<void> restart() {
    collect();
    sip::StackConfig config = default_config();
    config.seed = ++seed_;
    stack = std::make_unique<sip::Stack>(std::move(config), log);
    Result<void> result;
    for (const auto& [id, checkpoint] : kept) {
      if (auto r = stack->restore(now(), {checkpoint, plan.hidden}); !r) result = r;
    }
    flush();
    collect();
    return result;
  }

  Seen notify(std::string_view extra = kActive) {
    backend.request("NOTIFY", {}, extra);
    Seen seen = phone.expect("NOTIFY");
    CHECK_EQ(seen.message->call_id(), phone.call_id);
    CHECK_EQ(seen.message->to_tag(), phone.local_tag);
    CHECK_GT(seen.message->cseq().number, last_notify);
    last_notify = seen.message->cseq().number;
    CHECK_EQ(seen.text().find("10.0.1."), std::string_view::npos);
    phone.respond(seen, 200);
    backend.expect("200 NOTIFY");
    return seen;
  }
  void subscribe(std::string_view extra = kBlf) {
    phone.begin("SUBSCRIBE", "sip:402@a.test", extra);
    const Seen request = backend.expect("SUBSCRIBE");
    last_subscribe = request.message->cseq().number;
    backend.respond(request, 200, {}, "Expires: 3600\r\n");
    phone.expect("200 SUBSCRIBE");
    notify();
    collect();
  }
  void refresh(std::string_view seconds = "3600") {
    const std::string expires = "Expires: " + std::string(seconds) + "\r\n";
    phone.request("SUBSCRIBE", {}, "Event: dialog\r\n" + expires);
    const Seen request = backend.expect("SUBSCRIBE");
    CHECK_EQ(request.message->call_id(), backend.call_id);
    CHECK_GT(request.message->cseq().number, last_subscribe);
    last_subscribe = request.message->cseq().number;
    backend.respond(request, 200, {}, expires);
    phone.expect("200 SUBSCRIBE");
  }

  std::uint32_t last_notify = 0, last_subscribe = 0;

 private:
  std::uint64_t seed_ = 1000;
};

}  // namespace

TEST_CASE("after a restart NOTIFYs and refreshes cross in their dialogs, until the end") {
  Restarting net;
  net.subscribe();
  REQUIRE_EQ(net.kept.size(), 1);
  REQUIRE(net.restart().has_value());
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.notify();
  net.refresh();
  // At once again: what only the second process has counted must not come again.
  REQUIRE(net.restart().has_value());
  REQUIRE(net.restart().has_value());
  net.refresh();
  net.notify();
  net.refresh("0");
  net.collect();
  CHECK(net.kept.empty());  // what its subscriber has ended is not gone on with
  net.notify("Event: dialog\r\nSubscription-State: terminated;reason=timeout\r\n");
  net.collect();
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a restored subscription expires when it was granted to") {
  Restarting net;
  net.subscribe();
  net.advance(seconds(3000));
  REQUIRE(net.restart().has_value());
  net.advance(seconds(600));
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(seconds(32));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.collect();
  CHECK(net.kept.empty());
  net.expect_quiet();
}

TEST_CASE("one that has expired meanwhile is not gone on with") {
  Restarting net;
  net.subscribe();
  net.kept.begin()->second.expires = net.now().wall;
  const Result<void> restored = net.restart();
  REQUIRE_FALSE(restored.has_value());
  CHECK(restored.error().code == Errc::not_found);
  CHECK_EQ(net.stack->counts().legs, 0);
}

TEST_CASE("a dialog that is there already, and CSeq numbers that are used up, are refused") {
  Restarting net;
  net.subscribe();
  auto checkpoint = net.kept.begin()->second;
  REQUIRE(net.restart().has_value());
  checkpoint.subscriber.dialog.local_cseq = 0x7fffffff;
  const auto used_up = net.stack->restore(net.now(), {checkpoint, net.plan.hidden});
  REQUIRE_FALSE(used_up.has_value());
  CHECK(used_up.error().code == Errc::range);
  CHECK_EQ(net.stack->counts().subscriptions, 1);
}

TEST_CASE("two notifiers of one SUBSCRIBE both go on") {
  Restarting net;
  net.subscribe();
  const std::string first = net.backend.local_tag;
  const std::string phone_tag = net.phone.remote_tag;
  net.backend.local_tag = "the-other-fork";
  net.last_notify = 0;
  const std::string second_tag(net.notify().message->from_tag());
  CHECK_NE(second_tag, phone_tag);
  net.collect();
  REQUIRE_EQ(net.kept.size(), 2);
  REQUIRE(net.restart().has_value());
  CHECK_EQ(net.stack->counts().subscriptions, 2);
  CHECK_EQ(net.notify().message->from_tag(), second_tag);
  net.backend.local_tag = first;
  net.last_notify = 0;
  CHECK_EQ(net.notify().message->from_tag(), phone_tag);
  net.notify("Event: dialog\r\nSubscription-State: terminated;reason=noresource\r\n");
  net.collect();
  CHECK_EQ(net.kept.size(), 1);
  CHECK_EQ(net.stack->counts().subscriptions, 1);
}

TEST_CASE("what says nothing new is not written: NOTIFYs that repeat the time left") {
  Restarting net;
  net.subscribe();
  const std::size_t before = net.written;
  for (int left = 3600; left > 3500; --left) {
    net.advance(seconds(1));
    net.notify("Event: dialog\r\nSubscription-State: active;expires=" + std::to_string(left) +
               "\r\n");
  }
  net.collect();
  CHECK_EQ(net.written, before);
  net.refresh();
  net.collect();
  CHECK_EQ(net.written, before + 1);
}

TEST_CASE("a fetch, and what no NOTIFY has confirmed, has no checkpoint") {
  Restarting net;
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", "Event: presence\r\nExpires: 0\r\n");
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 200, {}, "Expires: 0\r\n");
  net.phone.expect("200 SUBSCRIBE");
  net.notify("Event: presence\r\nSubscription-State: terminated;reason=timeout\r\n");
  net.collect();
  CHECK_EQ(net.written, 0);
}
