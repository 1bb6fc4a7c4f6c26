// An operator's Kamailio database becomes ours: every spelling, nothing twice, each loss named.
#include "storage/import_kamailio.hpp"

#include <sqlite3.h>

#include <algorithm>

#include "core/limits.hpp"
#include "support.hpp"

namespace usher::storage {

namespace {

constexpr HashKey kKey{1, 2};

constexpr const char* kTables = R"(
  CREATE TABLE sip_domains (domain TEXT PRIMARY KEY, dispatcher_setid INTEGER, enabled INTEGER DEFAULT 1, comment TEXT);
  CREATE TABLE dispatcher (id INTEGER PRIMARY KEY, setid INTEGER, destination TEXT, flags INTEGER, priority INTEGER,
                           attrs TEXT, description TEXT);
  CREATE TABLE endpoint_locations (aor TEXT PRIMARY KEY, contact_ip TEXT, contact_port TEXT, expires);
)";

// A Kamailio database built from SQL.
class Kamailio {
 public:
  explicit Kamailio(const std::string& sql) : path_(dir_.file("kamailio.db")) {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path_.c_str(), &db) == SQLITE_OK);
    char* message = nullptr;
    sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &message);
    REQUIRE_MESSAGE(message == nullptr, message);
    REQUIRE(sqlite3_close(db) == SQLITE_OK);
  }
  Import read(const Snapshot& existing = {}) const {
    auto import = read_kamailio(path_, existing, kKey, kNow);
    REQUIRE_MESSAGE(import.has_value(), import.error().message);
    return std::move(*import);
  }
  const std::string& path() const { return path_; }

 private:
  TempDir dir_;
  std::string path_;
};

template <class Put, class Member>
auto all(const Import& import, Member member) {
  std::vector<std::decay_t<decltype(std::declval<Put>().*member)>> out;
  for (const Change& change : import.changes) {
    if (const auto* put = std::get_if<Put>(&change)) out.push_back(put->*member);
  }
  return out;
}
std::vector<Domain> domains(const Import& i) {
  return all<PutDomain>(i, &PutDomain::domain);
}
std::vector<DispatcherSet> sets(const Import& i) {
  return all<PutSet>(i, &PutSet::set);
}
std::vector<Target> targets(const Import& i) {
  return all<PutTarget>(i, &PutTarget::target);
}
std::vector<Binding> bindings(const Import& i) {
  return all<PutBinding>(i, &PutBinding::binding);
}

// Is there a note about `where` whose reason contains `part`?
bool noted(const Import& import, const std::string& where, const std::string& part) {
  return std::any_of(import.notes.begin(), import.notes.end(), [&](const ImportNote& n) {
    return n.where == where && n.reason.find(part) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("every spelling of a destination gives the same kind of target") {
  const Kamailio db(std::string(kTables) + R"(
    INSERT INTO dispatcher VALUES (1, 10, '10.0.1.100', 0, 0, '', 'bare'), (2, 10, '10.0.1.101:5060', 0, 0, NULL, NULL),
      (3, 10, 'sip:10.0.1.102', 0, 0, '', ''), (4, 10, 'sip:10.0.1.103:5060', 0, 0, '', ''),
      (5, 10, 'sip:10.0.1.104;transport=tcp', 0, 0, '', ''), (6, 10, '[2001:db8::1]:5070', 0, 0, '', ''),
      (7, 10, 'SIP:PBX.Example.org', 0, 0, '', ''), (8, 10, '  sip:10.0.1.105:5080 ', 8, 0, '', '');
  )");
  const Import import = db.read();
  std::string texts;
  for (const Target& t : targets(import)) {
    texts += t.destination.text() + "\n";
    CHECK(t.setid == 10);
    CHECK(t.priority == 0);
    CHECK(t.weight == 1);
    CHECK(t.state == TargetState::active);
  }
  CHECK(texts ==
        "sip:10.0.1.100:5060\nsip:10.0.1.101:5060\nsip:10.0.1.102:5060\nsip:10.0.1.103:5060\n"
        "sip:10.0.1.104:5060;transport=tcp\nsip:[2001:db8::1]:5070\nsip:pbx.example.org\nsip:"
        "10.0.1.105:5080\n");
  CHECK(targets(import).front().comment == "bare");
  CHECK(sets(import) == std::vector{sample_set(10)});
  CHECK(import.targets == 8);
  CHECK(import.sets == 1);
  CHECK(import.notes.empty());
}

TEST_CASE(
    "priorities are turned round per set and keep their order; weights and flags are taken over") {
  const Kamailio db(std::string(kTables) + R"(
    INSERT INTO dispatcher VALUES (1, 10, '10.0.1.1', 0, 100, 'weight=50;duid=a', ''), (2, 10, '10.0.1.2', 1, 40, 'duid=b;weight=7', ''),
      (3, 10, '10.0.1.3', 4, 100, '', ''), (4, 10, '10.0.1.4', 12, -5, 'weight=0', ''), (5, 10, '10.0.1.5', 2, 0, 'weight=many', ''),
      (6, 20, '10.0.1.1', 0, 9000000, '', ''), (7, 20, '10.0.1.2', 16, 5, '', ''), (8, 20, '10.0.1.3', 0, 77, '', ''),
      (9, 30, '10.0.1.1', 'x', 'high', '', '');
  )");
  const Import import = db.read();
  const auto t = targets(import);
  REQUIRE(t.size() == 9);
  std::vector<std::int32_t> priorities;
  std::vector<std::uint32_t> weights;
  std::vector<TargetState> states;
  for (const Target& target : t) {
    priorities.push_back(target.priority);
    weights.push_back(target.weight);
    states.push_back(target.state);
  }
  // Set 20 spans more than our range: its order is what is kept.
  CHECK(priorities == std::vector<std::int32_t>{0, 60, 0, 105, 100, 0, 2, 1, 0});
  CHECK(weights == std::vector<std::uint32_t>{50, 7, 1, 1, 1, 1, 1, 1, 1});
  using enum TargetState;
  CHECK(states == std::vector{active, disabled, disabled, disabled, active, active, active, active,
                              disabled});
  CHECK(noted(import, "dispatcher row 2", "inactive"));
  CHECK(noted(import, "dispatcher row 3", "disabled"));
  CHECK(noted(import, "dispatcher row 4", "weight \"0\""));
  CHECK(noted(import, "dispatcher row 5", "weight \"many\""));
  CHECK(noted(import, "dispatcher row 9", "priority \"high\""));
  CHECK(noted(import, "dispatcher row 9", "flags \"x\""));
  CHECK(noted(import, "set 10", "weighted"));
  CHECK(noted(import, "set 20", "priority"));
  CHECK(!noted(import, "dispatcher row 1", ""));
  CHECK(!noted(import, "set 30", ""));
}

TEST_CASE("a bad row is left out with its reason, and the others are not") {
  const Kamailio db(std::string(kTables) + R"(
    INSERT INTO dispatcher VALUES (1, 10, 'sip:alice@10.0.1.1', 0, 0, '', ''), (2, 10, '', 0, 0, '', ''), (3, 10, NULL, 0, 0, '', ''),
      (4, 0, '10.0.1.1', 0, 0, '', ''), (5, 'ten', '10.0.1.1', 0, 0, '', ''), (6, 10, '10.0.1.1', 0, 0, '', ''),
      (7, 10, 'sip:10.0.1.1:5060', 0, 0, '', ''), (8, NULL, '10.0.1.1', 0, 0, '', ''), (9, 10, '10.0.1.1:99999', 0, 0, '', '');
    INSERT INTO sip_domains VALUES ('a.test', 10, 1, 'first'), ('A.TEST', 11, 1, ''), ('no domain', 10, 1, ''), ('b.test', -1, 1, ''),
      ('sip:c.test', 10, 1, ''), ('d.test:5060', 10, 1, ''), (NULL, 10, 1, '');
  )");
  const Import import = db.read();
  REQUIRE(targets(import).size() == 1);
  CHECK(targets(import).front().destination.text() == "sip:10.0.1.1:5060");
  for (const char* row : {"1", "2", "3", "4", "5", "7", "8", "9"}) {
    CHECK_MESSAGE(noted(import, std::string("dispatcher row ") + row, "left out"), row);
  }
  CHECK(noted(import, "dispatcher row 7", "the same destination as dispatcher row 6"));
  CHECK(domains(import) ==
        std::vector{Domain{.domain = "a.test", .setid = 10, .enabled = true, .comment = "first"}});
  for (const char* row : {"2", "3", "4", "5", "6", "7"}) {
    CHECK_MESSAGE(noted(import, std::string("sip_domains row ") + row, "left out"), row);
  }
  CHECK(sets(import) == std::vector{sample_set(10)});  // 11 is named by a row that was left out
}

TEST_CASE("domains: case, enabled in every spelling, and a set without targets is made") {
  const Kamailio db(R"(
    CREATE TABLE sip_domains (domain TEXT, dispatcher_setid, enabled, comment TEXT);
    INSERT INTO sip_domains VALUES ('A.Test', '10', 1, 'x'), ('b.test', 10.0, 0, NULL), ('c.test', 20, 'true', ''), ('d.test', 20, 'NO', ''),
      ('e.test', 20, NULL, ''), ('f.test', 20, 'maybe', ''), ('10.0.1.200', 20, '1', '');
  )");
  const Import import = db.read();
  std::string text;
  for (const Domain& d : domains(import))
    text += d.domain + "=" + std::to_string(d.setid) + (d.enabled ? "+ " : "- ");
  CHECK(text ==
        "a.test=10+ b.test=10- c.test=20+ d.test=20- e.test=20+ f.test=20- 10.0.1.200=20+ ");
  CHECK(sets(import) == std::vector{sample_set(10), sample_set(20)});
  CHECK(import.domains == 7);
  CHECK(import.notes.size() == 1);
  CHECK(noted(import, "sip_domains row 6", "neither yes nor no"));
}

TEST_CASE("an unexpired location becomes a binding that Kamailio's dialling would have reached") {
  const Kamailio db(std::string(kTables) + R"(
    INSERT INTO endpoint_locations VALUES ('401@A.test', '10.0.1.200', 45891, 1700000060), ('sip:402@a.test', '2001:db8::7', '5062', '1700000061'),
      ('403@a.test', '10.0.1.200', NULL, '2023-11-14 22:14:22'), ('404@a.test', '10.0.1.200', 5060, 2460263.5),
      ('405@a.test', '10.0.1.200', 5060, 1700000000), ('406@a.test', '10.0.1.200', 5060, '2023-11-14 22:13:19'),
      ('407', '10.0.1.200', 5060, 1700000060), ('@a.test', '10.0.1.200', 5060, 1700000060), ('408@a.test', 'pbx', 5060, 1700000060),
      ('409@a.test', '10.0.1.200', 0, 1700000060), ('410@a.test', '10.0.1.200', 70000, 1700000060), ('411@a.test', '10.0.1.200', 5060, 'soon'),
      ('412@a.test', '10.0.1.200', 5060, NULL), ('4 13@a.test', '10.0.1.200', 5060, 1700000060), ('414@a.test', '10.0.1.200', 5060, '2023-02-30 00:00:00'),
      ('sip:401@a.test', '10.0.1.201', 5061, 1700000099), ('401@a.TEST', '10.0.1.202', 5061, 1700000001);
  )");
  const Import import = db.read();
  const auto b = bindings(import);
  REQUIRE(b.size() == 4);
  CHECK(import.locations == 4);
  // Two more rows of the same user: the one that lasts longest counts.
  CHECK(b[0].aor == "401@a.test");
  CHECK(b[0].contact == "sip:401@10.0.1.201:5061");
  CHECK(b[0].flow.remote == endpoint("10.0.1.201:5061"));
  CHECK(b[0].expires == kNow + std::chrono::seconds(99));
  CHECK(b[1].aor == "402@a.test");
  CHECK(b[1].contact == "sip:402@[2001:db8::7]:5062");
  CHECK(b[1].expires == kNow + std::chrono::seconds(61));
  CHECK(b[2].contact == "sip:403@10.0.1.200:5060");
  CHECK(b[2].expires == kNow + std::chrono::seconds(62));
  CHECK(b[3].expires == WallTime{std::chrono::seconds{1700006400}});  // Julian day 2460263.5
  for (const Binding& one : b) {
    CHECK(one.flow.transport == net::Transport::udp);
    CHECK(one.flow.listener.value == 0);
    CHECK(one.target == 0);
    CHECK(one.q == 1000);
    CHECK(one.registered == kNow);
    CHECK(one.token.size() == limits::kContactUserToken);
    CHECK(one.token.find_first_not_of("0123456789abcdefghijklmnopqrstuv") == std::string::npos);
  }
  CHECK(b[0].token != b[1].token);
  CHECK(noted(import, "endpoint_locations row 5", "expired"));
  CHECK(noted(import, "endpoint_locations row 6", "expired"));
  CHECK(noted(import, "endpoint_locations row 7", "expected user@domain"));
  for (const char* row : {"8", "9", "10", "11", "12", "13", "14", "15", "16", "17"}) {
    CHECK_MESSAGE(noted(import, std::string("endpoint_locations row ") + row, "left out"), row);
  }
  // The token depends on the key and the user alone.
  CHECK(bindings(db.read())[0].token == b[0].token);
  CHECK(bindings(*read_kamailio(db.path(), {}, HashKey{3, 4}, kNow))[0].token != b[0].token);
}

TEST_CASE("imported into the store, and imported again: no change") {
  const Kamailio db(std::string(kTables) + R"(
    INSERT INTO dispatcher VALUES (1, 10, '10.0.1.100', 0, 1, '', ''), (2, 20, 'sip:10.0.1.101', 0, 2, '', '');
    INSERT INTO sip_domains VALUES ('a.test', 10, 1, ''), ('b.test', 30, 0, '');
    INSERT INTO endpoint_locations VALUES ('401@a.test', '10.0.1.200', 45891, 1700000060);
  )");
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  REQUIRE(f.apply(
      {PutSet{sample_set(20)}, PutTarget{sample_target(41, 20, "10.9.9.9")}, DeleteTarget{41}}));
  const Import first = db.read(f.reopen());
  CHECK(first.sets == 2);
  CHECK(targets(first).front().id == 42);  // the id of a deleted target is not given again
  REQUIRE(f.apply(first.changes));

  const Snapshot s = f.reopen();
  CHECK(s.sets.size() == 3);
  CHECK(s.targets.size() == 2);
  CHECK(s.domains.size() == 2);
  CHECK(s.bindings == bindings(first));
  const Import second = db.read(s);
  CHECK(second.changes.empty());
  CHECK(second.domains + second.sets + second.targets + second.locations == 0);
}

TEST_CASE("what the operator changed since is not put back") {
  const Kamailio db(std::string(kTables) + R"(
    INSERT INTO sip_domains VALUES ('a.test', 10, 1, '');
    INSERT INTO endpoint_locations VALUES ('401@a.test', '10.0.1.200', 45891, 1700000060);
  )");
  Snapshot existing;
  existing.sets = {sample_set(10), sample_set(20)};
  existing.domains = {sample_domain("a.test", 20)};
  existing.bindings = {sample_binding("x", "401@a.test")};
  const Import import = db.read(existing);
  CHECK(import.changes.empty());
  CHECK(noted(import, "sip_domains row 1", "exists already"));
  CHECK(noted(import, "endpoint_locations row 1", "has a registration already"));
}

TEST_CASE("absent optional columns are tolerated, absent needed ones are named") {
  const Kamailio few(R"(
    CREATE TABLE dispatcher (setid INTEGER, destination TEXT);
    CREATE TABLE SIP_DOMAINS (DOMAIN TEXT, dispatcher_setid INTEGER);
    INSERT INTO dispatcher VALUES (10, '10.0.1.100');
    INSERT INTO sip_domains VALUES ('a.test', 10);
  )");
  const Import import = few.read();
  CHECK(import.targets == 1);
  CHECK(domains(import) == std::vector{sample_domain("a.test", 10)});
  CHECK(import.notes.empty());

  const Kamailio none("CREATE TABLE dispatcher (id INTEGER, setid INTEGER)");
  const auto refused = read_kamailio(none.path(), {}, kKey, kNow);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::syntax);
  CHECK(refused.error().message == none.path() + ": table dispatcher has no column destination");
}

TEST_CASE("a file that is no Kamailio database is refused, and no import changes a file") {
  const TempDir dir;
  const auto code = [](const std::string& path) {
    const auto r = read_kamailio(path, {}, kKey, kNow);
    REQUIRE(!r.has_value());
    CHECK(r.error().message.find(path) != std::string::npos);
    return r.error().code;
  };
  CHECK(code(dir.file("missing.db")) == Errc::io);
  CHECK(!std::filesystem::exists(dir.file("missing.db")));
  write_bytes(dir.file("text.db"), std::string(5000, 'x'));
  CHECK(code(dir.file("text.db")) == Errc::syntax);
  CHECK(code(Kamailio("CREATE TABLE subscriber (id INTEGER)").path()) == Errc::syntax);

  const Kamailio db(std::string(kTables) +
                    "INSERT INTO dispatcher VALUES (1, 10, '10.0.1.100', 0, 1, '', '');");
  const std::string before = bytes_of(db.path());
  db.read();
  CHECK(bytes_of(db.path()) == before);
}

TEST_CASE("a set takes no more targets than its limit") {
  std::string sql = kTables;
  for (std::size_t i = 0; i < limits::kTargetsPerSet + 3; ++i) {
    sql += "INSERT INTO dispatcher (setid, destination) VALUES (10, '10.0.1.1:" +
           std::to_string(1000 + i) + "');";
  }
  const Import import = Kamailio(sql).read();
  CHECK(import.targets == limits::kTargetsPerSet);
  CHECK(import.notes.size() == 3);
}

}  // namespace usher::storage
