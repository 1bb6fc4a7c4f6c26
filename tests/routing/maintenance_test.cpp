// Maintenance windows: a target takes nothing new while it is in one, by the edge's own timers.
#include "routing/maintenance.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

const std::string kA3 = "127.0.0.12:5060";

storage::Maintenance window(const World& w, std::chrono::seconds from, std::chrono::seconds until,
                            const std::string& comment = {}) {
  return {w.now.wall + from, w.now.wall + until, comment};
}

void give(World& w, std::vector<storage::Maintenance> windows, storage::TargetId id = 1) {
  storage::Target target = *w.edge().directory().target(id);
  target.maintenance = std::move(windows);
  w.apply(storage::PutTarget{std::move(target)});
}

// Set 10 has targets 1 and 9.
World two_targets() {
  return World(
      [](storage::Snapshot& s) { s.targets.push_back(World::target(9, 10, "127.0.0.12")); });
}

// Where a new call of a.test goes, to be declined there; empty: nowhere.
std::string call_goes_to(World& w, const std::string& call_id) {
  w.phone(kPhone, request({.method = "INVITE",
                           .uri = "sip:402@a.test",
                           .from = "401@a.test",
                           .to = "402@a.test",
                           .call_id = call_id,
                           .headers = "Contact: <sip:401@127.0.0.21:5062>\n"}));
  std::string where;
  for (const Sent& s : w.take()) {
    if (!s.message->is_request() || s.method() != "INVITE") continue;
    where = s.flow.remote.text();
    w.backend(where, response(s, 486));
  }
  w.take();
  return where;
}

std::vector<routing::Event> told(World& w) {
  std::vector<routing::Event> out;
  std::uint64_t after = 0;
  while (const routing::Event* e = w.edge().events().next(after)) {
    after = e->id;
    if (e->kind == EventKind::maintenance_began || e->kind == EventKind::maintenance_ended)
      out.push_back(*e);
  }
  return out;
}

TEST_CASE("a target in a window takes no new calls, and comes back by itself as it was") {
  World w = two_targets();
  const storage::Maintenance wanted = window(w, 60s, 180s, "new disk");
  give(w, {wanted});
  CHECK(told(w).empty());
  w.pass(59s);
  CHECK(call_goes_to(w, "before-1") != call_goes_to(w, "before-2"));  // in turn
  w.pass(2s);
  REQUIRE(told(w).size() == 1);
  CHECK(told(w)[0].kind == EventKind::maintenance_began);
  CHECK(told(w)[0].subject == "target 1 (sip:127.0.0.10:5060, set 10)");
  CHECK(told(w)[0].text.find("new disk") != std::string::npos);
  CHECK(*w.edge().target_status(1).maintenance_until == wanted.until);
  for (const char* id : {"during-1", "during-2", "during-3"}) CHECK(call_goes_to(w, id) == kA3);
  w.pass(118s);
  CHECK(call_goes_to(w, "during-4") == kA3);
  w.pass(2s);
  CHECK(call_goes_to(w, "after-1") != call_goes_to(w, "after-2"));
  REQUIRE(told(w).size() == 2);
  CHECK(told(w)[1].kind == EventKind::maintenance_ended);
  CHECK(told(w)[1].text.find("it is active, as before") != std::string::npos);
  CHECK_FALSE(w.edge().target_status(1).maintenance_until.has_value());
  CHECK(w.edge().directory().target(1)->maintenance.empty());
  CHECK(w.edge().directory().target(1)->state == storage::TargetState::active);
}

TEST_CASE("what goes on during a window goes on, and the target is still probed and known") {
  World w;
  const Ask ask{.method = "INVITE",
                .uri = "sip:402@a.test",
                .from = "401@a.test",
                .to = "402@a.test",
                .headers = "Contact: <sip:401@127.0.0.21:5062>\n"};
  w.phone(kPhone, request(ask));
  const Sent invite = w.take().back();
  give(w, {window(w, 0s, 600s)});
  REQUIRE(w.edge().target_status(1).maintenance_until.has_value());
  w.backend(kA1, response(invite, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
  const auto sent = w.take();
  CHECK(std::any_of(sent.begin(), sent.end(), [](const Sent& s) { return s.status() == 200; }));
  CHECK(w.edge().target_status(1).live_calls == 1);
  const std::size_t probes = w.probes[kA1];
  w.pass(30s);
  CHECK(w.probes[kA1] > probes);
  CHECK(w.edge().is_backend(*net::IpAddress::parse("127.0.0.10")));
}

TEST_CASE("alone in its set, it is refused for, with the reason") {
  World w;
  give(w, {window(w, 0s, 600s)});
  CHECK(call_goes_to(w, "c").empty());
  CHECK(w.logged("1 in maintenance"));
  w.phone(kPhone, request({"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "r", 1,
                           "Contact: <sip:401@127.0.0.21:5062>\nExpires: 60\n"}));
  CHECK(w.only(kPhone).status() == 503);
  CHECK(w.edge().not_usable(10) == "no target of set 10 can be tried (1 in maintenance)");
}

TEST_CASE("a window that an operator ends early, or makes longer") {
  World w;
  give(w, {window(w, 0s, 60s)});
  give(w, {window(w, 0s, 120s)});
  CHECK(told(w).size() == 1);  // it is the same stay
  w.pass(61s);
  CHECK(w.edge().target_status(1).maintenance_until.has_value());
  give(w, {});
  CHECK_FALSE(w.edge().target_status(1).maintenance_until.has_value());
  CHECK(told(w).size() == 2);
  CHECK(call_goes_to(w, "c") == kA1);
}

TEST_CASE("several windows, one straight after the other, and a drained target stays drained") {
  World w;
  storage::Target target = *w.edge().directory().target(1);
  target.state = storage::TargetState::draining;
  target.maintenance = {window(w, 10s, 20s), window(w, 20s, 30s), window(w, 50s, 60s)};
  w.apply(storage::PutTarget{target});
  w.pass(25s);
  CHECK(told(w).size() == 1);
  w.pass(10s);
  REQUIRE(told(w).size() == 2);
  CHECK(told(w)[1].text.find("it is draining, as before") != std::string::npos);
  CHECK(w.edge().directory().target(1)->maintenance.size() == 1);
  w.pass(30s);
  CHECK(told(w).size() == 4);
  CHECK(call_goes_to(w, "c").empty());
}

TEST_CASE("a restart goes on with a window, and tells of none that it did not see begin") {
  World w;
  w.store.targets[0].maintenance = {window(w, -20s, -10s), window(w, -5s, 60s)};
  w.start();
  CHECK(told(w).empty());
  CHECK(w.edge().directory().target(1)->maintenance.size() == 1);
  CHECK(call_goes_to(w, "c").empty());
  w.pass(61s);
  REQUIRE(told(w).size() == 1);
  CHECK(told(w)[0].kind == EventKind::maintenance_ended);
  CHECK(call_goes_to(w, "d") == kA1);
}

TEST_CASE("a wall clock that is set is noticed within a minute") {
  World w;
  give(w, {window(w, 3600s, 7200s)});
  w.now.wall += 3600s;
  w.pass(routing::MaintenanceWatch::kRecheck);
  CHECK(w.edge().target_status(1).maintenance_until.has_value());
  w.now.wall -= 1800s;
  w.pass(routing::MaintenanceWatch::kRecheck);
  CHECK_FALSE(w.edge().target_status(1).maintenance_until.has_value());
}

TEST_CASE("a target that is deleted in its window leaves nothing behind") {
  World w = two_targets();
  give(w, {window(w, 0s, 60s)});
  w.apply(storage::DeleteTarget{1});
  w.pass(120s);
  CHECK(told(w).size() == 1);
  CHECK(call_goes_to(w, "c") == kA3);
}

TEST_CASE("windows that do not fit are refused by the directory too") {
  World w;
  const auto check = [&](std::vector<storage::Maintenance> windows) {
    storage::Target target = *w.edge().directory().target(1);
    target.maintenance = std::move(windows);
    return w.edge().directory().check(storage::PutTarget{std::move(target)}).has_value();
  };
  CHECK(check({window(w, 0s, 1s), window(w, 1s, 2s)}));
  CHECK_FALSE(check({window(w, 1s, 1s)}));
  CHECK_FALSE(check({window(w, 0s, std::chrono::hours(24 * 7) + 1s)}));
  CHECK_FALSE(check({window(w, 0s, 2s), window(w, 1s, 3s)}));
  std::vector<storage::Maintenance> nine;
  for (int i = 0; i < 9; ++i)
    nine.push_back(window(w, std::chrono::seconds(i), std::chrono::seconds(i + 1)));
  CHECK_FALSE(check(std::move(nine)));
}

}  // namespace
}  // namespace usher::test
