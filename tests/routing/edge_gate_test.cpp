// The gate's rules through a whole edge, in virtual time.
#include "tests/support/edge_world.hpp"

using namespace usher;
using namespace usher::test;

namespace {

const std::string kSite = "192.0.2.9";
constexpr const char* kNonce = "WWW-Authenticate: Digest realm=\"a\", nonce=\"n1\"\n";

World enforcing(const std::function<void(storage::GateSettings&)>& more = {}) {
  return World([&](storage::Snapshot& s) {
    s.gate.mode = storage::GateMode::enforce;
    if (more) more(s.gate);
  });
}

std::string at(int port) {
  return kSite + ":" + std::to_string(port);
}

Ask registration(const std::string& user, unsigned cseq, const std::string& nonce = {}) {
  const std::string aor = user + "@a.test";
  return {"REGISTER",
          "sip:a.test",
          aor,
          aor,
          "reg-" + user,
          cseq,
          "Contact: <sip:" + user + "@192.168.1.9>\n" +
              (nonce.empty()
                   ? ""
                   : "Authorization: Digest username=\"" + user + "\", realm=\"a\", nonce=\"" +
                         nonce + "\", uri=\"sip:a.test\", response=\"bad\"\n")};
}

// One try with a wrong password: challenge, credentials, challenge again. False: it got silence.
bool fails(World& w, const std::string& user, const std::string& from, unsigned& cseq,
           const std::string& again = kNonce) {
  for (const char* nonce : {"", "n1"}) {
    w.phone(from, request(registration(user, ++cseq, nonce)));
    const auto sent = w.take();
    if (sent.empty()) return false;
    w.backend(kA1, response(sent[0], 401, *nonce ? again : kNonce));
    CHECK(w.only(from).status() == 401);
  }
  return true;
}

std::size_t bans(World& w) {
  return w.edge().counts().bans;
}

}  // namespace

TEST_CASE("twenty good phones and one bad password behind one address keep their twenty") {
  World w = enforcing();
  for (int i = 0; i < 20; ++i) w.registered(std::to_string(500 + i) + "@a.test", at(6000 + i), kA1);
  unsigned cseq = 1000;
  int tries = 0;
  for (int i = 0; i < 200; ++i) {
    tries += fails(w, "bad", at(7000), cseq) ? 1 : 0;
    w.pass(1s);
    w.take();
  }
  CHECK(tries == 10);
  CHECK(bans(w) == 0);
  CHECK(w.edge().counters().drops.at("failed authentication") > 100);
  CHECK(w.logged("bad@a.test at 192.0.2.9 gets silence for 10m"));
  for (int i = 0; i < 20; ++i) {
    w.registered(std::to_string(500 + i) + "@a.test", at(6000 + i), kA1);
    w.phone(at(6000 + i), request({"OPTIONS", "sip:600@a.test", std::to_string(500 + i) + "@a.test",
                                   "600@a.test", "o" + std::to_string(i)}));
    CHECK(w.only(kA1).method() == "OPTIONS");
  }
  w.pass(10min);  // who has mended his password is heard again
  w.take();
  w.registered("bad@a.test", at(7000), kA1);
}

TEST_CASE("who only guesses is banned, before his packets are read, and longer the next time") {
  World w = enforcing();
  unsigned cseq = 0;
  int tries = 0;
  while (tries < 50 && fails(w, "401", at(5060), cseq)) ++tries;
  CHECK(tries == 10);
  REQUIRE(bans(w) == 1);
  CHECK(w.logged("banned 192.0.2.9 for 10m (failed-registrations): 10 failed authentications"));
  REQUIRE(w.store.bans.size() == 1);
  CHECK(w.store.bans[0].made_by == "failed-registrations");
  const auto in = w.edge().counts().stack.messages_in;
  w.phone(at(5060), request({"OPTIONS", "sip:a.test", "401@a.test", "401@a.test", "x"}));
  w.nothing();
  CHECK(w.edge().counts().stack.messages_in == in);
  CHECK(w.edge().bans().begin()->second.hits == 2);  // the try that ended the loop, and this one
  // It survives a restart, and ends.
  w.start();
  CHECK(bans(w) == 1);
  w.pass(10min);
  w.take();
  CHECK(bans(w) == 0);
  CHECK(w.store.bans.empty());
  for (int i = 0; i < 50 && fails(w, "401", at(5060), cseq); ++i) {
  }
  CHECK(w.logged("banned 192.0.2.9 for 20m"));
}

TEST_CASE("neither a first challenge, nor a stale nonce, nor an invented one is a failure") {
  World w = enforcing();
  unsigned cseq = 0;
  for (int i = 0; i < 50; ++i) {
    w.phone(at(5060), request(registration("401", ++cseq)));
    w.backend(kA1, response(w.only(kA1), 401, kNonce));
    CHECK(w.only(at(5060)).status() == 401);
    CHECK(fails(w, "401", at(5060), cseq,
                "WWW-Authenticate: Digest realm=\"a\", nonce=\"n1\", stale=TRUE\n"));
    w.phone(at(5060), request(registration("401", ++cseq, "invented")));
    w.backend(kA1, response(w.only(kA1), 401, kNonce));
    CHECK(w.only(at(5060)).status() == 401);
    w.pass(1s);
    w.take();
  }
  CHECK(w.edge().counters().failures.empty());
  CHECK(bans(w) == 0);
}

TEST_CASE("403 and 404 to REGISTER are failures, and so are INVITEs that are challenged again") {
  for (const int status : {403, 404}) {
    World w = enforcing();
    for (unsigned i = 1; i <= 10; ++i) {
      w.phone(at(5060), request(registration("401", i)));
      w.backend(kA1, response(w.only(kA1), status));
      CHECK(w.only(at(5060)).status() == status);
    }
    CHECK(bans(w) == 1);
  }
  World w = enforcing();
  const auto invite = [&](unsigned cseq, const std::string& nonce) {
    w.phone(at(5060),
            request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test", "call", cseq,
                     "Contact: <sip:401@192.0.2.9>\n" +
                         (nonce.empty() ? ""
                                        : "Proxy-Authorization: Digest username=\"401\", "
                                          "realm=\"a\", nonce=\"" +
                                              nonce + "\", uri=\"x\", response=\"bad\"\n")}));
    for (const Sent& sent : w.take()) {
      if (sent.flow.remote.text() == kA1 && sent.method() == "INVITE")
        w.backend(kA1,
                  response(sent, 407, "Proxy-Authenticate: Digest realm=\"a\", nonce=\"n2\"\n"));
    }
    w.take();
  };
  for (unsigned i = 1; i <= 9; ++i) {
    invite(2 * i, {});
    invite(2 * i + 1, "n2");
  }
  CHECK(w.edge().counters().failures.at("INVITE") == 9);
  CHECK(bans(w) == 0);
  invite(50, "n2");
  CHECK(bans(w) == 1);
}

TEST_CASE("who cannot receive at a phone's address does not take it from the phone") {
  World w = enforcing();
  w.registered("401@a.test", at(5060), kA1);
  for (unsigned i = 100; i < 130;
       ++i) {  // the phone's address and user, in somebody else's datagrams
    w.phone(at(5060), request(registration("401", i)));
    w.backend(kA1, response(w.only(kA1), 403));
    CHECK(w.only(at(5060)).status() == 403);
    w.pass(1s);
    w.take();
  }
  w.registered("401@a.test", at(5060), kA1);
}

TEST_CASE("the first week only says what it would have done") {
  World w([](storage::Snapshot& s) { s.gate.opened = WallTime{1'700'000'000'000ms}; });
  unsigned cseq = 0;
  for (int i = 0; i < 12; ++i) CHECK(fails(w, "401", at(5060), cseq));
  CHECK(w.logged("would have banned 192.0.2.9 for 10m (failed-registrations)"));
  CHECK(w.logged("401@a.test at 192.0.2.9 would have got silence"));
  CHECK(bans(w) == 0);
  CHECK(w.edge().counts().would_be_bans == 1);
  for (int i = 0; i < 400; ++i) {
    w.phone(at(5060), request({"OPTIONS", "sip:a.test", "401@a.test", "401@a.test",
                               "o" + std::to_string(i)}));
    CHECK(w.only(at(5060)).status() == 200);
  }
  CHECK(w.logged("would have limited 192.0.2.9"));
  CHECK(w.edge().counters().limited.empty());
  CHECK_FALSE(w.edge().gate_enforces(w.now.wall));
  w.pass(8 * 24h);
  w.take();
  CHECK(w.edge().gate_enforces(w.now.wall));
  for (int i = 0; i < 50 && fails(w, "401", at(5060), cseq); ++i) {
  }
  CHECK(bans(w) == 1);
}

TEST_CASE("scanners and knockers are banned by their own rules") {
  World w = enforcing();
  for (int i = 0; i < 3; ++i)
    w.phone(at(5060), request({"OPTIONS", "sip:a.test", "1@a.test", "1@a.test", "s", 1,
                               "User-Agent: friendly-scanner\n"}));
  CHECK(w.edge().bans().begin()->second.made_by == "scanner");
  for (int i = 0; i < 20; ++i)
    w.phone("192.0.2.10:5060",
            request({"OPTIONS", "sip:x.test", "1@x.test", "1@x.test", "k" + std::to_string(i)}));
  w.nothing();
  CHECK(bans(w) == 2);
  CHECK(w.edge().bans().rbegin()->second.made_by == "knocks");
  // Over the limit is no offence: a site that comes up all at once gets its turn.
  for (int i = 0; i < 1000; ++i)
    w.phone("192.0.2.11:5060",
            request({"OPTIONS", "sip:a.test", "1@a.test", "1@a.test", "l" + std::to_string(i)}));
  CHECK(w.take().size() == 200);
  CHECK(bans(w) == 2);
  CHECK(w.edge().counters().limited.at("user") == 800);
  CHECK(w.edge().counters().drops.at("limit: user") == 800);
}

TEST_CASE("an authentic phone over its limit is told so now and then, once, without state") {
  World w = enforcing([](storage::GateSettings& s) { s.user = {1, 5}; });
  w.registered("401@a.test", at(5060), kA1);
  int refused = 0;
  for (int i = 0; i < 1000; ++i) {
    w.phone(at(5060), request({"INVITE", "sip:402@a.test", "401@a.test", "402@a.test",
                               "flood" + std::to_string(i), 1, "Contact: <sip:401@192.0.2.9>\n"}));
    for (const Sent& s : w.take()) {
      if (s.message->is_request() || s.status() != 503) continue;
      ++refused;
      CHECK(s.header("Retry-After") == "10");
    }
  }
  CHECK(refused == 1);
  CHECK(w.edge().counts().stack.transactions.invite_server <= 5);
}

TEST_CASE("backends, trusted networks and our own addresses are neither limited nor banned") {
  World w = enforcing([](storage::GateSettings& s) {
    s.source = s.user = s.domain = s.method = {1, 1};
    s.trusted = {*net::Cidr::parse("198.51.100.0/24")};
  });
  w.registered("401@a.test", at(5060), kA1);
  for (int i = 0; i < 500; ++i) {
    w.backend(kA1, request({"OPTIONS", "sip:127.0.0.1", "asterisk@127.0.0.10", "127.0.0.1",
                            "q" + std::to_string(i)}));
    CHECK(w.only(kA1).status() == 200);
    w.phone("198.51.100.7:5060",
            request({"OPTIONS", "sip:a.test", "1@a.test", "1@a.test", "t" + std::to_string(i)}));
    CHECK(w.only("198.51.100.7:5060").status() == 200);
    w.phone("198.51.100.7:5060",
            request({"OPTIONS", "sip:x.test", "1@x.test", "1@x.test", "u" + std::to_string(i)}));
    w.nothing();
  }
  CHECK(bans(w) == 0);
  CHECK(w.edge().counters().limited.empty());
  const auto owner = [&](std::string_view network) {
    return w.edge().protected_owner(*net::Cidr::parse(network));
  };
  CHECK(owner("127.0.0.10") == "the address 127.0.0.10 of target 1 (sip:127.0.0.10:5060, set 10)");
  CHECK(owner("127.0.0.0/8").find("target 1") != std::string::npos);
  CHECK(owner("127.0.0.1") == "our own address 127.0.0.1");
  CHECK(owner("198.51.0.0/16") == "the trusted network 198.51.100.0/24");
  CHECK(owner("192.0.2.1").empty());
}

TEST_CASE("a ban ends when its address becomes a backend's, a source network or a trusted one") {
  World w = enforcing();
  storage::Ban b;
  for (const char* network : {"10.1.1.1", "10.2.0.0/16", "10.3.3.3", "10.4.4.4"}) {
    b.network = *net::Cidr::parse(network);
    w.apply(storage::PutBan{b});
  }
  REQUIRE(bans(w) == 4);
  w.apply(storage::PutTarget{World::target(9, 10, "10.1.1.1")});
  CHECK(bans(w) == 3);
  storage::Target t = World::target(10, 10, "10.9.9.9");
  t.sources = {*net::Cidr::parse("10.2.2.0/24")};
  w.apply(storage::PutTarget{t});
  CHECK(bans(w) == 2);
  w.apply(storage::PutTarget{World::target(11, 10, "pbx.example")});
  w.resolved("pbx.example", {*net::IpAddress::parse("10.3.3.3")});
  CHECK(bans(w) == 1);
  storage::GateSettings gate = w.edge().gate_settings();
  gate.trusted = {*net::Cidr::parse("10.4.0.0/16")};
  w.apply(storage::PutGate{gate});
  CHECK(bans(w) == 0);
}

TEST_CASE("what the operator bans is banned in dry-run too, and lifted at once") {
  World w;
  storage::Ban b;
  b.network = *net::Cidr::parse("192.0.2.0/24");
  b.made_by = "operator";
  w.apply(storage::PutBan{b});
  const auto options = [&](const std::string& id) {
    w.phone(at(5060), request({"OPTIONS", "sip:a.test", "1@a.test", "1@a.test", id}));
  };
  options("a");
  w.nothing();
  w.apply(storage::DeleteBan{b.network});
  options("b");
  CHECK(w.only(at(5060)).status() == 200);
}
