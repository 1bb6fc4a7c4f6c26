// Calls and subscriptions that are up, and the legs of their dialogs.
#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/columns.hpp"

namespace usher::storage {

void bind_row(Statement& put, const SavedCall& call) {
  put.bind(1, call.id)
      .bind(2, call.key)
      .bind(3, call.domain)
      .bind(4, call.target)
      .bind(5, milliseconds(call.started))
      .bind(6, milliseconds(call.answered))
      .bind(7, std::int64_t{call.session.count()});
}

Result<void> read_row(const Statement& row, SavedCall& call) {
  call.id = row.text(0);
  call.key = row.text(1);
  call.domain = row.text(2);
  call.target = row.integer(3);
  call.started = wall_time(row.integer(4));
  call.answered = wall_time(row.integer(5));
  call.session = Duration{row.integer(6)};
  return {};
}

void bind_row(Statement& put, const SavedSubscription& subscription) {
  put.bind(1, subscription.id)
      .bind(2, subscription.key)
      .bind(3, subscription.domain)
      .bind(4, subscription.package)
      .bind(5, subscription.subscriber_id)
      .bind(6, subscription.notifier_id)
      .bind(7, subscription.refer ? 1 : 0)
      .bind(8, milliseconds(subscription.expires));
}

Result<void> read_row(const Statement& row, SavedSubscription& subscription) {
  subscription.id = row.text(0);
  subscription.key = row.text(1);
  subscription.domain = row.text(2);
  subscription.package = row.text(3);
  subscription.subscriber_id = row.text(4);
  subscription.notifier_id = row.text(5);
  subscription.refer = row.integer(6) != 0;
  subscription.expires = wall_time(row.integer(7));
  return {};
}

void bind_leg(Statement& put, std::string_view owner, int place, const SavedLeg& leg) {
  put.bind(1, owner)
      .bind(2, std::int64_t{place})
      .bind(3, leg_side_name(leg.side))
      .bind(4, leg.is_uac ? 1 : 0)
      .bind(5, leg.device);
  bind_flow(put, 6, leg.flow);
  put.bind(10, leg.call_id)
      .bind(11, leg.local_tag)
      .bind(12, leg.remote_tag)
      .bind(13, leg.local_party)
      .bind(14, leg.remote_party)
      .bind(15, leg.remote_target)
      .bind(16, leg.route_set)
      .bind(17, leg.contact_user)
      .bind(18, std::int64_t{leg.local_cseq})
      .bind(19, std::int64_t{leg.remote_cseq})
      .bind(20, std::int64_t{leg.invite_cseq})
      .bind(21, leg.session_uuid)
      .bind(22, leg.peer_session_uuid);
}

Result<void> read_row(const Statement& row, LegRow& out) {
  out.owner = row.text(0);
  if (auto r = read_number(row, 1, "place", out.place); !r) return r;
  SavedLeg& leg = out.leg;
  const auto side = parse_leg_side(row.text(2));
  if (!side) return bad_column("side", row.text(2), "not known");
  leg.side = *side;
  leg.is_uac = row.integer(3) != 0;
  leg.device = row.text(4);
  if (auto r = read_flow(row, 5, leg.flow); !r) return r;
  leg.call_id = row.text(9);
  leg.local_tag = row.text(10);
  leg.remote_tag = row.text(11);
  leg.local_party = row.text(12);
  leg.remote_party = row.text(13);
  leg.remote_target = row.text(14);
  leg.route_set = row.text(15);
  leg.contact_user = row.text(16);
  if (auto r = read_number(row, 17, "local_cseq", leg.local_cseq); !r) return r;
  if (auto r = read_number(row, 18, "remote_cseq", leg.remote_cseq); !r) return r;
  if (auto r = read_number(row, 19, "invite_cseq", leg.invite_cseq); !r) return r;
  leg.session_uuid = row.text(20);
  leg.peer_session_uuid = row.text(21);
  return {};
}

}  // namespace usher::storage
