#include "routing/location.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <map>

#include "core/limits.hpp"

namespace usher::routing {
namespace {

using namespace std::chrono_literals;

const Now kNow{Instant{10s}, WallTime{1000s}};

storage::Binding binding(const std::string& token, const std::string& aor, Duration left = 60s) {
  storage::Binding b;
  b.token = token;
  b.aor = aor;
  b.contact = "sip:" + aor.substr(0, aor.find('@')) + "@192.168.0.7:5062;line=" + token;
  b.instance = "<urn:uuid:" + token + ">";
  b.flow = {net::Transport::udp, net::ListenerId{0}, net::ConnectionId{},
            *net::Endpoint::parse("10.0.0.7:5062")};
  b.target = 1;
  b.user_agent = "Phone 1.0";
  b.registered = kNow.wall;
  b.expires = kNow.wall + std::chrono::duration_cast<std::chrono::milliseconds>(left);
  return b;
}

TEST_CASE("a binding is found by token and by AoR as it was put") {
  Location l(HashKey{1, 2});
  const auto b = binding("t1", "401@a.test");
  l.put(b, kNow);
  CHECK(l.by_token("t1") == b);
  REQUIRE(l.by_aor("401@a.test").size() == 1);
  CHECK(l.by_aor("401@a.test")[0] == b);
  CHECK(l.by_aor("401@b.test").empty());
  CHECK_FALSE(l.by_token("t2"));
  auto moved = b;
  moved.flow.remote.port = 9999;
  l.put(moved, kNow);
  CHECK(l.size() == 1);
  CHECK(l.by_token("t1")->flow.remote.port == 9999);
  CHECK(l.erase("t1"));
  CHECK_FALSE(l.erase("t1"));
  CHECK(l.size() == 0);
  CHECK_FALSE(l.next_expiry());
}

TEST_CASE("several contacts come by q, then the one registered last") {
  Location l(HashKey{1, 2});
  auto low = binding("low", "401@a.test");
  low.q = 100;
  l.put(low, kNow);
  l.put(binding("old", "401@a.test"), kNow);
  l.put(binding("new", "401@a.test"), kNow);
  const auto all = l.by_aor("401@a.test");
  REQUIRE(all.size() == 3);
  CHECK(all[0].token == "new");
  CHECK(all[1].token == "old");
  CHECK(all[2].token == "low");
}

TEST_CASE(
    "the user name alone gives all its AoRs among the allowed domains, and says when there are "
    "several") {
  Location l(HashKey{1, 2});
  l.put(binding("t1", "401@a.test"), kNow);
  l.put(binding("t2", "401@b.test"), kNow);
  l.put(binding("t3", "401@b.test"), kNow);
  l.put(binding("t4", "402@a.test"), kNow);
  const auto in = [](std::string_view only) {
    return [only](std::string_view d, storage::TargetId) { return d == only; };
  };
  CHECK(l.aors_of_user("401", in("a.test"), 2) == std::vector<std::string>{"401@a.test"});
  CHECK(l.aors_of_user("401", in("b.test"), 2) == std::vector<std::string>{"401@b.test"});
  CHECK(l.aors_of_user(
             "401", [](std::string_view, storage::TargetId) { return true; }, 2)
            .size() == 2);
  CHECK(l.aors_of_user(
             "403", [](std::string_view, storage::TargetId) { return true; }, 2)
            .empty());
}

TEST_CASE("bindings end when they were granted to, a refresh moves the end") {
  Location l(HashKey{1, 2});
  l.put(binding("t1", "401@a.test", 60s), kNow);
  l.put(binding("t2", "402@a.test", 30s), kNow);
  CHECK(l.next_expiry() == kNow.mono + 30s);
  CHECK(l.expire(kNow.mono + 29s, 10).empty());
  l.put(binding("t2", "402@a.test", 90s), kNow);
  CHECK(l.next_expiry() == kNow.mono + 60s);
  const auto gone = l.expire(kNow.mono + 60s, 10);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].token == "t1");
  CHECK(l.size() == 1);
}

TEST_CASE("an AoR has no more bindings than the limit: the one that would end first gives way") {
  Location l(HashKey{1, 2});
  for (std::size_t i = 0; i < limits::kBindingsPerAor; ++i) {
    CHECK(l.put(binding("t" + std::to_string(i), "401@a.test", std::chrono::seconds(100 - i)), kNow)
              .empty());
  }
  CHECK(l.put(binding("t0", "401@a.test"), kNow).empty());
  const auto gone = l.put(binding("one more", "401@a.test"), kNow);
  CHECK(gone == std::vector<std::string>{"t0"});
  CHECK(l.size() == limits::kBindingsPerAor);
}

TEST_CASE("a lost connection takes reachability from its own bindings only, and no binding away") {
  Location l(HashKey{1, 2});
  for (int i = 0; i < 3; ++i) {
    auto b = binding("t" + std::to_string(i), "40" + std::to_string(i) + "@a.test");
    b.flow.transport = net::Transport::tcp;
    b.flow.connection = net::ConnectionId{i < 2 ? 5U : 6U};
    l.put(b, kNow);
  }
  CHECK(l.connection_lost(net::ConnectionId{5}) == 2);
  CHECK(l.connection_lost(net::ConnectionId{5}) == 0);
  CHECK(l.connection_lost(net::ConnectionId{0}) == 0);
  CHECK(l.by_token("t0")->flow.connection.value == 0);
  CHECK(l.by_token("t2")->flow.connection.value == 6);
  CHECK(l.erase("t0"));
  CHECK(l.erase("t2"));
  CHECK(l.size() == 1);
}

// Random puts, refreshes and removals against a map that does the same by scanning.
TEST_CASE("the indexes agree with a plain list over a long random life") {
  Location l(HashKey{1, 2});
  std::map<std::string, storage::Binding> plain;
  Rng rng(5);
  for (int step = 0; step < 20000; ++step) {
    const std::string token = "t" + std::to_string(rng.below(60));
    // A token belongs to one AoR for good; nine per AoR stay under the limit.
    const std::string aor =
        std::to_string(std::stoi(token.substr(1)) % 7) + "@d" + std::to_string(token.size());
    if (rng.below(3) == 0) {
      CHECK(l.erase(token) == (plain.erase(token) == 1));
    } else {
      auto b = binding(token, aor, std::chrono::seconds(1 + rng.below(1000)));
      b.flow.transport = net::Transport::tcp;
      b.flow.connection = net::ConnectionId{rng.below(4)};
      for (const std::string& gone : l.put(b, kNow)) plain.erase(gone);
      plain[token] = b;
    }
    if (step % 500 == 0) {
      const net::ConnectionId lost{1 + rng.below(3)};
      l.connection_lost(lost);
      for (auto& [t, b] : plain) {
        if (b.flow.connection == lost) b.flow.connection = {};
      }
    }
    if (step % 97 == 0) {
      REQUIRE(l.size() == plain.size());
      for (const auto& [t, b] : plain) {
        REQUIRE(l.by_token(t) == b);
        std::size_t same = 0;
        for (const auto& [u, other] : plain) same += other.aor == b.aor ? 1U : 0U;
        REQUIRE(l.by_aor(b.aor).size() == same);
      }
    }
  }
  std::size_t next = 0;
  CHECK(l.page(0, 10000, {}, next).size() == plain.size());
  CHECK(next == 0);
  auto gone = l.expire(kNow.mono + 2000s, 10000);
  CHECK(gone.size() == plain.size());
  for (std::size_t i = 1; i < gone.size(); ++i) CHECK(gone[i - 1].expires <= gone[i].expires);
}

TEST_CASE("a list is restricted by domain, user and source, and goes on page by page") {
  Location l(HashKey{1, 2});
  for (int i = 0; i < 30; ++i) {
    auto b = binding("t" + std::to_string(i),
                     std::to_string(400 + i % 3) + "@" + (i % 2 == 0 ? "a.test" : "b.test"));
    b.flow.remote = *net::Endpoint::parse(i < 10 ? "192.0.2.1:5060" : "[2001:db8::7]:5060");
    l.put(b, kNow);
  }
  const auto all = [&](const Location::Filter& filter) {
    std::vector<std::string> tokens;
    std::size_t next = 0;
    do {
      const auto page = l.page(next, 4, filter, next);
      CHECK(page.size() <= 4);
      for (const auto& b : page) tokens.push_back(b.token);
    } while (next != 0);
    return tokens;
  };
  using Tokens = std::vector<std::string>;
  CHECK(all({}).size() == 30);
  CHECK(all({"a.test", "", {}}).size() == 15);
  CHECK(all({"", "401", {}}).size() == 10);
  CHECK(all({"a.test", "401", {}}) == Tokens{"t4", "t10", "t16", "t22", "t28"});
  CHECK(all({"", "401", net::IpAddress::parse("192.0.2.1").value()}) == Tokens{"t1", "t4", "t7"});
  CHECK(all({"", "", net::IpAddress::parse("2001:db8::7").value()}).size() == 20);
  CHECK(all({"", "", net::IpAddress::parse("2001:db8::8").value()}).empty());
  CHECK(all({"", "", net::IpAddress::parse("192.0.2.2").value()}).empty());
  CHECK(all({"", "40", {}}).empty());
}

TEST_CASE("a binding takes well under a kilobyte with 100,000 of them") {
  constexpr int kCount = 100'000;
  const auto used = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const auto before = used();
  Location l(HashKey{1, 2});
  for (int i = 0; i < kCount; ++i) {
    auto b = binding(
        "0123456" + std::to_string(100'000 + i),
        std::to_string(1000 + i % 1000) + "@tenant" + std::to_string(i / 1000) + ".example");
    b.instance = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";
    l.put(b, kNow);
  }
  const double each = static_cast<double>(used() - before) / kCount;
  MESSAGE("bytes per binding: " << each);
  CHECK(l.size() == kCount);
  CHECK(each < 1000);
}

}  // namespace
}  // namespace usher::routing
