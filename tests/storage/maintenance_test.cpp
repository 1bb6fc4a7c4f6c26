// Maintenance windows in the database: the version that brings them, and rows that were edited.
#include "storage/sqlite/database.hpp"
#include "storage/sqlite/schema.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

void edit(const std::string& path, const std::string& sql) {
  auto database = Database::open(path, OpenMode::read_write);
  REQUIRE(database.has_value());
  REQUIRE_MESSAGE(database->execute(sql.c_str()), database->message());
}

}  // namespace

TEST_CASE("a store of version 7 gets the windows of targets and keeps its data") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  {
    std::string sql;
    for (const Migration& m : migrations()) {
      if (m.version <= 7) sql.append(m.sql).append(";");
    }
    write_bytes(path, {});
    edit(path,
         sql +
             "PRAGMA user_version = 7; PRAGMA application_id = " + std::to_string(kApplicationId) +
             "; INSERT INTO sets VALUES (10, 'hash', 10000000, 4000000, 2, 2, '503', 4, '', 0);"
             "INSERT INTO targets VALUES (7, 10, 'sip:10.0.1.100:5060', 0, 5, '', "
             "'draining', 'pbx 7')");
  }
  Fixture f(path);
  Snapshot s = f.load();
  REQUIRE(s.targets.size() == 1);
  CHECK(s.targets[0].weight == 5);
  CHECK(s.targets[0].state == TargetState::draining);
  CHECK(s.targets[0].maintenance.empty());
  Target target = s.targets[0];
  target.maintenance = {{kNow, kNow + std::chrono::hours(1), "disk"}};
  REQUIRE(f.apply({PutTarget{target}}));
  s = f.reopen();
  CHECK(s.targets == std::vector{target});
  target.maintenance.clear();
  REQUIRE(f.apply({PutTarget{target}}));
  CHECK(f.reopen().targets == std::vector{target});
}

TEST_CASE("a window that was edited into nonsense is named, not guessed at") {
  for (const char* text : {"x", "5", "5 ", "5 6", "6 5 c", "5 5 c", " 5 6 c", "5 6 c\nx"}) {
    CAPTURE(text);
    const TempDir dir;
    const std::string path = dir.file("usher.db");
    {
      Fixture f(path);
      f.load();
      REQUIRE(f.apply({PutSet{sample_set(10)}, PutTarget{sample_target(7, 10, "10.0.1.100")}}));
    }
    edit(path, "UPDATE targets SET maintenance = '" + std::string{text} + "'");
    Fixture f(path);
    const auto loaded = f.store->load(kNow);
    REQUIRE_FALSE(loaded.has_value());
    CHECK(loaded.error().message.find("maintenance") != std::string::npos);
  }
}

}  // namespace usher::storage
