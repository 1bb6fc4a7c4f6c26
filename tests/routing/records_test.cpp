// A record for each call: one and only one, whatever becomes of it, over restarts too.
#include <algorithm>

#include "core/limits.hpp"
#include "routing/cdr.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using storage::CallEnder;
using storage::CallRecord;
using storage::LegSide;

const std::string kContact = "Contact: <sip:401@127.0.0.21:5062>\n";

Ask invite_of(const std::string& call_id = "call-1", unsigned cseq = 1) {
  return {"INVITE", "sip:600@a.test", "401@a.test", "600@a.test", call_id, cseq, kContact};
}

// A request of the phone in its call.
Ask in_call(const std::string& method, const Sent& answer, unsigned cseq) {
  Ask a{method, "sip:600@127.0.0.1:5060", "401@a.test", "600@a.test", "call-1", cseq};
  a.to_tag = std::string{answer.message->to_tag()};
  return a;
}

std::string final_answer(const Sent& to, int status) {
  return response(to, status, "Contact: <sip:600@" + to.flow.remote.text() + ">\n");
}

// The one record that the store holds.
CallRecord only_record(World& w) {
  w.pass(routing::DialogSaves::kGather);
  REQUIRE(w.records.size() == 1);
  return w.records.begin()->second;
}

// Each ended record is counted, by its status.
void counts_match(World& w) {
  std::map<int, std::uint64_t> ended;
  for (const auto& [id, record] : w.records) {
    if (record.ended) ++ended[record.status];
  }
  for (int status = 0; status < 700; ++status)
    CHECK(w.edge().records().ended_with(status) == (ended.contains(status) ? ended[status] : 0));
}

// The phone's INVITE, as the backend has got it.
Sent dial(World& w, const Ask& ask = invite_of(), const std::string& backend = kA1) {
  w.phone(kPhone, request(ask));
  return w.only(backend);
}

Sent answer(World& w, const Sent& invite) {
  w.backend(invite.flow.remote.text(), final_answer(invite, 200));
  const Sent got = w.only(kPhone);
  REQUIRE(got.status() == 200);
  w.phone(kPhone, request(in_call("ACK", got, 1)));
  w.take();
  return got;
}

storage::DispatcherSet hunting_set() {
  storage::DispatcherSet set = World::set(10, storage::Algorithm::priority);
  set.failover.max_attempts = 3;
  return set;
}

}  // namespace

TEST_CASE("an answered call: a row when it begins, when it is answered, and its end") {
  World w;
  const Sent invite = dial(w);
  CallRecord record = only_record(w);
  CHECK(record.id == w.edge().calls().at(0).key);
  CHECK(record.id.size() == 13);
  CHECK(!record.ended);
  CHECK(!record.answered);
  CHECK(record.from == "sip:401@a.test");
  CHECK(record.to == "sip:600@a.test");
  CHECK(record.domain == "a.test");
  CHECK(record.origin_side == LegSide::phone);
  CHECK(record.origin.text() == kPhone);
  CHECK(record.origin_call_id == "call-1");
  CHECK(record.target == 1);
  const WallTime began = record.started;
  w.pass(2s);
  w.take();
  w.backend(kA1, response(invite, 180));
  w.take();
  w.pass(3s);
  const Sent got = answer(w, invite);
  record = only_record(w);
  CHECK(!record.ended);
  REQUIRE(record.answered);
  w.pass(60s);
  w.phone(kPhone, request(in_call("BYE", got, 2)));
  const Sent bye = w.only(kA1);
  w.backend(kA1, response(bye, 200));
  w.take();
  record = only_record(w);
  CHECK(record.started == began);
  REQUIRE(record.ringing);
  CHECK(*record.ringing - began >= 2s);
  CHECK(*record.ringing - began < 2500ms);
  CHECK(*record.answered - began >= 5s);
  CHECK(*record.answered - began < 5500ms);
  REQUIRE(record.ended);
  CHECK(*record.ended - *record.answered >= 60s);
  CHECK(*record.ended - *record.answered < 61s);
  CHECK(record.status == 200);
  CHECK(record.ended_by == CallEnder::originator);
  CHECK(record.cause == "the originator hung up");
  CHECK(record.new_call_id == invite.header("Call-ID"));
  CHECK(record.destination == kA1);
  CHECK(record.attempts == 1);
  CHECK(record.failovers == 0);
  counts_match(w);
  const routing::CallDurations& times = w.edge().records().times(LegSide::phone);
  CHECK(times.post_dial.count() == 1);
  CHECK(times.setup.count() == 1);
  CHECK(times.setup.sum() == *record.answered - began);
  CHECK(times.talk.count() == 1);
  CHECK(w.edge().records().times(LegSide::backend).talk.count() == 0);
}

TEST_CASE("the answerer who hangs up is named") {
  World w;
  const Sent invite = dial(w);
  answer(w, invite);
  w.backend(kA1, wire("BYE sip:x@127.0.0.1:5060 SIP/2.0\nVia: SIP/2.0/UDP " + kA1 +
                      ";branch=z9hG4bKbye;rport\nMax-Forwards: 70\nFrom: " + invite.header("To") +
                      ";tag=bt\nTo: " + invite.header("From") +
                      "\nCall-ID: " + invite.header("Call-ID") + "\nCSeq: 7 BYE\n"));
  w.phone(kPhone, response(w.only(kPhone), 200));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.ended_by == CallEnder::answerer);
  CHECK(record.cause == "the answerer hung up");
  counts_match(w);
}

TEST_CASE("a refused call has the backend's answer, and no time of talk") {
  World w;
  const Sent invite = dial(w);
  w.backend(kA1, response(invite, 486));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.status == 486);
  CHECK(record.ended_by == CallEnder::answerer);
  CHECK(record.cause.find("486") != std::string::npos);
  CHECK(!record.answered);
  CHECK(!record.ringing);
  CHECK(record.ended);
  counts_match(w);
}

TEST_CASE("a caller who gives up leaves a 487") {
  World w;
  const Ask ask = invite_of();
  const std::string text = request(ask);
  w.phone(kPhone, text);
  const Sent invite = w.only(kA1);
  w.backend(kA1, response(invite, 180));
  w.take();
  w.phone(kPhone, cancel_of(text));
  for (const Sent& s : w.take()) {
    if (s.message->is_request() && s.method() == "CANCEL") w.backend(kA1, response(s, 200));
  }
  w.backend(kA1, response(invite, 487));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.status == 487);
  CHECK(record.ended_by == CallEnder::originator);
  CHECK(record.cause == "the originator gave up");
  CHECK(record.ringing);
  counts_match(w);
}

TEST_CASE("silence ends in a 408 of our own, and the record says which timer made it") {
  World w;
  dial(w);
  w.pass(40s);
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.status == 408);
  CHECK(record.cause.find("Timer B") != std::string::npos);
  CHECK(record.target == 1);
  counts_match(w);
}

TEST_CASE("a call that goes on to another target counts its attempts") {
  World w([](storage::Snapshot& s) {
    s.sets[0] = hunting_set();
    s.targets[1].setid = 10;
    s.targets[1].priority = 1;
    s.targets[1].id = 2;
  });
  const Sent first = dial(w);
  w.backend(kA1, response(first, 503));
  w.take();
  w.pass(10ms);
  const CallRecord during = only_record(w);
  CHECK(during.target == 1);
  const auto all = w.edge().calls();
  REQUIRE(all.size() == 1);
  CHECK(all[0].destination.text() == kA2);
  // The second one's INVITE was among what went out.
  CHECK(w.edge().counters().failovers == 1);
  w.pass(40s);
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.attempts == 2);
  CHECK(record.failovers == 1);
  CHECK(record.target == 2);
  CHECK(record.destination == kA2);
  counts_match(w);
}

TEST_CASE("who is known and refused at once has a record, a stranger has none") {
  World w([](storage::Snapshot& s) { s.targets[0].state = storage::TargetState::disabled; });
  w.phone(kPhone, request(invite_of()));
  REQUIRE(w.only(kPhone).status() == 503);
  CallRecord record = only_record(w);
  CHECK(record.status == 503);
  CHECK(record.ended_by == CallEnder::edge);
  CHECK(record.cause.find("no target of set 10") != std::string::npos);
  CHECK(record.domain == "a.test");
  CHECK(record.attempts == 0);
  CHECK(record.destination.empty());
  CHECK(record.ended == record.started);
  counts_match(w);
  w.phone("127.0.0.66:5060",
          request({"INVITE", "sip:600@nowhere.test", "x@nowhere.test", "600@nowhere.test", "s"}));
  w.nothing();
  // And what is no call: a MESSAGE, an INVITE in a dialog that nobody knows.
  w.phone(kPhone, request({"MESSAGE", "sip:600@a.test", "401@a.test", "600@a.test", "m"}));
  Ask stale = invite_of("stale", 7);
  stale.to_tag = "gone";
  w.phone(kPhone, request(stale));
  w.take();
  w.pass(1s);
  CHECK(w.records.size() == 1);
}

TEST_CASE("a call of a backend to nobody is recorded with the backend that made it") {
  World w;
  w.backend(kA1, request({"INVITE", "sip:999@a.test", "401@127.0.0.10", "999@a.test", "b", 1,
                          "Contact: <sip:x@127.0.0.10:5060>\n"}));
  const int status = w.only(kA1).status();
  CHECK(status == 404);
  const CallRecord record = only_record(w);
  CHECK(record.status == status);
  CHECK(record.origin_side == LegSide::backend);
  CHECK(record.target == 1);
  counts_match(w);
}

TEST_CASE("a call to a phone: its backend is the target, the device the destination") {
  World w;
  const std::string token = w.registered("402@a.test", "127.0.0.22:5062", kA1);
  w.backend(kA1, request({"INVITE", "sip:" + token + "@127.0.0.1:5060", "401@127.0.0.10",
                          token + "@127.0.0.1", "b", 1, "Contact: <sip:x@127.0.0.10:5060>\n"}));
  const Sent invite = w.only("127.0.0.22:5062");
  w.phone("127.0.0.22:5062", response(invite, 603));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.status == 603);
  CHECK(record.origin_side == LegSide::backend);
  CHECK(record.domain == "a.test");
  CHECK(record.target == 1);
  CHECK(record.destination == "127.0.0.22:5062");
  counts_match(w);
}

TEST_CASE("an INVITE that the stack itself refuses has its record") {
  World w;
  Ask ask = invite_of();
  ask.headers.clear();  // no Contact
  w.phone(kPhone, request(ask));
  const int status = w.only(kPhone).status();
  CHECK(status == 400);
  const CallRecord record = only_record(w);
  CHECK(record.status == 400);
  CHECK(record.ended_by == CallEnder::edge);
  counts_match(w);
}

TEST_CASE("a challenged INVITE and the one with credentials are one call") {
  World w;
  const std::string challenge = "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\n";
  const Sent first = dial(w);
  w.backend(kA1, response(first, 401, challenge));
  w.take();
  w.pass(1s);
  CHECK(!only_record(w).ended);
  w.take();  // the 401 comes again: nobody has acknowledged it
  const std::string id = w.records.begin()->first;
  Ask again = invite_of("call-1", 2);
  again.headers +=
      "Authorization: Digest username=\"401\", realm=\"a\", nonce=\"n\", "
      "uri=\"sip:600@a.test\", response=\"0\"\n";
  const Sent second = dial(w, again);
  CHECK(w.edge().calls().at(0).key == id);
  w.backend(kA1, response(second, 486));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.id == id);
  CHECK(record.status == 486);
  w.pass(2 * routing::CallRecords::kChallenge);
  CHECK(w.records.size() == 1);
  CHECK(w.edge().records().ended_with(401) == 0);
  counts_match(w);
}

TEST_CASE("a challenge that nobody answers is a call that ended with it") {
  World w;
  w.backend(kA1, response(dial(w), 407));
  w.take();
  SUBCASE("after a while") {
    w.pass(routing::CallRecords::kChallenge);
    CHECK(only_record(w).status == 407);
    CHECK(w.edge().records().challenged() == 0);
  }
  SUBCASE("when the edge stops") {
    w.stop();
    CHECK(only_record(w).status == 407);
  }
  counts_match(w);
}

TEST_CASE("each state of a record is to be remembered at once, before it is written") {
  World w;
  w.store_answers = false;
  const Sent invite = dial(w);
  REQUIRE(w.remembered.size() == 1);
  CHECK(w.persists.empty());
  const Sent got = answer(w, invite);
  REQUIRE(w.remembered.size() == 2);
  CHECK(w.remembered[1].answered);
  w.phone(kPhone, request(in_call("BYE", got, 2)));
  w.backend(kA1, response(w.only(kA1), 200));
  w.take();
  REQUIRE(w.remembered.size() == 3);
  CHECK(w.remembered[2].ended);
  for (const CallRecord& r : w.remembered) CHECK(r.id == w.remembered[0].id);
}

TEST_CASE("a call shorter than the gathering makes one write") {
  World w;
  w.store_answers = false;
  w.backend(kA1, response(dial(w), 486));
  w.take();
  w.pass(routing::DialogSaves::kGather);
  std::size_t puts = 0;
  for (const routing::Persist& p : w.persists) {
    for (const storage::Change& c : p.changes)
      puts += std::holds_alternative<storage::PutRecord>(c) ? 1 : 0;
  }
  CHECK(puts == 1);
}

TEST_CASE("the end of a call and the end of its checkpoint are one batch") {
  World w;
  const Sent got = answer(w, dial(w));
  w.pass(1s);
  REQUIRE(w.store.calls.size() == 1);
  w.store_answers = false;
  // Another call begins at the same moment.
  w.phone(kPhone, request(in_call("BYE", got, 2)));
  w.backend(kA1, response(w.only(kA1), 200));
  w.take();
  w.phone(kPhone, request(invite_of("call-2")));
  w.take();
  w.pass(routing::DialogSaves::kGather);
  std::size_t together = 0;
  for (const routing::Persist& p : w.persists) {
    const auto has = [&](auto is) { return std::any_of(p.changes.begin(), p.changes.end(), is); };
    const bool ends = has([](const storage::Change& c) {
      const auto* put = std::get_if<storage::PutRecord>(&c);
      return put && put->record.ended;
    });
    const bool deletes = has(
        [](const storage::Change& c) { return std::holds_alternative<storage::DeleteCall>(c); });
    CHECK(ends == deletes);
    together += ends && deletes ? 1 : 0;
  }
  CHECK(together == 1);
}

TEST_CASE("a call that goes on in the next process has one record, of its whole time") {
  World w;
  const Sent got = answer(w, dial(w));
  w.pass(30s);
  const CallRecord before = only_record(w);
  w.now.wall += 10s;  // nobody was there
  w.start();
  CHECK(only_record(w) == before);
  w.pass(30s);
  w.phone(kPhone, request(in_call("BYE", got, 2)));
  w.backend(kA1, response(w.only(kA1), 200));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.id == before.id);
  CHECK(record.started == before.started);
  CHECK(*record.answered == *before.answered);
  CHECK(*record.ended - *record.answered >= 70s);
  CHECK(*record.ended - *record.answered < 71s);
  CHECK(record.status == 200);
  CHECK(record.attempts == 1);
  CHECK(record.destination == kA1);
  CHECK(record.ended_by == CallEnder::originator);
  counts_match(w);
}

TEST_CASE("a call that rings when the process is killed has its record closed by the next one") {
  World w;
  w.backend(kA1, response(dial(w), 180));
  w.pass(1s);
  REQUIRE(!only_record(w).ended);
  w.now.wall += 5s;
  const WallTime found = w.now.wall;
  w.start();
  REQUIRE(!only_record(w).ended);  // its INVITE may come again
  w.pass(32s);
  const CallRecord record = only_record(w);
  CHECK(record.ended == found);
  CHECK(record.status == 0);
  CHECK(record.cause == "the process ended before the call had an answer");
  CHECK(w.logged("1 call(s) of the process before ended with it"));
  counts_match(w);
  w.start();
  w.pass(40s);
  CHECK(only_record(w) == record);
}

TEST_CASE("an INVITE that comes again after the kill goes on with its record") {
  World w;
  const std::string text = request(invite_of());
  w.phone(kPhone, text);
  w.take();
  w.pass(10ms);
  const CallRecord first = only_record(w);
  w.start();
  w.phone(kPhone, text);
  const Sent invite = w.only(kA1);
  CHECK(w.edge().calls().at(0).key == first.id);
  w.backend(kA1, response(invite, 486));
  w.take();
  w.pass(40s);
  const CallRecord record = only_record(w);
  CHECK(record.id == first.id);
  CHECK(record.started == first.started);
  CHECK(record.status == 486);
  counts_match(w);
}

TEST_CASE("who only knows the Call-ID of a lost call does not get into its record") {
  World w;
  dial(w);
  w.pass(10ms);
  w.start();
  Ask other = invite_of();
  other.from = "402@a.test";
  w.phone("127.0.0.22:5062", request(other));
  w.take();
  w.pass(routing::DialogSaves::kGather);
  CHECK(w.records.size() == 2);
}

TEST_CASE("a call that cannot be gone on with has its record closed with the reason") {
  World w;
  answer(w, dial(w));
  w.pass(1s);
  REQUIRE(w.store.calls.size() == 1);
  w.store.calls[0].origin.local_cseq = 0x7fffffff;
  w.start();
  w.pass(32s);
  const CallRecord record = only_record(w);
  REQUIRE(record.ended);
  CHECK(record.status == 200);
  CHECK(record.cause.find("CSeq") != std::string::npos);
  CHECK(record.ended_by == CallEnder::edge);
  CHECK(w.edge().calls().empty());
  counts_match(w);
}

TEST_CASE("a call of a version that wrote no records gets one at its end") {
  World w;
  const Sent got = answer(w, dial(w));
  w.pass(1s);
  w.records.clear();
  w.start();
  w.phone(kPhone, request(in_call("BYE", got, 2)));
  w.backend(kA1, response(w.only(kA1), 200));
  w.take();
  const CallRecord record = only_record(w);
  CHECK(record.id == w.call_keys.back());
  CHECK(record.status == 200);
  CHECK(record.new_call_id != "");
  CHECK(record.target == 1);
  counts_match(w);
}

TEST_CASE("a stop closes what rings and leaves what is up to the next process") {
  World w;
  answer(w, dial(w));
  dial(w, invite_of("call-2"));
  w.pass(1s);
  w.take();
  w.stop();
  std::size_t open = 0;
  for (const auto& [id, record] : w.records) {
    open += record.ended ? 0 : 1;
    if (record.ended) CHECK(record.status == 480);
  }
  CHECK(w.records.size() == 2);
  CHECK(open == 1);
}

TEST_CASE("old records are pruned now and then, and none when they are kept for ever") {
  const auto prunes = [](World& w) {
    std::size_t count = 0;
    for (const routing::Persist& p : w.persists) {
      for (const storage::Change& c : p.changes) {
        if (const auto* prune = std::get_if<storage::PruneRecords>(&c)) {
          ++count;
          CHECK(w.now.wall - prune->before >= 24h);
        }
      }
    }
    return count;
  };
  World keeps([](storage::Snapshot&) {},
              [](routing::EdgeConfig& c) { c.keep_records = Duration{24h}; });
  keeps.store_answers = false;
  keeps.pass(3 * routing::CallRecords::kPrune);
  CHECK(prunes(keeps) >= 3);
  CHECK(prunes(keeps) <= 4);
  World for_ever;
  for_ever.store_answers = false;
  for_ever.pass(3 * routing::CallRecords::kPrune);
  CHECK(prunes(for_ever) == 0);
}

TEST_CASE("over-long names are cut, and a flood of challenges costs bounded memory") {
  CHECK(routing::record_text(std::string(1000, 'x')).size() == limits::kRecordTextBytes);
  routing::DialogSaves saves;
  routing::CallRecords records(saves, Duration{}, 32s, Instant{1h});
  Now now{Instant{1h}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};
  for (std::size_t i = 0; i < limits::kChallengedCalls + 100; ++i) {
    CallRecord record;
    record.id = std::to_string(i);
    record.started = now.wall;
    records.begin(now.mono, i, record);
    sip::CallEnded ended;
    ended.status = 401;
    ended.started = ended.ended = now.mono;
    records.ended(record, ended, i, now);
  }
  CHECK(records.challenged() == limits::kChallengedCalls);
  CHECK(records.ended_with(401) == 100);
}

}  // namespace usher::test
