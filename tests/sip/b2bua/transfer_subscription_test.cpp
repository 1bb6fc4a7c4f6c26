// Subscriptions within the dialogs of calls (RFC 6665 4.5.2, RFC 5057), REFER's above all (RFC
// 3515).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "core/limits.hpp"
#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

// A REFER with its 202. Gives the request as the other side saw it.
Seen refer(Party& from, Party& to) {
  from.request("REFER", {}, "Refer-To: <sip:403@a.test>\r\n");
  const Seen seen = to.expect("REFER");
  to.respond(seen, 202);
  from.expect("202 REFER");
  return seen;
}

std::string frag(std::string_view event, std::string_view state) {
  return fmt::format("Event: {}\r\nSubscription-State: {}\r\nContent-Type: message/sipfrag\r\n",
                     event, state);
}

Seen notify(Party& from, Party& to, std::string_view event, std::string_view state) {
  from.request("NOTIFY", "SIP/2.0 100 Trying", frag(event, state));
  const Seen seen = to.expect("NOTIFY");
  CHECK_EQ(seen.body(), "SIP/2.0 100 Trying");
  to.respond(seen, 200);
  from.expect("200 NOTIFY");
  return seen;
}

}  // namespace

TEST_CASE("a phone that transfers and hangs up at once still hears how it went") {
  House net;
  net.set_up();
  const Seen seen = refer(net.phone, net.backend);
  const std::uint32_t cseq = net.phone.cseq;
  net.hang_up();
  CHECK_EQ(net.stack->counts().calls, 0);
  CHECK_EQ(net.taken<sip::CallEnded>().size(), 1);
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(seconds(20));
  CHECK_EQ(notify(net.backend, net.phone, "refer", "active;expires=120").header("Event"), "refer");
  net.advance(seconds(60));  // its transactions are over; the subscription keeps the legs
  CHECK_EQ(net.stack->counts().legs, 2);
  const Seen last =
      notify(net.backend, net.phone, fmt::format("refer;id={}", seen.message->cseq().number),
             "terminated;reason=noresource");
  CHECK_EQ(last.header("Event"), fmt::format("refer;id={}", cseq));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.backend.request("NOTIFY", {}, frag("refer", "active;expires=60"));
  net.backend.expect("481 NOTIFY");
  net.expect_quiet();
}

TEST_CASE("after BYE the other requests get 481, a repeated BYE 200, and a REFER goes on") {
  House net;
  net.set_up();
  refer(net.phone, net.backend);
  net.hang_up();
  for (const std::string method : {"INFO", "UPDATE", "MESSAGE", "OPTIONS"}) {
    net.phone.request(method);
    net.phone.expect("481 " + method);
  }
  net.phone.request("INVITE", kSdpOffer);
  net.phone.ack_refusal(net.phone.expect("481 INVITE"));
  net.backend.request("BYE");
  net.backend.expect("200 BYE");
  net.backend.expect_nothing();
  refer(net.phone, net.backend);
  CHECK_EQ(net.stack->counts().subscriptions, 2);
  // Both expire without a NOTIFY.
  net.advance(seconds(32));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a NOTIFY crosses the BYE, whichever comes first") {
  House net;
  net.set_up();
  refer(net.phone, net.backend);
  SUBCASE("the NOTIFY is under way when the BYE comes") {
    net.backend.request("NOTIFY", "x", frag("refer", "active;expires=60"));
    const Seen seen = net.phone.expect("NOTIFY");
    net.hang_up();
    net.phone.respond(seen, 200);
    net.backend.expect("200 NOTIFY");
  }
  SUBCASE("the BYE is under way when the NOTIFY comes") {
    net.phone.request("BYE");
    const Seen bye = net.backend.expect("BYE");
    notify(net.backend, net.phone, "refer", "active;expires=60");
    net.backend.respond(bye, 200);
    net.phone.expect("200 BYE");
  }
  SUBCASE("the backend ends the call when it has told the end of the transfer") {
    net.backend.request("BYE");
    const Seen bye = net.phone.expect("BYE");
    notify(net.backend, net.phone, "refer", "active;expires=60");
    net.phone.respond(bye, 200);
    net.backend.expect("200 BYE");
  }
  CHECK_EQ(net.stack->counts().calls, 0);
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  notify(net.backend, net.phone, "refer", "terminated;reason=noresource");
  net.expect_quiet();
}

TEST_CASE("the REFERs of one dialog are told apart by their CSeq, which each leg has its own of") {
  House net;
  net.set_up();
  const std::uint32_t first = refer(net.phone, net.backend).message->cseq().number;
  const std::uint32_t first_own = net.phone.cseq;
  const std::uint32_t second = refer(net.phone, net.backend).message->cseq().number;
  const std::uint32_t second_own = net.phone.cseq;
  const std::uint32_t third = refer(net.backend, net.phone).message->cseq().number;
  const std::uint32_t third_own = net.backend.cseq;
  CHECK_EQ(net.stack->counts().subscriptions, 3);
  const auto id = [](std::uint32_t cseq) { return fmt::format("refer;id={}", cseq); };
  CHECK_NE(first, first_own);
  CHECK_EQ(notify(net.backend, net.phone, id(second), "active;expires=60").header("Event"),
           id(second_own));
  CHECK_EQ(notify(net.backend, net.phone, id(first), "active;expires=60").header("Event"),
           id(first_own));
  CHECK_EQ(notify(net.phone, net.backend, id(third), "active;expires=60").header("Event"),
           id(third_own));
  // The subscriber ends the second one: its SUBSCRIBE is mapped the other way.
  net.phone.request("SUBSCRIBE", {}, fmt::format("Event: {}\r\nExpires: 0\r\n", id(second_own)));
  const Seen end = net.backend.expect("SUBSCRIBE");
  CHECK_EQ(end.header("Event"), id(second));
  net.backend.respond(end, 200, {}, "Expires: 0\r\n");
  net.phone.expect("200 SUBSCRIBE");
  notify(net.backend, net.phone, id(second), "terminated;reason=timeout");
  CHECK_EQ(net.stack->counts().subscriptions, 2);
  notify(net.backend, net.phone, "refer", "terminated;reason=noresource");  // the first one's
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.hang_up();
  notify(net.phone, net.backend, id(third), "terminated;reason=noresource");
  net.expect_quiet();
}

TEST_CASE("a REFER that makes no subscription keeps nothing after BYE") {
  House net;
  net.set_up();
  SUBCASE("Refer-Sub: false in the 202") {
    net.phone.request("REFER", {}, "Refer-To: <sip:403@a.test>\r\nRefer-Sub: false\r\n");
    net.backend.respond(net.backend.expect("REFER"), 202, {}, "Refer-Sub: false\r\n");
    net.phone.expect("202 REFER");
  }
  SUBCASE("Require: nosub") {
    net.phone.request("REFER", {}, "Refer-To: <sip:403@a.test>\r\nRequire: nosub\r\n");
    net.backend.respond(net.backend.expect("REFER"), 200);
    net.phone.expect("200 REFER");
  }
  SUBCASE("refused") {
    net.phone.request("REFER", {}, "Refer-To: <sip:403@a.test>\r\n");
    net.backend.respond(net.backend.expect("REFER"), 603);
    net.phone.expect("603 REFER");
  }
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.hang_up();
  net.backend.request("NOTIFY", {}, frag("refer", "active;expires=60"));
  net.backend.expect("481 NOTIFY");
  net.expect_quiet();
}

TEST_CASE("a 404 to a REFER is about its target: the other subscriptions and the call go on") {
  House net;
  net.set_up();
  const std::uint32_t first = refer(net.phone, net.backend).message->cseq().number;
  net.phone.request("REFER", {}, "Refer-To: <sip:999@a.test>\r\n");
  net.backend.respond(net.backend.expect("REFER"), 404);
  net.phone.expect("404 REFER");
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  CHECK_EQ(net.stack->counts().calls, 1);
  // To a NOTIFY it says that the dialog is gone.
  net.backend.request("NOTIFY", "x", frag(fmt::format("refer;id={}", first), "active;expires=60"));
  net.phone.respond(net.phone.expect("NOTIFY"), 404);
  net.backend.expect("404 NOTIFY");
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a SUBSCRIBE in a call's dialog lives on after the edge has ended the call") {
  House net;
  net.set_up();
  const std::string event = "Event: dialog;id=77\r\n";
  net.phone.request("SUBSCRIBE", {}, event + "Expires: 600\r\n");
  const Seen request = net.backend.expect("SUBSCRIBE");
  CHECK_EQ(request.header("Event"), "dialog;id=77");
  net.backend.respond(request, 200, {}, "Expires: 600\r\n");
  net.phone.expect("200 SUBSCRIBE");
  CHECK_EQ(notify(net.backend, net.phone, "dialog;id=77", "active;expires=600").header("Event"),
           "dialog;id=77");
  REQUIRE(
      net.stack->end_call(net.now(), net.stack->calls().at(0).call, "by the operator").has_value());
  net.flush();
  net.phone.respond(net.phone.expect("BYE"), 200);
  net.backend.respond(net.backend.expect("BYE"), 200);
  notify(net.backend, net.phone, "dialog;id=77", "active;expires=100");
  net.advance(seconds(131));
  CHECK_EQ(net.stack->counts().subscriptions, 1);
  net.advance(seconds(1));
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.expect_quiet();
}

TEST_CASE("a dialog holds a limited number of subscriptions") {
  House net;
  net.set_up();
  for (std::size_t i = 0; i < limits::kSubscriptionsPerDialog; ++i) refer(net.phone, net.backend);
  net.phone.request("REFER", {}, "Refer-To: <sip:403@a.test>\r\n");
  net.phone.expect("403 REFER");
  net.backend.expect_nothing();
  CHECK_EQ(net.stack->counts().subscriptions, limits::kSubscriptionsPerDialog);
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("a NOTIFY of no known subscription crosses while the dialog lives") {
  House net;
  net.set_up();
  net.backend.request("NOTIFY", {}, "Event: talk\r\nSubscription-State: active\r\n");
  net.phone.respond(net.phone.expect("NOTIFY"), 481);
  net.backend.expect("481 NOTIFY");
  CHECK_EQ(net.stack->counts().subscriptions, 0);
  net.hang_up();
  net.expect_quiet();
}
