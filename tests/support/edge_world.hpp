// An edge in virtual time between phones and backends made of text: what goes in is written as SIP
// with plain line ends, what comes out is parsed. No socket, no store, no clock.
//
//   World w;                                         // tenants a.test … d.test, backends A1 and A2
//   w.phone("127.0.0.21:5062", request(...));        // from outside
//   Sent reg = w.only(kA1);                          // the one message to A1
//   w.backend(kA1, response(reg, 200, "Contact: ...\n"));
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "routing/edge.hpp"
#include "sip/parse/datagram.hpp"
#include "tests/support/sip_text.hpp"

namespace usher::test {

using namespace std::chrono_literals;

inline const std::string kEdge = "127.0.0.1:5060";
inline const std::string kA1 = "127.0.0.10:5060";
inline const std::string kA2 = "127.0.0.11:5060";

// A phone of 401@a.test, and its call for 402@a.test.
inline const std::string kPhone = "127.0.0.21:5062";
inline Ask phone_invite(const std::string& call_id = "call-1") {
  return {.method = "INVITE",
          .uri = "sip:402@a.test",
          .from = "401@a.test",
          .to = "402@a.test",
          .call_id = call_id,
          .headers = "Contact: <sip:401@127.0.0.21:5062>\n"};
}

class World {
 public:
  storage::Snapshot store;  // what a restart would find
  bool store_answers = true;
  bool probes_answered = true;
  std::map<std::string, int> probe_answers;            // by endpoint; 0: silence
  std::map<std::string, std::size_t> probes;           // seen, by endpoint
  std::map<std::string, storage::CallRecord> records;  // of calls, as the store has them
  std::vector<std::string> log_lines;
  std::vector<std::string> log_keys;   // of these
  std::vector<std::string> call_keys;  // of each line of the category call
  std::vector<std::string> resolve;
  std::vector<std::string> pings;     // where keep-alives went
  std::vector<std::string> captured;  // packets for the capture server
  Duration keep_alive{};              // of the edge at its next start
  std::vector<routing::Persist> persists;
  std::vector<storage::CallRecord> remembered;
  Now now{Instant{1h}, WallTime{std::chrono::milliseconds(1'700'000'000'000)}};

  explicit World(std::function<void(storage::Snapshot&)> prepare = {},
                 std::function<void(routing::EdgeConfig&)> configure = {})
      : configure_(std::move(configure)), log_([this](const LogLine& l) {
          log_lines.emplace_back(l.text);
          log_keys.emplace_back(l.key);
          if (l.category == LogCategory::call) call_keys.emplace_back(l.key);
        }) {
    store.sets = {set(10), set(20), set(30)};
    store.domains = {{"a.test", 10, true, ""},
                     {"b.test", 20, true, ""},
                     {"c.test", 30, true, ""},
                     {"d.test", 30, true, ""},
                     {"off.test", 10, false, ""}};
    store.targets = {target(1, 10, "127.0.0.10"), target(2, 20, "127.0.0.11"),
                     target(3, 30, "127.0.0.10"), target(4, 30, "127.0.0.11")};
    store.last_target = 4;
    store.scanners = {{"friendly-scanner", ""}};
    if (prepare) prepare(store);
    start();
  }

  static storage::DispatcherSet set(storage::SetId id,
                                    storage::Algorithm a = storage::Algorithm::round_robin) {
    storage::DispatcherSet s;
    s.setid = id;
    s.algorithm = a;
    return s;
  }
  static storage::Target target(storage::TargetId id, storage::SetId setid,
                                const std::string& destination) {
    storage::Target t;
    t.id = id;
    t.setid = setid;
    t.destination = *net::Destination::parse(destination);
    return t;
  }
  static net::Flow flow(const std::string& endpoint) {
    return {net::Transport::udp, net::ListenerId{0}, net::ConnectionId{},
            *net::Endpoint::parse(endpoint)};
  }
  static net::Flow tcp(const std::string& endpoint, std::uint64_t connection) {
    return {net::Transport::tcp, net::ListenerId{1}, net::ConnectionId{connection},
            *net::Endpoint::parse(endpoint)};
  }

  // The process dies and another one starts on what was persisted.
  void start() {
    routing::EdgeConfig config;
    config.stack.listeners = {{net::Transport::udp, kEdge}, {net::Transport::tcp, kEdge}};
    config.stack.names = HashKey{3, 4};
    config.stack.seed = ++seed_;
    config.seed = seed_;
    config.token_key = HashKey{1, 2};
    config.own_endpoints = {*net::Endpoint::parse(kEdge)};
    config.own_hosts = {"edge.test"};
    config.recorder.local = {2, *net::Endpoint::parse(kEdge)};
    if (configure_) configure_(config);
    config.keep_alive = keep_alive;
    edge_.reset();
    sent_.clear();
    for (const storage::CallRecord& record : std::exchange(remembered, {})) {
      records[record.id] = record;
      if (record.ended)
        std::erase_if(store.calls, [&](const auto& call) { return call.key == record.id; });
    }
    store.open_records.clear();
    for (const auto& [id, record] : records) {
      if (!record.ended) store.open_records.push_back(record);
    }
    edge_ = std::make_unique<routing::Edge>(std::move(config), store, log_, now);
    edge_->on_time(now);
    collect();
  }

  routing::Edge& edge() { return *edge_; }
  void stop() {
    edge_->stop(now);
    collect();
  }

  void receive(const net::Flow& from, const std::string& text) {
    edge_->receive(now, net::Packet{Bytes{text}, from});
    collect();
  }
  void phone(const std::string& from, const std::string& text) { receive(flow(from), text); }
  void backend(const std::string& from, const std::string& text) { receive(flow(from), text); }
  // ICMP port unreachable.
  void unreachable(const std::string& endpoint) {
    edge_->flow_failed(now, flow(endpoint), "connection refused");
    collect();
  }
  void flow_failed(const net::Flow& f) {
    edge_->flow_failed(now, f, "connection closed");
    collect();
  }
  void apply(const storage::Change& change) {
    edge_->apply(now, {change});
    edge_->on_time(now);
    collect();
  }
  // DNS answers: plain addresses with the default port, for a minute.
  void resolved(const std::string& name, const std::vector<net::IpAddress>& addresses) {
    net::Located located{{}, 60s, addresses.empty() ? "the name has no address" : "", {}};
    for (const net::IpAddress& address : addresses)
      located.places.push_back({{address, 5060}, net::Transport::udp, 0, 0, name});
    resolved(name, std::move(located));
  }
  void resolved(const std::string& name, net::Located located) {
    edge_->resolved(now, *net::Destination::parse(name), std::move(located));
    edge_->on_time(now);
    collect();
  }

  // Time passes, each timer at its instant.
  void pass(Duration length) {
    const Instant end = now.mono + length;
    for (;;) {
      const auto next = edge_->next_deadline();
      if (!next || *next > end) break;
      move_to(std::max(*next, now.mono));
      edge_->on_time(now);
      collect();
    }
    move_to(end);
  }

  // Everything sent since the last take, probes that were answered left out.
  std::vector<Sent> take() { return std::exchange(sent_, {}); }
  // Takes everything; there must be exactly one message, and it went to `endpoint`.
  Sent only(const std::string& endpoint) {
    auto all = take();
    if (all.size() != 1 || all[0].flow.remote.text() != endpoint) {
      for (const Sent& s : all) MESSAGE("to " << s.flow.remote.text() << "\n" << s.text);
      for (const std::string& line : log_lines) MESSAGE(line);
    }
    REQUIRE(all.size() == 1);
    REQUIRE(all[0].flow.remote.text() == endpoint);
    return all[0];
  }
  void nothing() {
    const auto all = take();
    for (const Sent& s : all) MESSAGE("unexpected: " << s.flow.remote.text() << "\n" << s.text);
    CHECK(all.empty());
  }
  bool logged(std::string_view part) const {
    for (const std::string& line : log_lines) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }

  // The key of the first line with this part; empty: there is none.
  std::string key_of_line(std::string_view part) const {
    for (std::size_t i = 0; i < log_lines.size(); ++i) {
      if (log_lines[i].find(part) != std::string::npos) return log_keys[i];
    }
    return {};
  }

  // A phone registers and its backend grants it. Returns the user part that the backend was given.
  std::string registered(const std::string& aor, const std::string& from,
                         const std::string& backend_at, const std::string& contact = {},
                         unsigned seconds = 3600, const net::Flow* over = nullptr) {
    const std::string own =
        contact.empty() ? "<sip:" + aor.substr(0, aor.find('@')) + "@" + from + ">" : contact;
    const net::Flow where = over ? *over : flow(from);
    receive(where, request({"REGISTER", "sip:" + aor.substr(aor.find('@') + 1), aor, aor,
                            "reg-" + aor + from, ++cseq_,
                            "Contact: " + own + "\nExpires: " + std::to_string(seconds) + "\n"}));
    const Sent asked = only(backend_at);
    REQUIRE(asked.method() == "REGISTER");
    backend(backend_at, response(asked, 200,
                                 "Contact: " + asked.header("Contact") +
                                     "\nExpires: " + std::to_string(seconds) + "\n"));
    const Sent answer = only(where.remote.text());
    REQUIRE(answer.status() == 200);
    return asked.contact_user();
  }

  void move_to(Instant when) {
    now.wall += std::chrono::duration_cast<std::chrono::milliseconds>(when - now.mono);
    now.mono = when;
  }

  void answer_store(bool ok = true) {
    for (const routing::Persist& p : std::exchange(persists, {})) {
      if (ok) remember(p);
      edge_->stored(now, p.id, ok ? Result<void>{} : Result<void>{fail(Errc::io, "disk full")});
    }
    collect();
  }

 private:
  void collect() {
    for (bool again = true; again;) {
      again = false;
      routing::EdgeOutput out = edge_->take_output();
      remembered.insert(remembered.end(), out.records.begin(), out.records.end());
      for (const net::Destination& name : out.resolve) resolve.push_back(name.text());
      for (std::string& packet : out.captured) captured.push_back(std::move(packet));
      for (const sip::Send& s : out.sends) again = sort(s) || again;
      for (routing::Persist& p : out.persists) {
        if (store_answers) {
          remember(p);
          edge_->stored(now, p.id, {});
          again = true;
        } else {
          persists.push_back(std::move(p));
        }
      }
    }
  }

  // True when the edge was given something in return.
  bool sort(const sip::Send& s) {
    Sent one{s.flow, std::string{s.bytes.view()}, {}};
    if (one.text == "\r\n\r\n") {
      pings.push_back(s.flow.remote.text());
      return false;
    }
    auto parsed = sip::parse_message(s.bytes);
    REQUIRE(std::holds_alternative<sip::MessageRef>(parsed));
    one.message = std::get<sip::MessageRef>(parsed);
    const std::string where = s.flow.remote.text();
    const bool probe = one.message->is_request() && one.method() == "OPTIONS" &&
                       one.uri().find('@') == std::string::npos;
    if (!probe || !probes_answered) {
      sent_.push_back(std::move(one));
      return false;
    }
    ++probes[where];
    const auto status = probe_answers.find(where);
    if (status != probe_answers.end() && status->second == 0) return false;
    edge_->receive(
        now, net::Packet{Bytes{response(one, status == probe_answers.end() ? 200 : status->second)},
                         s.flow});
    return true;
  }

  void forget_call(const std::string& id) {
    std::erase_if(store.calls, [&](const storage::SavedCall& c) { return c.id == id; });
  }

  void remember(const routing::Persist& p) {
    for (const storage::Change& change : p.changes) {
      const auto forget = [&](const std::string& token) {
        std::erase_if(store.bindings, [&](const storage::Binding& b) { return b.token == token; });
      };
      if (const auto* put = std::get_if<storage::PutBinding>(&change)) {
        forget(put->binding.token);
        store.bindings.push_back(put->binding);
      } else if (const auto* gone = std::get_if<storage::DeleteBinding>(&change)) {
        forget(gone->token);
      } else if (const auto* made = std::get_if<storage::PutSubscription>(&change)) {
        std::erase_if(store.subscriptions,
                      [&](const auto& s) { return s.id == made->subscription.id; });
        store.subscriptions.push_back(made->subscription);
      } else if (const auto* ended = std::get_if<storage::DeleteSubscription>(&change)) {
        std::erase_if(store.subscriptions, [&](const auto& s) { return s.id == ended->id; });
      } else if (const auto* up = std::get_if<storage::PutCall>(&change)) {
        forget_call(up->call.id);
        store.calls.push_back(up->call);
      } else if (const auto* over = std::get_if<storage::DeleteCall>(&change)) {
        forget_call(over->id);
      } else if (const auto* record = std::get_if<storage::PutRecord>(&change)) {
        records[record->record.id] = record->record;
      } else if (const auto* knock = std::get_if<storage::PutDoorKnock>(&change)) {
        std::erase_if(store.door_knocks, [&](const storage::DoorKnock& k) {
          return k.source.address == knock->knock.source.address && k.reason == knock->knock.reason;
        });
        store.door_knocks.insert(store.door_knocks.begin(), knock->knock);
      } else if (const auto* ban = std::get_if<storage::PutBan>(&change)) {
        std::erase_if(store.bans, [&](const auto& b) { return b.network == ban->ban.network; });
        store.bans.push_back(ban->ban);
      } else if (const auto* lifted = std::get_if<storage::DeleteBan>(&change)) {
        std::erase_if(store.bans, [&](const auto& b) { return b.network == lifted->network; });
      }
    }
  }

  std::function<void(routing::EdgeConfig&)> configure_;
  Log log_;
  std::unique_ptr<routing::Edge> edge_;
  std::vector<Sent> sent_;
  std::uint64_t seed_ = 100;
  unsigned cseq_ = 0;
};

}  // namespace usher::test
