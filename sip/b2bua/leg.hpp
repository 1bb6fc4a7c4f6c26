// A leg: one side's dialog, the flow to its peer, and how we present ourselves there.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/net/flow.hpp"
#include "core/timers.hpp"
#include "sip/b2bua/dialog_names.hpp"
#include "sip/dialog/dialog.hpp"
#include "sip/plan.hpp"
#include "sip/stack.hpp"

namespace usher::sip {

struct LegTag {};
using LegId = SlabId<LegTag>;

// What both legs of one call share for presenting themselves.
struct CallContext {
  std::string key;     // call key of the log lines
  std::string domain;  // stands in for hidden hosts towards a phone
  std::shared_ptr<const HiddenHosts> hidden;
  bool x_cid = false;  // CorrelationPolicy
};

// The ACK of a 2xx, for each retransmission of that 2xx (§13.2.2.4).
struct KeptAck {
  std::uint32_t cseq = 0;
  net::Flow flow;
  Bytes bytes;
};

// What of a leg makes a new checkpoint when it differs from the last one's.
struct LegStamp {
  net::Flow flow;
  std::size_t target = 0;   // a hash of the remote target
  std::size_t session = 0;  // of the Session-ID's UUIDs
  std::uint32_t invite_cseq = 0;
  std::uint32_t cseq = 0;  // the last one we used
};

struct Leg {
  CallId call;  // false: the leg has left its call and ends by itself
  LegId peer;   // where its requests go on; false: no dialog there, or not any more
  Side side = Side::phone;
  bool is_uac = false;  // we sent the first INVITE
  net::Flow flow;
  Dialog dialog;
  std::string contact_user;
  // Session-ID (RFC 7989), by policy. On a backend's leg: the UUID of the phone on the other one,
  // its own or ours for it, which stands where the phone says none; empty: nothing is said.
  std::string session_uuid;
  std::string peer_session_uuid;  // the peer's own, as it said last; empty: none
  std::string device;             // the user's name of the phone; empty: none
  std::string peer_contact_user;  // Attempt::contact_user_origin
  std::shared_ptr<const CallContext> context;
  const DialogNames* names = nullptr;  // set by Legs, for what its messages say of other dialogs

  // The first INVITE of a leg on which we are the UAC; void once its transaction ended.
  ClientTxId invite;
  std::uint64_t attempt = 0;      // Attempt::mark
  std::uint32_t invite_cseq = 0;  // also of the latest re-INVITE: RAck and ACK name it
  bool had_provisional = false;
  std::vector<Attempt> others;    // Attempt::others that are left
  bool attempt_over = false;      // AttemptEnded has been reported
  bool has_early_dialog = false;  // an 18x made one: the peer's tag is known, or ours was shown
  Instant started{};
  boost::container::small_vector<KeptAck, 1> acks;
  std::uint32_t invite_transactions = 0;  // that may still bring such a retransmission

  // Legs of further dialogs of the same INVITE, made by responses with another To tag (§12.1.2), or
  // of further notifiers of the same SUBSCRIBE.
  std::vector<LegId> forks;

  // The subscriptions that live in this dialog; they hold the leg, over the end of its call too.
  boost::container::small_vector<SubscriptionId, 1> subscriptions;
  bool made_by_subscription = false;  // by SUBSCRIBE or REFER: there never was a call

  LegStamp told;            // as the last checkpoint has it
  bool byed = false;        // a BYE was sent or received
  bool is_asked = false;    // an OPTIONS of our own is on its way
  std::uint8_t misses = 0;  // of these, in a row
  std::uint32_t transactions =
      0;  // and timers that refer to this leg; an ended leg stays until they are over
};

}  // namespace usher::sip
