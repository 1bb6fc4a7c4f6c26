#include "routing/dialog_records.hpp"

#include "core/text.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::routing {

storage::SavedLeg leg_record(const sip::LegCheckpoint& leg) {
  storage::SavedLeg out;
  out.side = leg.side == sip::Side::phone ? storage::LegSide::phone : storage::LegSide::backend;
  out.is_uac = leg.is_uac;
  out.device = leg.device;
  out.flow = leg.flow;
  const sip::Dialog& d = leg.dialog;
  out.call_id = d.call_id;
  out.local_tag = d.local_tag;
  out.remote_tag = d.remote_tag;
  out.local_party = d.local_party;
  out.remote_party = d.remote_party;
  out.remote_target = d.remote_target;
  for (const std::string& route : d.route_set) {
    out.route_set.append(out.route_set.empty() ? "" : ", ").append(route);
  }
  out.contact_user = leg.contact_user;
  out.local_cseq = d.local_cseq;
  out.remote_cseq = d.remote_cseq;
  out.invite_cseq = leg.invite_cseq;
  out.session_uuid = leg.session_uuid;
  out.peer_session_uuid = leg.peer_session_uuid;
  return out;
}

Result<sip::LegCheckpoint> leg_checkpoint(const storage::SavedLeg& leg) {
  sip::LegCheckpoint out;
  out.side = leg.side == storage::LegSide::phone ? sip::Side::phone : sip::Side::backend;
  out.is_uac = leg.is_uac;
  out.device = leg.device;
  out.flow = leg.flow;
  sip::Dialog& d = out.dialog;
  d.call_id = leg.call_id;
  d.local_tag = leg.local_tag;
  d.remote_tag = leg.remote_tag;
  d.local_party = leg.local_party;
  d.remote_party = leg.remote_party;
  d.remote_target = leg.remote_target;
  if (!leg.route_set.empty()) {
    const auto routes = sip::parse_name_addr_list(leg.route_set);
    if (!routes)
      return fail(Errc::syntax, "its route set " + usher::quoted(leg.route_set) + " is unreadable");
    for (const sip::NameAddr& route : *routes) d.route_set.emplace_back(route.raw);
  }
  d.local_cseq = leg.local_cseq;
  d.remote_cseq = leg.remote_cseq;
  d.confirmed = true;
  out.contact_user = leg.contact_user;
  out.invite_cseq = leg.invite_cseq;
  out.session_uuid = leg.session_uuid;
  out.peer_session_uuid = leg.peer_session_uuid;
  return out;
}

storage::SavedCall call_record(const sip::CallCheckpoint& call, storage::TargetId target) {
  storage::SavedCall out;
  out.id = call.id;
  out.key = call.key;
  out.domain = call.domain;
  out.target = target;
  out.started = call.started;
  out.answered = call.answered;
  out.session = call.session;
  out.origin = leg_record(call.origin);
  out.answerer = leg_record(call.answerer);
  return out;
}

Result<sip::CallCheckpoint> call_checkpoint(const storage::SavedCall& call) {
  auto origin = leg_checkpoint(call.origin);
  if (!origin) return origin.error();
  auto answerer = leg_checkpoint(call.answerer);
  if (!answerer) return answerer.error();
  return sip::CallCheckpoint{.id = call.id,
                             .key = call.key,
                             .domain = call.domain,
                             .started = call.started,
                             .answered = call.answered,
                             .session = call.session,
                             .origin = std::move(*origin),
                             .answerer = std::move(*answerer)};
}

storage::SavedSubscription subscription_record(const sip::SubscriptionCheckpoint& subscription) {
  storage::SavedSubscription out;
  out.id = subscription.id;
  out.key = subscription.key;
  out.domain = subscription.domain;
  out.package = subscription.package;
  out.subscriber_id = subscription.subscriber_id;
  out.notifier_id = subscription.notifier_id;
  out.refer = subscription.refer;
  out.expires = subscription.expires;
  out.subscriber = leg_record(subscription.subscriber);
  out.notifier = leg_record(subscription.notifier);
  return out;
}

Result<sip::SubscriptionCheckpoint> subscription_checkpoint(
    const storage::SavedSubscription& subscription) {
  auto subscriber = leg_checkpoint(subscription.subscriber);
  if (!subscriber) return subscriber.error();
  auto notifier = leg_checkpoint(subscription.notifier);
  if (!notifier) return notifier.error();
  return sip::SubscriptionCheckpoint{.id = subscription.id,
                                     .key = subscription.key,
                                     .domain = subscription.domain,
                                     .package = subscription.package,
                                     .subscriber_id = subscription.subscriber_id,
                                     .notifier_id = subscription.notifier_id,
                                     .refer = subscription.refer,
                                     .expires = subscription.expires,
                                     .subscriber = std::move(*subscriber),
                                     .notifier = std::move(*notifier)};
}

}  // namespace usher::routing
