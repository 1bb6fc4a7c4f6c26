// OPTIONS within the dialogs of a call: who is gone, and who is merely slow.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

using namespace usher;
using namespace usher::test;

namespace {

sip::StackConfig asking() {
  sip::StackConfig config = Network::default_config();
  config.call_probe = seconds(60);
  return config;
}

void ended_by_the_edge(House& net, std::string_view why) {
  for (Party* party : {&net.phone, &net.backend}) {
    const Seen bye = party->expect("BYE");
    CHECK_NE(bye.header("Reason").find(why), std::string::npos);
    party->respond(bye, 200);
  }
}

}  // namespace

TEST_CASE("nobody is asked unless the operator wants it") {
  House net;
  net.set_up();
  net.advance(seconds(7200));
  net.phone.expect_nothing();
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("both peers are asked within their dialogs, and the CSeqs of the call go on from there") {
  House net(asking());
  net.set_up();
  for (int i = 0; i < 5; ++i) {
    net.advance(seconds(60));
    for (Party* party : {&net.phone, &net.backend}) {
      const Seen asked = party->expect("OPTIONS");
      CHECK_EQ(asked.message->to_tag(), party->local_tag);
      party->respond(asked, i == 3 ? 405 : 200);
    }
  }
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("481 ends the call on both legs") {
  House net(asking());
  net.set_up();
  net.advance(seconds(60));
  net.phone.respond(net.phone.expect("OPTIONS"), 200);
  net.backend.respond(net.backend.expect("OPTIONS"), 481);
  ended_by_the_edge(net, "the backend knows no such dialog");
  net.expect_quiet();
}

TEST_CASE("two misses say nothing, the third in a row ends the call") {
  House net(asking());
  net.set_up();
  int round = 0;
  // The next OPTIONS and what becomes of them: the backend answers, the phone perhaps.
  const auto ask = [&](bool phone_answers) {
    net.advance_to(seconds(60) * ++round);
    net.backend.respond(net.backend.expect("OPTIONS"), 200);
    const Seen asked = net.phone.expect("OPTIONS");
    if (phone_answers) net.phone.respond(asked, 200);
    net.advance_to(seconds(60) * round + milliseconds(31999));
    net.phone.inbox.clear();  // retransmissions
    net.advance(milliseconds(1));
  };
  for (const bool answers : {false, false, true, false, false}) {
    ask(answers);
    CHECK_EQ(net.stack->calls().size(), 1);
  }
  ask(false);
  ended_by_the_edge(net, "3 times in a row");
  net.expect_quiet();
}
