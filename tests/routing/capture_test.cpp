// What of the edge's traffic is mirrored to a capture server, and under which id.
#include "routing/capture/capture.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "core/limits.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::Correlation;

struct Mirrored {
  std::string first;  // line
  std::string from, to, correlation, text;
  std::uint32_t seconds = 0, microseconds = 0, agent = 0;
};

Mirrored decoded(std::string_view packet) {
  std::map<std::size_t, std::string_view> chunks;
  const auto number = [](std::string_view text) {
    std::uint32_t n = 0;
    for (const char c : text) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  };
  REQUIRE(packet.substr(0, 4) == "HEP3");
  REQUIRE(number(packet.substr(4, 2)) == packet.size());
  for (std::string_view rest = packet.substr(6); !rest.empty();) {
    const std::size_t length = number(rest.substr(4, 2));
    REQUIRE(length >= 6);
    REQUIRE(length <= rest.size());
    chunks[number(rest.substr(2, 2))] = rest.substr(6, length - 6);
    rest.remove_prefix(length);
  }
  const auto place = [&](std::size_t address, std::size_t port) {
    return net::Endpoint{net::IpAddress::v4(number(chunks.at(address))),
                         static_cast<std::uint16_t>(number(chunks.at(port)))}
        .text();
  };
  Mirrored out;
  out.text = chunks.at(15);
  out.first = out.text.substr(0, out.text.find('\r'));
  out.from = place(3, 7);
  out.to = place(4, 8);
  out.correlation = chunks.contains(17) ? std::string{chunks.at(17)} : "";
  out.seconds = number(chunks.at(9));
  out.microseconds = number(chunks.at(10));
  out.agent = number(chunks.at(12));
  return out;
}

// Since the last look; probes of ours left out.
std::vector<Mirrored> mirrored(World& w) {
  std::vector<Mirrored> out;
  for (const std::string& packet : std::exchange(w.captured, {})) {
    Mirrored one = decoded(packet);
    if (one.text.find(" OPTIONS\r\n") == std::string::npos) out.push_back(std::move(one));
  }
  return out;
}

void with_server(routing::EdgeConfig& config) {
  config.capture = routing::HepAgent{.id = 77, .password = {}};
}
void without_recorder(routing::EdgeConfig& config) {
  with_server(config);
  config.recorder.enabled = false;
}

Ask within(const std::string& method, unsigned cseq, const std::string& tag) {
  Ask ask = phone_invite();
  ask.method = method;
  ask.cseq = cseq;
  ask.to_tag = tag;
  return ask;
}

std::set<std::string> ids(const std::vector<Mirrored>& all) {
  std::set<std::string> out;
  for (const Mirrored& m : all) out.insert(m.correlation);
  return out;
}

TEST_CASE("every message of a call is mirrored once, both legs under the trace of the call") {
  for (const auto& configure : {with_server, without_recorder}) {
    World w({}, configure);
    w.phone(kPhone, request(phone_invite()));
    const Sent sent = w.only(kA1);
    w.pass(100ms);
    w.backend(kA1, response(sent, 180));
    w.backend(kA1, response(sent, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
    std::string tag;
    for (const Sent& s : w.take()) {
      if (s.status() == 200) tag = std::string{s.message->to_tag()};
    }
    w.phone(kPhone, request(within("ACK", 1, tag)));
    w.phone(kPhone, request(within("BYE", 2, tag)));
    for (const Sent& s : w.take()) {
      if (s.method() == "BYE") w.backend(kA1, response(s, 200));
    }
    const auto all = mirrored(w);
    std::string order;
    for (const Mirrored& m : all) {
      std::string what = m.first.starts_with("SIP/2.0 ") ? m.first.substr(8, 3)
                                                         : m.first.substr(0, m.first.find(' '));
      order +=
          (m.to == kEdge ? " <" : " >") + what + (m.from == kPhone || m.to == kPhone ? "p" : "b");
      CHECK((m.from == kEdge) != (m.to == kEdge));
      CHECK(m.agent == 77);
    }
    CHECK(order ==
          " <INVITEp >INVITEb <180b >180p <200b >200p <ACKp >ACKb <BYEp >BYEb <200b >200p");
    REQUIRE(ids(all).size() == 1);
    CHECK(routing::parse_trace(*ids(all).begin()));
    REQUIRE(w.records.size() == 1);
    CHECK(*ids(all).begin() == w.records.begin()->first);
  }
}

TEST_CASE("messages of one wake-up keep their order, a microsecond apart") {
  World w({}, with_server);
  w.captured.clear();
  w.phone(kPhone, request(phone_invite()));
  const auto all = mirrored(w);
  REQUIRE(all.size() == 2);
  CHECK(all[0].seconds == 1'700'000'000);
  CHECK(all[1].seconds == 1'700'000'000);
  CHECK(all[0].microseconds < all[1].microseconds);
  CHECK(all[1].microseconds < 1'000);
}

TEST_CASE("a challenged call has one id, and so has what comes late") {
  World w({}, with_server);
  w.phone(kPhone, request(phone_invite()));
  w.backend(kA1, response(w.only(kA1), 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\n"));
  w.take();
  Ask again = phone_invite();
  again.cseq = 2;
  again.headers +=
      "Authorization: Digest username=\"401\", realm=\"a\", nonce=\"n\", uri=\"sip:402@a.test\", "
      "response=\"0123456789abcdef\"\n";
  w.phone(kPhone, request(again));
  const Sent second = w.only(kA1);
  w.backend(kA1, response(second, 486));
  w.take();
  w.pass(60s);
  // Its dialog is none: it gets a 481, under the call's id nevertheless.
  w.phone(kPhone, request(within("BYE", 3, "gone")));
  const auto all = mirrored(w);
  CHECK(ids(all).size() == 1);
  CHECK(all.back().first.starts_with("SIP/2.0 481"));
  CHECK(second.header("Authorization").find("0123456789abcdef") != std::string::npos);
  for (const Mirrored& m : all)
    CHECK_MESSAGE(m.text.find("0123456789abcdef") == std::string::npos, m.text);
}

TEST_CASE("a registration's two legs have one id, and the next one has another") {
  World w({}, without_recorder);
  std::set<std::string> seen;
  for (int i = 0; i < 2; ++i) {
    w.captured.clear();
    w.registered("401@a.test", kPhone, kA1);
    const auto all = mirrored(w);
    CHECK(all.size() == 4);
    REQUIRE(ids(all).size() == 1);
    seen.insert(ids(all).begin()->substr());
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("a message of no known call goes by its own Call-ID, and silence is not mirrored") {
  World w({}, with_server);
  w.captured.clear();
  w.pass(60s);  // probes
  REQUIRE_FALSE(w.captured.empty());
  for (const std::string& packet : w.captured) {
    const Mirrored one = decoded(packet);
    CHECK(one.correlation == std::string{routing::find_call_id(one.text)});
    CHECK_FALSE(one.correlation.empty());
  }
  mirrored(w);
  Ask stranger = phone_invite();
  stranger.uri = "sip:402@nowhere.test";
  stranger.from = "1@nowhere.test";
  stranger.to = "402@nowhere.test";
  w.phone("127.0.0.66:5060", request(stranger));
  w.phone("127.0.0.66:5060", "no SIP at all, but long enough");
  w.phone(kPhone, "\r\n\r\n");
  w.nothing();
  CHECK(w.captured.empty());
}

TEST_CASE("a flood of what is dropped pushes no known Call-ID out") {
  routing::Capture capture(routing::HepAgent{}, {*net::Endpoint::parse(kEdge)}, HashKey{1, 2});
  const Now now{Instant{1h}, WallTime{1h}};
  const auto arrives = [&](const std::string& call_id, routing::TraceId trace) {
    capture.arrived(now, {Bytes{"INVITE sip:1@b SIP/2.0\r\nCall-ID: " + call_id + "\r\n\r\n"},
                          World::flow(kPhone)});
    capture.begun(false, trace);
  };
  arrives("known", 7);
  capture.settle();
  REQUIRE(capture.take().size() == 1);
  for (std::size_t i = 0; i < limits::kCorrelations + 1; ++i) {
    arrives("stranger " + std::to_string(i), 8 + i);
    capture.dropped();
    capture.settle();
  }
  CHECK(capture.take().empty());
  capture.sent(now, {World::flow(kPhone), Bytes{"SIP/2.0 486 Busy\r\nCall-ID: known\r\n\r\n"}});
  const auto packets = capture.take();
  REQUIRE(packets.size() == 1);
  CHECK(decoded(packets[0]).correlation == routing::trace_text(7));
}

TEST_CASE("a call of the process before keeps its id") {
  World w({}, with_server);
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = w.only(kA1);
  w.backend(kA1, response(sent, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
  const Sent answer = w.take().back();
  w.phone(kPhone, request(within("ACK", 1, std::string{answer.message->to_tag()})));
  w.take();
  w.pass(5s);
  const auto before = ids(mirrored(w));
  w.start();
  w.phone(kPhone, request(within("BYE", 2, std::string{answer.message->to_tag()})));
  const auto after = mirrored(w);
  CHECK(after.size() == 2);
  CHECK(ids(after) == before);
}

TEST_CASE("without a server nothing is made") {
  World w;
  w.registered("401@a.test", kPhone, kA1);
  w.phone(kPhone, request(phone_invite()));
  CHECK(w.captured.empty());
}

TEST_CASE("correlation: what belongs to a live call is held, all else gives way") {
  Correlation c(HashKey{1, 2});
  c.learn("early", 7);
  c.call_begun(7);
  c.learn("early", 7);
  c.learn("other leg", 7);
  c.learn("", 7);
  c.learn("nothing", 0);
  CHECK(c.find("") == 0);
  CHECK(c.find("nothing") == 0);
  c.learn("other leg", 8);  // stays the call's
  for (std::size_t i = 0; i < limits::kCorrelations + 10; ++i)
    c.learn("register " + std::to_string(i), 100 + i);
  CHECK(c.find("register 0") == 0);
  CHECK(c.find("register 11") == 111);
  CHECK(c.find("early") == 7);
  CHECK(c.find("other leg") == 7);
  CHECK(c.size() == limits::kCorrelations + 2);

  c.call_ended(7);
  c.call_ended(7);
  CHECK(c.size() == limits::kCorrelations);
  CHECK(c.find("early") == 7);
  for (std::size_t i = 0; i < limits::kCorrelations; ++i)
    c.learn("again " + std::to_string(i), 100 + i);
  CHECK(c.find("early") == 0);
  CHECK(c.find("other leg") == 0);
}

}  // namespace
}  // namespace usher::test
