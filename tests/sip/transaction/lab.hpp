// A transaction layer on a table: virtual time, everything that goes out written down with its
// instant. When the lab is taken down, 200 quiet seconds pass and nothing may be left alive.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sip/message/builder.hpp"
#include "sip/message/status.hpp"
#include "sip/parse/datagram.hpp"
#include "sip/transaction/layer.hpp"

namespace usher::sip::lab {

using namespace std::chrono_literals;
using Times = std::vector<Duration>;

inline MessageRef parse(std::string_view text) {
  Parsed parsed = parse_datagram(Bytes{text});
  REQUIRE_MESSAGE(std::holds_alternative<MessageRef>(parsed), text);
  return std::get<MessageRef>(parsed);
}

inline net::Flow flow_to(std::uint16_t port, net::Transport transport = net::Transport::udp,
                         std::uint64_t connection = 0) {
  net::Flow flow;
  flow.transport = transport;
  flow.connection.value = connection;
  flow.remote = {net::IpAddress::v4(0xC6336407), port};  // 198.51.100.7
  return flow;
}
inline const net::Flow kUdp = flow_to(5062);
inline const net::Flow kTcp = flow_to(5062, net::Transport::tcp, 9);

// A request as a phone sends it.
struct Request {
  std::string method = "INVITE";
  std::string uri = "sip:402@edge.test";
  std::string branch = "z9hG4bKphone1";
  std::string sent_by = "198.51.100.7:5062";
  std::string from_tag = "from1";
  std::string to_tag = {};
  std::string call_id = "call-1@phone";
  int cseq = 1;
  std::string lines = {};

  std::string text() const {
    return method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + sent_by +
           (branch.empty() ? "" : ";branch=" + branch) +
           "\r\nMax-Forwards: 70\r\nFrom: <sip:401@edge.test>" +
           (from_tag.empty() ? "" : ";tag=" + from_tag) + "\r\nTo: <sip:402@edge.test>" +
           (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\nCall-ID: " + call_id +
           "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" + lines +
           "Content-Length: 0\r\n\r\n";
  }
  Request as(std::string_view other_method) const {
    Request r = *this;
    r.method = other_method;
    return r;
  }
  Request with_to_tag(std::string_view tag) const {
    Request r = *this;
    r.to_tag = tag;
    return r;
  }
};

inline Bytes response_to(std::string_view request, int status,
                         std::string_view to_tag = "answer1") {
  const MessageRef message = parse(request);
  return start_response(*message, kUdp.remote, status, reason_phrase(status), to_tag).finish();
}

class Lab {
 public:
  struct Sent {
    Duration at;
    net::Flow flow;
    std::string text;
    std::string line() const { return text.substr(0, text.find("\r\n")); }
    MessageRef message() const { return parse(text); }
  };

  explicit Lab(const TransactionTimers& timers = {}, std::size_t limit = 1000)
      : layer(timers, 42, limit) {}
  ~Lab() {
    advance(200s);
    const TransactionCounts counts = layer.counts();
    CHECK(counts.invite_client == 0);
    CHECK(counts.invite_server == 0);
    CHECK(counts.non_invite_client == 0);
    CHECK(counts.non_invite_server == 0);
    CHECK(counts.timers == 0);
    CHECK_MESSAGE(clients_.empty(), "a client transaction whose end was not told");
    CHECK_MESSAGE(servers_.empty(), "a server transaction whose end was not told");
  }

  // Time passes; each timer fires at its own instant.
  void advance(Duration by) {
    const Instant end = now + by;
    while (const auto next = layer.next_deadline()) {
      if (*next > end) break;
      now = std::max(now, *next);
      layer.on_time(now, out_);
      drain();
    }
    now = end;
  }
  void advance_to(Duration at) { advance(at - clock()); }
  Duration clock() const { return now.time_since_epoch(); }

  void receive(std::string_view text, const net::Flow& flow = kUdp) {
    layer.receive(now, parse(text), flow, out_);
    drain();
  }
  void receive(const Request& request, const net::Flow& flow = kUdp) {
    receive(request.text(), flow);
  }
  // A request comes and is accepted.
  ServerTxId serve(const Request& request, const net::Flow& flow = kUdp, Cookie cookie = 7) {
    const std::size_t before = count<RequestReceived>();
    receive(request, flow);
    REQUIRE(count<RequestReceived>() == before + 1);
    return accept(request, flow, cookie);
  }
  ServerTxId accept(const Request& request, const net::Flow& flow = kUdp, Cookie cookie = 7) {
    const ServerTxId id = layer.accept(now, parse(request.text()), flow, cookie, out_);
    if (id) servers_.insert(id);
    drain();
    return id;
  }
  bool respond(ServerTxId id, const Request& request, int status) {
    const std::string tag{layer.local_tag(id)};
    const bool alive = layer.respond(
        now, id, status, response_to(request.text(), status, status == 100 ? "" : tag), out_);
    drain();
    return alive;
  }
  void abandon(ServerTxId id) {
    layer.abandon(id, out_);
    drain();
  }

  ClientTxId send(std::string_view method = "INVITE", const net::Flow& flow = kUdp,
                  Cookie cookie = 5, std::string_view lines = {}) {
    Request request;
    request.method = method;
    request.branch = layer.new_branch();
    request.sent_by = "192.0.2.1:5060";
    request.lines = lines;
    const ClientTxId id = layer.send(now, parse_method(method), request.branch,
                                     Bytes{request.text()}, flow, cookie, out_);
    if (id) clients_.insert(id);
    sent_request = request;
    drain();
    return id;
  }
  // The peer answers the request that was sent last.
  void answer(int status, std::string_view to_tag = "answer1", const net::Flow& flow = kUdp) {
    receive(response_to(sent_request.text(), status, to_tag).view(), flow);
  }
  void cancel(ClientTxId id, std::string_view reason = {}) {
    layer.cancel(now, id, reason, out_);
    drain();
  }
  void fail_flow(const net::Flow& flow, std::string_view reason) {
    layer.flow_failed(now, flow, reason, out_);
    drain();
  }
  void reply_stateless(const Request& request, int status, std::string_view lines = {}) {
    layer.reply_stateless(*parse(request.text()), kUdp, status, "", out_, lines);
    drain();
  }

  ServerTxId refuse(const Request& request, int status, std::string_view lines = {}) {
    const ServerTxId id = layer.refuse(now, parse(request.text()), kUdp, status, "", out_, lines);
    if (id) servers_.insert(id);
    drain();
    return id;
  }

  // When messages with this start went out.
  Times times(std::string_view start) const {
    Times at;
    for (const Sent& s : sends) {
      if (s.text.starts_with(start)) at.push_back(s.at);
    }
    return at;
  }
  template <class Event>
  std::size_t count() const {
    std::size_t n = 0;
    for (const auto& [at, event] : events) n += std::holds_alternative<Event>(event) ? 1 : 0;
    return n;
  }
  template <class Event>
  const Event& last() const {
    for (auto e = events.rbegin(); e != events.rend(); ++e) {
      if (const auto* found = std::get_if<Event>(&e->second)) return *found;
    }
    FAIL("no such event");
    throw 0;
  }
  template <class Event>
  Duration time_of_last() const {
    for (auto e = events.rbegin(); e != events.rend(); ++e) {
      if (std::holds_alternative<Event>(e->second)) return e->first;
    }
    return Duration{-1};
  }
  // Statuses that the user was given.
  std::vector<int> statuses() const {
    std::vector<int> list;
    for (const auto& [at, event] : events) {
      if (const auto* r = std::get_if<ResponseReceived>(&event))
        list.push_back(r->response->status());
    }
    return list;
  }

  Instant now{};
  TransactionLayer layer;
  std::vector<Sent> sends;
  std::vector<std::pair<Duration, TransactionEvent>> events;
  Request sent_request;

 private:
  void drain() {
    for (Send& s : out_.sends) sends.push_back({clock(), s.flow, std::string{s.bytes.view()}});
    for (TransactionEvent& event : out_.events) {
      check_alive(event);
      events.emplace_back(clock(), std::move(event));
    }
    out_.sends.clear();
    out_.events.clear();
  }
  // No event of a transaction after its end, and one end only.
  void check_alive(const TransactionEvent& event) {
    if (const auto* e = std::get_if<ClientEnded>(&event))
      CHECK(clients_.erase(e->transaction) == 1);
    if (const auto* e = std::get_if<ServerEnded>(&event))
      CHECK(servers_.erase(e->transaction) == 1);
    if (const auto* e = std::get_if<ResponseReceived>(&event))
      CHECK(clients_.contains(e->transaction));
    if (const auto* e = std::get_if<ClientTimedOut>(&event))
      CHECK(clients_.contains(e->transaction));
    if (const auto* e = std::get_if<ClientFailed>(&event)) CHECK(clients_.contains(e->transaction));
    if (const auto* e = std::get_if<CancelReceived>(&event)) CHECK(servers_.contains(e->invite));
    if (const auto* e = std::get_if<AckMissing>(&event)) CHECK(servers_.contains(e->transaction));
  }

  TransactionOutput out_;
  std::set<ClientTxId> clients_;
  std::set<ServerTxId> servers_;
};

}  // namespace usher::sip::lab

namespace doctest {
template <>
struct StringMaker<usher::sip::lab::Times> {
  static String convert(const usher::sip::lab::Times& times) {
    std::string out = "{";
    for (const auto t : times) out += " " + std::to_string(t.count() / 1000) + "ms";
    return String{(out + " }").c_str()};
  }
};
template <>
struct StringMaker<usher::Duration> {
  static String convert(usher::Duration d) {
    return String{(std::to_string(d.count()) + "us").c_str()};
  }
};
template <>
struct StringMaker<std::vector<int>> {
  static String convert(const std::vector<int>& list) {
    std::string out = "{";
    for (const int n : list) out += " " + std::to_string(n);
    return String{(out + " }").c_str()};
  }
};
}  // namespace doctest
