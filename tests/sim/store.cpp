#include "tests/sim/store.hpp"

#include <algorithm>
#include <utility>

#include "core/limits.hpp"

namespace usher::sim {

Result<storage::Snapshot> MemoryStore::load(WallTime now) {
  std::erase_if(durable.bindings, [&](const storage::Binding& b) { return b.expires <= now; });
  for (const auto& [id, record] : std::exchange(remembered_, {})) {
    write(storage::PutRecord{record});
    if (record.ended)
      std::erase_if(durable.calls, [&key = id](const auto& call) { return call.key == key; });
  }
  return durable;
}

void MemoryStore::apply(std::vector<storage::Change> batch, storage::Durability, Done done) {
  const Instant now = clock_.now().mono;
  const auto span = static_cast<std::uint64_t>((most_ - least_).count());
  // Answers come in the order of the batches.
  last_ = std::max(last_, now + least_ + Duration(span == 0 ? 0 : rng_.below(span)));
  clock_.in(last_ - now,
            [this, batch = std::move(batch), done = std::move(done), life = life_]() mutable {
              if (life != life_) return;
              for (const storage::Change& change : batch) {
                write(change);
                const auto* put = std::get_if<storage::PutRecord>(&change);
                if (!put) continue;
                const auto kept = remembered_.find(put->record.id);
                if (kept != remembered_.end() && kept->second == put->record)
                  remembered_.erase(kept);
              }
              if (done) done({});
            });
}

void MemoryStore::remember(const storage::CallRecord& record) {
  remembered_[record.id] = record;
}

void MemoryStore::crash() {
  ++life_;
}

void MemoryStore::write(const storage::Change& change) {
  const auto replace = [](auto& list, const auto& value, auto key) {
    std::erase_if(list, [&](const auto& other) { return key(other) == key(value); });
    list.push_back(value);
  };
  if (const auto* binding = std::get_if<storage::PutBinding>(&change)) {
    replace(durable.bindings, binding->binding, [](const auto& b) { return b.token; });
  } else if (const auto* gone = std::get_if<storage::DeleteBinding>(&change)) {
    std::erase_if(durable.bindings, [&](const auto& b) { return b.token == gone->token; });
  } else if (const auto* up = std::get_if<storage::PutCall>(&change)) {
    replace(durable.calls, up->call, [](const auto& c) { return c.id; });
  } else if (const auto* over = std::get_if<storage::DeleteCall>(&change)) {
    std::erase_if(durable.calls, [&](const auto& c) { return c.id == over->id; });
  } else if (const auto* made = std::get_if<storage::PutSubscription>(&change)) {
    replace(durable.subscriptions, made->subscription, [](const auto& s) { return s.id; });
  } else if (const auto* ended = std::get_if<storage::DeleteSubscription>(&change)) {
    std::erase_if(durable.subscriptions, [&](const auto& s) { return s.id == ended->id; });
  } else if (const auto* record = std::get_if<storage::PutRecord>(&change)) {
    std::erase_if(durable.open_records, [&](const auto& r) { return r.id == record->record.id; });
    if (!record->record.ended) durable.open_records.push_back(record->record);
  } else if (const auto* target = std::get_if<storage::PutTarget>(&change)) {
    replace(durable.targets, target->target, [](const auto& t) { return t.id; });
    durable.last_target = std::max(durable.last_target, target->target.id);
  } else if (const auto* removed = std::get_if<storage::DeleteTarget>(&change)) {
    std::erase_if(durable.targets, [&](const auto& t) { return t.id == removed->id; });
  } else if (const auto* set = std::get_if<storage::PutSet>(&change)) {
    replace(durable.sets, set->set, [](const auto& s) { return s.setid; });
  } else if (const auto* domain = std::get_if<storage::PutDomain>(&change)) {
    replace(durable.domains, domain->domain, [](const auto& d) { return d.domain; });
  } else if (const auto* knock = std::get_if<storage::PutDoorKnock>(&change)) {
    const auto& k = knock->knock;
    std::erase_if(durable.door_knocks, [&](const auto& other) {
      return other.source.address == k.source.address && other.reason == k.reason;
    });
    durable.door_knocks.insert(durable.door_knocks.begin(), k);
    if (durable.door_knocks.size() > limits::kDoorKnocks) durable.door_knocks.pop_back();
  } else if (const auto* gate = std::get_if<storage::PutGate>(&change)) {
    durable.gate = gate->settings;
  } else if (const auto* ban = std::get_if<storage::PutBan>(&change)) {
    replace(durable.bans, ban->ban, [](const auto& b) { return b.network; });
  } else if (const auto* lifted = std::get_if<storage::DeleteBan>(&change)) {
    std::erase_if(durable.bans, [&](const auto& b) { return b.network == lifted->network; });
  }
}

}  // namespace usher::sim
