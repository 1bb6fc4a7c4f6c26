// What is put is what is loaded; batches are whole, in order, and independent of each other.
#include <algorithm>

#include "core/limits.hpp"
#include "support.hpp"

namespace usher::storage {

TEST_CASE("every record comes back as it was put") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  f.load();

  DispatcherSet set = sample_set(10);
  set.algorithm = Algorithm::hash;
  set.health = {std::chrono::microseconds(1'500'001), std::chrono::milliseconds(700), 3, 5};
  set.failover = {{408, 500, 503}, 2, true};
  set.comment = "west";
  DispatcherSet bare = sample_set(2147483648);
  bare.failover.codes.clear();
  const Domain domain{.domain = "a.test",
                      .setid = 10,
                      .enabled = false,
                      .comment = "it's \"quoted\"; DROP TABLE sets"};
  Target target = sample_target(7, 10, "sip:[2001:db8::1]:5070;transport=tcp");
  target.priority = 3;
  target.weight = 50;
  target.sources = {*net::Cidr::parse("10.0.1.0/28"), *net::Cidr::parse("2001:db8::/32")};
  target.state = TargetState::draining;
  target.comment = "pbx 7";
  target.maintenance = {{kNow, kNow + std::chrono::hours(2), "it's 5 o'clock"},
                        {kNow + std::chrono::hours(3), kNow + std::chrono::hours(4), ""}};
  const Target named = sample_target(8, 10, "pbx.example.org");
  Binding binding = sample_binding("k3v9q2m1x8");
  // Byte for byte: neither quotes nor invalid UTF-8 nor a NUL are anything special.
  binding.contact = std::string("sip:4'01@x;a=\"\xff\x80") + '\0' + "z";
  binding.q = 250;
  binding.flow.transport = net::Transport::wss;
  binding.flow.listener.value = 3;
  binding.flow.remote = endpoint("[2001:db8::9]:61000");
  binding.expires = kNow + std::chrono::milliseconds(3'600'123);
  Binding imported = sample_binding("0000000001", "402@a.test");
  imported.target = 0;
  imported.instance.clear();
  imported.user_agent.clear();
  const ScannerPattern scanner{"zz-scanner", "seen in March"};
  const Secret secret{"token-key", std::string("\0\x01\xff'\0", 5)};

  REQUIRE(
      f.apply({PutSet{set}, PutSet{bare}, PutTarget{target}, PutTarget{named}, PutDomain{domain},
               PutBinding{binding}, PutBinding{imported}, PutScanner{scanner},
               PutDoorKnock{sample_knock(1)}, PutDoorKnock{sample_knock(2)}, PutSecret{secret}}));
  Snapshot s = f.reopen();
  CHECK(s.sets == std::vector{set, bare});
  CHECK(s.targets == std::vector{target, named});
  CHECK(s.domains == std::vector{domain});
  std::sort(s.bindings.begin(), s.bindings.end(),
            [](const Binding& a, const Binding& b) { return a.token > b.token; });
  CHECK(s.bindings == std::vector{binding, imported});
  CHECK(std::count(s.scanners.begin(), s.scanners.end(), scanner) == 1);
  CHECK(s.door_knocks == std::vector{sample_knock(2), sample_knock(1)});  // newest first
  CHECK(s.secrets == std::vector{secret});
  CHECK(s.last_target == 8);
}

TEST_CASE("a stream's connection is not kept: it means nothing to the next process") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  Binding binding = sample_binding("a");
  binding.flow.transport = net::Transport::tcp;
  binding.flow.connection.value = 99;
  REQUIRE(f.apply({PutBinding{binding}}));
  binding.flow.connection.value = 0;
  CHECK(f.reopen().bindings == std::vector{binding});
}

TEST_CASE("a second put changes in place, a delete removes, a delete of nothing succeeds") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  DispatcherSet set = sample_set(10);
  REQUIRE(f.apply({PutSet{set}, PutDomain{sample_domain("a.test", 10)},
                   PutTarget{sample_target(1, 10, "10.0.0.1")}, PutBinding{sample_binding("a")},
                   PutScanner{{"x", ""}}, PutSecret{{"k", "1"}}}));
  // The set is referred to: changing it must not count as taking it away.
  set.comment = "changed";
  Domain domain = sample_domain("a.test", 10);
  domain.enabled = false;
  Target target = sample_target(1, 10, "10.0.0.2");
  Binding binding = sample_binding("a");
  binding.contact = "sip:402@192.0.2.8";
  REQUIRE(f.apply({PutSet{set}, PutDomain{domain}, PutTarget{target}, PutBinding{binding},
                   PutScanner{{"x", "y"}}, PutSecret{{"k", "2"}}}));
  Snapshot s = f.reopen();
  CHECK(s.sets == std::vector{set});
  CHECK(s.domains == std::vector{domain});
  CHECK(s.targets == std::vector{target});
  CHECK(s.bindings == std::vector{binding});
  CHECK(std::count(s.scanners.begin(), s.scanners.end(), ScannerPattern{"x", "y"}) == 1);
  CHECK(s.secrets == std::vector{Secret{"k", "2"}});

  for (int i = 0; i < 2; ++i) {
    REQUIRE(f.apply({DeleteDomain{"a.test"}, DeleteTarget{1}, DeleteSet{10}, DeleteBinding{"a"},
                     DeleteScanner{"x"}}));
  }
  s = f.reopen();
  CHECK(s.sets.empty());
  CHECK(s.domains.empty());
  CHECK(s.targets.empty());
  CHECK(s.bindings.empty());
  CHECK(std::count(s.scanners.begin(), s.scanners.end(), ScannerPattern{"x", "y"}) == 0);
  // The id of a deleted target is still known as used.
  CHECK(s.last_target == 1);
}

TEST_CASE("a new database knows the scanners, and one that the operator deleted stays deleted") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const auto knows = [](const Snapshot& s) {
    return std::any_of(s.scanners.begin(), s.scanners.end(),
                       [](const ScannerPattern& p) { return p.pattern == "friendly-scanner"; });
  };
  CHECK(knows(f.load()));
  REQUIRE(f.apply({DeleteScanner{"friendly-scanner"}}));
  CHECK(!knows(f.reopen()));
}

TEST_CASE("expired bindings are left out of what is loaded, and forgotten") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  Binding gone = sample_binding("gone");
  gone.expires = kNow;
  Binding alive = sample_binding("alive");
  alive.expires = kNow + std::chrono::milliseconds(1);
  REQUIRE(f.apply({PutBinding{gone}, PutBinding{alive}}));
  CHECK(f.reopen().bindings == std::vector{alive});
  // Even a clock that goes back does not bring it to life.
  CHECK(f.reopen(kNow - std::chrono::hours(1)).bindings == std::vector{alive});
}

TEST_CASE("a batch is applied whole or not at all") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const auto r = f.apply({PutSet{sample_set(10)}, PutBinding{sample_binding("a")},
                          PutDomain{sample_domain("a.test", 11)}});
  REQUIRE(!r);
  CHECK(r.error().code == Errc::conflict);
  const Snapshot s = f.reopen();
  CHECK(s.sets.empty());
  CHECK(s.bindings.empty());
  CHECK(s.domains.empty());
}

TEST_CASE("a refused batch does no harm to its neighbours, and answers come in order") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  std::string order;
  const auto say = [&order](char c) {
    return [&order, c](Result<void> r) { order += r ? c : '!'; };
  };
  f.store->apply({PutSet{sample_set(1)}}, Durability::required, say('a'));
  f.store->apply({PutDomain{sample_domain("a.test", 2)}}, Durability::required, say('b'));
  f.store->apply({PutDomain{sample_domain("b.test", 1)}}, Durability::eventual, say('c'));
  f.store->apply({PutSet{sample_set(2)}, PutDomain{sample_domain("c.test", 3)}},
                 Durability::eventual, say('d'));
  f.store->apply({}, Durability::required, say('e'));
  f.store->apply({PutSet{sample_set(4)}}, Durability::eventual, nullptr);
  f.store->apply({PutSet{sample_set(5)}}, Durability::required, say('f'));
  REQUIRE(f.posts.run_until([&] { return order.size() == 6; }));
  CHECK(order == "a!c!ef");
  CHECK(f.store->health().ok);
  CHECK(f.store->health().failed_batches == 2);
  CHECK(f.store->health().dropped == 0);
  const Snapshot s = f.reopen();
  CHECK(s.sets == std::vector{sample_set(1), sample_set(4), sample_set(5)});
  CHECK(s.domains == std::vector{sample_domain("b.test", 1)});
}

TEST_CASE("changes are applied in their order, within a batch and over batches") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  Binding first = sample_binding("a");
  Binding second = first;
  second.contact = "sip:second@192.0.2.1";
  REQUIRE(f.apply({PutBinding{first}, DeleteBinding{"a"}, PutBinding{second}, PutBinding{first},
                   PutBinding{second}}));
  CHECK(f.reopen().bindings == std::vector{second});

  int answers = 0;
  for (int i = 0; i < 1000; ++i) {
    second.contact = "sip:" + std::to_string(i) + "@192.0.2.1";
    f.store->apply({PutBinding{second}}, Durability::eventual,
                   [&](Result<void> r) { answers += r ? 1 : 0; });
  }
  REQUIRE(f.posts.run_until([&] { return answers == 1000; }));
  CHECK(f.reopen().bindings == std::vector{second});
}

TEST_CASE("a broken reference is a conflict that names both sides") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  REQUIRE(f.apply({PutSet{sample_set(10)}, PutTarget{sample_target(3, 10, "10.0.0.1")},
                   PutDomain{sample_domain("a.test", 10)}, PutDomain{sample_domain("b.test", 10)},
                   PutSet{sample_set(20)}}));
  const auto conflict = [&](Change change) {
    const auto r = f.apply({std::move(change)});
    REQUIRE(!r);
    CHECK(r.error().code == Errc::conflict);
    return r.error().message;
  };
  CHECK(conflict(DeleteSet{10}) == "set 10 is in use by 1 target and 2 domains, a.test among them");
  CHECK(conflict(PutDomain{sample_domain("c.test", 11)}) ==
        "domain c.test names set 11, which does not exist");
  CHECK(conflict(PutDomain{sample_domain("a.test", 11)}) ==
        "domain a.test names set 11, which does not exist");
  CHECK(conflict(PutTarget{sample_target(4, 12, "10.0.0.2")}) ==
        "target sip:10.0.0.2:5060 names set 12, which does not exist");
  CHECK(conflict(PutTarget{sample_target(4, 10, "sip:10.0.0.1")}) ==
        "set 10 has destination sip:10.0.0.1:5060 already: target 3");
  CHECK(f.apply({PutTarget{sample_target(4, 20, "10.0.0.1")}}));  // another set may have it
  CHECK(f.apply({DeleteTarget{3}, DeleteDomain{"a.test"}}));
  CHECK(conflict(DeleteSet{10}) == "set 10 is in use by domain b.test");
  CHECK(f.apply({DeleteDomain{"b.test"}, DeleteSet{10}}));
}

TEST_CASE("a value that the schema does not take is refused, and not as the disk's fault") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  for (Change change : std::vector<Change>{PutSet{sample_set(0)}, PutBinding{sample_binding("")},
                                           PutDomain{sample_domain("", 1)}}) {
    const auto r = f.apply({std::move(change)}, Durability::eventual);
    REQUIRE(!r);
    CHECK(r.error().code == Errc::range);
  }
  CHECK(f.store->health().ok);
  CHECK(f.store->health().queued == 0);
}

TEST_CASE("what is queued together is committed together") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  int answers = 0;
  for (int i = 0; i < 2000; ++i) {
    f.store->apply({PutBinding{sample_binding(std::to_string(i))}}, Durability::eventual,
                   [&](Result<void> r) { answers += r ? 1 : 0; });
  }
  REQUIRE(f.posts.run_until([&] { return answers == 2000; }));
  const StoreHealth health = f.store->health();
  CHECK(health.commits >= 1);
  CHECK(health.commits < 1000);
  CHECK(health.queued == 0);
  CHECK(health.last_commit.count() > 0);
  CHECK(f.posts.run() <= health.commits);  // one task per commit, not per batch
  MESSAGE("2000 batches in " << health.commits << " commits");
  CHECK(f.reopen().bindings.size() == 2000);
}

TEST_CASE("a full queue refuses at once and keeps nothing of the batch") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const std::vector<Change> too_many(limits::kStoreQueue + 1, DeleteBinding{"a"});
  for (const Durability durability : {Durability::required, Durability::eventual}) {
    const auto r = f.apply(too_many, durability);
    REQUIRE(!r);
    CHECK(r.error().code == Errc::limit);
  }
  CHECK(f.store->health().queued == 0);
  CHECK(f.store->health().failed_batches == 2);
  CHECK(f.store->health().dropped ==
        too_many.size());  // of the eventual one: memory has it, the disk not
  CHECK(f.store->health().ok);
  CHECK(f.apply({std::vector<Change>(limits::kStoreQueue, DeleteBinding{"a"})}));
}

TEST_CASE("a new store is in its first week, which began when it was opened") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  const GateSettings gate = f.reopen().gate;
  CHECK(gate.mode == GateMode::first_week);
  CHECK(gate.opened > kNow);  // the present, which no test knows
  GateSettings known = gate;
  known.opened = {};
  CHECK(known == GateSettings{});
}

TEST_CASE("the gate's settings, bans and the audit trail are kept; expired bans are not") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  GateSettings gate;
  gate.mode = GateMode::enforce;
  gate.opened = kNow;
  gate.source = {1, 2};
  gate.phone = {0, 0};
  gate.method = {7, 8};
  gate.window = std::chrono::minutes(3);
  gate.failures = 4;
  gate.knocks = 5;
  gate.scanner_hits = 6;
  gate.ban = std::chrono::minutes(7);
  gate.longest_ban = std::chrono::hours(8);
  gate.trusted = {*net::Cidr::parse("198.51.100.0/24"), *net::Cidr::parse("2001:db8::/32")};
  const Ban forever{.network = *net::Cidr::parse("192.0.2.0/28"),
                    .reason = "no reason",
                    .made_by = "operator",
                    .since = kNow,
                    .until = {},
                    .hits = 12,
                    .times = 3,
                    .enforced = true};
  Ban dry = forever;
  dry.network = *net::Cidr::parse("2001:db8:1::/64");
  dry.until = kNow + std::chrono::hours(1);
  dry.enforced = false;
  Ban over = forever;
  over.network = *net::Cidr::parse("192.0.2.99");
  over.until = kNow - std::chrono::seconds(1);
  Ban lifted = forever;
  lifted.network = *net::Cidr::parse("192.0.2.98");
  const AuditEntry entry{.id = 7,
                         .when = kNow,
                         .client = "127.0.0.1:40000",
                         .token = "none",
                         .method = "PUT",
                         .path = "/v1/domains/a.test",
                         .status = 200,
                         .before = "{}",
                         .after = "{\"a\": 1}"};
  REQUIRE(f.apply({PutGate{gate}, PutBan{forever}, PutBan{dry}, PutBan{over}, PutBan{lifted},
                   DeleteBan{lifted.network}, AddAudit{entry}}));
  Snapshot s = f.reopen();
  CHECK(s.gate == gate);
  CHECK(s.bans == std::vector{forever, dry});
  CHECK(s.audit == std::vector{entry});
  AuditEntry late = entry;
  late.id = entry.id + static_cast<std::int64_t>(limits::kAuditEntries);
  REQUIRE(f.apply({AddAudit{late}}));
  CHECK(f.reopen().audit == std::vector{late});
}

TEST_CASE("door-knocks are trimmed to the newest, by the writer") {
  const TempDir dir;
  const std::string path = dir.file("usher.db");
  Fixture f(path);
  const int count = static_cast<int>(limits::kDoorKnocks) + 2500;
  for (int i = 0; i < count; i += 100) {
    std::vector<Change> batch;
    for (int k = i; k < i + 100; ++k) batch.push_back(PutDoorKnock{sample_knock(k)});
    f.store->apply(std::move(batch), Durability::eventual, nullptr);
  }
  REQUIRE(f.apply({}));
  const Snapshot s = f.reopen();
  REQUIRE(s.door_knocks.size() == limits::kDoorKnocks);
  CHECK(s.door_knocks.front() == sample_knock(count - 1));
  CHECK(s.door_knocks.back() == sample_knock(count - static_cast<int>(limits::kDoorKnocks)));
  // The first knock of a process trims what the one before left over.
  REQUIRE(f.apply({PutDoorKnock{sample_knock(count)}}));
  f.store->close();
  CHECK(std::filesystem::file_size(path) < 4'000'000);
  f.open();
}

TEST_CASE("close() writes what is queued, and the answers still arrive") {
  const TempDir dir;
  Fixture f(dir.file("usher.db"));
  int answers = 0;
  for (int i = 0; i < 500; ++i) {
    f.store->apply({PutBinding{sample_binding(std::to_string(i))}}, Durability::eventual,
                   [&](Result<void> r) { answers += r ? 1 : 0; });
  }
  f.store->close();
  CHECK(f.store->health().queued == 0);
  REQUIRE(f.posts.run_until([&] { return answers == 500; }));
  CHECK(f.reopen().bindings.size() == 500);
}

}  // namespace usher::storage
