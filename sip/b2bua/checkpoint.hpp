// What has to outlive the process of a dialog that both sides have confirmed: plain values, from
// which another stack goes on (docs/specs/call.md, "Restart"). The stack says when they change; it
// does not know where they are kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/net/flow.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "sip/dialog/dialog.hpp"
#include "sip/plan.hpp"

namespace usher::sip {

// One side of a dialog through the edge, whatever request began it.
struct LegCheckpoint {
  Side side = Side::phone;
  bool is_uac = false;  // the request that began the dialog was ours
  net::Flow flow;       // restored: the connection of a stream is void
  Dialog dialog;        // confirmed
  std::string contact_user;
  std::string device;  // Plan's or Attempt's
  std::uint32_t invite_cseq = 0;
  std::string session_uuid, peer_session_uuid;  // as Leg has them
};

struct CallCheckpoint {
  std::string id;      // unique over processes: the Call-ID that was made for the answerer
  std::string key;     // of its log lines
  std::string domain;  // stands in for hidden hosts towards a phone
  WallTime started{}, answered{};
  Duration session{};  // RFC 4028: refreshed at least this often; 0: the session has no timer
  LegCheckpoint origin, answerer;
};

// A subscription that lives in a dialog of its own, outside calls (docs/specs/subscription.md).
struct SubscriptionCheckpoint {
  std::string id;  // unique over processes
  std::string key, domain;
  std::string package;  // as Subscription has these
  std::string subscriber_id, notifier_id;
  bool refer = false;
  WallTime expires{};
  LegCheckpoint subscriber, notifier;
};

// A leg is told of again after so many requests of ours on it, and its numbers go on this much
// higher after a restart: nothing is written for a single request, and yet CSeq only ever rises
// (RFC 3261 §12.2.1.1; §12.2.2 lets it skip). 2^31 has room for 30,000 restarts of one call.
inline constexpr std::uint32_t kCSeqTold = 1 << 12;
inline constexpr std::uint32_t kCSeqGap = 1 << 16;

// A checkpoint on its way back into a stack, with what its user knows.
struct RestoredCall {
  CallCheckpoint checkpoint;  // flows name listeners that exist
  Cookie mark = 0;            // as Plan::mark: echoed in every event of this call
  std::uint64_t attempt = 0;  // Attempt::mark of the one that answered
  std::shared_ptr<const HiddenHosts> hidden;
};
struct RestoredSubscription {
  SubscriptionCheckpoint checkpoint;
  std::shared_ptr<const HiddenHosts> hidden;
};

}  // namespace usher::sip
