// /v1/cdrs: what is asked of the store, what comes back as JSON and as CSV, and what is refused.
#include <doctest/doctest.h>

#include "storage/records_csv.hpp"
#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

storage::CallRecord sample(const std::string& id) {
  storage::CallRecord r;
  r.id = id;
  r.from = "sip:401@a.test";
  r.to = "sip:402@a.test";
  r.domain = "a.test";
  r.origin = *net::Endpoint::parse("192.0.2.1:5060");
  r.origin_call_id = "out";
  r.started = WallTime{std::chrono::milliseconds{1'735'122'600'000}};
  r.status = 200;
  r.target = 7;
  r.destination = "10.0.1.100:5060";
  r.new_call_id = "in";
  r.attempts = 2;
  r.failovers = 1;
  r.answered = r.started + std::chrono::milliseconds{1500};
  r.ended = *r.answered + std::chrono::milliseconds{2250};
  r.cause = "the originator hung up";
  r.ended_by = storage::CallEnder::originator;
  return r;
}

storage::RecordPlace place(std::int64_t ended, std::int64_t seq) {
  return {WallTime{std::chrono::milliseconds{ended}}, seq};
}

}  // namespace

TEST_CASE("a record is shown with its times worked out, and null for what it has not come to") {
  House house;
  storage::CallRecord refused = sample("k2");
  refused.target = 0;
  refused.destination.clear();
  refused.new_call_id.clear();
  refused.answered.reset();
  refused.status = 404;
  house.store.pages = {storage::RecordPage{{sample("k1"), refused}, place(17, 4)}};
  const Reply page = house.ask("GET", "/v1/cdrs");
  REQUIRE(page.status == 200);
  REQUIRE(page["items"].array()->size() == 2);
  CHECK(page["next"] == Json{"17.4"});
  const Json& first = page["items"].array()->at(0);
  CHECK(*first.find("id") == Json{"k1"});
  CHECK(*first.find("origin") == Json{"192.0.2.1:5060"});
  CHECK(*first.find("setup_ms") == Json{1500});
  CHECK(*first.find("talk_s") == Json{2.25});
  CHECK(*first.find("answered") == Json{"2024-12-25T10:30:01.500Z"});
  CHECK(first.find("ringing")->null());
  CHECK(*first.find("ended_by") == Json{"originator"});
  const Json& second = page["items"].array()->at(1);
  for (const char* name :
       {"target", "destination", "new_call_id", "answered", "setup_ms", "talk_s"}) {
    CAPTURE(name);
    CHECK(second.find(name)->null());
  }
  REQUIRE(house.store.asked.size() == 1);
  CHECK(house.store.asked[0].limit == 100);
  CHECK(!house.store.asked[0].after);
}

TEST_CASE("each filter reaches the store") {
  House house;
  REQUIRE(
      house
          .ask("GET",
               "/v1/cdrs?from=2024-12-25T10:30:00Z&to=2024-12-25T11:30:00%2B00:30&domain=A.test"
               "&target=7&status=486&user=%2B49301&call_id=x@y&answered=false&limit=5&cursor=17.4")
          .status == 200);
  const storage::RecordQuery& asked = house.store.asked.at(0);
  CHECK(asked.limit == 5);
  REQUIRE(asked.after);
  CHECK(asked.after->seq == 4);
  CHECK(asked.after->ended == place(17, 4).ended);
  const storage::RecordFilter& f = asked.filter;
  CHECK(f.from == WallTime{std::chrono::milliseconds{1'735'122'600'000}});
  CHECK(f.to == WallTime{std::chrono::milliseconds{1'735'124'400'000}});
  CHECK(f.domain == "a.test");
  CHECK(f.target == 7);
  CHECK(f.status == 486);
  CHECK(f.user == "+49301");
  CHECK(f.call_id == "x@y");
  CHECK(f.answered == false);
  REQUIRE(house.ask("GET", "/v1/cdrs?answered=true").status == 200);
  CHECK(house.store.asked.at(1).filter.answered == true);
  REQUIRE(house.ask("GET", "/v1/cdrs").status == 200);
  CHECK_FALSE(house.store.asked.at(2).filter.answered);
}

TEST_CASE("a filter that cannot be understood is refused by its name, and nothing is asked") {
  House house;
  const std::string long_text(257, 'x');
  for (const auto& [query, field] : std::vector<std::pair<std::string, std::string>>{
           {"from=yesterday", "from"},
           {"to=2024-12-25", "to"},
           {"from=2024-12-25T10:30:00Z&to=2024-12-25T10:30:00Z", "to"},
           {"domain=a..test", "domain"},
           {"target=0", "target"},
           {"target=seven", "target"},
           {"target=99999999999999999999", "target"},
           {"status=700", "status"},
           {"status=-1", "status"},
           {"status=0486", "status"},
           {"user=" + long_text, "user"},
           {"call_id=" + long_text, "call_id"},
           {"answered=yes", "answered"},
           {"answered=", "answered"},
           {"answered=" + long_text, "answered"},
           {"limit=1001", "limit"},
           {"cursor=17", "cursor"},
           {"cursor=17.x", "cursor"},
           {"cursor=.4", "cursor"},
           {"format=xml", "format"}}) {
    CAPTURE(query);
    const Reply reply = house.ask("GET", "/v1/cdrs?" + query);
    CHECK(reply.status == 400);
    CHECK(reply.field() == field);
  }
  CHECK(house.ask("GET", "/v1/cdrs?colour=red").status == 400);
  CHECK(house.store.asked.empty());
}

TEST_CASE("as CSV: the same records as lines, the next page in a header") {
  House house;
  house.store.pages = {storage::RecordPage{{sample("k1")}, place(17, 4)},
                       storage::RecordPage{{}, {}}};
  const Reply page = house.ask("GET", "/v1/cdrs?format=csv&user=%2B49&answered=true&limit=1");
  CHECK(page.status == 200);
  CHECK(page.type.rfind("text/csv", 0) == 0);
  CHECK(page.text == storage::csv_header() + storage::csv_line(sample("k1")));
  CHECK(page.header("Link") ==
        "</v1/cdrs?answered=true&format=csv&limit=1&user=%2B49&cursor=17.4>; rel=\"next\"");
  CHECK(page.header("Content-Disposition") == "attachment; filename=\"cdrs.csv\"");
  const Reply last = house.ask("GET", "/v1/cdrs?format=csv&limit=1&cursor=17.4");
  CHECK(last.text == storage::csv_header());
  CHECK(last.header("Link").empty());
}

TEST_CASE("one record is found by its id, and a store that fails says so") {
  House house;
  house.store.pages = {storage::RecordPage{{sample("k1")}, {}}};
  const Reply found = house.ask("GET", "/v1/cdrs/k1");
  CHECK(found.status == 200);
  CHECK(found["id"] == Json{"k1"});
  CHECK(house.store.asked.at(0).filter.id == "k1");
  CHECK(house.ask("GET", "/v1/cdrs/k2").status == 404);
  CHECK(house.ask("GET", "/v1/cdrs/" + std::string(1000, 'k')).status == 404);
  house.store.pages = {fail(Errc::io, "disk gone"), fail(Errc::limit, "too many questions")};
  const Reply failed = house.ask("GET", "/v1/cdrs");
  CHECK(failed.status == 503);
  CHECK(failed.detail().find("disk gone") != std::string::npos);
  CHECK(failed.header("Retry-After") == "1");
  CHECK(house.ask("GET", "/v1/cdrs/k1").status == 503);
}

TEST_CASE("a file of records that cannot be written shows, and takes nothing out of service") {
  House house;
  house.store.state.record_file = "/var/log/cdr.csv: No space left on device";
  const Reply health = house.ask("GET", "/healthz");
  CHECK(health.status == 200);
  CHECK(health["status"] == Json{"degraded"});
  CHECK(health["reasons"].array()->at(0) ==
        Json{"call records: /var/log/cdr.csv: No space left on device"});
  CHECK(house.ask("GET", "/metrics").text.find("usher_record_file_up 0") != std::string::npos);
}
