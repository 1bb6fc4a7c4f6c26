// /v1/events: the list, the stream, what is refused.
#include <doctest/doctest.h>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

std::shared_ptr<Stream> stream_of(House& house, const std::string& target,
                                  std::vector<Header> headers = {}) {
  std::shared_ptr<Stream> out;
  headers.emplace_back("Host", "localhost");
  house.send({"GET", target, std::move(headers), {}, house.peer},
             [&](const Answer& answer) { out = answer.stream; });
  REQUIRE(out);
  return out;
}

std::string id_of(const std::string& piece) {
  const auto at = piece.rfind("id: ") + 4;
  return piece.substr(at, piece.find('\n', at) - at);
}

}  // namespace

TEST_CASE("a stream tells what comes, and goes on where its client was") {
  House house;
  house.ask("PUT", "/v1/domains/old.test", R"({"setid": 10})");
  const auto stream = stream_of(house, "/v1/events");
  CHECK(stream->take(65536) == "retry: 2000\n\n");
  CHECK(stream->take(65536).empty());
  CHECK(stream->idle() == ":\n\n");
  house.ask("PUT", "/v1/dispatcher/sets/10", "{}");
  const std::string first = stream->take(65536);
  CHECK(first.find("event: configuration\ndata: {\"id\":" + id_of(first)) != std::string::npos);
  CHECK(first.find("/v1/dispatcher/sets/10") != std::string::npos);
  CHECK(first.substr(first.size() - 2) == "\n\n");

  house.ask("PUT", "/v1/domains/a.test", R"({"setid": 10})");
  const auto later = stream_of(house, "/v1/events", {{"Last-Event-ID", id_of(first)}});
  const std::string second = later->take(65536);
  CHECK(second.find("/v1/domains/a.test") != std::string::npos);
  CHECK(second.find("/v1/dispatcher/sets/10") == std::string::npos);
}

TEST_CASE("a stream gives pieces and tells of a gap") {
  House house;
  const auto stream = stream_of(house, "/v1/events");
  for (int i = 0; i < 30; ++i)
    house.edge.note(house.now, EventKind::storm, "s", std::string(500, 'x'));
  const std::string piece = stream->take(2000);
  CHECK(piece.size() > 2000);
  CHECK(piece.size() < 4000);
  for (std::size_t i = 0; i < limits::kEvents; ++i)
    house.edge.note(house.now, EventKind::storm, "s", "t");
  CHECK(stream->take(1).find("event: gap\ndata: {\"lost\":") != std::string::npos);
}

TEST_CASE("kinds are chosen") {
  House house;
  const auto stream = stream_of(house, "/v1/events?kind=storm,ban-made");
  house.ask("PUT", "/v1/dispatcher/sets/10", "{}");
  house.edge.note(house.now, EventKind::storm, "s", "t");
  const std::string piece = stream->take(65536);
  CHECK(piece.find("configuration") == std::string::npos);
  CHECK(piece.find("event: storm") != std::string::npos);
}

TEST_CASE("the list shows the newest, or goes on after a number") {
  House house;
  for (int i = 0; i < 5; ++i) house.edge.note(house.now, EventKind::storm, "s", std::to_string(i));
  const Reply newest = house.ask("GET", "/v1/events?format=json&limit=2");
  REQUIRE(newest["items"].array()->size() == 2);
  CHECK(*(*newest["items"].array())[0].find("text")->text() == "3");
  const std::string last = std::to_string(*newest["last"].integer());
  CHECK(house.ask("GET", "/v1/events?format=json&after=" + last)["items"].array()->empty());
  const Reply all = house.ask("GET", "/v1/events?format=json&after=0");
  CHECK(all["items"].array()->size() == 5);
  // The newest of a kind, however many others came after it.
  house.edge.note(house.now, EventKind::target_down, "t", "once");
  for (int i = 0; i < 5; ++i) house.edge.note(house.now, EventKind::storm, "s", "more");
  const Reply down = house.ask("GET", "/v1/events?format=json&limit=2&kind=target-down");
  REQUIRE(down["items"].array()->size() == 1);
  CHECK(*(*down["items"].array())[0].find("text")->text() == "once");
}

TEST_CASE("numbers of another process are no loss, and none is from the future") {
  House house;
  house.edge.note(house.now, EventKind::storm, "s", "here");
  for (const char* before : {"0", "1"}) {
    const Reply list = house.ask("GET", std::string{"/v1/events?format=json&after="} + before);
    CHECK(*list["lost"].integer() == 0);
    CHECK(list["items"].array()->size() == 1);
  }
  const Reply ahead = house.ask("GET", "/v1/events?format=json&after=99999999999999");
  CHECK(*ahead["last"].integer() == static_cast<std::int64_t>(house.edge.events().last()));
  const auto stream = stream_of(house, "/v1/events?after=99999999999999");
  stream->take(65536);
  house.edge.note(house.now, EventKind::storm, "s", "later");
  CHECK(stream->take(65536).find("later") != std::string::npos);
}

TEST_CASE("who takes no stream is given the list") {
  House house;
  const Reply list = house.ask("GET", "/v1/events", {}, {{"Accept", "application/json"}});
  CHECK(list.status == 200);
  CHECK(list["items"].array() != nullptr);
}

TEST_CASE("what cannot be asked for is refused with its name") {
  House house;
  for (const char* target : {"/v1/events?after=x", "/v1/events?after=-1", "/v1/events?after=1x"})
    CHECK(house.ask("GET", target).field() == "after");
  CHECK(house.ask("GET", "/v1/events?kind=call").field() == "kind");
  CHECK(house.ask("GET", "/v1/events?format=xml").field() == "format");
  CHECK(house.ask("GET", "/v1/events?format=json&limit=0").field() == "limit");
}
