// Targets that are written as names and are at several places: which is tried, who is recognised.
#include <map>
#include <set>

#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

const std::string kOne = "127.0.0.12:5060", kTwo = "127.0.0.13:5060", kOther = "127.0.0.14:5060";

net::Place place(const std::string& endpoint, std::uint16_t priority, std::uint16_t weight) {
  return {*net::Endpoint::parse(endpoint), net::Transport::udp, priority, weight, "h.pbx.example"};
}

net::Located located(std::vector<net::Place> places, Duration ttl = 60s) {
  return {std::move(places), ttl, {}, {}};
}

const net::Located kNoAnswer{{}, {}, "DNS: Timeout while contacting DNS servers", {}};

// One domain on a name, and another target after it.
struct Named : World {
  explicit Named(std::vector<net::Place> places = {place(kOne, 10, 1), place(kTwo, 20, 1)})
      : World([](storage::Snapshot& s) {
          s.sets = {World::set(10, storage::Algorithm::priority)};
          s.domains = {{"a.test", 10, true, ""}};
          s.targets = {World::target(1, 10, "pbx.example"), World::target(2, 10, "127.0.0.14")};
          s.targets[1].priority = 1;
        }) {
    resolved("pbx.example", located(std::move(places)));
    take();
  }
  void invite(const std::string& call_id, const std::string& from = kPhone) {
    phone(from, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", call_id, 1,
                         "Contact: <sip:401@10.0.0.1>\n", "ft-" + call_id}));
  }
  // The INVITE among what was sent since the last take.
  Sent invited() {
    Sent found;
    for (const Sent& s : take()) {
      if (s.message->is_request() && s.method() == "INVITE") found = s;
    }
    REQUIRE(found.message);
    return found;
  }
  std::string at(const Sent& s) { return s.flow.remote.text(); }
  routing::TargetStatus status() { return edge().target_status(1); }
};

TEST_CASE(
    "the next place of the same target comes before the next target; all fail: it has failed") {
  Named w;
  w.invite("c1");
  CHECK(w.at(w.invited()) == kOne);
  w.unreachable(kOne);
  CHECK(w.at(w.invited()) == kTwo);
  CHECK(w.status().live_calls == 1);
  CHECK(w.status().failures == 1);
  w.pass(4s);
  const Sent other = w.invited();
  CHECK(w.at(other) == kOther);
  CHECK(w.status().live_calls == 0);
  CHECK(w.edge().target_status(2).live_calls == 1);
  w.backend(kOther, response(other, 486));
}

TEST_CASE("503 leads to the next place, and the one that failed is tried last until it answers") {
  Named w;
  w.invite("c1");
  w.backend(kOne, response(w.invited(), 503));
  const Sent second = w.invited();
  CHECK(w.at(second) == kTwo);
  w.backend(kTwo, response(second, 486));
  w.take();
  REQUIRE(w.status().places.size() == 2);
  CHECK(w.status().places[0].problem == "answered 503");
  CHECK(w.status().places[1].problem.empty());
  w.invite("c2");
  const Sent again = w.invited();
  CHECK_MESSAGE(w.at(again) == kTwo, "no call pays for it again");
  w.backend(kTwo, response(again, 486));
  w.pass(11s);  // a probe
  w.take();
  CHECK(w.status().places[0].problem.empty());
  w.invite("c3");
  CHECK(w.at(w.invited()) == kOne);
}

TEST_CASE("a target is up while one of its places answers, and down when none does") {
  Named w;
  w.probe_answers[kOne] = 0;
  w.pass(60s);
  CHECK(w.status().health == routing::HealthState::up);
  CHECK_FALSE(w.status().places[0].problem.empty());
  w.invite("c1");
  CHECK(w.at(w.invited()) == kTwo);
  w.probe_answers[kTwo] = 503;
  w.pass(60s);
  w.take();
  CHECK(w.status().health == routing::HealthState::down);
  w.invite("c2");
  CHECK(w.at(w.invited()) == kOther);
  w.probe_answers.clear();
  w.pass(60s);
  CHECK(w.status().health == routing::HealthState::up);
}

TEST_CASE("requests that fail at one place again and again leave the target up") {
  Named w;
  for (int i = 0; i < 4; ++i) {
    w.invite("c" + std::to_string(i));
    CHECK(w.at(w.invited()) == kOne);
    w.unreachable(kOne);
    w.backend(kTwo, response(w.invited(), 486));
    w.pass(12s);  // a probe finds it there again
    w.take();
  }
  CHECK(w.status().failures == 4);
  CHECK(w.status().health == routing::HealthState::up);
}

TEST_CASE("Retry-After of one place keeps that place free, not the target") {
  Named w;
  w.invite("c1");
  w.backend(kOne, response(w.invited(), 503, "Retry-After: 100\n"));
  w.backend(kTwo, response(w.invited(), 486));
  w.take();
  CHECK_FALSE(w.status().retry_after.has_value());
  w.pass(50s);  // it answers probes meanwhile
  w.take();
  w.invite("c2");
  const Sent second = w.invited();
  CHECK(w.at(second) == kTwo);
  SUBCASE("when the other asks too, the target is left alone") {
    w.backend(kTwo, response(second, 503, "Retry-After: 20\n"));
    CHECK(w.at(w.invited()) == kOther);
    CHECK(w.status().retry_after.has_value());
  }
  SUBCASE("when the time is over it is the first again") {
    w.backend(kTwo, response(second, 486));
    w.pass(51s);
    w.take();
    w.invite("c3");
    CHECK(w.at(w.invited()) == kOne);
  }
}

TEST_CASE("the weights are the shares, and a challenge's answer goes to who challenged") {
  Named w({place(kOne, 10, 3), place(kTwo, 10, 1)});
  std::map<std::string, int> share;
  for (int i = 0; i < 400; ++i) {
    const std::string id = "c" + std::to_string(i);
    const Ask ask{"REGISTER",
                  "sip:a.test",
                  "401@a.test",
                  "401@a.test",
                  id,
                  1,
                  "Contact: <sip:401@127.0.0.21:5062>\n"};
    w.phone(kPhone, request(ask));
    const Sent first = w.take().at(0);
    ++share[w.at(first)];
    w.backend(w.at(first), response(first, 401, "WWW-Authenticate: Digest realm=\"a\"\n"));
    w.take();
    Ask again = ask;
    again.cseq = 2;
    again.headers += "Authorization: Digest username=\"401\"\n";
    w.phone(kPhone, request(again));
    const Sent second = w.take().at(0);
    REQUIRE(w.at(second) == w.at(first));
    w.backend(w.at(second), response(second, 403));
    w.take();
  }
  CHECK(share[kOne] > 250);
  CHECK(share[kOne] < 350);
  CHECK(share[kTwo] > 50);
}

TEST_CASE("the answer to a challenge finds its challenger though DNS has turned its answer since") {
  Named w({place(kOne, 10, 1), place(kTwo, 10, 1)});
  for (int i = 0; i < 20; ++i) {
    const std::string id = "c" + std::to_string(i);
    w.invite(id);
    const Sent first = w.invited();
    w.backend(w.at(first), response(first, 401));
    w.take();
    w.resolved("pbx.example", located({place(kTwo, 10, static_cast<std::uint16_t>(i + 1)),
                                       place(kOne, 10, 1), place("127.0.0.19:5060", 10, 50)}));
    w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", id, 2,
                             "Contact: <sip:401@10.0.0.1>\nAuthorization: Digest username=\"1\"\n",
                             "ft-" + id}));
    const Sent second = w.invited();
    CHECK(w.at(second) == w.at(first));
    w.backend(w.at(second), response(second, 486));
    w.take();
  }
}

TEST_CASE("a request from any of the places is from that backend, and from none that is gone") {
  Named w;
  w.registered("401@a.test", "127.0.0.25:5060", kOne);
  const auto asks = [&](const std::string& from) {
    w.backend(from, request({"MESSAGE", "sip:401@127.0.0.1", "x@127.0.0.13", "401@127.0.0.1",
                             "m-" + from}));
    for (const Sent& s : w.take()) {
      if (s.flow.remote.text() == "127.0.0.25:5060") return true;
    }
    return false;
  };
  CHECK(asks("127.0.0.12:5060"));
  CHECK(asks("127.0.0.13:9999"));
  CHECK_FALSE(asks("127.0.0.19:5060"));
  w.resolved("pbx.example", located({place("127.0.0.19:5060", 1, 1)}));
  CHECK(asks("127.0.0.19:5060"));
  CHECK_FALSE(asks("127.0.0.13:5060"));
}

TEST_CASE(
    "a name is asked for again when its TTL is over, and calls follow; no answer: none moves") {
  Named w;
  w.resolve.clear();
  w.pass(59s);
  CHECK(w.resolve.empty());
  w.pass(1s);
  CHECK(w.resolve == std::vector<std::string>{"sip:pbx.example"});
  w.resolved("pbx.example", located({place("127.0.0.19:5060", 1, 1)}, 10s));
  w.take();
  w.invite("c1");
  const Sent moved = w.invited();
  CHECK(w.at(moved) == "127.0.0.19:5060");
  w.backend(w.at(moved), response(moved, 486));
  w.pass(10s);
  w.resolved("pbx.example", kNoAnswer);
  w.take();
  CHECK(w.logged("its last addresses stay in use"));
  CHECK(w.status().name_kept);
  CHECK(w.status().name_problem == kNoAnswer.problem);
  w.invite("c2");
  CHECK(w.at(w.invited()) == "127.0.0.19:5060");
  const std::size_t lines = w.log_lines.size();
  w.resolved("pbx.example", kNoAnswer);
  for (std::size_t i = lines; i < w.log_lines.size(); ++i)
    CHECK(w.log_lines[i].find("pbx.example") == std::string::npos);
}

TEST_CASE(
    "of a host that DNS does not answer for the places are kept, the others are the new ones") {
  Named w({place(kOne, 10, 1)});
  net::Place old = place(kOne, 10, 1), fresh = place(kTwo, 20, 1);
  fresh.host = "other.pbx.example";
  net::Located half = located({fresh});
  half.unanswered = {old.host};
  w.resolved("pbx.example", half);
  REQUIRE(w.status().places.size() == 2);
  CHECK(w.status().places[0].place == old);
  CHECK(w.status().places[1].place == fresh);
}

TEST_CASE("a name that has never resolved: its target is not reachable, and says why") {
  World w([](storage::Snapshot& s) {
    s.targets = {World::target(1, 10, "pbx.example")};
    s.domains = {{"a.test", 10, true, ""}};
  });
  CHECK(w.edge().target_status(1).name_problem == "it has not been answered yet");
  w.resolved("pbx.example", kNoAnswer);
  CHECK(w.edge().target_status(1).places.empty());
  CHECK(w.edge().target_status(1).name_problem == kNoAnswer.problem);
  CHECK(w.logged("it can't be reached"));
  w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test"}));
  CHECK(w.only(kPhone).status() == 503);
}

TEST_CASE("two targets with many places: each target has an attempt at least") {
  std::vector<net::Place> many;
  for (int i = 1; i <= 16; ++i)
    many.push_back(place("127.0.1." + std::to_string(i) + ":5060", 10, 1));
  Named w(many);
  w.invite("c1");
  std::set<std::string> tried;
  for (int i = 0; i < 7; ++i) {
    const Sent invite = w.invited();
    CHECK(tried.insert(w.at(invite)).second);
    CHECK(w.at(invite).starts_with("127.0.1."));
    w.unreachable(w.at(invite));
  }
  CHECK(w.at(w.invited()) == kOther);
}

TEST_CASE("places that no listener of ours reaches are passed over") {
  net::Place tls = place(kOne, 1, 1);
  tls.transport = net::Transport::tls;
  Named w({tls, place(kTwo, 2, 1)});
  w.invite("c1");
  CHECK(w.at(w.invited()) == kTwo);
}

}  // namespace
}  // namespace usher::test
