// Client transactions: the machines' inputs and the carrying out of their actions.
#include "sip/transaction/impl.hpp"
#include "sip/transaction/own_messages.hpp"

namespace usher::sip {

ClientTxId TransactionLayer::Impl::start_client(Instant now, std::string_view branch,
                                                std::string_view method, const Bytes& request,
                                                const net::Flow& flow, Cookie cookie, bool own,
                                                TransactionOutput& out) {
  const bool invite = method == "INVITE";
  const bool reliable = net::is_reliable(flow.transport);
  ClientTx fresh;
  fresh.key = keys.client(branch, method);
  fresh.flow_key = keys.flow(flow);
  fresh.flow = flow;
  fresh.cookie = cookie;
  fresh.request = request;
  fresh.own = own;
  if (!invite) fresh.state = client::State::trying;
  const auto [id, tx] = clients.insert(std::move(fresh));
  run(now, id, tx,
      invite ? invite_client::begin(reliable).actions : client::begin(reliable).actions, {}, out);
  return id;
}

void TransactionLayer::Impl::input(Instant now, ClientTxId id, ClientTx& tx,
                                   invite_client::Input input, const Cause& cause,
                                   TransactionOutput& out) {
  auto& state = std::get<invite_client::State>(tx.state);
  const auto step = invite_client::step(state, input, tx.is_reliable());
  USHER_CHECK(step.next >= state);
  state = step.next;
  run(now, id, tx, step.actions, cause, out);
}

void TransactionLayer::Impl::input(Instant now, ClientTxId id, ClientTx& tx, client::Input input,
                                   const Cause& cause, TransactionOutput& out) {
  auto& state = std::get<client::State>(tx.state);
  const auto step = client::step(state, input, tx.is_reliable());
  USHER_CHECK(step.next >= state);
  state = step.next;
  run(now, id, tx, step.actions, cause, out);
}

void TransactionLayer::Impl::fail_client(Instant now, ClientTxId id, ClientTx& tx,
                                         std::string_view reason, TransactionOutput& out) {
  const Cause cause{.reason = reason};
  if (tx.is_invite()) return input(now, id, tx, invite_client::Input::transport_error, cause, out);
  input(now, id, tx, client::Input::transport_error, cause, out);
}

namespace {

invite_client::Input invite_timer(TimerLetter letter) {
  switch (letter) {
    case TimerLetter::A: return invite_client::Input::timer_a;
    case TimerLetter::B: return invite_client::Input::timer_b;
    case TimerLetter::D: return invite_client::Input::timer_d;
    case TimerLetter::M: return invite_client::Input::timer_m;
    case TimerLetter::cancel: return invite_client::Input::timer_cancel;
    case TimerLetter::none:
    case TimerLetter::E:
    case TimerLetter::F:
    case TimerLetter::G:
    case TimerLetter::H:
    case TimerLetter::I:
    case TimerLetter::J:
    case TimerLetter::K:
    case TimerLetter::L:
    case TimerLetter::trying: break;
  }
  check_failed("a timer of this machine", __FILE__, __LINE__);
}

client::Input plain_timer(TimerLetter letter) {
  switch (letter) {
    case TimerLetter::E: return client::Input::timer_e;
    case TimerLetter::F: return client::Input::timer_f;
    case TimerLetter::K: return client::Input::timer_k;
    case TimerLetter::none:
    case TimerLetter::A:
    case TimerLetter::B:
    case TimerLetter::D:
    case TimerLetter::G:
    case TimerLetter::H:
    case TimerLetter::I:
    case TimerLetter::J:
    case TimerLetter::L:
    case TimerLetter::M:
    case TimerLetter::trying:
    case TimerLetter::cancel: break;
  }
  check_failed("a timer of this machine", __FILE__, __LINE__);
}

}  // namespace

void TransactionLayer::Impl::timer_fired(Instant now, ClientTxId id, TimerLetter letter,
                                         TransactionOutput& out) {
  ClientTx* tx = clients.find(id);
  if (!tx) return;  // a timer that outlived its transaction hits nothing
  timer_slot(*tx, letter) = {};
  const Cause cause{.timer = letter};
  if (tx->is_invite()) return input(now, id, *tx, invite_timer(letter), cause, out);
  input(now, id, *tx, plain_timer(letter), cause, out);
}

void TransactionLayer::Impl::run(Instant now, ClientTxId id, ClientTx& tx, const Actions& actions,
                                 const Cause& cause, TransactionOutput& out) {
  for (const Action action : actions) perform(now, id, tx, action, cause, out);
  const bool over = tx.is_terminated();
  if (tx.on_flow && (over || tx.had_response())) clients.leave_flow(tx);
  if (!over) return;
  queue.cancel(tx.retransmission);
  queue.cancel(tx.lifetime);
  if (!tx.own) out.events.push_back(ClientEnded{id, tx.cookie});
  clients.erase(id);
}

void TransactionLayer::Impl::perform(Instant now, ClientTxId id, ClientTx& tx, Action action,
                                     const Cause& cause, TransactionOutput& out) {
  const Machine machine = tx.is_invite() ? Machine::invite_client : Machine::client;
  switch (action.act) {
    case Act::send_request: out.sends.push_back({tx.flow, tx.request}); break;
    case Act::resend_request:
      ++totals.retransmissions_out;
      out.sends.push_back({tx.flow, tx.request});
      break;
    case Act::send_ack:
      if (const MessageRef invite = read_own(tx.request)) {
        tx.ack = make_ack(*invite, **cause.message);
        out.sends.push_back({tx.flow, tx.ack});
      }
      break;
    case Act::resend_ack:
      ++totals.retransmissions_in;
      if (tx.ack.empty()) break;
      ++totals.retransmissions_out;
      out.sends.push_back({tx.flow, tx.ack});
      break;
    case Act::send_cancel: send_cancel(now, tx, out); break;
    case Act::forget_request: tx.request = Bytes{}; break;
    case Act::start:
      arm(now, id, tx, action.timer, first_interval(machine, action.timer, values));
      break;
    case Act::restart:
      arm(now, id, tx, action.timer, next_interval(action.timer, tx.interval, values));
      break;
    case Act::restart_at_t2: arm(now, id, tx, action.timer, values.t2); break;
    case Act::clear: disarm(tx, action.timer); break;
    case Act::response_to_user:
      if (!tx.own)
        out.events.push_back(ResponseReceived{id, tx.cookie, *cause.message, *cause.flow});
      break;
    case Act::stray_to_user:
      ++totals.strays;
      out.events.push_back(StrayResponse{*cause.message, *cause.flow});
      break;
    case Act::report_timeout:
      if (!tx.own) out.events.push_back(ClientTimedOut{id, tx.cookie, cause.timer});
      break;
    case Act::report_failure:
      if (!tx.own) out.events.push_back(ClientFailed{id, tx.cookie, std::string{cause.reason}});
      break;
    case Act::absorb: ++totals.retransmissions_in; break;
    case Act::send_response:
    case Act::keep_response:
    case Act::repeat_response:
    case Act::send_own_100:
    case Act::answer_cancel:
    case Act::forget_response:
    case Act::cancel_to_user:
    case Act::ack_to_user:
    case Act::report_no_ack: check_failed("an action of a client machine", __FILE__, __LINE__);
  }
}

// §9.1: "it creates a client transaction for the CANCEL [...]. The destination address, port, and
// transport for the CANCEL MUST be identical to those used to send the original request." It is
// made even at the limit of transactions: what it ends is more.
void TransactionLayer::Impl::send_cancel(Instant now, ClientTx& invite, TransactionOutput& out) {
  const MessageRef request = read_own(invite.request);
  if (!request) return;
  const Bytes bytes = make_cancel(*request, invite.cancel_reason);
  start_client(now, request->top_via().branch(), "CANCEL", bytes, invite.flow, 0, true, out);
}

}  // namespace usher::sip
