// Messages that overtake each other or are altered on their way, found by the simulator.
#include <doctest/doctest.h>

#include "tests/support/sip_script.hpp"

namespace usher::test {
namespace {

TEST_CASE("the callee's BYE overtakes its 2xx: the caller gets the 2xx and, after its ACK, a BYE") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 100);
  net.phone.expect("100");
  net.backend.request("BYE");
  net.backend.expect("200 BYE");
  net.backend.respond(invite, 200, kSdpAnswer);
  net.backend.expect("ACK");
  net.phone.expect("200");
  net.phone.expect_nothing();
  net.phone.ack();
  net.phone.respond(net.phone.expect("BYE"), 200);
  const auto ended = net.taken<sip::CallEnded>();
  REQUIRE_EQ(ended.size(), 1);
  CHECK_EQ(ended[0].ended_by, sip::Ender::answerer);
  net.backend.expect_nothing();
  net.expect_quiet();
}

TEST_CASE("a 2xx with another branch is not the answer, and leaves nothing behind") {
  House net;
  net.phone.invite();
  const Seen invite = net.backend.expect("INVITE");
  net.backend.respond(invite, 100);
  net.phone.expect("100");
  std::string altered;
  net.loses = [&](const Crossing& c) {
    if (!c.to_stack || c.message->status() != 200) return false;
    altered = c.message->text();
    return true;
  };
  net.backend.respond(invite, 200, kSdpAnswer);
  net.loses = nullptr;
  const std::size_t branch = altered.find("branch=z9hG4bK") + 14;
  altered[branch] = altered[branch] == 'x' ? 'y' : 'x';
  net.backend.raw(altered);
  net.phone.expect_nothing();
  net.backend.expect_nothing();
  net.backend.respond(invite, 200, kSdpAnswer);
  net.phone.expect("200");
  net.phone.ack();
  net.backend.expect("ACK");
  net.hang_up();
  net.expect_quiet();
}

TEST_CASE("the first target answers when it was given up, the second never: 503, no 408") {
  House net;
  net.targets = {&net.backend, &net.second};
  net.phone.invite();
  const Seen first = net.backend.expect("INVITE");
  net.advance(seconds(4));
  net.backend.inbox.clear();
  net.phone.expect("100");
  net.backend.respond(first, 200, kSdpAnswer);
  net.backend.expect("ACK");
  net.backend.respond(net.backend.expect("BYE"), 200);
  net.advance(seconds(33));
  net.second.inbox.clear();
  net.phone.ack_refusal(net.phone.expect("503 INVITE"));
  net.phone.inbox.clear();
  net.expect_quiet();
}

}  // namespace
}  // namespace usher::test
