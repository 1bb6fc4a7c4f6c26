#include "sip/transaction/layer.hpp"

#include "sip/transaction/impl.hpp"
#include "sip/transaction/own_messages.hpp"

namespace usher::sip {

TransactionLayer::TransactionLayer(const TransactionTimers& timers, std::uint64_t seed,
                                   std::size_t limit)
    : impl_(std::make_unique<Impl>(timers, seed, limit)) {}

TransactionLayer::~TransactionLayer() = default;

void TransactionLayer::receive(Instant now, const MessageRef& message, const net::Flow& flow,
                               TransactionOutput& out) {
  if (!message->is_request()) return impl_->receive_response(now, message, flow, out);
  switch (message->method()) {
    case Method::ack: return impl_->receive_ack(now, message, flow, out);
    case Method::cancel: return impl_->receive_cancel(now, message, flow, out);
    case Method::invite:
    case Method::bye:
    case Method::options:
    case Method::register_:
    case Method::prack:
    case Method::update:
    case Method::info:
    case Method::message:
    case Method::subscribe:
    case Method::notify:
    case Method::refer:
    case Method::publish:
    case Method::other: return impl_->receive_request(now, message, flow, out);
  }
}

ServerTxId TransactionLayer::accept(Instant now, const MessageRef& request, const net::Flow& flow,
                                    Cookie cookie, TransactionOutput& out) {
  USHER_CHECK(request->is_request() && request->method() != Method::ack &&
              request->method() != Method::cancel);
  if (impl_->full()) {
    ++impl_->totals.refused_at_limit;
    return {};
  }
  return impl_->start_server(now, request, flow, cookie, out);
}

std::string_view TransactionLayer::local_tag(ServerTxId id) const {
  const ServerTx* tx = impl_->servers.find(id);
  return tx ? std::string_view{tx->local_tag} : std::string_view{};
}

MessageRef TransactionLayer::request(ServerTxId id) const {
  const ServerTx* tx = impl_->servers.find(id);
  return tx ? tx->request : MessageRef{};
}

bool TransactionLayer::respond(Instant now, ServerTxId id, int status, const Bytes& response,
                               TransactionOutput& out) {
  USHER_CHECK(status >= 100 && status < 700);
  ServerTx* tx = impl_->servers.find(id);
  if (!tx) return false;
  impl_->respond(now, id, *tx, status, response, out);
  return true;
}

ServerTxId TransactionLayer::refuse(Instant now, const MessageRef& request, const net::Flow& flow,
                                    int status, std::string_view reason, TransactionOutput& out,
                                    std::string_view extra_header_lines) {
  ServerTxId id;
  if (request->method() != Method::ack && request->method() != Method::cancel &&
      !impl_->half_full())
    id = impl_->start_server(now, request, flow, Cookie{}, out);
  if (!id) {
    reply_stateless(*request, flow, status, reason, out, extra_header_lines);
    return {};
  }
  ServerTx& tx = *impl_->servers.find(id);
  impl_->respond(
      now, id, tx, status,
      make_response(*request, flow.remote, status, reason, tx.local_tag, extra_header_lines), out);
  return id;
}

void TransactionLayer::reply_stateless(const Message& request, const net::Flow& flow, int status,
                                       std::string_view reason, TransactionOutput& out,
                                       std::string_view extra_header_lines) {
  impl_->reply(request, flow, status, reason, impl_->keys.stateless_tag(request),
               extra_header_lines, out);
}

void TransactionLayer::abandon(ServerTxId id, TransactionOutput& out) {
  if (ServerTx* tx = impl_->servers.find(id)) impl_->abandon(id, *tx, out);
}

std::string TransactionLayer::new_branch() {
  return impl_->keys.new_branch();
}

ClientTxId TransactionLayer::send(Instant now, Method method, std::string_view branch,
                                  const Bytes& request, const net::Flow& flow, Cookie cookie,
                                  TransactionOutput& out) {
  // §17.1: "The ACK for a 2xx [...] is passed directly to the transport layer"; CANCEL is made by
  // cancel().
  USHER_CHECK(method != Method::ack && method != Method::cancel);
  if (impl_->full()) {
    ++impl_->totals.refused_at_limit;
    return {};
  }
  // An unknown method has its name in the request only.
  std::string_view name = method_text(method);
  if (name.empty()) name = request.view().substr(0, request.view().find(' '));
  return impl_->start_client(now, branch, name, request, flow, cookie, false, out);
}

void TransactionLayer::cancel(Instant now, ClientTxId id, std::string_view reason,
                              TransactionOutput& out) {
  ClientTx* tx = impl_->clients.find(id);
  if (!tx) return;
  if (!tx->is_invite()) return impl_->input(now, id, *tx, client::Input::user_cancel, {}, out);
  if (tx->cancel_reason.empty()) tx->cancel_reason = reason;
  impl_->input(now, id, *tx, invite_client::Input::user_cancel, {}, out);
}

std::optional<net::Flow> TransactionLayer::listening_end(const net::Flow& flow) const {
  const std::uint16_t port =
      net::is_reliable(flow.transport) ? std::uint16_t{0} : impl_->asymmetric.port_of(flow.remote);
  if (port == 0) return std::nullopt;
  net::Flow other = flow;
  other.remote.port = port;
  return other;
}

void TransactionLayer::flow_failed(Instant now, const net::Flow& flow, std::string_view reason,
                                   TransactionOutput& out) {
  if (listening_end(flow)) return;
  // A transaction that fails leaves the flow's list, so the list gets shorter with each round.
  const Key key = impl_->keys.flow(flow);
  while (const ClientTxId id = impl_->clients.first_on_flow(key)) {
    impl_->fail_client(now, id, *impl_->clients.find(id), reason, out);
    USHER_CHECK(impl_->clients.first_on_flow(key) != id);
  }
}

void TransactionLayer::on_time(Instant now, TransactionOutput& out, std::size_t limit) {
  for (std::size_t fired = 0; fired < limit; ++fired) {
    const auto timer = impl_->queue.pop(now);
    if (!timer) return;
    if (timer->server) {
      impl_->timer_fired(now, ServerTxId::unpack(timer->transaction), timer->letter, out);
    } else {
      impl_->timer_fired(now, ClientTxId::unpack(timer->transaction), timer->letter, out);
    }
  }
}

std::optional<Instant> TransactionLayer::next_deadline() const {
  return impl_->queue.next();
}

TransactionCounts TransactionLayer::counts() const {
  TransactionCounts counts = impl_->totals;
  counts.invite_client = impl_->clients.invites();
  counts.non_invite_client = impl_->clients.size() - impl_->clients.invites();
  counts.invite_server = impl_->servers.invites();
  counts.non_invite_server = impl_->servers.size() - impl_->servers.invites();
  counts.timers = impl_->queue.size();
  return counts;
}

}  // namespace usher::sip
