// A storage::Store in memory and virtual time. What was answered is durable and survives a crash of
// the edge; what still waited is gone with the process.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "core/rng.hpp"
#include "storage/store.hpp"
#include "tests/sim/clock.hpp"

namespace usher::sim {

class MemoryStore final : public storage::Store {
 public:
  // A batch takes between `least` and `most`.
  MemoryStore(Clock& clock, Duration least, Duration most, std::uint64_t seed)
      : clock_(clock), least_(least), most_(most), rng_(seed) {}

  storage::Snapshot durable;

  Result<storage::Snapshot> load(WallTime now) override;
  void apply(std::vector<storage::Change> batch, storage::Durability durability,
             Done done) override;
  void remember(const storage::CallRecord& record) override;
  void read(storage::RecordQuery, Read done) override { done(storage::RecordPage{}); }
  void backups(storage::BackupRequest, Copied done) override {
    done(fail(Errc::io, "memory has no folder for backups"));
  }
  storage::StoreHealth health() const override { return {}; }
  void close() override {}

  // The process that used it is dead: nothing that waited is written, nobody is answered.
  void crash();
  // An operator's write, durable at once.
  void write(const storage::Change& change);

 private:
  Clock& clock_;
  Duration least_, most_;
  Rng rng_;
  std::uint64_t life_ = 1;
  std::map<std::string, storage::CallRecord> remembered_;  // until it is written
  Instant last_{};
};

}  // namespace usher::sim
