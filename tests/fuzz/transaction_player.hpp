// Plays a sequence of events, read from bytes, against a transaction layer, and judges what comes
// out. Used by the fuzzer and, with random bytes from seeds, by the unit tests.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message/builder.hpp"
#include "sip/message/status.hpp"
#include "sip/parse/datagram.hpp"
#include "sip/transaction/layer.hpp"

namespace usher::sip {

class TransactionPlayer {
 public:
  explicit TransactionPlayer(std::span<const std::uint8_t> script)
      : script_(script), layer_({}, 1, 12) {}

  // Empty, or what was broken.
  std::string play() {
    while (broken_.empty() && !script_.empty() && played_ < 400) {
      ++played_;
      one();
    }
    if (broken_.empty()) settle();
    return broken_;
  }

 private:
  struct Client {
    Cookie cookie = 0;
    ClientTxId id;
    std::string request;
    net::Flow flow;
    bool invite = false, ended = false, cancel_wished = false;
    int provisionals = 0, finals = 0, refusals = 0, failures = 0;
    int requests_sent = 0, acks_sent = 0, cancels_sent = 0, refusals_from_wire = 0;
  };
  struct Server {
    ServerTxId id;
    std::string request;
    net::Flow flow;
    bool invite = false, ended = false, answered = false, cancelled = false;
  };

  std::uint8_t byte() {
    if (script_.empty()) return 0;
    const std::uint8_t b = script_.front();
    script_ = script_.subspan(1);
    return b;
  }
  void fail(std::string what) {
    if (broken_.empty()) broken_ = std::move(what);
  }

  static net::Flow flow(std::uint8_t choice) {
    net::Flow f;
    f.transport = choice & 1 ? net::Transport::tcp : net::Transport::udp;
    f.connection.value = choice & 1 ? 1 + (choice >> 2 & 1) : 0;
    f.remote = {net::IpAddress::v4(0x0A000001),
                static_cast<std::uint16_t>(5060 + (choice >> 1 & 1))};
    return f;
  }
  static std::string request(std::string_view method, std::string_view branch, int call, int cseq) {
    std::string text{method};
    return text.append(" sip:402@edge.test SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=")
        .append(branch)
        .append("\r\nMax-Forwards: 70\r\nFrom: <sip:401@edge.test>;tag=f")
        .append(std::to_string(call))
        .append("\r\nTo: <sip:402@edge.test>\r\nCall-ID: call")
        .append(std::to_string(call))
        .append("\r\nCSeq: ")
        .append(std::to_string(cseq))
        .append(" ")
        .append(method)
        .append("\r\nContent-Length: 0\r\n\r\n");
  }
  static std::string replaced(std::string text, std::string_view what, std::string_view by) {
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + by.size())) {
      text.replace(at, what.size(), by);
    }
    return text;
  }
  MessageRef parse(std::string_view text) {
    const Parsed parsed = parse_datagram(Bytes{text});
    if (const auto* message = std::get_if<MessageRef>(&parsed)) return *message;
    fail("not a message: " + std::string{text});
    return {};
  }
  Bytes response(const std::string& to, int status, std::string_view tag) {
    const MessageRef message = parse(to);
    if (!message) return {};
    return start_response(*message, flow(0).remote, status, reason_phrase(status), tag).finish();
  }

  void receive(std::string_view text, const net::Flow& from) {
    if (const MessageRef message = parse(text)) layer_.receive(now_, message, from, out_);
    judge();
  }
  Server* server(std::uint8_t choice) {
    return servers_.empty() ? nullptr : &servers_[choice % servers_.size()];
  }
  Client* client(std::uint8_t choice) {
    return clients_.empty() ? nullptr : &clients_[choice % clients_.size()];
  }

  void one() {
    static constexpr std::array kMethodNames = {"INVITE", "OPTIONS", "REGISTER", "BYE", "FOO"};
    static constexpr std::array kStatuses = {100, 180, 183, 200, 202, 302, 401, 408, 486, 487, 603};
    const std::uint8_t what = byte(), choice = byte();
    const int status = kStatuses[choice % kStatuses.size()];
    switch (what % 16) {
      case 0:
      case 1: {  // a request, accepted if it is shown
        const std::string method =
            what % 16 ? kMethodNames[choice % kMethodNames.size()] : "INVITE";
        const bool old_peer = (choice & 0x80) != 0;
        const std::string branch =
            (old_peer ? "old" : "z9hG4bKp") + std::to_string(servers_.size());
        Server s;
        s.request = request(method, branch, static_cast<int>(servers_.size()), 1);
        s.flow = flow(choice >> 3);
        s.invite = method == "INVITE";
        serve(s);
        break;
      }
      case 2:  // a request again; accepted again when its transaction is over
        if (const Server* s = server(choice)) {
          Server again = *s;
          again.ended = again.answered = again.cancelled = false;
          serve(again);
        }
        break;
      case 3:
      case 4:
        if (Server* s = server(byte())) respond(*s, status);
        break;
      case 5:  // an ACK, with the INVITE's branch or with its own
        if (const Server* s = server(choice); s && s->invite) {
          std::string ack = replaced(s->request, "INVITE", "ACK");
          const std::string tag{layer_.local_tag(s->id)};
          ack = replaced(ack, "To: <sip:402@edge.test>",
                         "To: <sip:402@edge.test>;tag=" + (tag.empty() ? "x" : tag));
          if (choice & 0x40) ack = replaced(ack, "branch=", "branch=z9hG4bKack");
          receive(ack, s->flow);
        }
        break;
      case 6:  // a CANCEL, perhaps behind a NAT
        if (const Server* s = server(choice)) {
          std::string cancel =
              replaced(s->request, s->request.substr(0, s->request.find(' ')), "CANCEL");
          if (choice & 0x40) cancel = replaced(cancel, "10.0.0.1:5060", "10.9.9.9");
          receive(cancel, s->flow);
        }
        break;
      case 7:
      case 8:
        send(kMethodNames[what % 16 == 7 ? 0 : choice % kMethodNames.size()], flow(choice >> 3));
        break;
      case 9:
      case 10:
        if (Client* c = client(byte())) {
          if (status >= 300) ++c->refusals_from_wire;
          receive(response(c->request, status, "t").view(), c->flow);
        }
        break;
      case 11:
        if (Client* c = client(choice)) {
          c->cancel_wished = true;
          layer_.cancel(now_, c->id, choice & 1 ? "SIP;cause=200" : "", out_);
          judge();
        }
        break;
      case 12: pass(std::chrono::milliseconds(choice * 10)); break;
      case 13: pass(std::chrono::milliseconds(choice * 200)); break;
      case 14:
        layer_.flow_failed(now_, flow(choice), "gone", out_);
        judge();
        break;
      default: other(choice);
    }
  }

  void other(std::uint8_t choice) {
    switch (choice % 3) {
      case 0:  // the answer to a CANCEL of ours
        if (const Client* c = client(byte()); c && c->invite) {
          receive(response(replaced(c->request, "INVITE", "CANCEL"), 200, "t").view(), c->flow);
        }
        break;
      case 1:  // the same request on another path
        if (const Server* s = server(byte())) {
          Server merged = *s;
          merged.request = replaced(merged.request, "branch=", "branch=z9hG4bKm");
          merged.ended = merged.answered = merged.cancelled = false;
          serve(merged);
        }
        break;
      default:
        if (Server* s = server(byte())) {
          layer_.abandon(s->id, out_);
          judge();
        }
    }
  }

  void serve(Server s) {
    shown_ = false;
    receive(s.request, s.flow);
    if (!shown_) return;
    s.id = layer_.accept(now_, parse(s.request), s.flow, servers_.size(), out_);
    if (s.id) {
      servers_.push_back(std::move(s));
    } else {
      layer_.reply_stateless(*parse(s.request), s.flow, 503, "", out_);
    }
    judge();
  }
  void respond(Server& s, int status) {
    const bool alive = layer_.respond(now_, s.id, status, response(s.request, status, "u"), out_);
    if (alive == s.ended) fail("respond() and ServerEnded disagree");
    if (alive && status >= 200 && (s.invite || status != 408)) s.answered = true;
    judge();
  }
  void send(std::string_view method, const net::Flow& to) {
    const std::string branch = layer_.new_branch();
    Client c;
    c.cookie = clients_.size();
    c.request = request(method, branch, 1000 + static_cast<int>(clients_.size()), 1);
    c.flow = to;
    c.invite = method == "INVITE";
    branches_[branch] = clients_.size();
    clients_.push_back(c);
    const ClientTxId id =
        layer_.send(now_, parse_method(method), branch, Bytes{c.request}, to, c.cookie, out_);
    clients_.back().id = id;
    if (!id) clients_.back().ended = true;  // at the limit: never begun
    judge();
  }
  void pass(Duration by) {
    const Instant end = now_ + by;
    while (const auto next = layer_.next_deadline()) {
      if (*next > end || !broken_.empty()) break;
      if (*next > now_) now_ = *next;
      layer_.on_time(now_, out_, 1);
      judge();
    }
    now_ = end;
  }

  void judge() {
    for (const Send& s : out_.sends) judge_send(s);
    for (const TransactionEvent& event : out_.events)
      std::visit([&](const auto& e) { judge_event(e); }, event);
    out_.sends.clear();
    out_.events.clear();
    const TransactionCounts n = layer_.counts();
    const std::size_t alive =
        n.invite_client + n.invite_server + n.non_invite_client + n.non_invite_server;
    if (n.timers > 2 * alive) fail("timers that belong to nobody");
  }

  void judge_send(const Send& sent) {
    const MessageRef message = parse(sent.bytes.view());
    if (!message) return;
    if (!message->is_request()) {
      const int status = message->status();
      if (message->cseq().method != Method::invite &&
          (status == 408 || (status > 100 && status < 200))) {
        fail("RFC 4320: " + std::to_string(status) + " to another method than INVITE");
      }
      // Twice, as each may go to an asymmetric peer's other port too.
      if (++responses_sent_ > 2 * (16 * servers_.size() + 2 * played_ + 16))
        fail("responses without end");
      return;
    }
    const auto found = branches_.find(std::string{message->top_via().branch()});
    if (found == branches_.end()) return fail("a request with a branch of nobody's");
    Client& c = clients_[found->second];
    if (message->method() == Method::cancel) {
      if (c.cancels_sent == 0 && (c.provisionals == 0 && !c.cancel_wished))
        fail("a CANCEL nobody wished for");
      if (!c.cancel_wished || ++c.cancels_sent > 11) fail("too many CANCELs");
    } else if (c.ended) {
      fail("sent after the end: " + std::string{sent.bytes.view()});
    } else if (message->method() == Method::ack) {
      if (++c.acks_sent > c.refusals_from_wire) fail("more ACKs than refusals");
    } else if (++c.requests_sent > (c.invite ? 7 : 11)) {
      fail("too many requests");
    }
    if (!(sent.flow == c.flow)) fail("sent on another flow");
  }

  Client* living(ClientTxId id, Cookie cookie, const char* event) {
    if (cookie >= clients_.size())
      return fail(std::string{event} + ": a cookie of nobody's"), nullptr;
    Client& c = clients_[cookie];
    if (c.ended) return fail(std::string{event} + " after the end"), nullptr;
    if (c.id && c.id != id) return fail(std::string{event} + ": another's id"), nullptr;
    return &c;
  }
  Server* living(ServerTxId id, Cookie cookie, const char* event) {
    if (cookie >= servers_.size())
      return fail(std::string{event} + ": a cookie of nobody's"), nullptr;
    Server& s = servers_[cookie];
    if (s.ended) return fail(std::string{event} + " after the end"), nullptr;
    if (s.id != id) return fail(std::string{event} + ": another's id"), nullptr;
    return &s;
  }

  void judge_event(const RequestReceived&) { shown_ = true; }
  void judge_event(const AckReceived&) {}
  void judge_event(const RequestMerged& e) {
    if (!e.first) fail("merged with nothing");
  }
  void judge_event(const StrayResponse& e) {
    if (e.response->cseq().method == Method::cancel) fail("the answer to our CANCEL was shown");
  }
  void judge_event(const CancelReceived& e) {
    Server* s = living(e.invite, e.cookie, "CancelReceived");
    if (!s) return;
    if (!s->invite || s->answered || s->cancelled) fail("a CANCEL that should not be shown");
    s->cancelled = true;
  }
  void judge_event(const ResponseReceived& e) {
    Client* c = living(e.transaction, e.cookie, "ResponseReceived");
    if (!c) return;
    const int status = e.response->status();
    if (c->failures) fail("a response after the failure");
    if (status < 200) {
      ++c->provisionals;
      if (c->finals) fail("a provisional response after the final one");
      return;
    }
    ++c->finals;
    if (status >= 300) ++c->refusals;
    if (c->refusals > 1 || (c->refusals && c->finals > 1))
      fail("a second final response after or beside a refusal");
    if (!c->invite && c->finals > 1) fail("two final responses");
  }
  void judge_event(const ClientTimedOut& e) {
    Client* c = living(e.transaction, e.cookie, "ClientTimedOut");
    if (!c) return;
    if (c->finals || c->failures++) fail("timed out after it was over");
    if (e.timer == TimerLetter::B && c->provisionals) fail("B after a provisional response");
    if (e.timer == TimerLetter::cancel && !c->cancel_wished) fail("cancelled without a wish");
  }
  void judge_event(const ClientFailed& e) {
    Client* c = living(e.transaction, e.cookie, "ClientFailed");
    if (c && (c->finals || c->provisionals || c->failures++)) fail("failed after a response");
  }
  void judge_event(const AckMissing& e) {
    const Server* s = living(e.transaction, e.cookie, "AckMissing");
    if (s && (!s->invite || !s->answered)) fail("an ACK missing for nothing");
  }
  void judge_event(const AsymmetricPeerFound& e) {
    if (e.port == e.source.port) fail("another port that is the same");
  }
  void judge_event(const ClientEnded& e) {
    if (Client* c = living(e.transaction, e.cookie, "ClientEnded")) c->ended = true;
  }
  void judge_event(const ServerEnded& e) {
    if (Server* s = living(e.transaction, e.cookie, "ServerEnded")) s->ended = true;
  }

  // The user does its duty: answers what rings here, cancels what rings there. Then nothing may be
  // left.
  void settle() {
    for (Server& s : servers_) {
      if (!s.ended && s.invite && !s.answered) respond(s, 486);
    }
    for (Client& c : clients_) {
      c.cancel_wished = true;
      layer_.cancel(now_, c.id, "", out_);
      judge();
    }
    pass(std::chrono::seconds(200));
    const TransactionCounts n = layer_.counts();
    if (n.invite_client + n.invite_server + n.non_invite_client + n.non_invite_server + n.timers !=
        0) {
      fail("something is left after quiet");
    }
    for (const Client& c : clients_) {
      if (!c.ended) fail("a client transaction without an end");
    }
    for (const Server& s : servers_) {
      if (!s.ended) fail("a server transaction without an end");
    }
  }

  std::span<const std::uint8_t> script_;
  Instant now_{};
  TransactionLayer layer_;
  TransactionOutput out_;
  std::vector<Client> clients_;
  std::vector<Server> servers_;
  std::map<std::string, std::size_t> branches_;
  std::size_t played_ = 0, responses_sent_ = 0;
  bool shown_ = false;
  std::string broken_;
};

}  // namespace usher::sip
