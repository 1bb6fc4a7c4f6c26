// What has come lately: real flows through the edge, as the list of requests tells of them.
#include "routing/recent_requests.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "core/limits.hpp"
#include "core/time_text.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {
namespace {

using routing::RecentRequest;
using routing::RecentRequests;
using routing::RequestFilter;

constexpr std::uint64_t kNewest = std::numeric_limits<std::uint64_t>::max();

RecentRequests recent(World& w, const RequestFilter& filter = {}, std::uint64_t before = kNewest,
                      std::size_t limit = 100) {
  return routing::recent_requests(w.edge().recorder(), filter, before, limit, w.now.mono);
}

// "call 486, registration -", the newest first.
std::string listed(const RecentRequests& found) {
  std::string out;
  for (const RecentRequest& r : found.items)
    out.append(out.empty() ? "" : ", ")
        .append(r.kind)
        .append(" ")
        .append(r.status ? std::to_string(*r.status) : "-");
  return out;
}
std::string listed(World& w, const RequestFilter& filter = {}) {
  return listed(recent(w, filter));
}

Sent to(World& w, const std::string& endpoint) {
  for (Sent& s : w.take()) {
    if (s.flow.remote.text() == endpoint) return std::move(s);
  }
  FAIL("nothing went to " << endpoint);
  return {};
}

void call(World& w, const std::string& call_id, int status) {
  w.phone(kPhone, request(phone_invite(call_id)));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, status));
  w.take();
}

std::string knock() {
  Ask ask = phone_invite("knock");
  ask.uri = "sip:100@nowhere.test";
  ask.from = ask.to = "100@nowhere.test";
  return request(ask);
}

TEST_CASE("calls, registrations, other requests and drops, the newest first") {
  World w;
  w.registered("401@a.test", kPhone, kA1);
  call(w, "one", 486);
  w.phone(kPhone, request({"OPTIONS", "sip:a.test", "401@a.test", "401@a.test", "o"}));
  w.phone("127.0.0.99:5060", knock());
  w.phone(kPhone, request(phone_invite("two")));
  CHECK(listed(w) == "call -, drop -, request 200, call 486, registration 200");

  const RecentRequests all = recent(w);
  CHECK_FALSE(all.next);
  const RecentRequest& refused = all.items[3];
  CHECK(refused.method == "INVITE");
  CHECK(refused.from == "401@a.test");
  CHECK(refused.to == "402@a.test");
  CHECK(refused.source == kPhone);
  CHECK(refused.at == w.now.wall);
  CHECK(refused.verdict.known_death.empty());
  for (const RecentRequest& r : all.items) {
    const auto explained = routing::explain(
        w.edge().recorder().find({.call_ids = {}, .aor = {}, .source = {}, .trace = r.trace}),
        w.now.mono);
    CHECK(r.kind == explained.kind);
    CHECK(r.verdict.text == explained.verdict.text);
  }
}

TEST_CASE("each filter finds its requests and no others, and they work together") {
  World w;
  w.registered("401@a.test", kPhone, kA1);
  call(w, "one", 486);
  call(w, "two", 403);
  w.phone("127.0.0.99:5060", knock());
  const auto with = [&](auto set) {
    RequestFilter filter;
    set(filter);
    return listed(w, filter);
  };
  using F = RequestFilter;
  CHECK(with([](F& f) { f.kind = "call"; }) == "call 403, call 486");
  CHECK(with([](F& f) { f.kind = "drop"; }) == "drop -");
  CHECK(with([](F& f) { f.kind = "request"; }).empty());
  CHECK(with([](F& f) { f.method = "REGISTER"; }) == "registration 200");
  CHECK(with([](F& f) { f.method = "register"; }).empty());
  CHECK(with([](F& f) { f.status = 403; }) == "call 403");
  CHECK(with([](F& f) { f.status = 0; }) == "drop -");
  CHECK(with([](F& f) { f.status = 404; }).empty());
  CHECK(with([](F& f) { f.domain = "a.test"; }) == "call 403, call 486, registration 200");
  CHECK(with([](F& f) { f.domain = "nowhere.test"; }) == "drop -");
  CHECK(with([](F& f) { f.source = *net::Cidr::parse("127.0.0.99"); }) == "drop -");
  CHECK(with([](F& f) { f.source = *net::Cidr::parse("127.0.0.98"); }).empty());
  CHECK(with([](F& f) { f.target = 1; }) == "call 403, call 486, registration 200");
  CHECK(with([](F& f) { f.target = 2; }).empty());
  CHECK(with([](F& f) {
          f.target = 1;
          f.kind = "call";
          f.status = 486;
          f.source = *net::Cidr::parse("127.0.0.21");
        }) == "call 486");
}

TEST_CASE("a request counts for each target it was tried at, under way as well, and no other") {
  World w([](storage::Snapshot& s) { s.targets.push_back(World::target(12, 10, "127.0.0.12")); });
  const auto at = [&](storage::TargetId id) {
    RequestFilter filter;
    filter.target = id;
    return listed(w, filter);
  };
  w.phone(kPhone, request(phone_invite()));
  const Sent first = to(w, kA1);
  CHECK(at(1) == "call -");
  CHECK(at(12).empty());  // in reserve
  w.backend(kA1, response(first, 503));
  const Sent second = to(w, "127.0.0.12:5060");
  CHECK(at(1) == "call -");
  CHECK(at(12) == "call -");
  w.backend("127.0.0.12:5060", response(second, 486));
  CHECK(at(1) == "call 486");
  CHECK(at(12) == "call 486");
  // The number of another one that begins alike.
  CHECK(at(2).empty());
}

TEST_CASE("a call to a phone is of the phone's domain, and was tried at no target") {
  World w;
  const std::string token = w.registered("402@a.test", kPhone, kA1);
  w.backend(kA1, request({.method = "INVITE",
                          .uri = "sip:" + token + "@127.0.0.1",
                          .from = "401@a.test",
                          .to = "402@a.test",
                          .headers = "Contact: <sip:401@127.0.0.10:5060>\n"}));
  RequestFilter filter;
  filter.kind = "call";
  filter.domain = "a.test";
  CHECK(listed(w, filter) == "call -");
  filter.target = 1;
  CHECK(listed(w, filter).empty());
}

TEST_CASE("the status is what the sender got: of an answered call 200 at once, whatever follows") {
  World w;
  w.phone(kPhone, request(phone_invite()));
  const Sent sent = to(w, kA1);
  CHECK(listed(w) == "call -");
  w.backend(kA1, response(sent, 180));
  CHECK(listed(w) == "call -");
  w.take();
  w.backend(kA1, response(sent, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
  CHECK(listed(w) == "call 200");
  const Sent answer = to(w, kPhone);
  Ask ack = phone_invite();
  ack.method = "ACK";
  ack.to_tag = std::string{answer.message->to_tag()};
  w.phone(kPhone, request(ack));
  w.pass(5s);
  CHECK(recent(w).items.front().verdict.text.find("it is up since 5s") != std::string::npos);
  REQUIRE(w.edge().end_call(w.now, w.edge().calls()[0].call, "ended by the operator").has_value());
  w.pass(40s);
  RequestFilter filter;
  filter.kind = "call";
  CHECK(listed(w, filter) == "call 200");
}

TEST_CASE("who is never answered has no status, and a 408 of ours is one") {
  World w;
  w.phone(kPhone, request({"MESSAGE", "sip:402@a.test", "401@a.test", "402@a.test", "m"}));
  w.pass(40s);
  CHECK(listed(w) == "request -");
  CHECK(recent(w).items.front().verdict.known_death == routing::death::kSilentTargets);
  w.phone(kPhone, request(phone_invite()));
  w.pass(40s);
  CHECK(listed(w) == "call 408, request -");
}

TEST_CASE("a challenged call is one item, as of its last INVITE, on every page") {
  World w;
  for (const char* id : {"x", "y"}) {
    w.phone(kPhone, request(phone_invite(id)));
    const Sent first = to(w, kA1);
    w.backend(kA1, response(first, 401, "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\n"));
    CHECK(recent(w).items.front().status == 401);
    w.take();
    w.pass(1s);
    Ask again = phone_invite(id);
    again.cseq = 2;
    w.phone(kPhone, request(again));
    const Sent second = to(w, kA1);
    w.backend(kA1, response(second, 486));
    w.take();
  }
  CHECK(listed(w) == "call 486, call 486");
  RequestFilter filter;
  filter.status = 401;
  CHECK(listed(w, filter).empty());
  std::vector<routing::TraceId> seen;
  std::optional<std::uint64_t> before = kNewest;
  while (before) {
    const RecentRequests page = recent(w, {}, *before, 1);
    for (const RecentRequest& r : page.items) seen.push_back(r.trace);
    before = page.next;
  }
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] != seen[1]);
}

TEST_CASE("pages show each request once, whatever comes meanwhile, with what has come of it") {
  World w;
  w.phone(kPhone, request(phone_invite("oldest")));
  const Sent pending = to(w, kA1);
  for (int i = 0; i < 10; ++i) {
    call(w, "call-" + std::to_string(i), 486);
    w.phone("127.0.0.99:5060", knock());
  }
  std::vector<routing::TraceId> all;
  for (const RecentRequest& r : recent(w).items) all.push_back(r.trace);
  REQUIRE(all.size() == 21);
  RecentRequests page = recent(w, {}, kNewest, 4);
  std::vector<routing::TraceId> seen;
  std::string last;
  for (int turn = 0;; ++turn) {
    for (const RecentRequest& r : page.items) seen.push_back(r.trace);
    last = listed(page);
    if (!page.next) break;
    if (turn == 0) {
      call(w, "meanwhile", 486);
      w.backend(kA1, response(pending, 404));
    }
    page = recent(w, {}, *page.next, 4);
  }
  CHECK(seen == all);
  CHECK(last == "call 404");
  CHECK(recent(w, {}, 1).items.empty());
  CHECK_FALSE(recent(w, {}, 1).next);
  RequestFilter none;
  none.status = 599;
  CHECK(listed(recent(w, none, kNewest, 1)).empty());
  CHECK_FALSE(recent(w, none, kNewest, 1).next);
}

TEST_CASE("one look is at so many requests and no more, and says where it stopped") {
  routing::Recorder recorder({.enabled = true, .memory = 32 << 20, .local = {}}, HashKey{1, 2});
  const auto add = [&](routing::TraceId trace, std::string_view method) {
    std::string step;
    routing::write_step(step, routing::step::kReceived, {}, {{"method", method}});
    // What strangers send lies elsewhere, and counts alike.
    recorder.begin({}, trace, {}, {}, World::flow(kPhone), step, trace % 10 == 0);
  };
  add(1, "INVITE");
  for (std::size_t i = 0; i < limits::kRequestsPerLook; ++i) add(2 + i, "OPTIONS");
  RequestFilter filter;
  filter.method = "INVITE";
  const RecentRequests first = routing::recent_requests(recorder, filter, kNewest, 10, {});
  CHECK(first.items.empty());
  REQUIRE(first.next);
  const RecentRequests second = routing::recent_requests(recorder, filter, *first.next, 10, {});
  REQUIRE(second.items.size() == 1);
  CHECK(second.items.front().trace == 1);
  CHECK_FALSE(second.next);
}

TEST_CASE("switched off it has nothing") {
  World w;
  call(w, "one", 486);
  w.edge().enable_recorder(false);
  CHECK(recent(w).items.empty());
  CHECK_FALSE(recent(w).next);
}

TEST_CASE("of what a ban drops one packet in ten seconds is told, with the ban and its reason") {
  World w;
  storage::Ban b;
  b.network = *net::Cidr::parse("192.0.2.0/24");
  b.made_by = "operator";
  b.reason = "guesses passwords";
  b.until = w.now.wall + std::chrono::hours(1);
  w.apply(storage::PutBan{b});
  RequestFilter filter;
  filter.kind = "drop";
  filter.source = b.network;
  const auto told = [&] { return recent(w, filter).items; };
  const auto knock_of = [](const std::string& call_id) {
    return request({"OPTIONS", "sip:a.test", "1@a.test", "1@a.test", call_id});
  };
  unsigned sent = 0;
  const auto knock = [&] {
    w.phone("192.0.2.9:5060", knock_of(std::to_string(++sent)));
    w.nothing();
  };
  w.phone("192.0.2.9:5060", "\r\n\r\n");  // a keep-alive
  CHECK(told().empty());
  knock();
  knock();
  REQUIRE(told().size() == 1);
  CHECK(told()[0].source == "192.0.2.9:5060");
  CHECK(told()[0].verdict.text == "silence: 192.0.2.0/24 is banned until " + time_text(b.until) +
                                      "; packet 2 of this ban, one in 10s is told (operator: "
                                      "guesses passwords)");
  w.pass(std::chrono::seconds(10));
  w.take();
  knock();
  REQUIRE(told().size() == 2);
  CHECK(told()[0].verdict.text.find("packet 4 ") != std::string::npos);
  // The packet itself is there too.
  const routing::Records found =
      w.edge().recorder().find({.call_ids = {}, .aor = {}, .source = {}, .trace = told()[0].trace});
  CHECK(std::any_of(found.items.begin(), found.items.end(), [](const routing::Record& r) {
    return r.is_message() && r.dropped && r.text.find("Call-ID: 3") != std::string::npos;
  }));
  b.network = *net::Cidr::parse("198.51.100.7");
  b.until = {};
  w.apply(storage::PutBan{b});
  w.phone("198.51.100.7:5060", knock_of("another"));
  filter.source = b.network;
  REQUIRE(told().size() == 1);
  CHECK(told()[0].verdict.text.starts_with("silence: 198.51.100.7 is banned until it is lifted; "));
  w.edge().enable_recorder(false);
  w.phone("198.51.100.7:5060", knock_of("unrecorded"));
  CHECK(told().empty());
  CHECK(w.edge().bans().at(b.network).hits == 2);
}

TEST_CASE("what is left of a request without its beginning is no request") {
  routing::Recorder recorder({}, HashKey{1, 2});
  std::string step;
  routing::write_step(step, routing::step::kEnded, "over", {{"status", "200"}});
  recorder.note({}, 7, step);
  CHECK(routing::recent_requests(recorder, {}, kNewest, 10, {}).items.empty());
}

}  // namespace
}  // namespace usher::test
