// Messages are counted as they go over the wire, by whom they are from or for.
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using sip::Direction;
using sip::Method;
using sip::Side;

std::uint64_t requests(World& w, Method method, Side side, Direction direction) {
  return w.edge().traffic().requests(method, side, direction);
}
std::uint64_t responses(World& w, int status, Side side, Direction direction,
                        Method method = Method::invite) {
  return w.edge().traffic().responses(method, status, side, direction);
}

}  // namespace

TEST_CASE("a refused call: each of its messages once, its repetition once more") {
  World w;
  const std::string text = request({"INVITE", "sip:600@a.test", "401@a.test", "600@a.test",
                                    "call-1", 1, "Contact: <sip:401@127.0.0.21:5062>\n"});
  w.phone(kPhone, text);
  const Sent invite = w.only(kA1);
  CHECK(requests(w, Method::invite, Side::phone, Direction::in) == 1);
  CHECK(requests(w, Method::invite, Side::backend, Direction::out) == 1);
  CHECK(requests(w, Method::invite, Side::backend, Direction::in) == 0);
  w.pass(100ms);
  w.backend(kA1, response(invite, 486));
  CHECK(responses(w, 486, Side::backend, Direction::in) == 1);
  CHECK(responses(w, 486, Side::phone, Direction::out) == 1);
  CHECK(requests(w, Method::ack, Side::backend, Direction::out) == 1);
  const Histogram& took = w.edge().traffic().transactions(Method::invite, Side::backend);
  CHECK(took.count() == 1);
  CHECK(took.sum() == 100ms);
  // Both repeat what they said: absorbed, answered again, counted again; the time is not.
  w.phone(kPhone, text);
  w.backend(kA1, response(invite, 486));
  CHECK(requests(w, Method::invite, Side::phone, Direction::in) == 2);
  CHECK(responses(w, 486, Side::phone, Direction::out) == 2);
  CHECK(responses(w, 486, Side::backend, Direction::in) == 2);
  CHECK(requests(w, Method::ack, Side::backend, Direction::out) == 2);
  CHECK(took.count() == 1);
}

TEST_CASE("invented methods share a place, a stranger is on the phones' side") {
  World w;
  for (const char* method : {"DANCE", "SING"})
    w.phone("127.0.0.66:5060",
            request({method, "sip:x@nowhere.test", "x@nowhere.test", "x@nowhere.test", method}));
  w.nothing();
  CHECK(requests(w, Method::other, Side::phone, Direction::in) == 2);
  // A garbled packet is no message.
  w.phone("127.0.0.66:5060", "INVITE\r\n\r\n");
  CHECK(requests(w, Method::invite, Side::phone, Direction::in) == 0);
}

TEST_CASE("probes of targets are transactions with backends") {
  World w;
  w.pass(1s);
  CHECK(w.edge().traffic().transactions(Method::options, Side::backend).count() > 0);
  CHECK(responses(w, 200, Side::backend, Direction::in, Method::options) ==
        requests(w, Method::options, Side::backend, Direction::out));
}

}  // namespace usher::test
