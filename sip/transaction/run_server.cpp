// Server transactions: the machines' inputs and the carrying out of their actions.
#include "sip/transaction/impl.hpp"
#include "sip/transaction/own_messages.hpp"

namespace usher::sip {

ServerTxId TransactionLayer::Impl::start_server(Instant now, const MessageRef& request,
                                                const net::Flow& flow, Cookie cookie,
                                                TransactionOutput& out) {
  const bool invite = request->method() == Method::invite;
  const bool reliable = net::is_reliable(flow.transport);
  ServerTx fresh;
  fresh.key = keys.server(*request, request->method_name(), request->to_tag());
  if (servers.find(fresh.key)) return {};
  fresh.in_dialog = !request->to_tag().empty();
  if (!fresh.in_dialog) fresh.same_request = keys.same_request(*request);
  if (invite) fresh.call = keys.call(*request);
  fresh.flow = flow;
  fresh.cookie = cookie;
  fresh.request = request;
  fresh.local_tag = fresh.in_dialog ? std::string{request->to_tag()} : keys.new_tag();
  if (!invite) fresh.state = server::State::trying;
  fresh.other_port = AsymmetricPeers::other_port(*request, flow);
  fresh.request_port = AsymmetricPeers::request_port(*request, flow);
  asymmetric.seen(*request, flow);
  const auto [id, tx] = servers.insert(std::move(fresh));
  run(now, id, tx,
      invite ? invite_server::begin(reliable).actions : server::begin(reliable).actions, {}, out);
  return id;
}

void TransactionLayer::Impl::input(Instant now, ServerTxId id, ServerTx& tx,
                                   invite_server::Input input, const Cause& cause,
                                   TransactionOutput& out) {
  auto& state = std::get<invite_server::State>(tx.state);
  const auto step = invite_server::step(state, input, tx.is_reliable());
  USHER_CHECK(step.next >= state);
  state = step.next;
  run(now, id, tx, step.actions, cause, out);
}

void TransactionLayer::Impl::input(Instant now, ServerTxId id, ServerTx& tx, server::Input input,
                                   const Cause& cause, TransactionOutput& out) {
  auto& state = std::get<server::State>(tx.state);
  const auto step = server::step(state, input, tx.is_reliable());
  USHER_CHECK(step.next >= state);
  state = step.next;
  run(now, id, tx, step.actions, cause, out);
}

void TransactionLayer::Impl::send(const net::Flow& flow, std::uint16_t other_port,
                                  const Bytes& response, TransactionOutput& out) const {
  out.sends.push_back({flow, response});
  if (other_port == 0 || other_port == flow.remote.port || !asymmetric.knows(flow.remote)) return;
  net::Flow other = flow;
  other.remote.port = other_port;
  out.sends.push_back({other, response});
}

// Asked before the machine repeats the response, which then goes both ways at once.
void TransactionLayer::Impl::watch_repeats(ServerTx& tx, const net::Flow& flow,
                                           TransactionOutput& out) {
  if (tx.other_port == 0 || tx.other_port == flow.remote.port || !tx.is_answered() ||
      tx.repeats >= AsymmetricPeers::kRepeats)
    return;
  if (++tx.repeats < AsymmetricPeers::kRepeats || asymmetric.knows(flow.remote)) return;
  asymmetric.add(flow.remote, tx.request_port);
  out.events.push_back(AsymmetricPeerFound{flow.remote, tx.other_port});
}

void TransactionLayer::Impl::respond(Instant now, ServerTxId id, ServerTx& tx, int status,
                                     const Bytes& response, TransactionOutput& out) {
  const Cause cause{.response = &response};
  if (tx.is_invite()) {
    using enum invite_server::Input;
    const auto what = status == 100  ? user_100
                      : status < 200 ? user_1xx
                      : status < 300 ? user_2xx
                                     : user_3xx_6xx;
    return input(now, id, tx, what, cause, out);
  }
  using enum server::Input;
  const auto what = status == 100   ? user_100
                    : status < 200  ? user_1xx
                    : status == 408 ? user_408
                                    : user_final;
  input(now, id, tx, what, cause, out);
}

void TransactionLayer::Impl::abandon(ServerTxId id, ServerTx& tx, TransactionOutput& out) {
  // The machines arm no timer on this input, so no time is needed.
  if (tx.is_invite()) return input({}, id, tx, invite_server::Input::user_abandon, {}, out);
  input({}, id, tx, server::Input::user_abandon, {}, out);
}

namespace {

invite_server::Input invite_timer(TimerLetter letter) {
  switch (letter) {
    case TimerLetter::trying: return invite_server::Input::timer_trying;
    case TimerLetter::G: return invite_server::Input::timer_g;
    case TimerLetter::H: return invite_server::Input::timer_h;
    case TimerLetter::I: return invite_server::Input::timer_i;
    case TimerLetter::L: return invite_server::Input::timer_l;
    case TimerLetter::none:
    case TimerLetter::A:
    case TimerLetter::B:
    case TimerLetter::D:
    case TimerLetter::E:
    case TimerLetter::F:
    case TimerLetter::J:
    case TimerLetter::K:
    case TimerLetter::M:
    case TimerLetter::cancel: break;
  }
  check_failed("a timer of this machine", __FILE__, __LINE__);
}

server::Input plain_timer(TimerLetter letter) {
  switch (letter) {
    case TimerLetter::trying: return server::Input::timer_trying;
    case TimerLetter::F: return server::Input::timer_f;
    case TimerLetter::J: return server::Input::timer_j;
    case TimerLetter::none:
    case TimerLetter::A:
    case TimerLetter::B:
    case TimerLetter::D:
    case TimerLetter::E:
    case TimerLetter::G:
    case TimerLetter::H:
    case TimerLetter::I:
    case TimerLetter::K:
    case TimerLetter::L:
    case TimerLetter::M:
    case TimerLetter::cancel: break;
  }
  check_failed("a timer of this machine", __FILE__, __LINE__);
}

}  // namespace

void TransactionLayer::Impl::timer_fired(Instant now, ServerTxId id, TimerLetter letter,
                                         TransactionOutput& out) {
  ServerTx* tx = servers.find(id);
  if (!tx) return;  // a timer that outlived its transaction hits nothing
  timer_slot(*tx, letter) = {};
  const Cause cause{.timer = letter};
  if (tx->is_invite()) return input(now, id, *tx, invite_timer(letter), cause, out);
  input(now, id, *tx, plain_timer(letter), cause, out);
}

void TransactionLayer::Impl::run(Instant now, ServerTxId id, ServerTx& tx, const Actions& actions,
                                 const Cause& cause, TransactionOutput& out) {
  for (const Action action : actions) perform(now, id, tx, action, cause, out);
  if (!tx.is_terminated()) return;
  queue.cancel(tx.retransmission);
  queue.cancel(tx.lifetime);
  out.events.push_back(ServerEnded{id, tx.cookie});
  servers.erase(id);
}

void TransactionLayer::Impl::perform(Instant now, ServerTxId id, ServerTx& tx, Action action,
                                     const Cause& cause, TransactionOutput& out) {
  const Machine machine = tx.is_invite() ? Machine::invite_server : Machine::server;
  switch (action.act) {
    case Act::send_response: send(tx.flow, tx.other_port, *cause.response, out); break;
    case Act::keep_response: tx.response = *cause.response; break;
    case Act::repeat_response:
      // To where the request came from this time: a NAT may have moved its sender since.
      ++totals.retransmissions_out;
      send(cause.flow ? *cause.flow : tx.flow, tx.other_port, tx.response, out);
      break;
    case Act::send_own_100: {
      const Duration delay = first_interval(machine, TimerLetter::trying, values);
      tx.response = make_trying(*tx.request, tx.flow.remote, delay);
      send(tx.flow, tx.other_port, tx.response, out);
      break;
    }
    case Act::answer_cancel:
      // §9.2: "the To tag of the response to the CANCEL and the To tag in the response to the
      // original request SHOULD be the same."
      reply(**cause.message, *cause.flow, 200, {}, tx.local_tag, {}, out);
      break;
    case Act::forget_request: tx.request.reset(); break;
    case Act::forget_response: tx.response = Bytes{}; break;
    case Act::start:
      arm(now, id, tx, action.timer, first_interval(machine, action.timer, values));
      break;
    case Act::restart:
      arm(now, id, tx, action.timer, next_interval(action.timer, tx.interval, values));
      break;
    case Act::clear: disarm(tx, action.timer); break;
    case Act::cancel_to_user:
      if (!tx.cancelled) out.events.push_back(CancelReceived{id, tx.cookie, *cause.message});
      tx.cancelled = true;
      break;
    case Act::ack_to_user: out.events.push_back(AckReceived{*cause.message, *cause.flow}); break;
    case Act::report_no_ack: out.events.push_back(AckMissing{id, tx.cookie}); break;
    case Act::absorb:
      // The request again was counted when it was matched; here remain ACKs.
      if ((*cause.message)->method() == Method::ack) ++totals.retransmissions_in;
      break;
    case Act::send_request:
    case Act::resend_request:
    case Act::send_ack:
    case Act::resend_ack:
    case Act::send_cancel:
    case Act::restart_at_t2:
    case Act::response_to_user:
    case Act::stray_to_user:
    case Act::report_timeout:
    case Act::report_failure: check_failed("an action of a server machine", __FILE__, __LINE__);
  }
}

}  // namespace usher::sip
