// Registrations through the whole edge: rules 4, 5, 11 and 12.
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

const std::string kContact = "<sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4>";

Ask reg(unsigned cseq = 1,
        const std::string& headers = "Contact: " + kContact + "\nExpires: 3600\n") {
  return {"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "reg-1", cseq, headers};
}

TEST_CASE(
    "a registration is stored on the 2xx, with the expiry granted, and the phone sees its own "
    "Contact") {
  World w;
  w.phone(
      kPhone,
      request(reg(1, "Contact: " + kContact +
                         ";reg-id=1;q=0.5;+sip.instance=\"<urn:uuid:1>\";audio\nExpires: 3600\n")));
  const Sent asked = w.only(kA1);
  CHECK(asked.uri() == "sip:a.test");
  CHECK(asked.header("From").starts_with("<sip:401@a.test>"));
  const std::string given = asked.header("Contact");
  CHECK(given.starts_with("<sip:401~"));
  CHECK(given.ends_with("@127.0.0.1:5060>;reg-id=1;q=0.5;+sip.instance=\"<urn:uuid:1>\";audio"));
  CHECK_MESSAGE(w.edge().counts().registrations == 0,
                "nothing is stored when a REGISTER merely arrives");

  w.backend(kA1,
            response(asked, 200,
                     "Contact: " + given + ";expires=60\nContact: <sip:403@10.9.9.9>;expires=5\n"));
  const Sent answer = w.only(kPhone);
  CHECK(answer.status() == 200);
  CHECK(answer.header("Contact") ==
        kContact + ";reg-id=1;q=0.5;+sip.instance=\"<urn:uuid:1>\";audio;expires=60");
  CHECK(answer.text.find("10.9.9.9") == std::string::npos);
  REQUIRE(w.store.bindings.size() == 1);
  const storage::Binding& b = w.store.bindings[0];
  CHECK(b.aor == "401@a.test");
  CHECK(b.contact == "sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4");
  CHECK(b.q == 500);
  CHECK(b.target == 1);
  CHECK(b.expires == w.now.wall + 60s);
}

TEST_CASE("a qualify that overtakes the 200 to its REGISTER finds the device by its token") {
  World w;
  w.phone(kPhone, request(reg()));
  const Sent asked = w.only(kA1);
  const std::string given = asked.header("Contact");
  const std::string token_uri = given.substr(1, given.find('>') - 1);
  w.backend(kA1,
            request({"OPTIONS", token_uri, "asterisk@127.0.0.10", "401@127.0.0.1", "qualify-1"}));
  const Sent asked_phone = w.only(kPhone);
  CHECK(asked_phone.uri() == "sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4");
  CHECK_MESSAGE(w.edge().counts().registrations == 0, "an offer is no binding");
  CHECK(w.store.bindings.empty());
  w.phone(kPhone, response(asked_phone, 200));
  CHECK(w.only(kA1).status() == 200);
  // Refused, the offer is gone with its REGISTER.
  w.backend(kA1, response(asked, 403));
  CHECK(w.only(kPhone).status() == 403);
  w.backend(kA1,
            request({"OPTIONS", token_uri, "asterisk@127.0.0.10", "401@127.0.0.1", "qualify-2"}));
  w.nothing();
}

TEST_CASE("challenges and refusals pass, and leave the binding alone") {
  World w;
  w.registered("401@a.test", kPhone, kA1, kContact);
  const auto before = w.store.bindings;
  unsigned cseq = 100;
  for (const int status : {401, 403, 407, 423, 500}) {
    Ask ask = reg(++cseq);
    ask.call_id = "other";
    w.phone("127.0.0.66:5060", request(ask));
    const Sent asked = w.only(kA1);
    w.backend(kA1,
              response(asked, status,
                       "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\nMin-Expires: 90\n"));
    const Sent answer = w.only("127.0.0.66:5060");
    CHECK(answer.status() == status);
    CHECK(answer.header("WWW-Authenticate") == "Digest realm=\"a\", nonce=\"n\"");
    CHECK(answer.header("Min-Expires") == "90");
    CHECK(w.store.bindings == before);
  }
}

TEST_CASE("an unauthenticated Contact: * changes nothing; a granted one removes all") {
  World w;
  w.registered("401@a.test", kPhone, kA1, kContact);
  w.phone("127.0.0.66:5060", request(reg(50, "Contact: *\nExpires: 0\n")));
  Sent asked = w.only(kA1);
  CHECK(asked.header("Contact") == "*");
  w.backend(kA1, response(asked, 401));
  CHECK(w.only("127.0.0.66:5060").status() == 401);
  CHECK(w.edge().counts().registrations == 1);
  w.phone(kPhone, request(reg(51, "Contact: *\nExpires: 0\n")));
  w.backend(kA1, response(w.only(kA1), 200));
  CHECK(w.only(kPhone).status() == 200);
  CHECK(w.edge().counts().registrations == 0);
  CHECK(w.store.bindings.empty());
}

TEST_CASE("Contact: * without Expires: 0 is refused by the edge") {
  World w;
  w.phone(kPhone, request(reg(1, "Contact: *\nExpires: 60\n")));
  CHECK(w.only(kPhone).status() == 400);
}

TEST_CASE("expires=0 removes on 2xx only") {
  World w;
  w.registered("401@a.test", kPhone, kA1, kContact);
  Ask bye = reg(60, "Contact: " + kContact + ";expires=0\n");
  w.phone(kPhone, request(bye));
  const Sent asked = w.only(kA1);
  CHECK(w.edge().counts().registrations == 1);
  w.backend(kA1, response(asked, 200));
  CHECK(w.only(kPhone).status() == 200);
  CHECK(w.edge().counts().registrations == 0);
}

TEST_CASE(
    "OPTIONS in the same instant as the 200 finds the phone, and its Request-URI is the Contact to "
    "the byte") {
  World w;
  w.store_answers = false;
  w.phone(kPhone, request(reg()));
  const Sent asked = w.only(kA1);
  w.backend(kA1, response(asked, 200, "Contact: " + asked.header("Contact") + "\n"));
  w.nothing();  // the 200 waits for the store
  w.backend(kA1, request({"OPTIONS", "sip:" + asked.contact_user() + "@127.0.0.1:5060",
                          "asterisk@127.0.0.10", asked.contact_user() + "@127.0.0.1:5060"}));
  const Sent options = w.only(kPhone);
  CHECK(options.uri() == "sip:H5CCvFpY@10.0.1.200:45891;line=zlpcjjt4");
  CHECK(options.header("To") == "<sip:401@a.test>");
  CHECK(options.text.find("127.0.0.10") == std::string::npos);
  w.answer_store();
  CHECK(w.only(kPhone).status() == 200);
}

TEST_CASE("a slow store delays a 200 by half a second and no more; a failing one not at all") {
  World w;
  w.store_answers = false;
  w.phone(kPhone, request(reg()));
  Sent asked = w.only(kA1);
  w.backend(kA1, response(asked, 200, "Contact: " + asked.header("Contact") + "\n"));
  w.pass(499ms);
  w.nothing();
  w.pass(1ms);
  CHECK(w.only(kPhone).status() == 200);
  CHECK(w.edge().counters().registers_unstored == 1);
  CHECK(w.edge().counts().pending_persists == 1);
  w.answer_store();
  w.nothing();
  w.phone(kPhone, request(reg(2)));
  asked = w.only(kA1);
  w.backend(kA1, response(asked, 200, "Contact: " + asked.header("Contact") + "\n"));
  w.answer_store(false);
  CHECK(w.only(kPhone).status() == 200);
  CHECK(w.edge().counts().registrations == 1);
}

TEST_CASE("Contacts of the field: several, without brackets, quoted, IPv6") {
  World w;
  w.phone(kPhone,
          request(reg(
              1,
              "Contact: \"a;b,c\" <sip:401@10.0.0.1:5070;ob>;q=0.1, <sip:401@[2001:db8::7]:5062>\n"
              "Contact: sip:401@10.0.0.2;expires=30\n")));
  const Sent asked = w.only(kA1);
  REQUIRE(asked.message->count(sip::HeaderId::contact) == 3);
  std::string echo;
  for (const auto& h : asked.message->headers()) {
    if (h.id == sip::HeaderId::contact)
      echo += "Contact: " + std::string{asked.message->value(h)} + "\n";
  }
  w.backend(kA1, response(asked, 200, echo));
  const Sent answer = w.only(kPhone);
  CHECK(answer.text.find("<sip:401@10.0.0.1:5070;ob>;q=0.1;expires=3600") != std::string::npos);
  CHECK(answer.text.find("<sip:401@[2001:db8::7]:5062>") != std::string::npos);
  CHECK(answer.text.find("<sip:401@10.0.0.2>;expires=30") != std::string::npos);
  CHECK(w.edge().counts().registrations == 3);
}

TEST_CASE("a device keeps its token over refreshes, ports and restarts") {
  World w;
  const std::string contact = "<sip:401@10.0.1.200:45891>;+sip.instance=\"<urn:uuid:9>\"";
  const std::string first = w.registered("401@a.test", kPhone, kA1, contact);
  CHECK(first == w.registered("401@a.test", kPhone, kA1, contact));
  CHECK(first == w.registered("401@a.test", "127.0.0.21:6000", kA1,
                              "<sip:401@10.0.1.7:1>;+sip.instance=\"<urn:uuid:9>\""));
  CHECK(w.edge().counts().registrations == 1);
  w.start();
  CHECK(w.edge().counts().registrations == 1);
  w.backend(kA1, request({"MESSAGE", "sip:" + first + "@127.0.0.1", "402@a.test", "401@a.test"}));
  const Sent message = w.only("127.0.0.21:6000");
  CHECK(message.uri() == "sip:401@10.0.1.7:1");
  CHECK(first == w.registered("401@a.test", kPhone, kA1, contact));
}

TEST_CASE(
    "challenge and answer meet one backend, over a new connection too, and refreshes stay there") {
  World w;
  std::map<std::string, int> used;
  for (unsigned i = 0; i < 20; ++i) {
    Ask ask{"REGISTER",
            "sip:c.test",
            std::to_string(i) + "@c.test",
            std::to_string(i) + "@c.test",
            "c-" + std::to_string(i),
            1,
            "Contact: <sip:x@10.0.0.1>\n"};
    ask.transport = "TCP";
    const net::Flow one = World::tcp("127.0.0.30:4000", 100 + i),
                    two = World::tcp("127.0.0.30:5000", 200 + i);
    w.receive(one, request(ask));
    auto all = w.take();
    REQUIRE(all.size() == 1);
    const std::string backend = all[0].flow.remote.text();
    ++used[backend];
    w.backend(backend,
              response(all[0], 401, "WWW-Authenticate: Digest realm=\"c\", nonce=\"n\"\n"));
    CHECK(w.only("127.0.0.30:4000").status() == 401);
    w.flow_failed(one);
    for (unsigned cseq : {2U, 3U}) {
      ask.cseq = cseq;
      ask.headers =
          "Contact: <sip:x@10.0.0.1>\nAuthorization: Digest username=\"1\", nonce=\"n\",  "
          "response=\"z\"\n";
      w.receive(two, request(ask));
      const Sent again = w.only(backend);
      CHECK(again.header("Authorization") == "Digest username=\"1\", nonce=\"n\",  response=\"z\"");
      w.backend(backend, response(again, 200, "Contact: " + again.header("Contact") + "\n"));
      CHECK(w.only("127.0.0.30:5000").status() == 200);
      w.pass(70s);
    }
  }
  CHECK(used[kA1] == 10);
  CHECK(used[kA2] == 10);
}

TEST_CASE("a late answer to an older REGISTER does not undo a newer one") {
  World w;
  w.phone(kPhone, request(reg(1)));
  const Sent older = w.only(kA1);
  w.phone(kPhone, request(reg(2, "Contact: " + kContact + ";expires=0\n")));
  const Sent newer = w.only(kA1);
  w.backend(kA1, response(newer, 200));
  CHECK(w.only(kPhone).status() == 200);
  w.backend(kA1, response(older, 200, "Contact: " + older.header("Contact") + "\n"));
  CHECK(w.only(kPhone).status() == 200);
  CHECK(w.edge().counts().registrations == 0);
}

TEST_CASE("an expired binding is dropped in memory and in the store") {
  World w;
  w.registered("401@a.test", kPhone, kA1, kContact, 60);
  w.pass(59s);
  CHECK(w.edge().counts().registrations == 1);
  w.pass(1s);
  CHECK(w.edge().counts().registrations == 0);
  CHECK(w.store.bindings.empty());
  w.take();
  w.backend(kA1, request({"INVITE", "sip:401@127.0.0.1", "402@a.test", "401@a.test"}));
  CHECK(w.only(kA1).status() == 404);
}

TEST_CASE("a binding taken over by an import is replaced by the first real registration") {
  World w([](storage::Snapshot& s) {
    storage::Binding b;
    b.token = "importtokn";
    b.aor = "401@a.test";
    b.contact = "sip:401@127.0.0.21:7000";
    b.flow = World::flow("127.0.0.21:7000");
    b.expires = WallTime{std::chrono::milliseconds(1'700'000'600'000)};
    s.bindings = {b};
  });
  CHECK(w.edge().counts().registrations == 1);
  w.registered("401@a.test", kPhone, kA1, kContact);
  CHECK(w.edge().counts().registrations == 1);
  CHECK(w.store.bindings[0].target == 1);
}

TEST_CASE("a query shows what is registered as the phones wrote it") {
  World w;
  const std::string user = w.registered("401@a.test", kPhone, kA1, kContact);
  w.phone("127.0.0.22:5060",
          request({"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "q", 1, ""}));
  const Sent asked = w.only(kA1);
  CHECK(asked.header("Contact").empty());
  w.backend(kA1, response(asked, 200, "Contact: <sip:" + user + "@127.0.0.1:5060>;expires=100\n"));
  CHECK(w.only("127.0.0.22:5060").header("Contact") == kContact + ";expires=100");
}

TEST_CASE("after quiet nothing is left") {
  World w;
  w.registered("401@a.test", kPhone, kA1, kContact, 60);
  w.backend(kA1, request({"OPTIONS", "sip:401@127.0.0.1", "402@a.test", "401@a.test"}));
  w.backend(kA1, request({"INVITE", "sip:401@127.0.0.1", "402@a.test", "401@a.test", "inv"}));
  w.backend(kA1, request({"INVITE", "sip:401@127.0.0.1", "402@a.test", "401@a.test", "inv2", 1,
                          "Contact: <sip:a@127.0.0.10>\n"}));
  w.pass(400s);
  // A probe may be under way at the very end.
  for (int i = 0; i < 100 && w.edge().counts().stack.transactions.non_invite_client > 0; ++i)
    w.pass(100ms);
  const auto counts = w.edge().counts();
  CHECK(counts.registrations == 0);
  CHECK(counts.affinities == 0);
  CHECK(counts.pending_persists == 0);
  CHECK(counts.stack.calls == 0);
  CHECK(counts.stack.legs == 0);
  CHECK(counts.stack.relays == 0);
  CHECK(counts.stack.transactions.invite_server == 0);
  CHECK(counts.stack.transactions.invite_client == 0);
  CHECK(counts.stack.transactions.non_invite_server == 0);
  for (const auto& [id, t] : w.edge().directory().targets())
    CHECK(w.edge().target_status(id).live_calls == 0);
}

}  // namespace
}  // namespace usher::test
