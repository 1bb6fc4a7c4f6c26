// When the process can't keep up: who is refused, who is not, and when it is over.
#include "routing/overload.hpp"

#include "routing/store_watch.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::Overload;

const Instant kStart{1h};

TEST_CASE("registrations are refused at half of the lag that calls are refused at") {
  Overload overload(500ms);
  CHECK_FALSE(overload.update(kStart, {.lag = 249ms}));
  CHECK(overload.level() == Overload::Level::none);
  CHECK(overload.update(kStart, {.lag = 250ms}));
  CHECK(overload.level() == Overload::Level::registers);
  CHECK(overload.update(kStart, {.lag = 500ms}));
  CHECK(overload.level() == Overload::Level::all);
}

TEST_CASE("overload ends after two calm seconds below half of its bound, with one line each") {
  Overload overload(500ms);
  CHECK(overload.update(kStart, {.lag = 600ms})->starts_with("overload begins"));
  CHECK_FALSE(overload.update(kStart + 1s, {.lag = 260ms}));
  CHECK_FALSE(overload.update(kStart + 9s, {.lag = 260ms}));
  CHECK_MESSAGE(overload.level() == Overload::Level::all, "not calm enough");
  CHECK_FALSE(overload.update(kStart + 10s, {.lag = 100ms}));
  CHECK_FALSE(overload.update(kStart + 11s, {.lag = 300ms}));
  CHECK_FALSE(overload.update(kStart + 12s, {.lag = 100ms}));
  CHECK_FALSE(overload.update(kStart + 13900ms, {.lag = 100ms}));
  CHECK_MESSAGE(overload.level() == Overload::Level::all, "the calm was interrupted");
  CHECK(overload.due());
  const auto line = overload.update(kStart + 14s, {.lag = 100ms});
  REQUIRE(line);
  CHECK(*line == "overload is over after 14s");
  CHECK(overload.level() == Overload::Level::none);
  CHECK_FALSE(overload.due());
}

TEST_CASE("a table that is nearly full is named") {
  Overload overload(500ms);
  CHECK_FALSE(overload.update(kStart, {.fill = 0.89, .table = "calls"}));
  const auto line = overload.update(kStart, {.fill = 0.98, .table = "calls"});
  REQUIRE(line);
  CHECK(line->find("calls are at 98% of their limit") != std::string::npos);
}

std::string ask(const std::string& method, const std::string& more = {}) {
  return request({method, "sip:600@a.test", "401@a.test", "600@a.test", "x-" + method, 1,
                  "Contact: <sip:401@" + kPhone + ">\n" + more});
}

TEST_CASE("in overload new work is refused without state; calls that are up go on") {
  World w;
  w.registered("401@a.test", kPhone, kA1);
  w.phone(kPhone, ask("INVITE"));
  w.backend(kA1, response(w.only(kA1), 200, "Contact: <sip:600@127.0.0.10:5060>\n"));
  const Sent answer = w.only(kPhone);
  REQUIRE(answer.status() == 200);

  w.edge().lag(w.now, 300ms);
  w.phone(kPhone, request({"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "r", 1,
                           "Contact: <sip:401@" + kPhone + ">\n"}));
  const Sent refused = w.only(kPhone);
  CHECK(refused.status() == 503);
  CHECK(std::stoi(refused.header("Retry-After")) >= 10);
  CHECK(std::stoi(refused.header("Retry-After")) <= 30);
  w.phone(kPhone, ask("MESSAGE"));
  CHECK_MESSAGE(w.only(kA1).method() == "MESSAGE", "only registrations are refused yet");
  CHECK(w.edge().overload().find("300ms behind") != std::string::npos);

  w.edge().lag(w.now, 700ms);
  const auto before = w.edge().counts().stack.transactions;
  for (const char* method : {"SUBSCRIBE", "PUBLISH"}) {
    w.phone(kPhone, ask(method, "Event: presence\n"));
    CHECK(w.only(kPhone).status() == 503);
  }
  w.phone(kPhone, request({"INVITE", "sip:601@a.test", "401@a.test", "601@a.test", "second", 1,
                           "Contact: <sip:401@" + kPhone + ">\n"}));
  CHECK(w.only(kPhone).status() == 503);
  const auto after = w.edge().counts().stack.transactions;
  CHECK(after.invite_server == before.invite_server);
  CHECK(after.non_invite_server == before.non_invite_server);
  CHECK(w.edge().counters().overload_refused == 4);

  // The call that is up: hung up as ever.
  const std::string contact = answer.header("Contact");
  Ask bye{
      "BYE", contact.substr(1, contact.find('>') - 1), "401@a.test", "600@a.test", "x-INVITE", 2,
      ""};
  bye.to_tag = answer.message->to_tag();
  w.phone(kPhone, request(bye));
  const auto after_bye = w.take();
  CHECK(std::any_of(after_bye.begin(), after_bye.end(), [](const Sent& s) {
    return s.flow.remote.text() == kA1 && s.message->is_request() && s.method() == "BYE";
  }));

  w.edge().lag(w.now, 0ms);
  w.pass(3s);
  CHECK(w.edge().overload().empty());
  CHECK(w.logged("overload is over"));
  int begins = 0;
  for (const std::string& line : w.log_lines) begins += line.starts_with("overload begins") ? 1 : 0;
  CHECK(begins == 1);
}

TEST_CASE("a stranger hears nothing in overload either") {
  World w;
  w.edge().lag(w.now, 2s);
  w.phone("127.0.0.99:5060", request({"INVITE", "sip:1@nowhere.test", "1@nowhere.test",
                                      "1@nowhere.test", "knock", 1, ""}));
  w.nothing();
}

TEST_CASE("a store that fails, and one that lags, are told once each and once when it is over") {
  routing::StoreWatch watch;
  CHECK_FALSE(watch.answered(""));
  REQUIRE(watch.answered("disk full"));
  CHECK_FALSE(watch.answered("disk full"));
  const auto again = watch.answered("");
  REQUIRE(again);
  CHECK(again->find("refused 2 of them") != std::string::npos);
  CHECK_FALSE(watch.answered(""));
  CHECK_FALSE(watch.in_time());
  REQUIRE(watch.late());
  CHECK_FALSE(watch.late());
  CHECK(watch.in_time());
  CHECK_FALSE(watch.in_time());
}

TEST_CASE("a store that refuses delays no registration, loses none, and fills no log") {
  World w;
  w.store_answers = false;
  for (int i = 0; i < 20; ++i) {
    const std::string user = std::to_string(500 + i);
    w.phone(kPhone,
            request({"REGISTER", "sip:a.test", user + "@a.test", user + "@a.test", "reg-" + user, 1,
                     "Contact: <sip:" + user + "@" + kPhone + ">\nExpires: 3600\n"}));
    const Sent asked = w.only(kA1);
    w.backend(kA1, response(asked, 200, "Contact: " + asked.header("Contact") + "\n"));
    w.answer_store(false);
    CHECK(w.only(kPhone).status() == 200);
  }
  CHECK(w.edge().counts().registrations == 20);
  int lines = 0;
  for (const std::string& line : w.log_lines) lines += line.starts_with("the store fails") ? 1 : 0;
  CHECK(lines == 1);
}

}  // namespace
}  // namespace usher::test
