// Backups over REST: made, listed, looked at, taken in again, removed.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "support.hpp"

using namespace usher;
using namespace usher::admin;
using namespace usher::admin::test;

namespace {

constexpr const char* kName = "2024-12-25T10-30-00Z.db";  // of the house's time
const std::string kPath = std::string("/v1/backups/") + kName;

storage::Domain domain(const std::string& name) {
  return {name, 10, true, ""};
}

storage::Snapshot of_one_set(const std::string& name) {
  storage::Snapshot s;
  s.sets.push_back({.setid = 10, .algorithm = {}, .health = {}, .failover = {}, .comment = ""});
  s.domains.push_back(domain(name));
  return s;
}

// Of which the backup, if one is made now, holds another domain.
struct Archive : House {
  Archive() : House(of_one_set("now.test")) { store.content = of_one_set("then.test"); }
  std::string changes(const Reply& reply) {
    std::string out;
    REQUIRE(reply["changes"].array());
    for (const Json& one : *reply["changes"].array()) out += *one.text() + "; ";
    return out;
  }
  bool has(const std::string& name) { return edge.directory().domain(name) != nullptr; }
};

}  // namespace

TEST_CASE("a backup is made, named by its moment, and listed") {
  Archive house;
  CHECK(house.ask("GET", "/v1/backups")["items"].array()->empty());
  const Reply made = house.ask("POST", "/v1/backups");
  CHECK(made.status == 201);
  CHECK(made.header("Location") == kPath);
  CHECK(*made["name"].text() == kName);
  CHECK(*made["made"].text() == "2024-12-25T10:30:00.000Z");
  CHECK(*made["bytes"].integer() == 4096);
  house.now.wall += std::chrono::seconds(1);
  CHECK(house.ask("POST", "/v1/backups", "{}").status == 201);
  const Reply all = house.ask("GET", "/v1/backups");
  REQUIRE(all["items"].array()->size() == 2);
  CHECK(*(*all["items"].array())[0].find("name")->text() == "2024-12-25T10-30-01Z.db");
  CHECK(all["items"].array()->back() == made.json);
  CHECK(all["next"].null());
}

TEST_CASE("a backup shows its configuration, and is taken in again after a preview") {
  Archive house;
  REQUIRE(house.ask("POST", "/v1/backups").status == 201);
  const Reply held = house.ask("GET", kPath);
  CHECK(held.status == 200);
  CHECK(*(*held["domains"].array())[0].find("domain")->text() == "then.test");
  CHECK(*held["format"].integer() == 1);

  const std::size_t audited = house.store.audited.size();
  const Reply preview = house.ask("POST", kPath + "/restore?preview=true");
  CHECK(preview.status == 200);
  CHECK(house.changes(preview) == "add domain then.test; remove domain now.test; ");
  CHECK(house.has("now.test"));
  CHECK(house.store.written.empty());
  CHECK(house.store.audited.size() == audited);
  CHECK(preview.text == house.ask("PUT", "/v1/configuration?preview=true", held.text).text);

  const Reply done = house.ask("POST", kPath + "/restore");
  CHECK(done.status == 200);
  CHECK(done["changes"] == preview["changes"]);
  CHECK(house.has("then.test"));
  CHECK_FALSE(house.has("now.test"));
  CHECK(house.store.written.size() == 2);
  REQUIRE(house.store.audited.size() == audited + 1);
  CHECK(house.store.audited.back().path == kPath + "/restore");
  CHECK(house.changes(house.ask("POST", kPath + "/restore")).empty());
}

TEST_CASE("a restore that would take away a target with calls is refused whole") {
  Archive house;
  house.store.content.domains.clear();
  REQUIRE(house.ask("POST", "/v1/backups").status == 201);
  REQUIRE(house.ask("POST", "/v1/dispatcher/sets/10/targets", R"({"destination": "10.0.1.1"})")
              .status == 201);
  REQUIRE(house.ask("PUT", "/v1/domains/a.test", R"({"setid": 10})").status == 200 + 1);
  house.place_call();
  const Reply refused = house.ask("POST", kPath + "/restore");
  CHECK(refused.status == 409);
  CHECK(refused.detail().find("10.0.1.1") != std::string::npos);
  CHECK(house.has("a.test"));
}

TEST_CASE("a backup's file is given piece by piece, and a line tells of it") {
  Archive house;
  CHECK(house.ask("GET", kPath + "/file").status == 404);
  REQUIRE(house.ask("POST", "/v1/backups").status == 201);
  CHECK(house.ask("GET", kPath + "/file").status == 503);  // listed, and gone meanwhile
  house.store.file = std::string(4000, 'a') + std::string(96, '\0');
  const auto open = [&] {
    std::optional<Answer> answer;
    house.send({"GET", kPath + "/file", {{"Host", "127.0.0.1:8080"}}, "", house.peer},
               [&](Answer a) { answer = std::move(a); });
    REQUIRE(answer.has_value());
    REQUIRE(answer->status == 200);
    REQUIRE(answer->stream);
    return *answer;
  };
  const Answer answer = open();
  CHECK(answer.headers[0].second == "4096");
  CHECK(answer.headers[1].second.find(kName) != std::string::npos);
  CHECK(answer.stream->take(65536) == house.store.file.substr(0, 4000));
  CHECK_FALSE(answer.stream->over());
  CHECK(answer.stream->take(65536) == house.store.file.substr(4000));
  CHECK(answer.stream->take(65536).empty());
  CHECK(answer.stream->over());
  CHECK(house.lines.back().find("is downloaded from 127.0.0.1") != std::string::npos);

  const Answer cut = open();
  house.store.copies.clear();  // removed meanwhile
  CHECK(cut.stream->take(65536).size() == 4000);
  CHECK(cut.stream->take(65536).empty());
  CHECK(cut.stream->over());
}

TEST_CASE("a download waits for the store without anybody else") {
  Archive house;
  REQUIRE(house.ask("POST", "/v1/backups").status == 201);
  house.store.file = std::string(4096, 'a');
  std::optional<Answer> answer;
  house.send({"GET", kPath + "/file", {{"Host", "127.0.0.1:8080"}}, "", house.peer},
             [&](Answer a) { answer = std::move(a); });
  REQUIRE(answer.has_value());
  house.store.hold_backups = true;
  CHECK(answer->stream->take(65536).size() == 4000);
  CHECK(answer->stream->take(65536).empty());
  CHECK_FALSE(answer->stream->over());
  CHECK(house.store.held_backups.size() == 1);  // and is asked once
  house.store.answer_backup();
  CHECK(answer->stream->take(65536).size() == 96);
  CHECK(answer->stream->over());
}

TEST_CASE("a backup is removed, and its removal does not read it first") {
  Archive house;
  REQUIRE(house.ask("POST", "/v1/backups").status == 201);
  CHECK(house.ask("DELETE", kPath).status == 204);
  CHECK(house.store.copies_read == 0);
  CHECK(house.store.audited.back().method == "DELETE");
  CHECK(house.store.audited.back().path == kPath);
  CHECK(house.ask("GET", kPath).status == 404);
  CHECK(house.ask("DELETE", kPath).status == 404);
  CHECK(house.ask("POST", kPath + "/restore").status == 404);
}

TEST_CASE("a name that is none of ours is never asked of the store") {
  Archive house;
  house.store.hold_backups = true;
  for (const std::string name :
       {"x", "..%2F..%2Fetc%2Fpasswd", "2024-12-25T10-30-00Z.db%2F..", "2024-13-25T10-30-00Z.db",
        "2024-12-25T10-30-00Z.db%00", "2024-12-25T10:30:00Z.db", "unfinished"}) {
    CAPTURE(name);
    const int expected = name.find("%00") == std::string::npos ? 404 : 400;
    CHECK(house.ask("GET", "/v1/backups/" + name).status == expected);
    CHECK(house.ask("DELETE", "/v1/backups/" + name).status == expected);
    CHECK(house.ask("POST", "/v1/backups/" + name + "/restore").status == expected);
  }
  CHECK(house.store.held_backups.empty());
}

TEST_CASE("one backup is made at a time, and the list says so") {
  Archive house;
  house.store.hold_backups = true;
  const auto first = house.start("POST", "/v1/backups");
  CHECK_FALSE(first->has_value());
  const Reply second = house.ask("POST", "/v1/backups");
  CHECK(second.status == 409);
  const auto listed = house.start("GET", "/v1/backups");
  REQUIRE(house.store.held_backups.size() == 2);
  std::swap(house.store.held_backups[0], house.store.held_backups[1]);
  house.store.answer_backup();
  REQUIRE(listed->has_value());
  CHECK(*reply_of(**listed)["making"].flag());
  house.store.answer_backup();
  REQUIRE(first->has_value());
  CHECK((*first)->status == 201);
  house.store.hold_backups = false;
  CHECK_FALSE(*house.ask("GET", "/v1/backups")["making"].flag());
}

TEST_CASE("a backup that takes long is answered before it is whole, and stands in the list then") {
  Archive house;
  house.store.hold_backups = true;
  const auto asked = house.start("POST", "/v1/backups");
  REQUIRE(house.later.size() == 1);
  CHECK(house.later[0].first == limits::kBackupAnswer);
  house.later[0].second();
  REQUIRE(asked->has_value());
  const Reply told = reply_of(**asked);
  CHECK(told.status == 202);
  CHECK(told.header("Location") == kPath);
  CHECK(*told["name"].text() == kName);
  CHECK(*told["making"].flag());
  CHECK(house.ask("POST", "/v1/backups").status == 409);
  house.store.answer_backup();
  house.store.hold_backups = false;
  const Reply all = house.ask("GET", "/v1/backups");
  CHECK_FALSE(*all["making"].flag());
  CHECK(all["failed"].null());
  CHECK(all["items"].array()->size() == 1);

  // One that was answered in time is not answered again; one that fails later says why in the list.
  house.now.wall += std::chrono::seconds(1);
  CHECK(house.ask("POST", "/v1/backups").status == 201);
  house.later.back().second();
  house.now.wall += std::chrono::seconds(1);
  house.store.hold_backups = true;
  const auto lost = house.start("POST", "/v1/backups");
  house.later.back().second();
  CHECK((*lost)->status == 202);
  house.store.no_backup = fail(Errc::io, "disk full");
  house.store.answer_backup();
  house.store.hold_backups = false;
  house.store.no_backup.reset();
  CHECK(*house.ask("GET", "/v1/backups")["failed"].text() == "disk full");
  CHECK(house.lines.back().find("no backup was made: disk full") != std::string::npos);
  house.store.hold_backups = true;
  const auto again = house.start("POST", "/v1/backups");
  house.store.hold_backups = false;
  CHECK(house.ask("GET", "/v1/backups")["failed"].null());
  house.store.answer_backup();
  CHECK((*again)->status == 201);
  CHECK(house.ask("GET", "/v1/backups")["failed"].null());
  house.api.reset();
  house.later.back().second();  // and finds nobody
}

TEST_CASE("a disk that takes no backup is told with its words, and the next try is free") {
  Archive house;
  house.store.no_backup = fail(Errc::io, "cannot make /x/usher.db.backups: No space left");
  const Reply refused = house.ask("POST", "/v1/backups");
  CHECK(refused.status == 503);
  CHECK(refused.detail() == "cannot make /x/usher.db.backups: No space left");
  CHECK(std::any_of(house.lines.begin(), house.lines.end(), [](const std::string& line) {
    return line.find("no backup was made: cannot make /x") != std::string::npos;
  }));
  CHECK(house.store.audited.back().status == 503);
  house.store.no_backup = fail(Errc::limit, "there are 20 backups: remove one first");
  CHECK(house.ask("POST", "/v1/backups").status == 409);
  house.store.no_backup.reset();
  CHECK(house.ask("POST", "/v1/backups").status == 201);
  CHECK(house.ask("POST", "/v1/backups").status == 409);  // in the same second
}

TEST_CASE("neither making nor restoring takes fields") {
  Archive house;
  CHECK(house.ask("POST", "/v1/backups", R"({"name": "x"})").status == 422);
  CHECK(house.ask("POST", kPath + "/restore", R"({"preview": true})").status == 422);
  CHECK(house.ask("POST", kPath + "/restore?preview=maybe").status == 400);
  CHECK(house.ask("POST", "/v1/backups", "[]").status == 400);
}

TEST_CASE("a backup asks for the token as all else does") {
  House house({}, "a-token-of-some-length");
  for (const char* method : {"GET", "POST"}) CHECK(house.ask(method, "/v1/backups").status == 401);
  CHECK(house.ask("GET", kPath).status == 401);
  CHECK(house.store.copies.empty());
}

TEST_CASE("who waits for a backup when the administration goes is answered then, and once") {
  Archive house;
  house.store.hold_backups = true;
  const auto made = house.start("POST", kPath + "/restore");
  REQUIRE(house.store.held_backups.size() == 1);
  house.api.reset();
  REQUIRE(made->has_value());
  CHECK((*made)->status == 503);
  house.store.answer_backup();
  CHECK(house.store.waiting.empty());
}
