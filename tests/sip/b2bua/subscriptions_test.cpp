// Dialogs made by SUBSCRIBE and REFER (docs/specs/subscription.md).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "core/limits.hpp"
#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

constexpr std::string_view kBlf = "Event: dialog\r\nExpires: 3600\r\n";
constexpr std::string_view kActive =
    "Event: dialog\r\nSubscription-State: active;expires=3600\r\nContent-Type: "
    "application/dialog-info+xml\r\n";
constexpr std::string_view kTerminated =
    "Event: dialog\r\nSubscription-State: terminated;reason=timeout\r\n";
constexpr std::string_view kInfo = "<dialog-info state=\"full\"/>";

bool shows_no_backend(const Seen& seen) {
  return seen.text().find("10.0.1.") == std::string_view::npos;
}

// The notifier's NOTIFY with its 200.
Seen notify(Party& notifier, Party& subscriber, std::string_view extra = kActive,
            std::string_view body = kInfo) {
  notifier.request("NOTIFY", body, extra);
  const Seen seen = subscriber.expect("NOTIFY");
  subscriber.respond(seen, 200);
  notifier.expect("200 NOTIFY");
  return seen;
}

// A subscription up to its first NOTIFY, all taken from the inboxes.
Seen subscribe(House& net, std::string_view extra = kBlf) {
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", extra);
  const Seen request = net.backend.expect("SUBSCRIBE");
  net.backend.respond(request, 200, {}, "Expires: 3600\r\n");
  net.phone.expect("200 SUBSCRIBE");
  notify(net.backend, net.phone);
  return request;
}

void unsubscribe(House& net) {
  net.phone.request("SUBSCRIBE", {}, "Event: dialog\r\nExpires: 0\r\n");
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 200, {}, "Expires: 0\r\n");
  net.phone.expect("200 SUBSCRIBE");
  notify(net.backend, net.phone, kTerminated, {});
}

// A request in the dialog finds nobody.
void expect_gone(House& net) {
  net.backend.request("NOTIFY", {}, kActive);
  net.backend.expect("481 NOTIFY");
  net.phone.request("SUBSCRIBE", {}, kBlf);
  net.phone.expect("481 SUBSCRIBE");
}

}  // namespace

TEST_CASE("a BLF: two dialogs, NOTIFYs, a refresh, the end; no backend shows to the phone") {
  House net;
  net.phone.record_route = "<sip:192.0.2.9;lr>";
  net.phone.begin("SUBSCRIBE", "sip:402@a.test",
                  "Event: dialog\r\nExpires: 3600\r\nAccept: application/dialog-info+xml\r\n");
  const Seen request = net.backend.expect("SUBSCRIBE");
  CHECK_NE(request.message->call_id(), net.phone.call_id);
  CHECK_NE(request.message->from_tag(), net.phone.local_tag);
  CHECK_EQ(request.header("Event"), "dialog");
  CHECK_EQ(request.header("Contact"), "<sip:401~token@203.0.113.5:5060>");
  CHECK(request.all("Record-Route").empty());
  CHECK_EQ(request.header("Max-Forwards"), "69");
  net.backend.respond(request, 200, {}, "Expires: 1800\r\n");
  const Seen answer = net.phone.expect("200 SUBSCRIBE");
  CHECK_EQ(answer.header("Expires"), "1800");
  CHECK_EQ(answer.header("Contact"), "<sip:402@203.0.113.5:5060>");
  CHECK_EQ(answer.header("Record-Route"), net.phone.record_route);
  CHECK(shows_no_backend(answer));
  net.phone.routes.clear();

  const Seen first = notify(net.backend, net.phone);
  CHECK_EQ(first.message->call_id(), net.phone.call_id);
  CHECK_EQ(first.message->from_tag(), answer.message->to_tag());
  CHECK_EQ(first.message->to_tag(), net.phone.local_tag);
  CHECK_EQ(first.message->request_uri(), net.phone.contact_uri());
  CHECK_EQ(first.header("Route"), net.phone.record_route);
  CHECK_EQ(first.header("Subscription-State"), "active;expires=3600");
  CHECK_EQ(first.header("Contact"), "<sip:402@203.0.113.5:5060>");
  CHECK_EQ(first.body(), kInfo);
  CHECK(shows_no_backend(first));
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  CHECK_EQ(net.taken<sip::RelayEnded>().size(), 1);

  net.advance(seconds(1700));
  net.phone.request("SUBSCRIBE", {}, kBlf);
  const Seen refresh = net.backend.expect("SUBSCRIBE");
  CHECK_EQ(refresh.message->call_id(), request.message->call_id());
  CHECK_EQ(refresh.message->cseq().number, request.message->cseq().number + 1);
  CHECK_EQ(refresh.message->request_uri(), net.backend.contact_uri());
  net.backend.respond(refresh, 200, {}, "Expires: 1800\r\n");
  net.phone.expect("200 SUBSCRIBE");
  notify(net.backend, net.phone);
  net.advance(seconds(1700));
  notify(net.backend, net.phone);
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  CHECK_EQ(net.stack->counts().legs, 2);
  unsubscribe(net);
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  expect_gone(net);
  net.expect_quiet();
}

TEST_CASE("a fetch lives until its one NOTIFY is answered") {
  House net;
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", "Event: presence\r\nExpires: 0\r\n");
  const Seen request = net.backend.expect("SUBSCRIBE");
  const std::string last = "Event: presence\r\nSubscription-State: terminated;reason=timeout\r\n";
  SUBCASE("after the 200") {
    net.backend.respond(request, 200, {}, "Expires: 0\r\n");
    net.phone.expect("200 SUBSCRIBE");
    notify(net.backend, net.phone, last);
  }
  SUBCASE("before the 200") {
    notify(net.backend, net.phone, last);
    net.backend.respond(request, 200, {}, "Expires: 0\r\n");
    const Seen answer = net.phone.expect("200 SUBSCRIBE");
    CHECK(shows_no_backend(answer));
  }
  SUBCASE("that never comes") {
    net.backend.respond(request, 200, {}, "Expires: 0\r\n");
    net.phone.expect("200 SUBSCRIBE");
    net.advance(milliseconds(31'999));
    CHECK_EQ(net.stack->counts().subscriptions, 1);
    net.advance(milliseconds(1));
  }
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a NOTIFY before the 2xx makes the dialog, with its own route set") {
  House net;
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
  const Seen request = net.backend.expect("SUBSCRIBE");
  net.backend.raw(fmt::format(
      "NOTIFY {} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.100:5060;branch=z9hG4bK-early;rport\r\n"
      "Max-Forwards: 70\r\nRecord-Route: <sip:10.0.1.101:5060;lr>\r\nFrom: {};tag={}\r\nTo: {}\r\n"
      "Call-ID: {}\r\nCSeq: 7 NOTIFY\r\nContact: <sip:other@10.0.1.100:5060>\r\nEvent: dialog\r\n"
      "Subscription-State: active;expires=600\r\nContent-Length: 0\r\n\r\n",
      net.backend.target, request.header("To"), net.backend.local_tag, request.header("From"),
      request.message->call_id()));
  const Seen early = net.phone.expect("NOTIFY");
  const std::string tag(early.message->from_tag());
  CHECK(early.all("Record-Route").empty());
  net.phone.respond(early, 200);
  net.backend.expect("200 NOTIFY");
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.backend.respond(request, 200, {}, "Expires: 600\r\n");
  CHECK_EQ(net.phone.expect("200 SUBSCRIBE").message->to_tag(), tag);
  net.phone.request("SUBSCRIBE", {}, kBlf);
  const Seen refresh = net.second.expect("SUBSCRIBE");  // by the NOTIFY's route, not by the 200's
  CHECK_EQ(refresh.message->request_uri(), "sip:other@10.0.1.100:5060");
  net.second.respond(refresh, 200, {}, "Expires: 600\r\n");
  net.phone.expect("200 SUBSCRIBE");
  net.advance(seconds(631));
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(seconds(1));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a subscription that nobody refreshes is forgotten 64*T1 after its expiry") {
  House net;
  subscribe(net);
  Duration expiry = seconds(3600);
  SUBCASE("as granted") {}
  SUBCASE("shortened by a NOTIFY") {
    notify(net.backend, net.phone,
           "Event: dialog\r\nSubscription-State: active;expires=60\r\nContent-Type: x/y\r\n");
    expiry = seconds(60);
  }
  net.advance(expiry + seconds(32) - microseconds(1));
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(microseconds(1));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  CHECK(net.log_text.find("was not refreshed") != std::string::npos);
  net.backend.request("NOTIFY", {}, kActive);
  net.backend.expect("481 NOTIFY");
  net.expect_quiet();
}

TEST_CASE("a challenge crosses, and the answer to it makes the subscription") {
  House net;
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 401, {},
                      "WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"1\"\r\n");
  CHECK_EQ(net.phone.expect("401").header("WWW-Authenticate"),
           "Digest realm=\"asterisk\",nonce=\"1\"");
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.phone.remote_tag.clear();
  net.phone.request("SUBSCRIBE", {},
                    std::string(kBlf) + "Authorization: Digest username=\"401\"\r\n");
  const Seen request = net.backend.expect("SUBSCRIBE");
  CHECK_EQ(request.header("Authorization"), "Digest username=\"401\"");
  net.backend.respond(request, 200, {}, "Expires: 3600\r\n");
  net.phone.expect("200 SUBSCRIBE");
  notify(net.backend, net.phone);
  // A refresh may be challenged as well.
  net.phone.request("SUBSCRIBE", {}, kBlf);
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 401, {},
                      "WWW-Authenticate: Digest realm=\"asterisk\",nonce=\"2\"\r\n");
  net.phone.expect("401");
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  unsubscribe(net);
  net.expect_quiet();
}

TEST_CASE("refusals pass with what they say and leave nothing") {
  for (const auto& [status, header, value] : {std::tuple{423, "Min-Expires", "60"},
                                              {489, "Allow-Events", "dialog, message-summary"},
                                              {404, "X-Why", "nobody"},
                                              {302, "Contact", "<sip:402@a.test>"}}) {
    CAPTURE(status);
    House net;
    net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
    net.backend.respond(net.backend.expect("SUBSCRIBE"), status, {},
                        fmt::format("{}: {}\r\n", header, value));
    CHECK_EQ(net.phone.expect(std::to_string(status)).header(header), value);
    CHECK_EQ(net.stack->counts().subscriptions, 0);
    net.backend.request("NOTIFY", {}, kActive);
    net.backend.expect("481 NOTIFY");
    net.expect_quiet();
  }
}

TEST_CASE("a request that no dialog can be made of is the receiver's to refuse") {
  House net;
  for (const std::string method : {"SUBSCRIBE", "REFER"}) {
    net.phone.request_out(method, "sip:402@a.test", {}, "Event: dialog\r\n");
    net.backend.respond(net.backend.expect(method), 400);
    net.phone.expect("400 " + method);
    CHECK_EQ(net.stack->counts().legs, 0);
  }
  net.expect_quiet();
}

TEST_CASE("what a failed NOTIFY ends") {
  House net;
  subscribe(net);
  net.backend.request("NOTIFY", kInfo, kActive);
  const Seen seen = net.phone.expect("NOTIFY");
  bool ends = true;
  SUBCASE("481") {
    net.phone.respond(seen, 481);
    net.backend.expect("481 NOTIFY");
  }
  SUBCASE("489") {
    net.phone.respond(seen, 489);
    net.backend.expect("489 NOTIFY");
  }
  SUBCASE("404") {
    net.phone.respond(seen, 404);
    net.backend.expect("404 NOTIFY");
  }
  SUBCASE("500 and 401: nothing") {
    net.phone.respond(seen, 500);
    net.backend.expect("500 NOTIFY");
    net.backend.request("NOTIFY", kInfo, kTerminated);
    net.phone.respond(net.phone.expect("NOTIFY"), 401);
    net.backend.expect("401 NOTIFY");
    ends = false;
  }
  SUBCASE("silence") {
    net.advance(seconds(33));
    net.phone.inbox.clear();
    net.backend.expect("100 NOTIFY");
    net.backend.expect_nothing();
  }
  SUBCASE("a last one that is refused") {
    net.phone.respond(seen, 200);
    net.backend.expect("200 NOTIFY");
    net.backend.request("NOTIFY", {}, kTerminated);
    net.phone.respond(net.phone.expect("NOTIFY"), 500);
    net.backend.expect("500 NOTIFY");
  }
  CHECK_EQ(net.stack->counts().subscriptions, ends ? 0 : 1);
  if (ends) {
    expect_gone(net);
  } else {
    unsubscribe(net);
  }
  net.expect_quiet();
}

TEST_CASE("what a failed refresh ends") {
  House net;
  subscribe(net);
  net.phone.request("SUBSCRIBE", {}, kBlf);
  const Seen refresh = net.backend.expect("SUBSCRIBE");
  bool ends = false;
  SUBCASE("481") {
    net.backend.respond(refresh, 481);
    net.phone.expect("481 SUBSCRIBE");
    ends = true;
  }
  SUBCASE("423") {
    net.backend.respond(refresh, 423, {}, "Min-Expires: 60\r\n");
    CHECK_EQ(net.phone.expect("423 SUBSCRIBE").header("Min-Expires"), "60");
  }
  SUBCASE("silence") {
    net.advance(seconds(33));
    net.backend.inbox.clear();
    net.phone.expect("100 SUBSCRIBE");
    net.phone.expect_nothing();
  }
  SUBCASE("a closed port") {
    net.stack->flow_failed(net.now(), net.backend.flow, "connection refused");
    net.flush();
    net.phone.expect("503 SUBSCRIBE");
  }
  CHECK_EQ(net.stack->counts().subscriptions, ends ? 0 : 1);
  if (!ends) unsubscribe(net);
  expect_gone(net);
  net.expect_quiet();
}

TEST_CASE("the next target is tried until one has spoken; the NOTIFYs of the others get 481") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
  const Seen first = net.backend.expect("SUBSCRIBE");
  SUBCASE("silence") {
    net.advance(seconds(4));
    net.phone.expect("100");
    net.backend.inbox.clear();
    const Seen again = net.second.expect("SUBSCRIBE");
    CHECK_NE(again.message->call_id(), first.message->call_id());
    net.backend.request("NOTIFY", kInfo, kActive);
    net.backend.expect("481 NOTIFY");
    net.second.respond(again, 200, {}, "Expires: 3600\r\n");
    net.phone.expect("200 SUBSCRIBE");
    notify(net.second, net.phone);
    net.phone.request("SUBSCRIBE", {}, "Event: dialog\r\nExpires: 0\r\n");
    net.second.respond(net.second.expect("SUBSCRIBE"), 200, {}, "Expires: 0\r\n");
    net.phone.expect("200 SUBSCRIBE");
    notify(net.second, net.phone, kTerminated, {});
    CHECK_EQ(net.taken<sip::AttemptEnded>().size(), 2);
    net.advance(seconds(30));
    net.backend.inbox.clear();  // the first request goes on to its timer F
  }
  SUBCASE("not after a NOTIFY") {
    notify(net.backend, net.phone);
    net.advance(seconds(5));
    net.phone.expect("100");
    net.backend.inbox.clear();
    net.second.expect_nothing();
    net.backend.respond(first, 503);
    net.phone.expect("503");
    net.second.expect_nothing();
    notify(net.backend, net.phone, kTerminated, {});
  }
  SUBCASE("until none is left") {
    net.backend.respond(first, 503);
    net.second.respond(net.second.expect("SUBSCRIBE"), 500);
    net.phone.expect("500");
  }
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("nobody answers: silence, and nothing is left") {
  House net;
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
  net.advance(seconds(40));
  net.backend.inbox.clear();
  net.phone.expect("100");
  net.phone.expect_nothing();
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a 2xx that no NOTIFY follows makes nothing") {
  House net;
  net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf);
  net.backend.respond(net.backend.expect("SUBSCRIBE"), 202);
  net.phone.expect("202");
  net.advance(milliseconds(31'999));
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(milliseconds(1));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a backend subscribes to a phone") {
  House net;
  net.backend.begin("SUBSCRIBE", "sip:401~token@203.0.113.5", "Event: presence\r\n");
  const Seen request = net.phone.expect("SUBSCRIBE");
  CHECK_EQ(request.message->request_uri(), net.phone.contact_uri());
  CHECK(shows_no_backend(request));
  net.phone.respond(request, 200, {}, "Expires: 600\r\n");
  net.backend.expect("200 SUBSCRIBE");
  const std::string state = "Event: presence\r\nSubscription-State: active;expires=600\r\n";
  notify(net.phone, net.backend, state + "Content-Type: application/pidf+xml\r\n");
  net.backend.request("SUBSCRIBE", {}, "Event: presence\r\nExpires: 600\r\n");
  const Seen refresh = net.phone.expect("SUBSCRIBE");
  CHECK(shows_no_backend(refresh));
  net.phone.respond(refresh, 481);
  net.backend.expect("481 SUBSCRIBE");
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("further notifiers of one SUBSCRIBE get dialogs of their own") {
  House net;
  subscribe(net);
  const std::string first_tag = net.phone.remote_tag;
  const std::string own = net.backend.local_tag;
  net.backend.local_tag = "the-other-fork";
  net.backend.cseq = 1;
  const Seen forked = notify(net.backend, net.phone);
  const std::string second_tag(forked.message->from_tag());
  CHECK_NE(second_tag, first_tag);
  CHECK_EQ(forked.message->call_id(), net.phone.call_id);
  CHECK_EQ(notify(net.backend, net.phone).message->from_tag(), second_tag);
  CHECK_EQ(net.stack->counts().subscriptions, 2);
  // Each is refreshed and ends by itself, the first one first.
  net.backend.local_tag = own;
  net.backend.cseq = 200;
  CHECK_EQ(notify(net.backend, net.phone, kTerminated, {}).message->from_tag(), first_tag);
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(seconds(300));
  net.phone.remote_tag = second_tag;
  net.phone.request("SUBSCRIBE", {}, kBlf);
  const Seen refresh = net.backend.expect("SUBSCRIBE");
  CHECK_EQ(refresh.message->to_tag(), "the-other-fork");
  net.backend.respond(refresh, 200, {}, "Expires: 60\r\n");
  net.phone.expect("200 SUBSCRIBE");
  // Too late for a third.
  net.backend.local_tag = "a-third-fork";
  net.backend.request("NOTIFY", kInfo, kActive);
  net.backend.expect("481 NOTIFY");
  net.phone.expect_nothing();
  net.backend.local_tag = "the-other-fork";
  notify(net.backend, net.phone, kTerminated, {});
  net.expect_quiet();
}

TEST_CASE("lost messages are sent again, in each direction") {
  for (std::size_t lost = 1; lost <= 16; ++lost) {
    CAPTURE(lost);
    House net;
    bool done = false;
    Party* sender = nullptr;
    net.loses = [&](const Crossing& c) {
      if (c.number != lost) return false;
      done = true;
      sender = c.to_stack ? const_cast<Party*>(c.party) : nullptr;
      return true;
    };
    // What a party sends is repeated by the script, what the stack sends by itself.
    const auto recover = [&] {
      if (!done) return;
      done = false;
      if (sender != nullptr) return sender->repeat();
      net.advance(milliseconds(500));
    };
    const auto step = [&](auto&& act, Party& receiver) {
      act();
      recover();
      if (receiver.inbox.empty()) net.phone.repeat();
      if (receiver.inbox.empty()) net.backend.repeat();
      while (!receiver.inbox.empty() && receiver.inbox.front().status() == 100)
        receiver.inbox.pop_front();
      REQUIRE_FALSE(receiver.inbox.empty());
    };
    step([&] { net.phone.begin("SUBSCRIBE", "sip:402@a.test", kBlf); }, net.backend);
    const Seen request = net.backend.expect("SUBSCRIBE");
    step([&] { net.backend.respond(request, 200, {}, "Expires: 60\r\n"); }, net.phone);
    net.phone.expect("200 SUBSCRIBE");
    step([&] { net.backend.request("NOTIFY", kInfo, kActive); }, net.phone);
    const Seen first = net.phone.expect("NOTIFY");
    step([&] { net.phone.respond(first, 200); }, net.backend);
    net.backend.expect("200 NOTIFY");
    step([&] { net.backend.request("NOTIFY", {}, kTerminated); }, net.phone);
    const Seen last = net.phone.expect("NOTIFY");
    step([&] { net.phone.respond(last, 200); }, net.backend);
    net.backend.expect("200 NOTIFY");
    net.advance(seconds(100));
    net.phone.inbox.clear();
    net.backend.inbox.clear();
    net.expect_quiet();
  }
}

TEST_CASE("a REFER outside dialogs makes one; its NOTIFYs need no id") {
  House net;
  net.phone.begin("REFER", "sip:402@a.test", "Refer-To: <sip:403@a.test>\r\n");
  const Seen refer = net.backend.expect("REFER");
  CHECK_EQ(refer.header("Contact"), "<sip:401~token@203.0.113.5:5060>");
  net.backend.respond(refer, 202);
  net.phone.expect("202 REFER");
  SUBCASE("without an id") {
    const std::string event = "Event: refer\r\nSubscription-State: ";
    CHECK_EQ(notify(net.backend, net.phone, event + "active;expires=60\r\n").header("Event"),
             "refer");
    CHECK_EQ(net.stack->counts().subscriptions, 1);
    notify(net.backend, net.phone, event + "terminated;reason=noresource\r\n");
  }
  SUBCASE("with an id") {
    const Seen seen = notify(net.backend, net.phone,
                             fmt::format("Event: refer;id={}\r\nSubscription-State: "
                                         "terminated;reason=noresource\r\n",
                                         refer.message->cseq().number));
    CHECK_EQ(seen.header("Event"), fmt::format("refer;id={}", net.phone.cseq));
  }
  SUBCASE("that no NOTIFY follows") {
    net.advance(seconds(32));
  }
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.backend.request("NOTIFY", {}, "Event: refer\r\nSubscription-State: active;expires=60\r\n");
  net.backend.expect("481 NOTIFY");
  net.expect_quiet();
}

TEST_CASE("a REFER outside dialogs with Refer-Sub: false leaves none when that is granted") {
  House net;
  net.phone.begin("REFER", "sip:402@a.test",
                  "Refer-To: <sip:403@a.test>\r\nRefer-Sub: false\r\nSupported: norefersub\r\n");
  const Seen refer = net.backend.expect("REFER");
  CHECK_EQ(refer.header("Refer-Sub"), "false");
  bool granted = true;
  SUBCASE("granted") {
    net.backend.respond(refer, 200, {}, "Refer-Sub: false\r\n");
    CHECK_EQ(net.phone.expect("200 REFER").header("Refer-Sub"), "false");
  }
  SUBCASE("not granted") {
    net.backend.respond(refer, 202);
    net.phone.expect("202 REFER");
    granted = false;
  }
  CHECK_EQ(net.stack->counts().subscriptions, granted ? 0 : 1);
  net.expect_quiet();
}

TEST_CASE("requests that make no dialog are relayed as before, both ways") {
  House net;
  for (const std::string method : {"NOTIFY", "MESSAGE", "PUBLISH", "INFO", "FROBNICATE"}) {
    for (const bool from_phone : {true, false}) {
      CAPTURE(method);
      Party& asker = from_phone ? net.phone : net.backend;
      Party& other = from_phone ? net.backend : net.phone;
      asker.request_out(method, "sip:402@a.test", "x",
                        "Event: check-sync\r\nSubscription-State: terminated\r\nContact: "
                        "<sip:someone@192.0.2.20>\r\nContent-Type: text/plain\r\n");
      const Seen seen = other.expect(method);
      CHECK_EQ(seen.header("Event"), "check-sync");
      CHECK_EQ(seen.body(), "x");
      other.respond(seen, 202);
      asker.expect("202 " + method);
      CHECK_EQ(net.stack->counts().subscriptions, 0);
      CHECK_EQ(net.stack->counts().legs, 0);
    }
  }
  net.expect_quiet();
}

TEST_CASE("a thousand subscriptions, and after quiet nothing is left") {
  House net;
  for (int i = 0; i < 1000; ++i) subscribe(net);
  CHECK_EQ(net.stack->counts().subscriptions, 1000);
  CHECK_EQ(net.stack->counts().legs, 2000);
  net.advance(seconds(100));
  CHECK_EQ(net.stack->counts().timers, 1000);
  for (int i = 0; i < 4; ++i) net.advance(seconds(1000));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}
