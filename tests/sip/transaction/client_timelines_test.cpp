// Client transactions on a clock: what goes out at which instant, and what the user is told.
#include "tests/sip/transaction/lab.hpp"

using namespace usher;
using namespace usher::sip;
using namespace usher::sip::lab;

TEST_CASE("an INVITE nobody answers is sent seven times and given up at 64*T1") {
  Lab lab;
  lab.send();
  lab.advance(100s);
  CHECK(lab.times("INVITE") == Times{0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms});
  CHECK(lab.sends.size() == 7);  // no ACK, no CANCEL
  REQUIRE(lab.events.size() == 2);
  CHECK(lab.time_of_last<ClientTimedOut>() == 32s);
  CHECK(lab.last<ClientTimedOut>().timer == TimerLetter::B);
  CHECK(lab.last<ClientTimedOut>().cookie == 5);
  CHECK(std::holds_alternative<ClientEnded>(lab.events.back().second));
  CHECK(lab.layer.counts().retransmissions_out == 6);
}

TEST_CASE("each retransmission is the same bytes on the same flow") {
  Lab lab;
  lab.send();
  lab.advance(40s);
  for (const auto& sent : lab.sends) {
    CHECK(sent.text == lab.sends.front().text);
    CHECK(sent.flow == kUdp);
  }
}

TEST_CASE("the intervals follow T1") {
  TransactionTimers timers;
  timers.t1 = 100ms;
  Lab lab(timers);
  lab.send();
  lab.advance(100s);
  CHECK(lab.times("INVITE") == Times{0ms, 100ms, 300ms, 700ms, 1500ms, 3100ms, 6300ms});
  CHECK(lab.time_of_last<ClientTimedOut>() == 6400ms);
}

TEST_CASE("a request other than INVITE is repeated up to every T2, and given up at 64*T1") {
  Lab lab;
  lab.send("OPTIONS");
  lab.advance(100s);
  CHECK(lab.times("OPTIONS") == Times{0ms, 500ms, 1500ms, 3500ms, 7500ms, 11500ms, 15500ms, 19500ms,
                                      23500ms, 27500ms, 31500ms});
  CHECK(lab.time_of_last<ClientTimedOut>() == 32s);
  CHECK(lab.last<ClientTimedOut>().timer == TimerLetter::F);
}

TEST_CASE("over a stream nothing is repeated, and the wait is as long") {
  for (const char* method : {"INVITE", "OPTIONS"}) {
    Lab lab;
    lab.send(method, kTcp);
    lab.advance(100s);
    CHECK(lab.sends.size() == 1);
    CHECK(lab.time_of_last<ClientTimedOut>() == 32s);
  }
}

TEST_CASE("a 1xx in the very instant of the send disarms A and B for good") {
  Lab lab;
  const auto id = lab.send();
  lab.answer(100);
  CHECK(lab.layer.counts().timers == 0);
  lab.advance(3600s);  // rings for an hour: that is the user's business
  CHECK(lab.sends.size() == 1);
  CHECK(lab.count<ClientTimedOut>() == 0);
  CHECK(lab.statuses() == std::vector{100});
  lab.cancel(id);
  lab.answer(487);
}

TEST_CASE("a 1xx that arrives when B is due, but has not fired, wins") {
  Lab lab;
  lab.send();
  lab.advance_to(31999ms);
  lab.now += 1ms;
  lab.answer(180);
  lab.advance(100s);
  CHECK(lab.count<ClientTimedOut>() == 0);
  lab.answer(200);
}

TEST_CASE(
    "every provisional response is handed up, 100 included, and none is repeated to the peer") {
  Lab lab;
  lab.send();
  for (const int status : {100, 180, 180, 183}) lab.answer(status);
  CHECK(lab.statuses() == std::vector{100, 180, 180, 183});
  lab.answer(486);
}

TEST_CASE(
    "a refusal is acknowledged at once and handed up once; its repetitions are acknowledged in "
    "silence") {
  Lab lab;
  lab.send();
  lab.advance_to(50ms);
  lab.answer(100);
  lab.answer(486);
  lab.advance_to(1s);
  lab.answer(486);
  lab.answer(100);
  lab.advance_to(32s);
  lab.answer(486);
  CHECK(lab.statuses() == std::vector{100, 486});
  CHECK(lab.times("ACK") == Times{50ms, 1s, 32s});
  CHECK(lab.sends[1].text == lab.sends[2].text);
  CHECK(lab.count<ClientEnded>() == 0);
  lab.advance(1s);
  CHECK(lab.time_of_last<ClientEnded>() == 32050ms);  // D: 32 s after the refusal
  CHECK(lab.count<ClientTimedOut>() == 0);
  lab.answer(486);  // later still: nobody's
  CHECK(lab.times("ACK").size() == 3);
  CHECK(lab.count<StrayResponse>() == 1);
}

TEST_CASE("over a stream a refused INVITE is over with its ACK") {
  Lab lab;
  lab.send("INVITE", kTcp);
  lab.answer(486);
  CHECK(lab.times("ACK").size() == 1);
  CHECK(lab.sends.back().flow == kTcp);
  REQUIRE(lab.events.size() == 2);
  CHECK(std::holds_alternative<ResponseReceived>(lab.events[0].second));
  CHECK(std::holds_alternative<ClientEnded>(lab.events[1].second));
  CHECK(lab.layer.counts().timers == 0);
}

TEST_CASE("each 2xx is handed up until M, none is acknowledged here, and a later one is a stray") {
  Lab lab;
  lab.send();
  lab.answer(200);
  lab.advance_to(500ms);
  lab.answer(200);
  lab.answer(200, "another-fork");
  lab.answer(180);
  lab.answer(486, "another-fork");
  lab.advance_to(31999ms);
  lab.answer(200);
  CHECK(lab.statuses() == std::vector{200, 200, 200, 200});
  CHECK(lab.count<ClientEnded>() == 0);
  lab.advance_to(32s);
  CHECK(lab.count<ClientEnded>() == 1);
  CHECK(lab.count<StrayResponse>() == 0);
  lab.answer(200);
  CHECK(lab.statuses().size() == 4);
  CHECK(lab.count<StrayResponse>() == 1);
  CHECK(lab.times("ACK").empty());
}

TEST_CASE(
    "a 2xx after a refusal is a stray for the user to acknowledge and end; the refusal stands") {
  Lab lab;
  lab.send();
  lab.answer(486);
  lab.answer(200, "another-fork");
  CHECK(lab.statuses() == std::vector{486});
  CHECK(lab.count<StrayResponse>() == 1);
  CHECK(lab.times("ACK").size() == 1);
}

TEST_CASE(
    "after a provisional response a request other than INVITE is repeated every T2 until its "
    "answer") {
  Lab lab;
  lab.send("REGISTER");
  lab.advance_to(100ms);
  lab.answer(100);
  lab.advance_to(13s);
  // E was set to fire at 500 ms; from then on every T2.
  CHECK(lab.times("REGISTER") == Times{0ms, 500ms, 4500ms, 8500ms, 12500ms});
  lab.answer(200);
  lab.advance_to(18s);
  CHECK(lab.sends.size() == 5);
  CHECK(lab.statuses() == std::vector{100, 200});
  CHECK(lab.time_of_last<ClientEnded>() == 18s);  // K: T4
}

TEST_CASE("a provisional response doesn't keep a request other than INVITE alive beyond F") {
  Lab lab;
  lab.send("REGISTER");
  lab.answer(100);
  lab.advance(60s);
  CHECK(lab.time_of_last<ClientTimedOut>() == 32s);
}

TEST_CASE(
    "the repeated answer to a request other than INVITE is absorbed until K, over a stream it is "
    "over at once") {
  Lab lab;
  lab.send("BYE");
  lab.answer(200);
  lab.answer(200);
  lab.answer(500);
  CHECK(lab.statuses() == std::vector{200});
  CHECK(lab.layer.counts().retransmissions_in == 2);
  lab.advance_to(4999ms);
  CHECK(lab.count<ClientEnded>() == 0);
  lab.advance_to(5s);
  CHECK(lab.count<ClientEnded>() == 1);
  lab.send("BYE", kTcp);
  lab.answer(200);
  CHECK(lab.count<ClientEnded>() == 2);
}

TEST_CASE("a response to another method with the same branch belongs to nothing") {
  Lab lab;
  lab.send("INVITE");
  lab.receive(response_to(lab.sent_request.as("OPTIONS").text(), 200).view());
  CHECK(lab.statuses().empty());
  CHECK(lab.count<StrayResponse>() == 1);
}

TEST_CASE("branches begin with the magic cookie and don't come twice") {
  Lab lab;
  std::set<std::string> seen;
  for (int i = 0; i < 10000; ++i) {
    const std::string branch = lab.layer.new_branch();
    CHECK(branch.starts_with("z9hG4bK"));
    CHECK(branch.size() >= 20);
    CHECK(seen.insert(branch).second);
  }
}

TEST_CASE(
    "a method without a name of its own in the list is sent, repeated and answered like any "
    "other") {
  Lab lab;
  lab.send("FOO");
  lab.advance_to(500ms);
  CHECK(lab.times("FOO").size() == 2);
  lab.answer(200);
  CHECK(lab.statuses() == std::vector{200});
}
