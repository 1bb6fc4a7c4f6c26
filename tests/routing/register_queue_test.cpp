// REGISTERs that wait for their backend: who goes first, and who has to give way.
#include "routing/register_queue.hpp"

#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::RegisterQueue;
using routing::RegisterRank;

const Instant kStart{1h};

RegisterQueue::Waiting waiting(storage::TargetId target, RegisterRank rank, Instant due) {
  return {{}, target, rank, due};
}

TEST_CASE(
    "a line: the answer to a challenge first, then refreshes, then newcomers, each in order") {
  RegisterQueue queue({.in_flight = 1, .waiting = 10, .wait = 5s});
  queue.began(1);
  CHECK_FALSE(queue.has_room(1));
  CHECK_MESSAGE(queue.has_room(2), "one backend's storm is not another's");
  queue.put(waiting(1, RegisterRank::first, kStart + 1s));
  queue.put(waiting(1, RegisterRank::known, kStart + 3s));
  queue.put(waiting(1, RegisterRank::known, kStart + 2s));
  queue.put(waiting(1, RegisterRank::challenged, kStart + 4s));
  CHECK_FALSE(queue.next());
  std::vector<Duration> order;
  for (int i = 0; i < 4; ++i) {
    queue.ended(1);
    const auto next = queue.next();
    REQUIRE(next);
    order.push_back(next->due - kStart);
    queue.began(1);
  }
  CHECK(order == std::vector<Duration>{4s, 2s, 3s, 1s});
  CHECK(queue.size() == 0);
}

TEST_CASE("a full queue: the latest newcomer gives way to a better rank, an equal one does not") {
  RegisterQueue queue({.in_flight = 1, .waiting = 2, .wait = 5s});
  queue.put(waiting(1, RegisterRank::first, kStart + 1s));
  queue.put(waiting(2, RegisterRank::first, kStart + 2s));
  CHECK(queue.is_full_for(RegisterRank::first));
  CHECK_FALSE(queue.is_full_for(RegisterRank::known));
  auto away = queue.put(waiting(1, RegisterRank::known, kStart + 3s));
  REQUIRE(away);
  CHECK(away->due == kStart + 2s);
  away = queue.put(waiting(1, RegisterRank::first, kStart + 4s));
  REQUIRE(away);
  CHECK_MESSAGE(away->due == kStart + 4s, "the one that came is the one that goes");
  CHECK(queue.size() == 2);
}

TEST_CASE("who waits too long is given back at that instant, not before") {
  RegisterQueue queue({.in_flight = 1, .waiting = 10, .wait = 5s});
  queue.put(waiting(1, RegisterRank::known, queue.due(kStart)));
  CHECK(queue.next_deadline() == kStart + 5s);
  CHECK_FALSE(queue.expired(kStart + 5s - 1us));
  CHECK(queue.expired(kStart + 5s));
  CHECK_FALSE(queue.next_deadline());
}

// Through the whole edge.

World stormy(std::size_t in_flight, std::size_t places = 100) {
  return World{{}, [=](routing::EdgeConfig& config) {
                 config.registers = {.in_flight = in_flight, .waiting = places, .wait = 5s};
                 config.retry_after = 20s;
               }};
}

std::string reg(const std::string& user, unsigned cseq = 1, const std::string& more = {}) {
  return request({"REGISTER", "sip:a.test", user + "@a.test", user + "@a.test", "reg-" + user, cseq,
                  "Contact: <sip:" + user + "@" + kPhone + ">\nExpires: 3600\n" + more});
}

std::string granted(const Sent& asked) {
  return response(asked, 200, "Contact: " + asked.header("Contact") + "\nExpires: 3600\n");
}

TEST_CASE("no more REGISTERs than agreed are at a backend; its answer lets the next one go") {
  World w = stormy(2);
  for (const char* user : {"1", "2", "3", "4"}) w.phone(kPhone, reg(user));
  auto asked = w.take();
  REQUIRE(asked.size() == 2);
  CHECK(w.edge().counts().registers_waiting == 2);
  CHECK(w.edge().counts().registers_in_flight == 2);
  w.backend(kA1, granted(asked[0]));
  auto sent = w.take();
  REQUIRE(sent.size() == 2);  // the next REGISTER, and the 200
  std::vector<std::string> kinds;
  for (const Sent& s : sent) kinds.push_back(s.flow.remote.text());
  CHECK(std::count(kinds.begin(), kinds.end(), kA1) == 1);
  CHECK(std::count(kinds.begin(), kinds.end(), kPhone) == 1);
  CHECK(w.edge().counts().registers_in_flight == 2);
  CHECK(w.edge().counts().registers_waiting == 1);
}

TEST_CASE("a REGISTER that waits absorbs its repetitions and is answered once") {
  World w = stormy(1);
  w.phone(kPhone, reg("1"));
  const Sent first = w.only(kA1);
  const std::string again = reg("2");
  w.phone(kPhone, again);
  w.nothing();
  w.pass(500ms);
  w.phone(kPhone, again);
  CHECK(w.edge().counts().registers_waiting == 1);
  w.take();  // the retransmission of the first
  w.backend(kA1, granted(first));
  std::optional<Sent> second;
  for (Sent& s : w.take()) {
    if (s.flow.remote.text() == kA1) second = std::move(s);
  }
  REQUIRE(second);
  w.backend(kA1, granted(*second));
  CHECK(w.only(kPhone).status() == 200);
  w.phone(kPhone, again);
  CHECK_MESSAGE(w.only(kPhone).status() == 200, "repeated by its transaction");
}

TEST_CASE("a 100 to a REGISTER that waits comes when RFC 4320 allows it, not before") {
  World w = stormy(1);
  w.phone(kPhone, reg("1"));
  w.phone(kPhone, reg("2"));
  w.take();
  w.pass(3400ms);
  for (const Sent& s : w.take()) CHECK(s.flow.remote.text() == kA1);
  w.pass(200ms);
  int trying = 0;
  for (const Sent& s : w.take()) {
    if (s.flow.remote.text() == kPhone) {
      CHECK(s.status() == 100);
      ++trying;
    }
  }
  CHECK(trying == 2);
}

TEST_CASE(
    "who waits too long gets a 503 whose Retry-After is spread, and the backend never sees him") {
  World w = stormy(1);
  w.phone(kPhone, reg("0"));
  w.only(kA1);
  std::vector<std::string> waits;
  for (int i = 1; i <= 30; ++i) w.phone(kPhone, reg(std::to_string(i)));
  w.pass(4999ms);
  for (const Sent& s : w.take()) {
    if (s.flow.remote.text() == kPhone) CHECK(s.status() == 100);
  }
  w.pass(1ms);
  for (const Sent& s : w.take()) {
    if (s.flow.remote.text() != kPhone) continue;
    CHECK(s.status() == 503);
    const int wait = std::stoi(s.header("Retry-After"));
    CHECK(wait >= 10);
    CHECK(wait <= 30);
    waits.push_back(s.header("Retry-After"));
  }
  REQUIRE(waits.size() == 30);
  std::sort(waits.begin(), waits.end());
  CHECK(std::unique(waits.begin(), waits.end()) - waits.begin() > 5);
  CHECK(w.edge().counts().registers_waiting == 0);
  CHECK(w.edge().counters().registers_turned_away == 30);
}

TEST_CASE("the answer to a challenge overtakes who has registered before, and he the newcomers") {
  World w = stormy(1);
  w.registered("known@a.test", kPhone, kA1);
  w.phone(kPhone, reg("asked"));
  w.backend(kA1, response(w.only(kA1), 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\n"));
  CHECK(w.only(kPhone).status() == 401);
  w.phone(kPhone, reg("busy"));
  Sent at_backend = w.only(kA1);
  w.phone(kPhone, reg("new"));
  w.phone(kPhone, reg("known"));
  w.phone(kPhone, reg("asked", 2, "Authorization: Digest username=\"asked\", nonce=\"n\"\n"));
  w.nothing();
  std::vector<std::string> order;
  for (int i = 0; i < 3; ++i) {
    w.backend(kA1, response(at_backend, 403));
    for (Sent& s : w.take()) {
      if (s.flow.remote.text() != kA1) continue;
      const std::string to = s.header("To");
      order.push_back(to.substr(5, to.find('@') - 5));
      at_backend = std::move(s);
    }
  }
  CHECK(order == std::vector<std::string>{"asked", "known", "new"});
}

TEST_CASE("calls don't wait behind registrations") {
  World w = stormy(1);
  for (const char* user : {"1", "2", "3"}) w.phone(kPhone, reg(user));
  w.take();
  w.phone(kPhone, request({"INVITE", "sip:600@a.test", "401@a.test", "600@a.test", "call-1", 1,
                           "Contact: <sip:401@" + kPhone + ">\n"}));
  CHECK(w.only(kA1).method() == "INVITE");
}

TEST_CASE("a failover takes its place at the next backend, and gives it back") {
  World w = stormy(1);
  const std::string phone = "127.0.0.30:5060";
  const auto ask = [&](const std::string& user) {
    return request({"REGISTER", "sip:c.test", user + "@c.test", user + "@c.test", "reg-" + user, 1,
                    "Contact: <sip:" + user + "@" + phone + ">\nExpires: 3600\n"});
  };
  w.phone(phone, ask("1"));
  const Sent asked = w.take().at(0);
  const std::string first = asked.flow.remote.text();
  w.backend(first, response(asked, 503));
  const Sent again = w.take().at(0);
  CHECK(again.flow.remote.text() != first);
  CHECK(w.edge().counts().registers_in_flight == 1);
  w.backend(again.flow.remote.text(), granted(again));
  CHECK(w.only(phone).status() == 200);
  CHECK(w.edge().counts().registers_in_flight == 0);
}

TEST_CASE("who waits for a backend that goes down goes on to another one") {
  World w = stormy(1);
  const std::string phone = "127.0.0.30:5060";
  for (int i = 0; i < 4; ++i) {
    const std::string user = std::to_string(i);
    w.phone(phone,
            request({"REGISTER", "sip:c.test", user + "@c.test", user + "@c.test", "reg-" + user, 1,
                     "Contact: <sip:" + user + "@" + phone + ">\nExpires: 3600\n"}));
  }
  auto asked = w.take();
  REQUIRE(asked.size() == 2);
  REQUIRE(w.edge().counts().registers_waiting == 2);
  w.apply(storage::DeleteTarget{3});
  w.pass(10ms);
  CHECK(w.edge().counts().registers_waiting == 2);
  // The one that is left serves all.
  int served = 0;
  for (int i = 0; i < 4; ++i) {
    for (Sent& s : std::exchange(asked, {})) {
      if (s.flow.remote.text() == kA2) {
        ++served;
        w.backend(kA2, granted(s));
      }
    }
    for (Sent& s : w.take()) {
      if (s.flow.remote.text() == kA2) asked.push_back(std::move(s));
    }
  }
  CHECK(served == 3);
}

}  // namespace
}  // namespace usher::test
