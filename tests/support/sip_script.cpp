#include "tests/support/sip_script.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "sip/grammar/grammar.hpp"
#include "sip/parse/datagram.hpp"

namespace usher::test {
namespace {

std::string uri_in(std::string_view name_addr) {
  const auto parsed = sip::parse_name_addr(name_addr);
  return parsed ? std::string(parsed->uri.raw) : std::string();
}

sip::MessageRef parsed(const Bytes& bytes) {
  sip::Parsed result = sip::parse_datagram(bytes);
  auto* message = std::get_if<sip::MessageRef>(&result);
  INFO(std::string(bytes.view()));
  REQUIRE(message != nullptr);
  return *message;
}

std::string via_token(net::Transport transport) {
  return std::string(net::via_transport(transport));
}

bool makes_dialog(sip::Method method) {
  return method == sip::Method::invite || method == sip::Method::subscribe ||
         method == sip::Method::refer;
}

int next_number() {
  static int number = 0;
  return ++number;
}

}  // namespace

std::string Seen::header(std::string_view name) const {
  const sip::HeaderField* field = message->find(name);
  return field ? std::string(message->value(*field)) : std::string();
}

std::vector<std::string> Seen::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const sip::HeaderField& field : message->headers()) {
    if (message->find(name) && field.id == message->find(name)->id &&
        (field.id != sip::HeaderId::other || message->name(field) == name)) {
      out.emplace_back(message->value(field));
    }
  }
  return out;
}

std::string Seen::what() const {
  if (message->is_request()) return std::string(message->method_name());
  return fmt::format("{} {}", message->status(), message->method_name());
}

Party::Party(Network& net, std::string n, std::string_view endpoint, net::Transport transport,
             net::ConnectionId connection)
    : network(net), name(std::move(n)) {
  flow.transport = transport;
  flow.listener.value = transport == net::Transport::udp ? 0 : 1;
  flow.connection = connection;
  flow.remote = net::Endpoint::parse(endpoint).value();
}

std::string Party::contact_uri() const {
  if (!contact.empty()) return contact;
  return fmt::format("sip:{}@{}{}", name, flow.remote.text(),
                     flow.transport == net::Transport::tcp ? ";transport=tcp" : "");
}

Seen Party::expect(std::string_view what) {
  INFO(name << " expects " << what << " at " << network.elapsed().count() / 1000 << " ms");
  REQUIRE_FALSE(inbox.empty());
  Seen seen = inbox.front();
  inbox.pop_front();
  INFO(std::string(seen.text()));
  const std::string got = seen.what();
  REQUIRE_MESSAGE((got == what || got.substr(0, got.find(' ')) == what), got);
  const sip::Message& m = *seen.message;
  if (m.is_request()) {
    if (makes_dialog(m.method()) && m.to_tag().empty()) {
      call_id = m.call_id();
      local_tag = tag_of_responses.empty() ? fmt::format("{}-tag-{}", name, next_number())
                                           : tag_of_responses;
      remote_tag = m.from_tag();
      remote_uri = uri_in(m.from_value());
      local_uri = uri_in(m.to_value());
      is_uas = true;
      cseq = 100;
      routes = seen.all("Record-Route");
    }
    if (m.count(sip::HeaderId::contact) == 1) target = uri_in(m.header(sip::HeaderId::contact));
  } else if (m.call_id() == call_id && m.status() > 100 && m.status() < 300) {
    if (!is_uas) {
      remote_tag = m.to_tag();
      routes = seen.all("Record-Route");
      std::reverse(routes.begin(), routes.end());
    }
    if (m.count(sip::HeaderId::contact) == 1) target = uri_in(m.header(sip::HeaderId::contact));
  }
  return seen;
}

Seen Party::expect(std::string_view what, Duration at) {
  Seen seen = expect(what);
  INFO(name << " saw " << what);
  CHECK_EQ(seen.at.count(), at.count());
  return seen;
}

void Party::expect_nothing() {
  std::string waiting;
  for (const Seen& seen : inbox) waiting += seen.what() + "; ";
  INFO(name << " must have seen nothing more, but: " << waiting);
  CHECK(inbox.empty());
}

void Party::invite(std::string_view uri, std::string_view body, std::string_view extra) {
  begin("INVITE", uri, extra, body);
}

void Party::begin(std::string_view method, std::string_view uri, std::string_view extra,
                  std::string_view body) {
  call_id = fmt::format("{}-call-{}", name, next_number());
  local_tag = fmt::format("{}-from-{}", name, next_number());
  local_uri = fmt::format("sip:{}@a.test", name);
  remote_uri = uri;
  invite_uri = uri;
  target = uri;
  remote_tag.clear();
  routes.clear();
  is_uas = false;
  cseq = 0;
  request(method, body, extra);
}

void Party::request(std::string_view method, std::string_view body, std::string_view extra,
                    std::uint32_t cseq_number) {
  if (cseq_number == 0) cseq_number = ++cseq;
  const std::string branch = fmt::format("z9hG4bK-{}-{}", name, next_number());
  if (method == "INVITE") {
    invite_branch = branch;
    invite_cseq = cseq_number;
    invite_uri = target;
  }
  std::string text =
      fmt::format("{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: 70\r\n",
                  method, target, via_token(flow.transport), flow.remote.text(), branch);
  for (const std::string& route : routes) text += "Route: " + route + "\r\n";
  if (!record_route.empty() && remote_tag.empty()) text += "Record-Route: " + record_route + "\r\n";
  text += fmt::format("From: <{}>;tag={}\r\nTo: <{}>{}{}\r\nCall-ID: {}\r\nCSeq: {} {}\r\n",
                      local_uri, local_tag, remote_uri,
                      remote_tag.empty() ? "" : ";tag=", remote_tag, call_id, cseq_number, method);
  if (method == "INVITE" || method == "UPDATE" || method == "SUBSCRIBE" || method == "REFER" ||
      method == "NOTIFY") {
    text += fmt::format("Contact: <{}>\r\n", contact_uri());
  }
  text += extra;
  if (!body.empty() && extra.find("Content-Type") == std::string_view::npos)
    text += "Content-Type: application/sdp\r\n";
  text += fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  raw(std::move(text));
}

void Party::request_out(std::string_view method, std::string_view uri, std::string_view body,
                        std::string_view extra) {
  const int n = next_number();
  raw(fmt::format(
      "{} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch=z9hG4bK-{}-{};rport\r\nMax-Forwards: 70\r\n"
      "From: <sip:{}@a.test>;tag=out{}\r\nTo: <{}>\r\nCall-ID: out-{}@{}\r\nCSeq: {} "
      "{}\r\n{}Content-Length: {}\r\n\r\n{}",
      method, uri, via_token(flow.transport), flow.remote.text(), name, n, name, n, uri, n, name, n,
      method, extra, body.size(), body));
}

void Party::ack(std::string_view body, std::string_view extra) {
  request("ACK", body, extra, invite_cseq);
}

void Party::ack_refusal(const Seen& response) {
  raw(
      fmt::format("ACK {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: "
                  "70\r\nFrom: {}\r\nTo: {}\r\n"
                  "Call-ID: {}\r\nCSeq: {} ACK\r\nContent-Length: 0\r\n\r\n",
                  invite_uri, via_token(flow.transport), flow.remote.text(), invite_branch,
                  response.message->from_value(), response.message->to_value(),
                  response.message->call_id(), response.message->cseq().number));
}

void Party::cancel(std::string_view extra) {
  raw(
      fmt::format("CANCEL {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: "
                  "70\r\nFrom: <{}>;tag={}\r\nTo: <{}>{}{}\r\n"
                  "Call-ID: {}\r\nCSeq: {} CANCEL\r\n{}Content-Length: 0\r\n\r\n",
                  invite_uri, via_token(flow.transport), flow.remote.text(), invite_branch,
                  local_uri, local_tag, remote_uri, remote_tag.empty() ? "" : ";tag=", remote_tag,
                  call_id, invite_cseq, extra));
}

void Party::respond(const Seen& request, int status, std::string_view body,
                    std::string_view extra) {
  const sip::Message& m = *request.message;
  std::string text = fmt::format("SIP/2.0 {} Scripted\r\n", status);
  for (const std::string& via : request.all("Via")) text += "Via: " + via + "\r\n";
  text += fmt::format("From: {}\r\nTo: {}", m.from_value(), m.to_value());
  if (m.to_tag().empty() && status > 100) text += ";tag=" + (local_tag.empty() ? name : local_tag);
  text += fmt::format("\r\nCall-ID: {}\r\nCSeq: {}\r\n", m.call_id(), request.header("CSeq"));
  if (!record_route.empty() && status > 100 && status < 300)
    text += "Record-Route: " + record_route + "\r\n";
  const bool dialog = makes_dialog(m.method()) || m.method() == sip::Method::update;
  if (dialog && status > 100 && status < 300)
    text += fmt::format("Contact: <{}>\r\n", contact_uri());
  text += extra;
  if (!body.empty()) text += "Content-Type: application/sdp\r\n";
  text += fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  raw(std::move(text));
}

void Party::repeat() {
  raw(last);
}

void Party::raw(std::string text) {
  last = text;
  network.deliver(*this, std::move(text));
}

Network::Network(sip::StackConfig config)
    : log([this](const LogLine& line) { log_text += std::string(line.text) + "\n"; }),
      stack(std::make_unique<sip::Stack>(std::move(config), log)) {
  plan.domain = "a.test";
  plan.contact_user_new = "401~token";
  plan.contact_user_origin = "402";
  plan.failover_codes = {500, 503};
  auto hidden = std::make_shared<sip::HiddenHosts>();
  hidden->networks.push_back(net::Cidr::parse("10.0.0.0/8").value());
  hidden->names.insert("pbx.internal");
  plan.hidden = hidden;
}

sip::StackConfig Network::default_config() {
  sip::StackConfig config;
  config.listeners = {{net::Transport::udp, "203.0.113.5:5060"},
                      {net::Transport::tcp, "203.0.113.5:5060"}};
  config.seed = 42;
  config.names = {7, 9};
  return config;
}

Party& Network::add(std::string name, std::string_view endpoint, net::Transport transport) {
  net::ConnectionId connection;
  if (transport != net::Transport::udp) connection.value = parties_.size() + 1;
  parties_.push_back(
      std::make_unique<Party>(*this, std::move(name), endpoint, transport, connection));
  return *parties_.back();
}

Now Network::now() const {
  return {Instant{} + time_ + seconds(1000),
          WallTime{} + std::chrono::duration_cast<milliseconds>(time_)};
}

void Network::deliver(Party& from, std::string text) {
  const Bytes bytes{text};
  ++crossings;
  if (loses && loses(Crossing{crossings, true, &from, parsed(bytes)})) return;
  stack->receive(now(), net::Packet{bytes, from.flow});
  flush();
}

void Network::flush() {
  for (;;) {
    std::vector<sip::StackEvent> fresh = stack->take_events();
    for (sip::StackEvent& event : fresh) {
      if (const auto* need = std::get_if<sip::RouteNeeded>(&event)) {
        if (router) {
          router(*need);
        } else if (!need->request->to_tag().empty()) {
          stack->reply(now(), *need, sip::Reply{481, {}, "no such dialog", {}});
        } else {
          sip::Plan made = plan;
          const bool from_target = !targets.empty() && need->flow == targets.front()->flow;
          made.towards = from_target ? sip::Side::phone : sip::Side::backend;
          for (const Party* target : targets) {
            if (target->flow == need->flow) continue;
            made.attempts.push_back({target->flow, {}, target->flow.remote.port, false});
          }
          std::size_t first = 0;
          for (const std::size_t size : groups) {
            for (std::size_t i = first + 1; i < std::min(first + size, made.attempts.size()); ++i)
              made.attempts[i].parallel = true;
            first += size;
          }
          if (from_target)
            made.attempts = {{parties_.front()->flow, parties_.front()->contact_uri(), 1, false}};
          stack->route(now(), *need, std::move(made));
        }
      } else {
        events.push_back(std::move(event));
      }
    }
    const std::vector<sip::Send> sends = stack->take_sends();
    if (fresh.empty() && sends.empty()) return;
    for (const sip::Send& send : sends) {
      ++crossings;
      const sip::MessageRef message = parsed(send.bytes);
      const auto party = std::find_if(parties_.begin(), parties_.end(), [&](const auto& p) {
        return p->flow.remote == send.flow.remote && p->flow.transport == send.flow.transport;
      });
      INFO(std::string(send.bytes.view()));
      REQUIRE_MESSAGE(party != parties_.end(), send.flow.remote.text());
      if (loses && loses(Crossing{crossings, false, party->get(), message})) continue;
      (*party)->inbox.push_back(Seen{time_, message});
    }
  }
}

void Network::run_until(Duration at) {
  for (;;) {
    const auto deadline = stack->next_deadline();
    if (!deadline) break;
    const Duration due = *deadline - (Instant{} + seconds(1000));
    if (due > at) break;
    time_ = std::max(time_, due);
    stack->on_time(now());
    flush();
  }
  time_ = at;
}

void Network::advance(Duration by) {
  run_until(time_ + by);
}
void Network::advance_to(Duration at) {
  run_until(at);
}

void Network::expect_quiet() {
  advance(seconds(200));
  for (const auto& party : parties_) party->expect_nothing();
  expect_nothing_alive();
}

void Network::expect_nothing_alive() {
  const sip::StackCounts c = stack->counts();
  CHECK_EQ(c.calls, 0);
  CHECK_EQ(c.legs, 0);
  CHECK_EQ(c.subscriptions, 0);
  CHECK_EQ(c.relays, 0);
  CHECK_EQ(c.probes, 0);
  CHECK_EQ(c.exchanges, 0);
  CHECK_EQ(c.users, 0);
  CHECK_EQ(c.timers, 0);
  CHECK_EQ(c.transactions.invite_client, 0);
  CHECK_EQ(c.transactions.invite_server, 0);
  CHECK_EQ(c.transactions.non_invite_client, 0);
  CHECK_EQ(c.transactions.non_invite_server, 0);
  CHECK_FALSE(stack->next_deadline().has_value());
}

House::House(sip::StackConfig config)
    : Network(std::move(config)),
      phone(add("401", "192.0.2.20:5062")),
      backend(add("pbx", "10.0.1.100:5060")),
      second(add("pbx2", "10.0.1.101:5060")) {
  targets = {&backend};
}

void House::set_up() {
  phone.invite();
  const Seen invite = backend.expect("INVITE");
  backend.respond(invite, 100);
  phone.expect("100");
  backend.respond(invite, 180);
  phone.expect("180");
  backend.respond(invite, 200, kSdpAnswer);
  phone.expect("200");
  phone.ack();
  backend.expect("ACK");
}

void House::hang_up() {
  phone.request("BYE");
  backend.respond(backend.expect("BYE"), 200);
  phone.expect("200 BYE");
}

}  // namespace usher::test
