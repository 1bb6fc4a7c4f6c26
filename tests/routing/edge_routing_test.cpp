// Where requests go: tenants, tokens, strangers, failover, health. Rules 5 to 9 of docs/rules.md.
#include "core/rng.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

TEST_CASE("no other tenant's phone ever rings") {
  World w;
  const std::map<std::string, std::string> phones{{"401@a.test", "127.0.0.21:5060"},
                                                  {"401@b.test", "127.0.0.22:5060"},
                                                  {"401@c.test", "127.0.0.23:5060"},
                                                  {"401@d.test", "127.0.0.24:5060"}};
  // c.test and d.test alternate over A1 and A2: 401@c.test meets A1, 401@d.test A2.
  std::map<std::string, std::string> token;
  for (const auto& [aor, at] : phones) {
    token[aor] = w.registered(aor, at, aor == "401@b.test" || aor == "401@d.test" ? kA2 : kA1);
  }
  const auto ask = [](const std::string& uri, const std::string& to, unsigned n) {
    return request({"MESSAGE", uri, "402@127.0.0.10", to, "m" + std::to_string(n)});
  };
  unsigned n = 0;
  // What each backend may reach: A1 is in sets 10 and 30, A2 in 20 and 30.
  for (const auto& [backend, allowed] :
       std::map<std::string, std::string>{{kA1, "acd"}, {kA2, "bcd"}}) {
    for (const auto& [aor, at] : phones) {
      const bool reaches = allowed.find(aor[4]) != std::string::npos;
      for (const auto& [uri, to] :
           {std::pair{"sip:" + token[aor] + "@127.0.0.1:5060", token[aor] + "@127.0.0.1"},
            std::pair{std::string{"sip:401@127.0.0.1"}, aor}, std::pair{"sip:" + aor, aor}}) {
        w.backend(backend, ask(uri, to, ++n));
        const Sent sent = w.only(reaches ? at : backend);
        CHECK(sent.status() == (reaches ? 0 : 404));
        if (reaches) CHECK(sent.uri() == "sip:401@" + at);
        if (reaches) CHECK(sent.header("To") == "<sip:" + aor + ">");
      }
    }
    w.backend(backend, ask("sip:401@127.0.0.1", "401@127.0.0.1", ++n));
    CHECK(w.only(backend).status() == 485);
  }
  CHECK(w.edge().counters().ambiguous == 2);
  CHECK(w.logged("is ambiguous"));

  SUBCASE("a thousand calls by token at random") {
    Rng rng(9);
    for (int i = 0; i < 1000; ++i) {
      auto it = std::next(phones.begin(), static_cast<std::ptrdiff_t>(rng.below(4)));
      const std::string backend = rng.below(2) == 0 ? kA1 : kA2;
      const bool reaches =
          it->first[4] == 'c' || it->first[4] == 'd' || (it->first[4] == 'a') == (backend == kA1);
      w.backend(backend, ask("sip:" + token[it->first] + "@127.0.0.1",
                             token[it->first] + "@127.0.0.1", ++n));
      w.only(reaches ? it->second : backend);
    }
  }
}

TEST_CASE("the user name alone reaches the backend's only tenant who has it") {
  World w;
  w.registered("401@b.test", kPhone, kA2);
  w.backend(kA2,
            request({"OPTIONS", "sip:401@127.0.0.1", "asterisk@127.0.0.11", "401@127.0.0.11"}));
  CHECK(w.only(kPhone).uri() == "sip:401@127.0.0.21:5062");
  w.backend(kA1, request({"MESSAGE", "sip:401@127.0.0.1", "x@127.0.0.10", "401@127.0.0.10", "m"}));
  CHECK(w.only(kA1).status() == 404);
}

TEST_CASE("of several users of one name a backend means the one that it has registered itself") {
  World w;
  w.registered("401@c.test", "127.0.0.23:5060", kA1);
  w.registered("401@d.test", "127.0.0.24:5060", kA2);
  w.registered("401@b.test", kPhone, kA2);
  const auto ask = [](const std::string& id) {
    return request({"MESSAGE", "sip:401@127.0.0.1", "x@127.0.0.1", "401@127.0.0.1", id});
  };
  w.backend(kA1, ask("one"));
  CHECK(w.only("127.0.0.23:5060").uri() == "sip:401@127.0.0.23:5060");
  w.backend(kA2, ask("two"));  // it has registered two of them
  CHECK(w.only(kA2).status() == 485);
}

TEST_CASE("what was refused stays refused when it is repeated, though the phone is there by now") {
  World w;
  const std::string invite =
      request({"INVITE", "sip:401@a.test", "x@127.0.0.10", "401@a.test", "once"});
  w.backend(kA1, invite);
  const Sent refused = w.only(kA1);
  CHECK(refused.status() == 404);
  w.registered("401@a.test", kPhone, kA1);
  w.backend(kA1, invite);
  CHECK(w.only(kA1).text == refused.text);
}

TEST_CASE("a known domain settles the tenant: nobody of the same name elsewhere rings") {
  World w;
  w.registered("401@c.test", kPhone, kA1);
  w.backend(kA1, request({"INVITE", "sip:401@127.0.0.1", "x@127.0.0.10", "401@d.test"}));
  CHECK(w.only(kA1).status() == 404);
}

TEST_CASE(
    "a backend is one however its destination is written, and the qualify reaches the phone in one "
    "hop") {
  for (const char* spelling :
       {"127.0.0.10", "127.0.0.10:5060", "sip:127.0.0.10", "sip:127.0.0.10:5060", "pbx.example"}) {
    World w([&](storage::Snapshot& s) { s.targets = {World::target(1, 10, spelling)}; });
    if (std::string_view{spelling} == "pbx.example") {
      CHECK(w.resolve == std::vector<std::string>{"sip:pbx.example"});
      w.resolved("pbx.example", {*net::IpAddress::parse("127.0.0.10")});
    }
    w.registered("401@a.test", kPhone, kA1);
    w.backend("127.0.0.10:9999",
              request({"OPTIONS", "sip:401@127.0.0.1", "asterisk@127.0.0.10", "401@127.0.0.1"}));
    CHECK(w.only(kPhone).method() == "OPTIONS");
  }
}

TEST_CASE("strangers get no byte, and each knock is logged, counted, shown and stored") {
  World w;
  const std::string src = "127.0.0.66:1234";
  for (const char* method : {"INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SPAM", "BYE"}) {
    w.phone(src, request({method, "sip:100@nobody.test", "100@nobody.test", "100@nobody.test"}));
    w.phone(src, request({method, "sip:off.test", "100@off.test", "100@off.test"}));
    w.phone(src, request({method, "sip:a.test", "401@a.test", "401@a.test", "c", 1,
                          "User-Agent: Friendly-Scanner 1\n"}));
  }
  w.phone(src, request({"OPTIONS", "sip:127.0.0.1", "100@1.1.1.1", "100@1.1.1.1"}));
  w.phone(src, "rubbish\r\n\r\n");
  w.phone(src, std::string(3000, 'A'));
  w.phone(src, "");
  w.nothing();
  w.pass(2s);
  w.nothing();
  CHECK(w.edge().counters().drops.at("not found") == 7);
  CHECK(w.edge().counters().drops.at("disabled") == 6);
  CHECK(w.edge().counters().drops.at("scanner") == 6);
  CHECK(w.logged("Door-knock blocked: domain=nobody.test src=127.0.0.66 (not found)"));
  CHECK(w.logged("Door-knock blocked: domain=off.test src=127.0.0.66 (disabled)"));
  CHECK(w.logged("Door-knock blocked: domain=a.test src=127.0.0.66 (scanner)"));
  CHECK(w.edge().door_knocks(100).size() == 4);  // not found, disabled, scanner, malformed
  CHECK(w.store.door_knocks.size() == w.edge().door_knocks(100).size());
  CHECK(w.edge().counts().stack.transactions.non_invite_server == 0);
}

TEST_CASE("a backend is never silenced: not by its user agent, its names or its rate") {
  World w;
  w.registered("401@a.test", kPhone, kA1);
  for (int i = 0; i < 500; ++i) {
    w.backend(kA1, request({"OPTIONS", "sip:401@127.0.0.1", "x@unknown.test", "401@unknown.test",
                            "o" + std::to_string(i), 1, "User-Agent: friendly-scanner\n"}));
    CHECK(w.only(kPhone).method() == "OPTIONS");
  }
}

TEST_CASE("OPTIONS to the edge itself is answered by the edge") {
  World w;
  w.backend(kA1, request({"OPTIONS", "sip:127.0.0.1", "asterisk@127.0.0.10", "127.0.0.1", "1"}));
  Sent answer = w.only(kA1);
  CHECK(answer.status() == 200);
  CHECK_FALSE(answer.header("Allow").empty());
  CHECK_FALSE(answer.header("Supported").empty());
  Ask keepalive{"OPTIONS", "sip:a.test", "401@a.test", "a.test", "2"};
  keepalive.max_forwards = 0;
  w.phone(kPhone, request(keepalive));
  CHECK(w.only(kPhone).status() == 200);
}

TEST_CASE("presence is not lied about: OPTIONS and NOTIFY get the phone's answer or none") {
  World w;
  for (const char* method : {"OPTIONS", "NOTIFY"}) {
    w.backend(kA1, request({method, "sip:401@127.0.0.1", "x@127.0.0.10", "401@a.test", method, 1,
                            "Event: keep-alive\n"}));
    w.nothing();
  }
  CHECK(w.edge().counters().drops.at("no binding") == 2);
  w.registered("401@a.test", kPhone, kA1);
  w.backend(kA1, request({"OPTIONS", "sip:401@127.0.0.1", "x@127.0.0.10", "401@a.test", "silent"}));
  const Sent asked = w.only(kPhone);
  w.pass(40s);
  for (const Sent& s : w.take())
    CHECK_MESSAGE((s.flow.remote.text() != kA1 || s.status() == 100), s.text);
  w.backend(kA1, request({"OPTIONS", "sip:401@127.0.0.1", "x@127.0.0.10", "401@a.test", "alive"}));
  const Sent again = w.only(kPhone);
  w.phone(kPhone, response(again, 486));
  CHECK(w.only(kA1).status() == 486);
}

TEST_CASE(
    "a phone whose connection is gone is not reachable, and back with its next registration") {
  World w;
  const net::Flow one = World::tcp("127.0.0.21:4000", 7), two = World::tcp("127.0.0.21:4001", 8);
  w.registered("401@a.test", "127.0.0.21:4000", kA1, "<sip:401@10.0.0.1;transport=tcp>", 600, &one);
  w.backend(kA1, request({"MESSAGE", "sip:401@127.0.0.1", "402@a.test", "401@a.test", "m1"}));
  CHECK(w.only("127.0.0.21:4000").flow == one);
  w.flow_failed(one);
  w.take();
  CHECK(w.edge().counts().registrations == 1);
  w.backend(kA1, request({"MESSAGE", "sip:401@127.0.0.1", "402@a.test", "401@a.test", "m2"}));
  CHECK(w.only(kA1).status() == 480);
  w.registered("401@a.test", "127.0.0.21:4001", kA1, "<sip:401@10.0.0.1;transport=tcp>", 600, &two);
  w.backend(kA1, request({"MESSAGE", "sip:401@127.0.0.1", "402@a.test", "401@a.test", "m3"}));
  CHECK(w.only("127.0.0.21:4001").flow == two);
}

TEST_CASE("what cannot be served gets the RFC's answer when the sender is known") {
  World w;
  const auto answer = [&](Ask ask) {
    w.phone(kPhone, request(ask));
    return w.only(kPhone);
  };
  Ask ask{"INVITE", "sip:402@a.test", "401@a.test", "402@a.test"};
  ask.max_forwards = 0;
  CHECK(answer(ask).status() == 483);
  ask = {"MESSAGE", "nobodyKnowsThisScheme:402", "401@a.test", "402@a.test", "s"};
  CHECK(answer(ask).status() == 416);
  ask = {"MESSAGE",
         "sip:402@a.test",
         "401@a.test",
         "402@a.test",
         "pr",
         1,
         "Proxy-Require: privacy, gruu\n"};
  CHECK(answer(ask).status() == 420);
  ask.call_id = "pr2";
  CHECK(answer(ask).header("Unsupported") == "privacy");
  ask = {"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "r", 1, "Require: sec-agree\n"};
  CHECK(answer(ask).status() == 420);
  ask = {"BYE", "sip:402@a.test", "401@a.test", "402@a.test", "b"};
  ask.to_tag = "gone";
  CHECK(answer(ask).status() == 481);
  ask = {
      "REGISTER", "sip:b.test", "401@a.test", "401@a.test", "t", 1, "Contact: <sip:x@1.2.3.4>\n"};
  CHECK(answer(ask).status() == 404);
  w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "ok", 1,
                           "Require: 100rel, timer\n"}));
  CHECK(w.only(kA1).header("Require") == "100rel, timer");
}

TEST_CASE(
    "any method passes to the tenant's backend, a registered phone's to where it is registered") {
  World w;
  w.registered("1@c.test", "127.0.0.23:5060", kA1);
  w.registered("2@c.test", "127.0.0.24:5060", kA2);
  for (const char* method : {"MESSAGE", "PUBLISH", "REFER", "INFO", "SUBSCRIBE", "INVENTED"}) {
    w.phone("127.0.0.24:5060", request({method, "sip:402@c.test", "2@c.test", "402@c.test", method,
                                        1, "Event: presence\nRefer-To: <sip:9@c.test>\n"}));
    const auto sent = w.take();
    REQUIRE_FALSE(sent.empty());
    CHECK(sent[0].flow.remote.text() == kA2);
    CHECK(sent[0].method() == method);
  }
}

TEST_CASE(
    "failover: ICMP at once, silence after the attempt time, in order; a user's answer is final") {
  World w([](storage::Snapshot& s) {
    s.sets = {World::set(10, storage::Algorithm::priority)};
    s.domains = {{"a.test", 10, true, ""}};
    s.targets = {World::target(1, 10, "127.0.0.12"), World::target(2, 10, "127.0.0.13"),
                 World::target(3, 10, "127.0.0.14")};
    for (int i = 0; i < 3; ++i) s.targets[static_cast<std::size_t>(i)].priority = i;
  });
  w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "call", 1,
                           "Contact: <sip:401@10.0.0.1>\n"}));
  CHECK(w.only("127.0.0.12:5060").method() == "INVITE");
  w.unreachable("127.0.0.12:5060");
  const Sent second = w.only("127.0.0.13:5060");
  CHECK(second.method() == "INVITE");
  w.pass(4s);
  Sent third;
  for (const Sent& s : w.take()) {
    CHECK(s.status() != 408);
    if (s.flow.remote.text() == "127.0.0.14:5060") third = s;
  }
  REQUIRE(third.message);
  CHECK(w.edge().counters().failovers == 2);
  CHECK(w.edge().target_status(3).live_calls == 1);
  CHECK(w.edge().target_status(1).live_calls == 0);
  w.backend("127.0.0.14:5060", response(third, 486));
  bool busy = false;
  for (const Sent& s : w.take())
    busy = busy || (s.flow.remote.text() == kPhone && s.status() == 486);
  CHECK(busy);
  CHECK(w.edge().target_status(3).live_calls == 0);
  CHECK(w.edge().target_status(1).failures == 1);
  for (const storage::TargetId tried : {1, 2, 3})
    CHECK(w.edge().target_status(tried).attempts == 1);
  // One key in each line about the call, whichever room wrote it: grep finds all of them.
  REQUIRE(w.call_keys.size() >= 4);
  for (const std::string& key : w.call_keys) {
    CHECK_FALSE(key.empty());
    CHECK(key == w.call_keys.front());
  }
}

TEST_CASE("a pickup goes to the backend that has the call, whatever the algorithm says") {
  for (const std::string holder : {"127.0.0.11:5060", "127.0.0.10:5070"}) {
    World w([&](storage::Snapshot& s) {
      s.sets = {World::set(10, storage::Algorithm::priority)};
      s.domains = {{"a.test", 10, true, ""}};
      s.targets = {World::target(1, 10, "127.0.0.10"), World::target(2, 10, holder)};
      s.targets[1].priority = 1;
    });
    w.registered("402@a.test", "127.0.0.22:5060", kA1);
    // The second backend rings 402.
    w.backend(holder, request({"INVITE", "sip:402@a.test", "x@127.0.0.99", "402@a.test", "ring", 1,
                               "Contact: <sip:x@127.0.0.11>\n"}));
    const Sent ringing = w.only("127.0.0.22:5060");
    w.phone("127.0.0.22:5060", response(ringing, 180, "Contact: <sip:402@127.0.0.22>\n"));
    w.take();
    // 401 picks it up, by the name that 402's leg has.
    const std::string name = ringing.header("Call-ID") +
                             ";to-tag=bt;from-tag=" + std::string{ringing.message->from_tag()} +
                             ";early-only";
    w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "pickup", 1,
                             "Contact: <sip:401@10.0.0.1>\nReplaces: " + name + "\n"}));
    const Sent pickup = w.only(holder);
    CHECK(pickup.header("Replaces").starts_with("ring;"));
    CHECK(w.logged("it holds the dialog that is named"));
    // A name that is none of ours: the algorithm decides.
    w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "other", 1,
                             "Contact: <sip:401@10.0.0.1>\nReplaces: no;to-tag=a;from-tag=b\n"}));
    CHECK(w.only(kA1).method() == "INVITE");
  }
}

TEST_CASE("a redirection is followed within the set when its policy says so, and nowhere else") {
  bool follow = true;
  const auto world = [&](storage::Snapshot& s) {
    s.sets = {World::set(10, storage::Algorithm::priority),
              World::set(20, storage::Algorithm::priority)};
    s.sets[0].failover.follow_redirects = follow;
    s.sets[0].failover.max_attempts = 1;
    s.domains = {{"a.test", 10, true, ""}};
    s.targets = {World::target(1, 10, "127.0.0.12"), World::target(2, 10, "127.0.0.13"),
                 World::target(3, 20, "127.0.0.14")};
    s.targets[1].priority = 1;
  };
  const auto moved_to = [](World& w, const std::string& contacts) {
    w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "call", 1,
                             "Contact: <sip:401@10.0.0.1>\n"}));
    w.backend("127.0.0.12:5060",
              response(w.only("127.0.0.12:5060"), 302, "Contact: " + contacts + "\n"));
    std::map<std::string, Sent> sent;
    for (Sent& s : w.take()) sent[s.flow.remote.text()] = std::move(s);
    return sent;
  };
  SUBCASE("to the target that it names, best q first; live calls move with it") {
    World w(world);
    auto sent = moved_to(w, "<sip:9@127.0.0.14>, <sip:7@127.0.0.13;x=y>;q=0.5");
    CHECK_FALSE(sent.contains("127.0.0.14:5060"));
    CHECK_FALSE(sent.contains(kPhone));
    REQUIRE(sent.contains("127.0.0.13:5060"));
    CHECK(sent["127.0.0.13:5060"].uri() == "sip:7@127.0.0.13;x=y");
    w.backend("127.0.0.13:5060",
              response(sent["127.0.0.13:5060"], 200, "Contact: <sip:7@127.0.0.13>\n"));
    CHECK(w.edge().target_status(1).live_calls == 0);
    CHECK(w.edge().target_status(2).live_calls == 1);
    CHECK(w.edge().target_status(2).attempts == 1);
  }
  SUBCASE("not to a stranger's host: it goes back") {
    World w(world);
    auto sent = moved_to(w, "<sip:9@198.51.100.7>");
    REQUIRE(sent.contains(kPhone));
    CHECK(sent[kPhone].status() == 302);
  }
  SUBCASE("not at all without the policy") {
    follow = false;
    World w(world);
    auto sent = moved_to(w, "<sip:7@127.0.0.13>");
    REQUIRE(sent.contains(kPhone));
    CHECK(sent[kPhone].status() == 302);
  }
}

TEST_CASE("no target left: 503 with Retry-After, at once, and not ready") {
  World w;
  w.probe_answers[kA1] = 0;
  CHECK(w.edge().not_ready().empty());
  w.pass(40s);
  w.take();
  CHECK(w.edge().target_status(1).health == routing::HealthState::down);
  CHECK(w.logged("is down"));
  w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "c1"}));
  const Sent answer = w.only(kPhone);
  CHECK(answer.status() == 503);
  CHECK(answer.header("Retry-After") == "10");
  CHECK_FALSE(answer.header("Reason").empty());
  CHECK_MESSAGE(w.edge().not_ready().empty(), "b.test is served still");
  w.probe_answers.erase(kA1);
  w.pass(25s);
  w.take();
  CHECK(w.edge().target_status(1).health == routing::HealthState::up);
  w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "c2"}));
  w.only(kA1);
}

TEST_CASE(
    "a 503 with Retry-After: its target gets no new request for that time, five minutes at most") {
  for (const auto& [asked, kept] : {std::pair{"20", 20s}, {"86400 (tomorrow)", 300s}}) {
    World w;
    w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "c1"}));
    w.backend(kA1, response(w.only(kA1), 503, "Retry-After: " + std::string(asked) + "\n"));
    w.take();
    REQUIRE(w.edge().target_status(1).retry_after.has_value());
    CHECK(*w.edge().target_status(1).retry_after == w.now.wall + kept);
    CHECK(w.logged("asks to be left alone"));
    w.pass(kept - 1s);
    w.take();
    w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "c2"}));
    CHECK(w.only(kPhone).status() == 503);
    w.pass(1s);
    w.take();
    CHECK_FALSE(w.edge().target_status(1).retry_after.has_value());
    w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "c3"}));
    CHECK(w.only(kA1).method() == "MESSAGE");
  }
}

TEST_CASE("of two wishes to be left alone the longer one holds") {
  World w;
  const auto ask = [&](const char* id) {
    w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", id}));
  };
  ask("c1");
  const Sent one = w.only(kA1);
  ask("c2");
  const Sent two = w.only(kA1);
  w.backend(kA1, response(one, 503, "Retry-After: 20\n"));
  w.backend(kA1, response(two, 503, "Retry-After: 5\n"));
  w.take();
  w.pass(19s);
  w.take();
  ask("c3");
  CHECK(w.only(kPhone).status() == 503);
}

TEST_CASE(
    "a 503 with Retry-After counts when it comes too late for its attempt, and for its call") {
  World w([](storage::Snapshot& s) {
    s.sets = {World::set(10, storage::Algorithm::priority)};
    s.domains = {{"a.test", 10, true, ""}};
    s.targets = {World::target(1, 10, "127.0.0.12"), World::target(2, 10, "127.0.0.13")};
    for (int i = 0; i < 2; ++i) s.targets[static_cast<std::size_t>(i)].priority = i;
  });
  const auto invite_to = [&](const std::string& backend) {
    Sent found;
    for (const Sent& s : w.take()) {
      if (s.flow.remote.text() == backend && s.method() == "INVITE") found = s;
    }
    REQUIRE(found.message);
    return found;
  };
  const std::string one = "127.0.0.12:5060", two = "127.0.0.13:5060";
  const auto asks = [&](const std::string& backend, const Sent& invite, const char* wait) {
    w.backend(backend, response(invite, 503, std::string{"Retry-After: "} + wait + "\n"));
    w.take();
  };
  w.phone(kPhone, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "call", 1,
                           "Contact: <sip:401@10.0.0.1>\n"}));
  const Sent first = invite_to(one);
  w.pass(4s);
  const Sent second = invite_to(two);
  SUBCASE("the next target is being tried") {
    asks(one, first, "20");
    CHECK(w.edge().target_status(1).retry_after.has_value());
    CHECK(w.edge().target_status(1).attempts == 1);
    CHECK(w.edge().target_status(2).live_calls == 1);
  }
  SUBCASE("the call is over") {
    w.backend(two, response(second, 486));
    w.take();
    asks(one, first, "20");
    CHECK(w.edge().target_status(1).retry_after.has_value());
  }
  SUBCASE("nothing was asked") {
    w.backend(one, response(first, 503));
    w.take();
    CHECK_FALSE(w.edge().target_status(1).retry_after.has_value());
  }
}

TEST_CASE(
    "a call to an AoR rings its devices by q: equal ones together, the next ones after them") {
  World w;
  const std::string desk = "127.0.0.21:5062", soft = "127.0.0.22:5062", mobile = "127.0.0.23:5062";
  const std::string first = w.registered("401@a.test", desk, kA1, "<sip:401@" + desk + ">;q=0.9");
  w.registered("401@a.test", mobile, kA1, "<sip:401@" + mobile + ">;q=0.5");
  const std::string second = w.registered("401@a.test", soft, kA1, "<sip:401@" + soft + ">;q=0.9");
  const auto call = [&](const std::string& uri, const std::string& id) {
    w.backend(kA1, request({"INVITE", uri, "402@127.0.0.10", "401@a.test", id, 1,
                            "Contact: <sip:asterisk@127.0.0.10:5060>\n"}));
    std::map<std::string, Sent> rung;
    for (const Sent& s : w.take()) {
      if (s.method() == "INVITE" && s.status() == 0) rung[s.flow.remote.text()] = s;
    }
    return rung;
  };
  auto rung = call("sip:401@a.test", "c1");
  REQUIRE(rung.size() == 2);
  REQUIRE(rung.count(desk) == 1);
  REQUIRE(rung.count(soft) == 1);
  // The backend knows each early dialog by the token of its device.
  w.phone(soft, response(rung[soft], 180, "Contact: <sip:401@x>\n", "soft"));
  CHECK(w.only(kA1).contact_user() == second);
  w.phone(desk, response(rung[desk], 180, "Contact: <sip:401@x>\n", "desk"));
  CHECK(w.only(kA1).contact_user() == first);
  w.phone(desk, response(rung[desk], 486));
  w.take();
  w.phone(soft, response(rung[soft], 480));
  bool mobile_rings = false;
  for (const Sent& s : w.take()) mobile_rings = mobile_rings || s.flow.remote.text() == mobile;
  CHECK(mobile_rings);
  // A token is one device.
  rung = call("sip:" + first + "@127.0.0.1:5060", "c2");
  CHECK(rung.size() == 1);
  CHECK(rung.count(desk) == 1);
}

TEST_CASE("a draining target gets nothing new, changes are live at once") {
  World w;
  auto t = World::target(3, 30, "127.0.0.10");
  t.state = storage::TargetState::draining;
  w.apply(storage::PutTarget{t});
  for (int i = 0; i < 4; ++i) {
    w.phone(kPhone, request({"MESSAGE", "sip:402@c.test", "401@c.test", "402@c.test",
                             "m" + std::to_string(i)}));
    w.only(kA2);
  }
  w.apply(storage::DeleteTarget{4});
  w.phone(kPhone, request({"MESSAGE", "sip:402@c.test", "401@c.test", "402@c.test", "last"}));
  CHECK(w.only(kPhone).status() == 503);
  w.apply(storage::PutDomain{{"c.test", 20, true, ""}});
  w.phone(kPhone, request({"MESSAGE", "sip:402@c.test", "401@c.test", "402@c.test", "moved"}));
  w.only(kA2);
  w.apply(storage::PutDomain{{"c.test", 20, false, ""}});
  w.phone(kPhone, request({"MESSAGE", "sip:402@c.test", "401@c.test", "402@c.test", "off"}));
  w.nothing();
}

TEST_CASE("what came from one of our own listeners is a loop") {
  World w;
  w.phone(kEdge, request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test"}));
  CHECK(w.only(kEdge).status() == 482);
}

TEST_CASE("a call by token shows the phone its own names, and the backend the token") {
  World w;
  const std::string token = w.registered("401@a.test", kPhone, kA1);
  w.backend(kA1, request({"INVITE", "sip:" + token + "@127.0.0.1:5060", "402@127.0.0.10",
                          token + "@127.0.0.1:5060", "c", 1,
                          "Contact: <sip:asterisk@127.0.0.10:5060>\n"}));
  Sent invite;
  for (const Sent& s : w.take()) {
    if (s.flow.remote.text() == kPhone) invite = s;
  }
  REQUIRE(invite.message);
  CHECK(invite.uri() == "sip:401@127.0.0.21:5062");
  CHECK(invite.header("To") == "<sip:401@a.test>");
  CHECK(invite.header("From").starts_with("<sip:402@a.test>"));
  CHECK(invite.text.find("127.0.0.10") == std::string::npos);
  CHECK(invite.header("Call-ID") != "c");
  w.phone(kPhone, response(invite, 180, "Contact: <sip:401@127.0.0.21:5062>\n"));
  Sent ringing;
  for (const Sent& s : w.take()) {
    if (s.status() == 180) ringing = s;
  }
  REQUIRE(ringing.message);
  CHECK(ringing.contact_user() == token);
}

TEST_CASE("registrations are listed in pages, filtered, and removed by token") {
  World w;
  for (int i = 0; i < 5; ++i) {
    w.registered(std::to_string(400 + i) + "@a.test", "127.0.0.2" + std::to_string(i) + ":5060",
                 kA1);
  }
  auto page = w.edge().registrations({}, {2, ""});
  std::size_t seen = page.items.size();
  while (!page.next.empty()) {
    page = w.edge().registrations({}, {2, page.next});
    seen += page.items.size();
  }
  CHECK(seen == 5);
  CHECK(w.edge().registrations({"A.TEST", "", {}}, {}).items.size() == 5);
  CHECK(w.edge().registrations({"a.test", "402", {}}, {}).items.size() == 1);
  CHECK(w.edge().registrations({"", "402", {}}, {}).items.size() == 1);
  CHECK(w.edge().registrations({"", "", *net::IpAddress::parse("127.0.0.23")}, {}).items.size() ==
        1);
  const std::string token = w.edge().registrations({"a.test", "402", {}}, {}).items[0].token;
  CHECK(w.edge().remove_registration(w.now, token).has_value());
  CHECK_FALSE(w.edge().remove_registration(w.now, token).has_value());
  CHECK(w.edge().counts().registrations == 4);
}

}  // namespace
}  // namespace usher::test
