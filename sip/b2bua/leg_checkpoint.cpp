#include "sip/b2bua/leg_checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

constexpr std::uint32_t kLargestCSeq = 0x7fffffff;  // RFC 3261 §8.1.1.5

LegStamp stamp_of(const Leg& leg) {
  constexpr std::hash<std::string> hash;
  return {leg.flow, hash(leg.dialog.remote_target), hash(leg.session_uuid + leg.peer_session_uuid),
          leg.invite_cseq, leg.dialog.local_cseq};
}

// The way to the peer when no connection of the earlier process is left.
net::Flow flow_now(const LegCheckpoint& leg) {
  net::Flow flow = leg.flow;
  if (!net::is_reliable(flow.transport)) return flow;
  if (leg.side == Side::phone) {
    // It cannot be connected to; it comes back by itself.
    flow.connection = net::kGoneConnection;
    return flow;
  }
  flow.connection = {};
  if (leg.is_uac) return flow;
  // It had connected to us: it listens where its Contact says.
  const auto uri = parse_uri(leg.dialog.remote_target);
  const auto address = uri && uri->is_sip ? net::IpAddress::parse(uri->host)
                                          : Result<net::IpAddress>{fail(Errc::syntax, "")};
  if (address) flow.remote = {*address, uri->port.value_or(net::default_port(flow.transport))};
  return flow;
}

}  // namespace

bool same_as_told(const Leg& leg) {
  const LegStamp now = stamp_of(leg);
  return now.flow == leg.told.flow && now.target == leg.told.target &&
         now.session == leg.told.session && now.invite_cseq == leg.told.invite_cseq &&
         now.cseq - leg.told.cseq < kCSeqTold;
}

LegCheckpoint tell(Leg& leg) {
  leg.told = stamp_of(leg);
  return {leg.side,   leg.is_uac,      leg.flow,         leg.dialog,           leg.contact_user,
          leg.device, leg.invite_cseq, leg.session_uuid, leg.peer_session_uuid};
}

Result<void> can_go_on(const LegCheckpoint& leg) {
  if (leg.dialog.local_cseq <= kLargestCSeq - kCSeqGap) return {};
  return fail(Errc::range, fmt::format("its CSeq {} is used up", leg.dialog.local_cseq));
}

Leg leg_of(LegCheckpoint checkpoint) {
  Leg leg;
  leg.side = checkpoint.side;
  leg.is_uac = checkpoint.is_uac;
  leg.flow = flow_now(checkpoint);
  leg.dialog = std::move(checkpoint.dialog);
  leg.dialog.local_cseq += kCSeqGap;
  leg.dialog.confirmed = true;
  leg.contact_user = std::move(checkpoint.contact_user);
  leg.device = std::move(checkpoint.device);
  leg.invite_cseq = checkpoint.invite_cseq;
  leg.session_uuid = std::move(checkpoint.session_uuid);
  leg.peer_session_uuid = std::move(checkpoint.peer_session_uuid);
  return leg;
}

WallTime wall_of(Now now, Instant when) {
  return now.wall - std::chrono::duration_cast<std::chrono::milliseconds>(now.mono - when);
}

Instant instant_of(Now now, WallTime when) {
  return now.mono - std::max<Duration>(now.wall - when, std::chrono::milliseconds(1));
}

}  // namespace usher::sip
