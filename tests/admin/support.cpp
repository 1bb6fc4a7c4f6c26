#include "support.hpp"

#include <doctest/doctest.h>

#include "storage/backups.hpp"

namespace usher::admin::test {

namespace {

routing::EdgeConfig edge_config() {
  routing::EdgeConfig config;
  const net::Endpoint own{net::IpAddress::v4(0x7f000001), 5060};
  config.stack.listeners.push_back({net::Transport::udp, own.text()});
  config.own_endpoints.push_back(own);
  return config;
}

Now start_time() {
  return {Instant{std::chrono::hours(10)}, WallTime{std::chrono::milliseconds(1'735'122'600'123)}};
}

}  // namespace

Result<storage::BackupAnswer> FakeStore::backed_up(const storage::BackupRequest& request) {
  using What = storage::BackupRequest::What;
  if (no_backup) return *no_backup;
  storage::BackupAnswer answer;
  const auto show = [&](const std::string& name) {
    answer.backups.push_back({name, 4096, *storage::backup_made(name)});
  };
  if (request.what == What::list) {
    for (auto it = copies.rbegin(); it != copies.rend(); ++it) show(it->first);
    return answer;
  }
  if (request.what == What::make) {
    const std::string name = storage::backup_name(request.now);
    if (!copies.emplace(name, content).second)
      return fail(Errc::conflict, name + " is there already");
    show(name);
    return answer;
  }
  const auto found = copies.find(request.name);
  if (found == copies.end()) return fail(Errc::not_found, "there is no " + request.name);
  if (request.what == What::remove) {
    copies.erase(found);
  } else if (request.what == What::piece) {
    if (request.offset >= file.size()) return fail(Errc::io, "cannot read " + request.name);
    answer.piece = file.substr(request.offset, 4000);
  } else {
    ++copies_read;
    answer.held = found->second;
  }
  return answer;
}

std::string Reply::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return value;
  }
  return {};
}
const Json& Reply::operator[](std::string_view name) const {
  static const Json kAbsent;
  const Json* member = json.find(name);
  return member ? *member : kAbsent;
}
std::string Reply::field() const {
  return (*this)["field"].text() ? *(*this)["field"].text() : std::string{};
}
std::string Reply::detail() const {
  return (*this)["detail"].text() ? *(*this)["detail"].text() : std::string{};
}

Reply reply_of(const Answer& answer) {
  Reply reply{answer.status,  answer.content_type, answer.body, {},
              answer.headers, answer.omit_body};
  if (answer.content_type.find("json") != std::string::npos) {
    Result<Json> json = parse_json(answer.body);
    REQUIRE(json.has_value());
    reply.json = std::move(*json);
  }
  return reply;
}

House::House(storage::Snapshot loaded, std::string token)
    : log([this](const LogLine& line) { lines.emplace_back(line.text); }),
      now(start_time()),
      edge(edge_config(), std::move(loaded), log, now) {
  config.admin.token = std::move(token);
  api = std::make_unique<Api>(Service{
      .edge = edge,
      .store = store,
      .log = log,
      .config = config,
      .now = [this] { return now; },
      .drain = [this] { drain(); },
      .transports = [] { return net::TransportCounts{}; },
      .each_connection =
          [this](net::ConnectionId after, const auto& visit) {
            for (const net::ConnectionView& one : connections)
              if (after < one.flow.connection && !visit(one)) return;
          },
      .after = [this](Duration time,
                      std::function<void()> task) { later.emplace_back(time, std::move(task)); },
      .lag = [] { return LagMeter::View{}; },
      .version = "9.9.9",
      .started = now.mono});
  drain();
}

void House::drain() {
  routing::EdgeOutput output = edge.take_output();
  for (routing::Persist& persist : output.persists) {
    store.apply(
        std::move(persist.changes), storage::Durability::eventual,
        [this, id = persist.id](const Result<void>& result) { edge.stored(now, id, result); });
  }
}

void House::place_call(const std::string& call_id) {
  ask_edge("INVITE", call_id, "401", {});
}
void House::subscribe(const std::string& call_id, const std::string& user,
                      const std::string& event) {
  ask_edge("SUBSCRIBE", call_id, user, "Event: " + event + "\r\nExpires: 3600\r\n");
}

void House::ask_edge(const std::string& method, const std::string& call_id, const std::string& user,
                     const std::string& headers) {
  net::Packet packet;
  packet.flow.remote = *net::Endpoint::parse("192.0.2.1:5060");
  packet.data = Bytes(method +
                      " sip:402@a.test SIP/2.0\r\n"
                      "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK" +
                      call_id +
                      ";rport\r\n"
                      "Max-Forwards: 70\r\n"
                      "From: <sip:" +
                      user +
                      "@a.test>;tag=1\r\n"
                      "To: <sip:402@a.test>\r\n"
                      "Call-ID: " +
                      call_id +
                      "\r\n"
                      "CSeq: 1 " +
                      method +
                      "\r\n"
                      "Contact: <sip:" +
                      user + "@192.0.2.1:5060>\r\n" + headers + "Content-Length: 0\r\n\r\n");
  edge.receive(now, packet);
  drain();
}

std::shared_ptr<std::optional<Answer>> House::start(const std::string& method,
                                                    const std::string& target,
                                                    const std::string& body) {
  auto answer = std::make_shared<std::optional<Answer>>();
  Request request{method, target, {{"Host", "127.0.0.1:8080"}}, body, peer};
  handle(*api, request, [answer](Answer a) {
    CHECK_FALSE(answer->has_value());  // one answer to each request
    *answer = std::move(a);
  });
  return answer;
}

Reply House::ask(const std::string& method, const std::string& target, const std::string& body,
                 std::vector<Header> headers) {
  std::optional<Answer> answer;
  Request request{method, target, {{"Host", "127.0.0.1:8080"}}, body, peer};
  for (Header& h : headers) {
    if (h.first == "Host") request.headers.clear();
    request.headers.push_back(std::move(h));
  }
  handle(*api, request, [&answer](Answer a) {
    CHECK_FALSE(answer.has_value());
    answer = std::move(a);
  });
  store.answer_all();
  REQUIRE(answer.has_value());
  return reply_of(*answer);
}

}  // namespace usher::admin::test
