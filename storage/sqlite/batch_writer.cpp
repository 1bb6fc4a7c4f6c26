#include "storage/sqlite/batch_writer.hpp"

#include <iterator>
#include <type_traits>

#include "core/limits.hpp"
#include "storage/sqlite/codec.hpp"
#include "storage/sqlite/columns.hpp"

namespace usher::storage {

namespace {

// Door-knocks are trimmed once per so many, not once per knock.
constexpr std::size_t kTrimEvery = limits::kDoorKnocks / 10;

std::string plural(std::int64_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

template <class Record>
bool put(Statement& statement, const Record& record) {
  bind_row(statement, record);
  return statement.run();
}

}  // namespace

Result<BatchWriter> BatchWriter::prepare(Database& database, bool files_records) {
  BatchWriter w;
  w.files_records_ = files_records;
  w.database_ = &database;
  // The first knock trims what earlier processes left.
  w.untrimmed_ = kTrimEvery;
  const struct {
    Statement* statement;
    const char* sql;
  } all[] = {
      {&w.begin_, "BEGIN IMMEDIATE"},
      {&w.commit_, "COMMIT"},
      {&w.rollback_, "ROLLBACK"},
      {&w.savepoint_, "SAVEPOINT batch"},
      {&w.rollback_to_, "ROLLBACK TO batch"},
      {&w.release_, "RELEASE batch"},
      {&w.put_domain_, Sql<Domain>::put},
      {&w.delete_domain_, Sql<Domain>::remove},
      {&w.put_set_, Sql<DispatcherSet>::put},
      {&w.delete_set_, Sql<DispatcherSet>::remove},
      {&w.put_target_, Sql<Target>::put},
      {&w.delete_target_, Sql<Target>::remove},
      {&w.put_binding_, Sql<Binding>::put},
      {&w.delete_binding_, Sql<Binding>::remove},
      {&w.put_call_, Sql<SavedCall>::put},
      {&w.delete_call_, Sql<SavedCall>::remove},
      {&w.put_subscription_, Sql<SavedSubscription>::put},
      {&w.delete_subscription_, Sql<SavedSubscription>::remove},
      {&w.put_leg_, Sql<LegRow>::put},
      {&w.delete_legs_, Sql<LegRow>::remove},
      {&w.put_scanner_, Sql<ScannerPattern>::put},
      {&w.delete_scanner_, Sql<ScannerPattern>::remove},
      {&w.put_knock_, Sql<DoorKnock>::put},
      {&w.put_gate_, Sql<GateSettings>::put},
      {&w.put_ban_, Sql<Ban>::put},
      {&w.delete_ban_, Sql<Ban>::remove},
      {&w.add_audit_, Sql<AuditEntry>::put},
      {&w.trim_audit_, Sql<AuditEntry>::trim},
      {&w.put_secret_, Sql<Secret>::put},
      {&w.put_record_, Sql<CallRecord>::put},
      {&w.prune_old_, Sql<CallRecord>::prune_old},
      {&w.prune_many_, Sql<CallRecord>::prune_many},
      {&w.trim_knocks_, Sql<DoorKnock>::trim},
      {&w.same_destination_,
       "SELECT id FROM targets WHERE setid = ?1 AND destination = ?2 AND id <> ?3"},
      {&w.targets_of_set_, "SELECT count(*) FROM targets WHERE setid = ?1"},
      {&w.domains_of_set_, "SELECT count(*), min(domain) FROM domains WHERE setid = ?1"},
  };
  for (const auto& [statement, sql] : all) {
    auto prepared = Statement::prepare(database, sql);
    if (!prepared) return prepared.error();
    *statement = std::move(*prepared);
  }
  return w;
}

Result<std::vector<Result<void>>> BatchWriter::write(const std::deque<Batch>& batches,
                                                     std::size_t count) {
  // A transaction can only be left open here by a rollback that failed as well.
  if (database_->in_transaction() && !rollback_.run()) return disk_error();
  if (!begin_.run()) return disk_error();

  const auto abandon = [this](Error error) {
    if (database_->in_transaction()) rollback_.run();
    return error;
  };
  std::vector<Result<void>> outcomes;
  outcomes.reserve(count);
  const std::size_t untrimmed_before = untrimmed_;
  for (auto batch = batches.begin();
       batch != std::next(batches.begin(), static_cast<std::ptrdiff_t>(count)); ++batch) {
    Result<void> outcome = write_batch(*batch);
    if (!outcome && outcome.error().code == Errc::io) {
      untrimmed_ = untrimmed_before;
      return abandon(outcome.error());
    }
    outcomes.push_back(std::move(outcome));
  }
  if (auto trimmed = trim_door_knocks(); !trimmed) {
    untrimmed_ = untrimmed_before;
    return abandon(trimmed.error());
  }
  if (!commit_.run()) {
    untrimmed_ = untrimmed_before;
    return abandon(disk_error());
  }
  return outcomes;
}

Result<void> BatchWriter::write_batch(const Batch& batch) {
  if (!savepoint_.run()) return disk_error();
  for (const Change& change : batch.changes) {
    auto applied = apply(change);
    if (applied) continue;
    // Some disk errors have undone the whole transaction already.
    if (applied.error().code == Errc::io || !database_->in_transaction()) {
      return fail(Errc::io, applied.error().message);
    }
    if (!rollback_to_.run() || !release_.run()) return disk_error();
    return applied;
  }
  if (!release_.run()) return disk_error();
  return {};
}

Result<void> BatchWriter::apply(const Change& change) {
  const bool done = std::visit(
      [this](const auto& c) {
        using T = std::decay_t<decltype(c)>;
        if constexpr (std::is_same_v<T, PutDomain>) return put(put_domain_, c.domain);
        if constexpr (std::is_same_v<T, DeleteDomain>)
          return delete_domain_.bind(1, c.domain).run();
        if constexpr (std::is_same_v<T, PutSet>) return put(put_set_, c.set);
        if constexpr (std::is_same_v<T, DeleteSet>) return delete_set_.bind(1, c.setid).run();
        if constexpr (std::is_same_v<T, PutTarget>) return put(put_target_, c.target);
        if constexpr (std::is_same_v<T, DeleteTarget>) return delete_target_.bind(1, c.id).run();
        if constexpr (std::is_same_v<T, PutBinding>) return put(put_binding_, c.binding);
        if constexpr (std::is_same_v<T, DeleteBinding>)
          return delete_binding_.bind(1, c.token).run();
        if constexpr (std::is_same_v<T, PutCall>) {
          return put(put_call_, c.call) && put_legs(c.call.id, c.call.origin, c.call.answerer);
        }
        if constexpr (std::is_same_v<T, DeleteCall>)
          return delete_call_.bind(1, c.id).run() && delete_legs_.bind(1, c.id).run();
        if constexpr (std::is_same_v<T, PutSubscription>) {
          const SavedSubscription& s = c.subscription;
          return put(put_subscription_, s) && put_legs(s.id, s.subscriber, s.notifier);
        }
        if constexpr (std::is_same_v<T, DeleteSubscription>)
          return delete_subscription_.bind(1, c.id).run() && delete_legs_.bind(1, c.id).run();
        if constexpr (std::is_same_v<T, PutScanner>) return put(put_scanner_, c.scanner);
        if constexpr (std::is_same_v<T, DeleteScanner>)
          return delete_scanner_.bind(1, c.pattern).run();
        if constexpr (std::is_same_v<T, PutDoorKnock>) {
          ++untrimmed_;
          return put(put_knock_, c.knock);
        }
        if constexpr (std::is_same_v<T, PutGate>) return put(put_gate_, c.settings);
        if constexpr (std::is_same_v<T, PutBan>) return put(put_ban_, c.ban);
        if constexpr (std::is_same_v<T, DeleteBan>)
          return delete_ban_.bind(1, c.network.text()).run();
        if constexpr (std::is_same_v<T, AddAudit>) return add_audit(c.entry);
        if constexpr (std::is_same_v<T, PutSecret>) return put(put_secret_, c.secret);
        if constexpr (std::is_same_v<T, PutRecord>) {
          put_record_.bind(21, files_records_ ? 0 : 1);
          return put(put_record_, c.record);
        }
        if constexpr (std::is_same_v<T, PruneRecords>) return prune_records(c);
      },
      change);
  if (done) return {};
  return refusal(change);
}

bool BatchWriter::put_legs(const std::string& owner, const SavedLeg& first,
                           const SavedLeg& second) {
  bind_leg(put_leg_, owner, 0, first);
  if (!put_leg_.run()) return false;
  bind_leg(put_leg_, owner, 1, second);
  return put_leg_.run();
}

bool BatchWriter::add_audit(const AuditEntry& entry) {
  return put(add_audit_, entry) &&
         trim_audit_.bind(1, entry.id - std::int64_t{limits::kAuditEntries}).run();
}

bool BatchWriter::prune_records(const PruneRecords& prune) {
  constexpr std::int64_t kAtATime{limits::kPrunedRecords};
  return prune_old_.bind(1, milliseconds(prune.before)).bind(2, kAtATime).run() &&
         prune_many_.bind(1, std::int64_t{limits::kCallRecords}).bind(2, kAtATime).run();
}

Result<void> BatchWriter::trim_door_knocks() {
  if (untrimmed_ < kTrimEvery + 1) return {};
  if (!trim_knocks_.bind(1, std::int64_t{limits::kDoorKnocks}).run()) return disk_error();
  untrimmed_ = 0;
  return {};
}

Error BatchWriter::disk_error() {
  return database_->error("cannot write the database");
}

Error BatchWriter::refusal(const Change& change) {
  const auto missing_set = [](const std::string& what, SetId setid) {
    return fail(Errc::conflict,
                what + " names set " + std::to_string(setid) + ", which does not exist");
  };
  switch (database_->fault()) {
    case SqlFault::reference:
      if (const auto* c = std::get_if<PutDomain>(&change)) {
        return missing_set("domain " + c->domain.domain, c->domain.setid);
      }
      if (const auto* c = std::get_if<PutTarget>(&change)) {
        return missing_set("target " + c->target.destination.text(), c->target.setid);
      }
      if (const auto* c = std::get_if<DeleteSet>(&change)) return in_use(c->setid);
      return fail(Errc::conflict, database_->message());
    case SqlFault::duplicate:
      if (const auto* c = std::get_if<PutTarget>(&change)) {
        const Target& target = c->target;
        const std::string destination = target.destination.text();
        same_destination_.bind(1, target.setid).bind(2, destination).bind(3, target.id);
        const bool found = same_destination_.step() == Statement::Step::row;
        const std::int64_t other = found ? same_destination_.integer(0) : 0;
        same_destination_.reset();
        return fail(Errc::conflict, "set " + std::to_string(target.setid) + " has destination " +
                                        destination + " already: target " + std::to_string(other));
      }
      return fail(Errc::conflict, database_->message());
    case SqlFault::value:
      return fail(Errc::range, "refused by the schema: " + database_->message());
    case SqlFault::none:
    case SqlFault::not_a_database:
    case SqlFault::corrupt:
    case SqlFault::read_only:
    case SqlFault::busy:
    case SqlFault::other: break;
  }
  return disk_error();
}

Error BatchWriter::in_use(SetId setid) {
  std::string by;
  if (targets_of_set_.bind(1, setid).step() == Statement::Step::row &&
      targets_of_set_.integer(0) > 0) {
    by = plural(targets_of_set_.integer(0), "target");
  }
  targets_of_set_.reset();
  if (domains_of_set_.bind(1, setid).step() == Statement::Step::row &&
      domains_of_set_.integer(0) > 0) {
    const std::int64_t count = domains_of_set_.integer(0);
    const std::string first{domains_of_set_.text(1)};
    by += (by.empty() ? "" : " and ") +
          (count == 1 ? "domain " + first : plural(count, "domain") + ", " + first + " among them");
  }
  domains_of_set_.reset();
  return fail(Errc::conflict, "set " + std::to_string(setid) + " is in use by " + by);
}

}  // namespace usher::storage
