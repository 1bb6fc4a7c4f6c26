// What the edge tells who watches it: bindings that come and go, and an overload.
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

// The events of these kinds, oldest first: "binding-added 401@a.test".
std::string told(World& w, std::initializer_list<EventKind> kinds) {
  std::string out;
  const routing::EventLog& log = w.edge().events();
  for (const routing::Event* e = log.next(0); e != nullptr; e = log.next(e->id)) {
    if (std::find(kinds.begin(), kinds.end(), e->kind) == kinds.end()) continue;
    out.append(out.empty() ? "" : ", ").append(event_kind_name(e->kind));
    out.append(" ").append(e->subject).append(" (").append(e->text).append(")");
  }
  return out;
}

std::string bindings(World& w) {
  return told(w, {EventKind::binding_added, EventKind::binding_removed});
}

TEST_CASE("a binding that is not refreshed, one that is taken back, one that is removed") {
  const std::string contact = "sip:401@" + kPhone;
  const std::string added = "binding-added 401@a.test (" + contact + " at " + kPhone + ")";
  World w;
  std::string token = w.registered("401@a.test", kPhone, kA1, {}, 60);
  token.erase(0, token.find('~') + 1);
  w.registered("401@a.test", kPhone, kA1, {}, 60);
  CHECK(bindings(w) == added);  // a refresh is none

  SUBCASE("not refreshed") {
    w.pass(2min);
    CHECK(bindings(w) ==
          added + ", binding-removed 401@a.test (" + contact + " was not refreshed)");
  }
  SUBCASE("taken back") {
    w.phone(kPhone, request({"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "gone", 9,
                             "Contact: <" + contact + ">\nExpires: 0\n"}));
    w.backend(kA1, response(w.only(kA1), 200));
    CHECK(bindings(w) == added + ", binding-removed 401@a.test (token " + token + " unregistered)");
  }
  SUBCASE("removed") {
    REQUIRE(w.edge().remove_registration(w.now, token).has_value());
    CHECK(bindings(w) ==
          added + ", binding-removed 401@a.test (" + contact + " removed by the operator)");
  }
}

TEST_CASE("an overload is told when it begins and when it is over") {
  World w;
  w.edge().lag(w.now, 600ms);
  CHECK(told(w, {EventKind::storm}).starts_with("storm overload (overload begins"));
  w.edge().lag(w.now, 0ms);
  w.pass(5s);
  const std::string all = told(w, {EventKind::storm});
  CHECK(all.find(", storm overload (overload is over after") != std::string::npos);
}

}  // namespace
}  // namespace usher::test
