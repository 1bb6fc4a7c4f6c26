// Checkpoints of calls and subscriptions as records of the store, and back.
#pragma once

#include "core/result.hpp"
#include "sip/b2bua/checkpoint.hpp"
#include "storage/records.hpp"

namespace usher::routing {

storage::SavedLeg leg_record(const sip::LegCheckpoint& leg);
// Errc::syntax: a route set that cannot be read.
Result<sip::LegCheckpoint> leg_checkpoint(const storage::SavedLeg& leg);

// `target`: whose live call it is.
storage::SavedCall call_record(const sip::CallCheckpoint& call, storage::TargetId target);
Result<sip::CallCheckpoint> call_checkpoint(const storage::SavedCall& call);

storage::SavedSubscription subscription_record(const sip::SubscriptionCheckpoint& subscription);
Result<sip::SubscriptionCheckpoint> subscription_checkpoint(
    const storage::SavedSubscription& subscription);

}  // namespace usher::routing
