#include "tests/sim/transactions.hpp"

#include <algorithm>

namespace usher::sim {

std::string Transactions::write(const Draft& draft, const std::string& branch) const {
  std::string lines = draft.method + " " + draft.uri + " SIP/2.0\nVia: " + via_ +
                      ";branch=" + branch + ";rport\nMax-Forwards: 70\nFrom: " + draft.from +
                      "\nTo: " + draft.to + "\nCall-ID: " + draft.call_id +
                      "\nCSeq: " + std::to_string(draft.cseq) + " " + draft.method + "\n" +
                      draft.headers;
  return write_text(lines, draft.body);
}

std::string Transactions::request(const Draft& draft, std::uint64_t connection, Heard heard) {
  std::string branch = "z9hG4bK" + rng_.token(12);
  const std::string key = branch + draft.method;
  Client& c = clients_[key];
  c.draft = draft;
  c.text = write(draft, branch);
  c.via = branch;
  c.connection = connection;
  c.heard = std::move(heard);
  c.order = ++order_;
  network_.agent_sends(agent_, c.text, connection);
  if (connection == 0) clock_.in(c.interval, [this, key, order = c.order] { repeat(key, order); });
  clock_.in(kTimeout, [this, key, order = c.order] {
    const auto found = clients_.find(key);
    if (found == clients_.end() || found->second.order != order) return;
    if (found->second.provisional && found->second.draft.method == "INVITE") return;
    give_up(key, order);
  });
  return branch;
}

void Transactions::repeat(const std::string& key, std::uint64_t order) {
  const auto found = clients_.find(key);
  if (found == clients_.end() || found->second.order != order || found->second.final) return;
  Client& c = found->second;
  const bool invite = c.draft.method == "INVITE";
  if (invite && c.provisional) return;
  network_.agent_sends(agent_, c.text, c.connection);
  c.interval = invite ? 2 * c.interval : std::min(2 * c.interval, kT2);
  clock_.in(c.interval, [this, key, order] { repeat(key, order); });
}

void Transactions::give_up(const std::string& key, std::uint64_t order) {
  const auto found = clients_.find(key);
  if (found == clients_.end() || found->second.order != order || found->second.final) return;
  const Heard heard = std::move(found->second.heard);
  clients_.erase(found);
  heard(nullptr);
}

void Transactions::cancel(const std::string& branch, std::uint64_t connection) {
  const std::string key = branch + "INVITE";
  const auto found = clients_.find(key);
  if (found == clients_.end() || found->second.final || found->second.cancelled) return;
  Client& invite = found->second;
  invite.cancelled = true;
  const std::uint64_t order = invite.order;
  const std::string cancel_key = branch + "CANCEL";
  Client& c = clients_[cancel_key];
  c.draft = invite.draft;
  c.draft.method = "CANCEL";
  c.draft.headers = {};
  c.draft.body = {};
  c.text = write(c.draft, branch);
  c.connection = connection;
  c.heard = [](const TextRef&) {};
  c.order = ++order_;
  network_.agent_sends(agent_, c.text, connection);
  if (connection == 0)
    clock_.in(c.interval, [this, cancel_key, o = c.order] { repeat(cancel_key, o); });
  clock_.in(kTimeout, [this, key, cancel_key, order, o = c.order] {
    give_up(cancel_key, o);
    give_up(key, order);
  });
}

std::string Transactions::once(const Draft& draft, std::uint64_t connection) {
  std::string text = write(draft, "z9hG4bK" + rng_.token(12));
  network_.agent_sends(agent_, text, connection);
  return text;
}

void Transactions::response(const TextRef& response) {
  const sip::Message& m = *response->message;
  const std::string key = std::string{response->branch()} + std::string{m.cseq().method_name};
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  Client& c = found->second;
  // What the network altered is not ours.
  if (m.call_id() != c.draft.call_id || m.cseq().number != c.draft.cseq ||
      m.from_tag() != tag_in(c.draft.from)) {
    return;
  }
  const int status = m.status();
  const bool invite = c.draft.method == "INVITE";
  if (status < 200) {
    if (c.final) return;
    c.provisional = true;
    const Heard heard = c.heard;
    return heard(response);
  }
  const bool success = status < 300;
  if (invite && !success && !c.success) {
    // §17.1.1.3, each time it comes.
    Draft ack = c.draft;
    ack.method = "ACK";
    ack.to = std::string{m.to_value()};
    ack.headers = {};
    ack.body = {};
    network_.agent_sends(agent_, write(ack, c.via), c.connection);
  }
  if (c.final && !(invite && success && c.success)) return;
  if (!c.final) {
    c.final = true;
    c.success = success;
    clock_.in(kTimeout + kT1, [this, key, order = c.order] {
      const auto old = clients_.find(key);
      if (old != clients_.end() && old->second.order == order) clients_.erase(old);
    });
  }
  const Heard heard = c.heard;
  heard(response);
}

std::string Transactions::respond(const TextRef& request, int status, std::string_view tag,
                                  std::string_view headers, std::string_view body,
                                  std::uint64_t connection) {
  std::string lines = response_lines(*request, status, tag);
  lines.append(headers);
  std::string text = write_text(lines, body);
  const std::string key = std::string{request->branch()} + std::string{request->method()};
  Server& s = servers_[key];
  if (s.status >= 200) return {};
  if (!s.request) s.request = request;
  s.response = text;
  s.status = status;
  s.order = ++order_;
  network_.agent_sends(agent_, text, connection);
  if (status < 200) return text;
  if (request->method() == "INVITE" && status >= 300 && connection == 0)
    clock_.in(kT1, [this, key, order = s.order] { repeat_refusal(key, order); });
  clock_.in(kTimeout, [this, key, order = s.order] {
    const auto old = servers_.find(key);
    if (old != servers_.end() && old->second.order == order) servers_.erase(old);
  });
  return text;
}

std::string Transactions::respond_beside(const TextRef& request, std::string_view tag,
                                         std::string_view headers, std::string_view body,
                                         std::uint64_t connection) {
  std::string text = write_text(response_lines(*request, 200, tag).append(headers), body);
  network_.agent_sends(agent_, text, connection);
  return text;
}

void Transactions::repeat_refusal(const std::string& key, std::uint64_t order) {
  const auto found = servers_.find(key);
  if (found == servers_.end() || found->second.order != order || found->second.acked) return;
  Server& s = found->second;
  network_.agent_sends(agent_, s.response, 0);
  s.interval = std::min(2 * s.interval, kT2);
  clock_.in(s.interval, [this, key, order] { repeat_refusal(key, order); });
}

bool Transactions::absorbs(const TextRef& request, std::uint64_t connection) {
  const bool ack = request->method() == "ACK";
  const std::string key =
      std::string{request->branch()} + (ack ? "INVITE" : std::string{request->method()});
  const auto found = servers_.find(key);
  if (found == servers_.end()) {
    if (!ack) servers_[key].request = request;
    return false;
  }
  Server& s = found->second;
  if (ack) {
    s.acked = true;
    return true;
  }
  // A 2xx to an INVITE is repeated by the call, not by its transaction (RFC 6026 §7.1).
  const bool success = s.status >= 200 && s.status < 300 && request->method() == "INVITE";
  if (!s.response.empty() && !success) network_.agent_sends(agent_, s.response, connection);
  return true;
}

bool Transactions::answered(const TextRef& request) const {
  const auto found = servers_.find(std::string{request->branch()} + std::string{request->method()});
  return found == servers_.end() || found->second.status >= 200;
}

TextRef Transactions::cancelled(const TextRef& cancel) const {
  const auto found = servers_.find(std::string{cancel->branch()} + "INVITE");
  return found == servers_.end() ? nullptr : found->second.request;
}

}  // namespace usher::sim
