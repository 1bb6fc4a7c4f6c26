// The flight recorder: what it holds, for how long, and what a lookup finds.
#include "routing/recorder/recorder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "core/limits.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::Lookup;
using routing::Record;
using routing::RecordKind;
using routing::Records;

Records found(World& w, const Lookup& lookup) {
  return w.edge().recorder().find(lookup);
}
Records by_call(World& w, const std::string& call_id) {
  return found(w, {.call_ids = {call_id}, .aor = {}, .source = {}, .trace = {}});
}

// "< INVITE", "> 200": received and sent, in order.
std::string messages(const Records& records) {
  std::string out;
  for (const Record& r : records.items) {
    if (!r.is_message() || r.text.find(" OPTIONS\r\n") != std::string::npos) continue;  // probes
    std::string_view first{r.text};
    first = first.substr(0, first.find('\r'));
    if (first.starts_with("SIP/2.0 ")) first.remove_prefix(8);
    out += out.empty() ? "" : " ";
    out += r.dropped ? "x" : r.kind == RecordKind::received ? "<" : ">";
    out += first.substr(0, first.find(' '));
  }
  return out;
}

TEST_CASE("either leg's Call-ID finds both legs of a call, in order") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = w.only(kA1);
  w.pass(100ms);
  w.backend(kA1, response(sent, 180));
  w.backend(kA1, response(sent, 486));
  const std::string all = "<INVITE >INVITE <180 >180 <486 >ACK >486";
  CHECK(messages(by_call(w, "call-1")) == all);
  CHECK(messages(by_call(w, sent.header("Call-ID"))) == all);
  CHECK(messages(by_call(w, "call-2")).empty());

  const Records records = by_call(w, "call-1");
  CHECK_FALSE(records.older);
  const Record& first = records.items.front();
  CHECK(first.remote.text() == kPhone);
  CHECK(first.local.text() == kEdge);
  CHECK(first.bytes == first.text.size());
  CHECK(first.wall == WallTime{std::chrono::milliseconds(1'700'000'000'000)});
  CHECK(std::is_sorted(records.items.begin(), records.items.end(),
                       [](const Record& a, const Record& b) { return a.sequence < b.sequence; }));
}

TEST_CASE("a challenged call is found whole by the Call-ID of its last leg") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent first = w.only(kA1);
  w.backend(kA1, response(first, 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\n"));
  w.take();
  Ask again = phone_invite();
  again.cseq = 2;
  w.phone(kPhone, request(again));
  const Sent second = w.only(kA1);
  REQUIRE(second.header("Call-ID") != first.header("Call-ID"));
  const std::string all = "<INVITE >INVITE <401 >ACK >401 <INVITE >INVITE";
  for (const std::string& id :
       {std::string{"call-1"}, first.header("Call-ID"), second.header("Call-ID")}) {
    CAPTURE(id);
    CHECK(messages(by_call(w, id)) == all);
  }
}

TEST_CASE("an address of record and a source find their calls") {
  World w;
  w.phone(kPhone, request(phone_invite("one")));
  w.take();
  Ask other = phone_invite("two");
  other.from = "403@a.test";
  other.to = "404@a.test";
  other.uri = "sip:404@a.test";
  w.phone("127.0.0.22:5062", request(other));
  w.take();
  const auto by_aor = [&](const std::string& aor) {
    return messages(found(w, {.call_ids = {}, .aor = aor, .source = {}, .trace = {}}));
  };
  CHECK(by_aor("401@a.test") == "<INVITE >INVITE");
  CHECK(by_aor("402@a.test") == "<INVITE >INVITE");
  CHECK(by_aor("405@a.test").empty());
  const auto at = [&](const std::string& address) {
    return messages(found(
        w, {.call_ids = {}, .aor = {}, .source = *net::IpAddress::parse(address), .trace = {}}));
  };
  CHECK(at("127.0.0.22") == "<INVITE >INVITE");
  CHECK(at("127.0.0.10") == "<INVITE >INVITE <INVITE >INVITE");
  CHECK(at("127.0.0.23").empty());
}

TEST_CASE("retransmissions are recorded, ours too") {
  World w;
  const std::string text = request(phone_invite());
  w.phone(kPhone, text);
  w.phone(kPhone, text);
  w.pass(600ms);
  // The backend is silent: the INVITE again after T1, a 100 of our own after 200 ms.
  CHECK(messages(by_call(w, "call-1")) == "<INVITE >INVITE <INVITE >100 >INVITE");
}

TEST_CASE("who gets silence is recorded as dropped, apart from what is not") {
  World w;
  Ask knock = phone_invite("knock");
  knock.uri = "sip:1@nowhere.test";
  knock.from = knock.to = "1@nowhere.test";
  w.phone("127.0.0.99:5060", request(knock));
  w.nothing();
  const Records records = by_call(w, "knock");
  CHECK(messages(records) == "xINVITE");
  REQUIRE(records.items.size() == 3);
  CHECK(records.items[2].step.what == "dropped");
  CHECK(records.items[2].step.why == "not found");
  const std::string id = routing::trace_text(records.items[0].trace);
  CHECK(messages(found(
            w, {.call_ids = {}, .aor = {}, .source = {}, .trace = routing::parse_trace(id)})) ==
        "xINVITE");

  SUBCASE("a flood of it pushes out no call") {
    w.phone(kPhone, request(phone_invite("kept")));
    const std::size_t count = 8000;
    for (std::size_t i = 0; i < count; ++i) {
      knock.call_id = "knock-" + std::to_string(i);
      w.phone("127.0.0.99:5060", request(knock));
    }
    CHECK(messages(by_call(w, "kept")) == "<INVITE >INVITE");
    CHECK(messages(by_call(w, "knock")).empty());
    CHECK(messages(by_call(w, "knock-7999")) == "xINVITE");
  }
}

TEST_CASE("garbage is found by its source") {
  World w;
  w.phone("127.0.0.99:5060", "this is no SIP message at all");
  w.phone("127.0.0.98:5060", "nor is that, which comes from another address");
  w.nothing();
  const auto from = [&](const char* source) {
    return messages(found(
        w, {.call_ids = {}, .aor = {}, .source = *net::IpAddress::parse(source), .trace = {}}));
  };
  CHECK(from("127.0.0.99") == "xthis");
  CHECK(from("127.0.0.98") == "xnor");
  CHECK(from("127.0.0.97").empty());
}

TEST_CASE("memory is bounded and the newest is kept") {
  routing::Recorder recorder({.enabled = true, .memory = limits::kRecorderLeast, .local = {}},
                             HashKey{1, 2});
  const Now now{Instant{1h}, WallTime{}};
  std::string text = "SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n" + std::string(1000, 'b');
  for (int i = 0; i < 100'000; ++i) recorder.sent(now, {{}, Bytes{text}});
  CHECK(recorder.counts().used <= limits::kRecorderLeast);
  CHECK(recorder.counts().messages < 1000);
  CHECK(recorder.counts().messages > 500);
  text.replace(text.find("Call-ID: x"), 10, "Call-ID: y");
  recorder.sent(now, {{}, Bytes{text}});
  const auto last = recorder.find({.call_ids = {"y"}, .aor = {}, .source = {}, .trace = {}});
  REQUIRE(last.items.size() == 1);
  CHECK(last.items[0].text == text);
}

TEST_CASE("of more than is shown at a time the newest are, and it is said") {
  routing::Recorder recorder({.enabled = true, .memory = 8 << 20, .local = {}}, HashKey{1, 2});
  const Now now{Instant{1h}, WallTime{}};
  std::string text;
  for (std::size_t i = 0; i < limits::kRecords + 1; ++i) {
    text = "SIP/2.0 200 OK\r\nCall-ID: x\r\nCSeq: " + std::to_string(i) + " BYE\r\n\r\n";
    recorder.sent(now, {{}, Bytes{text}});
  }
  const auto shown = recorder.find({.call_ids = {"x"}, .aor = {}, .source = {}, .trace = {}});
  REQUIRE(shown.items.size() == limits::kRecords);
  CHECK(shown.items.back().text == text);
  REQUIRE(shown.older);
  CHECK(*shown.older == shown.items.front().sequence);
}

TEST_CASE("windows that follow each other's beginning show everything, each once") {
  routing::Recorder recorder({.enabled = true, .memory = 8 << 20, .local = {}}, HashKey{1, 2});
  const Now now{Instant{1h}, WallTime{}};
  for (int i = 0; i < 100; ++i) {
    recorder.sent(now, {{}, Bytes{"SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n"}});
    recorder.sent(now, {{}, Bytes{"SIP/2.0 200 OK\r\nCall-ID: other\r\n\r\n"}});
  }
  const Lookup x{.call_ids = {"x"}, .aor = {}, .source = {}, .trace = {}};
  const std::vector<routing::Record> all = recorder.find(x).items;
  REQUIRE(all.size() == 100);
  std::vector<std::uint64_t> seen;
  std::optional<std::uint64_t> before = std::numeric_limits<std::uint64_t>::max();
  while (before) {
    const auto shown = recorder.find(x, {.before = *before, .limit = 7});
    REQUIRE(shown.items.size() == std::min<std::size_t>(7, 100 - seen.size()));
    for (auto it = shown.items.rbegin(); it != shown.items.rend(); ++it)
      seen.push_back(it->sequence);
    before = shown.older;
  }
  REQUIRE(seen.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(seen[i] == all[99 - i].sequence);
  CHECK(recorder.find(x, {.before = all.front().sequence, .limit = 7}).items.empty());
  CHECK_FALSE(recorder.find(x, {.before = all[7].sequence, .limit = 7}).older);
}

TEST_CASE("a large message is recorded truncated") {
  routing::Recorder recorder({}, HashKey{1, 2});
  const std::string text =
      "SIP/2.0 200 OK\r\nCall-ID: x\r\n\r\n" + std::string(limits::kRecordedBytes, 'b');
  recorder.sent({}, {{}, Bytes{text}});
  const auto items = recorder.find({.call_ids = {"x"}, .aor = {}, .source = {}, .trace = {}}).items;
  REQUIRE(items.size() == 1);
  CHECK(items[0].truncated());
  CHECK(items[0].bytes == text.size());
  CHECK(items[0].text == text.substr(0, limits::kRecordedBytes));
}

TEST_CASE("switched off it holds nothing and calls go on") {
  World w;
  w.phone(kPhone, request(phone_invite("before")));
  w.take();
  w.edge().enable_recorder(false);
  CHECK(by_call(w, "before").items.empty());
  w.phone(kPhone, request(phone_invite("meanwhile")));
  CHECK(w.only(kA1).method() == "INVITE");
  w.edge().enable_recorder(true);
  w.phone(kPhone, request(phone_invite("after")));
  CHECK(by_call(w, "meanwhile").items.empty());
  CHECK(messages(by_call(w, "after")) == "<INVITE >INVITE");
}

TEST_CASE("credentials never leave it") {
  World w;
  Ask ask{"REGISTER", "sip:a.test", "401@a.test", "401@a.test", "reg"};
  ask.headers =
      "Contact: <sip:401@127.0.0.21:5062>\nAuthorization: Digest username=\"401\", "
      "realm=\"a.test\", nonce=\"n1\", uri=\"sip:a.test\", response=\"deadbeef\"\n";
  w.phone(kPhone, request(ask));
  CHECK(w.only(kA1).header("Authorization").find("deadbeef") != std::string::npos);
  const Records records = by_call(w, "reg");
  CHECK(messages(records) == "<REGISTER >REGISTER");
  for (const Record& r : records.items) {
    CHECK(r.text.find("deadbeef") == std::string::npos);
    if (r.is_message()) CHECK(r.text.find("nonce=\"n1\"") != std::string::npos);
  }
}

TEST_CASE("the Call-ID is found however it is written") {
  using routing::find_call_id;
  CHECK(find_call_id("INVITE sip:a SIP/2.0\r\nVia: x\r\nCall-ID: abc@x\r\n\r\n") == "abc@x");
  CHECK(find_call_id("INVITE sip:a SIP/2.0\r\ni:abc\r\n\r\n") == "abc");
  CHECK(find_call_id("INVITE sip:a SIP/2.0\r\nCALL-id \t:  abc \r\n\r\n") == "abc");
  CHECK(
      find_call_id("INVITE sip:a SIP/2.0\r\nCall-Info: x\r\nIdentity: y\r\n\r\ni: z\r\n").empty());
  CHECK(find_call_id("").empty());
  CHECK(find_call_id("i").empty());
  CHECK(find_call_id(std::string(100'000, 'i')).empty());
}

}  // namespace
}  // namespace usher::test
