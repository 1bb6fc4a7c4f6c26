// What a message from the wire belongs to: RFC 3261 §17.1.3, §17.2.3, §9.2 and §8.2.2.2.
#include "sip/transaction/impl.hpp"
#include "sip/transaction/own_messages.hpp"

namespace usher::sip {

void TransactionLayer::Impl::receive_response(Instant now, const MessageRef& message,
                                              const net::Flow& flow, TransactionOutput& out) {
  const ClientTxId id =
      clients.find(keys.client(message->top_via().branch(), message->cseq().method_name));
  ClientTx* tx = clients.find(id);
  if (!tx) {
    ++totals.strays;
    // CANCEL is this layer's own: the user has never heard of it.
    if (message->cseq().method != Method::cancel)
      out.events.push_back(StrayResponse{message, flow});
    return;
  }
  const Cause cause{.message = &message, .flow = &flow};
  const int status = message->status();
  if (tx->is_invite()) {
    using enum invite_client::Input;
    input(now, id, *tx,
          status < 200   ? response_1xx
          : status < 300 ? response_2xx
                         : response_3xx_6xx,
          cause, out);
  } else {
    using enum client::Input;
    input(now, id, *tx, status < 200 ? response_1xx : response_final, cause, out);
  }
}

void TransactionLayer::Impl::receive_request(Instant now, const MessageRef& message,
                                             const net::Flow& flow, TransactionOutput& out) {
  const ServerTxId id =
      servers.find(keys.server(*message, message->method_name(), message->to_tag()));
  if (ServerTx* tx = servers.find(id)) {
    ++totals.retransmissions_in;
    watch_repeats(*tx, flow, out);
    const Cause cause{.message = &message, .flow = &flow};
    if (tx->is_invite()) return input(now, id, *tx, invite_server::Input::request, cause, out);
    return input(now, id, *tx, server::Input::request, cause, out);
  }
  // §8.2.2.2: "If the From tag, Call-ID, and CSeq exactly match those associated with an ongoing
  // transaction, but the request does not match that transaction [...] SHOULD generate a 482 (Loop
  // Detected)". The Request-URI has to be the same too: an upstream proxy may fork one request to
  // two addresses of ours, and each is to be rung.
  const ServerTxId first = message->to_tag().empty()
                               ? servers.find_same_request(keys.same_request(*message))
                               : ServerTxId{};
  if (first) {
    ++totals.merged;
    out.events.push_back(RequestMerged{first, servers.find(first)->cookie, flow});
    return reply(*message, flow, 482, {}, keys.stateless_tag(*message), {}, out);
  }
  out.events.push_back(RequestReceived{message, flow});
}

// §17.2.3; and by the call when something on the way has rewritten the Via: an ACK whose To tag is
// the one that a transaction answered with can belong to no other.
ServerTxId TransactionLayer::Impl::find_for_ack(const Message& ack) {
  ServerTxId id = servers.find(keys.server(ack, "INVITE", ack.to_tag()));
  // RFC 2543: "the To tag of the ACK matches the To tag of the response sent by the server
  // transaction".
  if (!id && !has_transaction_id(ack)) id = servers.find(keys.server(ack, "INVITE", {}));
  if (id && (has_transaction_id(ack) || servers.find(id)->local_tag == ack.to_tag())) return id;
  id = {};
  servers.for_call(keys.call(ack), [&](ServerTxId candidate, const ServerTx& tx) {
    if (tx.local_tag == ack.to_tag()) id = candidate;
    return !id;
  });
  return id;
}

void TransactionLayer::Impl::receive_ack(Instant now, const MessageRef& message,
                                         const net::Flow& flow, TransactionOutput& out) {
  const ServerTxId id = find_for_ack(*message);
  if (ServerTx* tx = servers.find(id)) {
    const Cause cause{.message = &message, .flow = &flow};
    return input(now, id, *tx, invite_server::Input::ack, cause, out);
  }
  if (message->to_tag() == keys.stateless_tag(*message)) {
    ++totals
          .retransmissions_in;  // for a refusal without state: "MUST ignore ACK requests" (§8.2.7)
    return;
  }
  out.events.push_back(AckReceived{message, flow});
}

// §9.2: "assuming that the request method is anything but CANCEL or ACK and applying the
// transaction matching procedures of Section 17.2.3". A NAT may have changed the sent-by of one and
// not of the other: then the call decides, with the branch and the Request-URI as judges between
// several.
ServerTxId TransactionLayer::Impl::find_for_cancel(const Message& cancel) {
  if (const ServerTxId id = servers.find(keys.server(cancel, "INVITE", cancel.to_tag()))) return id;
  ServerTxId only, same_branch, same_uri;
  int candidates = 0, branches = 0, uris = 0;
  servers.for_call(keys.call(cancel), [&](ServerTxId id, const ServerTx& tx) {
    ++candidates;
    only = id;
    if (!tx.request) return true;
    if (!cancel.top_via().branch().empty() &&
        tx.request->top_via().branch() == cancel.top_via().branch()) {
      ++branches;
      same_branch = id;
    }
    if (tx.request->request_uri() == cancel.request_uri()) {
      ++uris;
      same_uri = id;
    }
    return true;
  });
  if (candidates == 1) return only;
  if (branches == 1) return same_branch;
  return uris == 1 ? same_uri : ServerTxId{};
}

void TransactionLayer::Impl::receive_cancel(Instant now, const MessageRef& message,
                                            const net::Flow& flow, TransactionOutput& out) {
  const ServerTxId id = find_for_cancel(*message);
  if (ServerTx* tx = servers.find(id)) {
    const Cause cause{.message = &message, .flow = &flow};
    return input(now, id, *tx, invite_server::Input::cancel, cause, out);
  }
  // §9.2: "it SHOULD respond to the CANCEL with a 481 (Call Leg/Transaction Does Not Exist)", which
  // is the user's to do: a stranger gets silence.
  out.events.emplace_back(RequestReceived{message, flow});
}

void TransactionLayer::Impl::reply(const Message& request, const net::Flow& flow, int status,
                                   std::string_view reason, std::string_view to_tag,
                                   std::string_view lines, TransactionOutput& out) {
  if (request.method() == Method::ack) return;                      // §17: ACK is never answered
  if (status == 408 && request.method() != Method::invite) return;  // RFC 4320 §4.2
  send(flow, AsymmetricPeers::other_port(request, flow),
       make_response(request, flow.remote, status, reason, to_tag, lines), out);
}

}  // namespace usher::sip
