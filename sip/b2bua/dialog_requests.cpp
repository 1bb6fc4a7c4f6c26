#include "sip/b2bua/dialog_requests.hpp"

namespace usher::sip {

bool DialogRequests::receive(Now now, const RequestReceived& received) {
  const Message& request = *received.request;
  if (request.to_tag().empty() || request.method() == Method::cancel) return false;
  LegId id = legs_.find_dialog(request.call_id(), request.to_tag(), request.from_tag());
  if (!id) {
    const LegId root = legs_.find_dialog(request.call_id(), request.to_tag());
    id = subscriptions_.fork(now, root, received);
  }
  Leg* leg = legs_.find(id);
  if (leg == nullptr) return false;
  if (leg->dialog.remote_tag.empty() && leg->is_uac) {
    // A request of the callee overtook its first response.
    leg->dialog.remote_tag = request.from_tag();
    calls_.overtaken(now, id);
  }
  if (leg->dialog.remote_tag != request.from_tag()) return false;
  if (!leg->call && (leg->subscriptions.empty() || !Subscriptions::concerns(request.method()))) {
    // The call is over, or there was none: a crossing BYE is confirmed, nothing else has a place.
    if (request.method() == Method::bye && !leg->made_by_subscription) {
      legs_.answer_here(now, id, received, {.status = 200});
    } else {
      const Reply gone{.status = 481,
                       .why = leg->made_by_subscription
                                  ? "there is no such subscription in this dialog"
                                  : "the call is over"};
      env_.note_reply(leg->context->key, gone);
      env_.reply(now, received, gone);
    }
    return true;
  }
  if (refused(now, id, received)) return true;
  // A NAT may have moved the phone: its packets show where it is now.
  if (leg->side == Side::phone) legs_.follow(id, received.flow);
  switch (request.method()) {
    case Method::invite: calls_.reinvite(now, id, received); break;
    case Method::bye: calls_.bye(now, id, received); break;
    case Method::ack:
    case Method::cancel:
    case Method::options:
    case Method::register_:
    case Method::prack:
    case Method::update:
    case Method::info:
    case Method::message:
    case Method::publish:
    case Method::other: exchanges_.forward(now, id, received); break;
    case Method::subscribe:
    case Method::notify:
    case Method::refer: subscriptions_.forward(now, id, received); break;
  }
  return true;
}

bool DialogRequests::refused(Now now, LegId id, const RequestReceived& received) {
  Leg& leg = *legs_.find(id);
  const Message& request = *received.request;
  LegResponse answer{.status = 0};
  if (!accept_cseq(leg.dialog, request.cseq().number)) {
    answer = {.status = 500, .why = "the CSeq is lower than one already seen (RFC 3261 12.2.2)"};
  } else if (request.max_forwards() == 0U) {
    answer = {.status = 483, .why = "Max-Forwards is used up"};
  } else if (!leg.peer && request.method() != Method::bye) {
    answer = {.status = 481, .why = "this early dialog is over"};
  } else if (!leg.peer && leg.is_uac) {
    answer = {.status = 200};
  }
  if (answer.status == 0) return false;
  legs_.answer_here(now, id, received, answer);
  return true;
}

}  // namespace usher::sip
