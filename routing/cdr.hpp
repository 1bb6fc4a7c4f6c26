// Call detail records on their way: from the INVITE to the store (docs/adr/0009-call-records.md). A
// record is told to the store when its call begins, is answered and ends; each replaces the one
// before. It is remembered at once (Store::remember) and written with the changes of its call.
// Pure.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/histogram.hpp"
#include "core/time.hpp"
#include "routing/affinity.hpp"
#include "routing/dialog_saves.hpp"
#include "sip/stack.hpp"
#include "storage/records.hpp"

namespace usher::routing {

inline constexpr Duration kSetupBounds[] = {
    std::chrono::milliseconds(25),   std::chrono::milliseconds(50),  std::chrono::milliseconds(100),
    std::chrono::milliseconds(250),  std::chrono::milliseconds(500), std::chrono::seconds(1),
    std::chrono::milliseconds(2500), std::chrono::seconds(5),        std::chrono::seconds(10),
    std::chrono::seconds(20),        std::chrono::seconds(30),       std::chrono::seconds(60),
    std::chrono::seconds(120),       std::chrono::seconds(180)};
inline constexpr Duration kTalkBounds[] = {
    std::chrono::seconds(1),    std::chrono::seconds(5),    std::chrono::seconds(10),
    std::chrono::seconds(30),   std::chrono::seconds(60),   std::chrono::seconds(120),
    std::chrono::seconds(300),  std::chrono::seconds(600),  std::chrono::seconds(1200),
    std::chrono::seconds(1800), std::chrono::seconds(3600), std::chrono::seconds(7200),
    std::chrono::seconds(14400)};

// What the calls of one side came to; times in Prometheus' cumulative way of counting.
struct CallDurations {
  Histogram post_dial{kSetupBounds};  // from the INVITE to the first 18x
  Histogram setup{kSetupBounds};      // to the answer
  Histogram talk{kTalkBounds};        // from the answer to the end
};

class CallRecords {
 public:
  // A challenged INVITE waits so long for the one with credentials, which goes on with its call.
  static constexpr Duration kChallenge = std::chrono::seconds(32);
  static constexpr Duration kPrune = std::chrono::minutes(1);
  static constexpr std::size_t kPruneAfter = 500;  // ended calls

  // `keep`: of an ended call; 0: for ever. `repeated`: for how long an INVITE may be repeated that
  // has no answer, 64·T1.
  CallRecords(DialogSaves& saves, Duration keep, Duration repeated, Instant now)
      : saves_(saves), keep_(keep), repeated_(repeated), prune_due_(now) {}

  // A call begins with this record, or goes on: an INVITE of the same Call-ID and From tag was
  // challenged, or the process before had got it and was killed before it could answer. Id and
  // beginning are then that one's.
  void begin(Instant now, Affinity::Key key, storage::CallRecord& record);
  // The id of the call that such an INVITE would go on with; null: it would begin a new one.
  const std::string* goes_on_with(Affinity::Key key, const std::string& call_id,
                                  const std::string& from) const;
  // It has become another and is still up.
  void tell(Instant now, const storage::CallRecord& record);
  void ringing(storage::CallRecord& record, const sip::CallRinging& event, Now now);
  void answered(storage::CallRecord& record, const sip::CallAnswered& event, Now now);
  // It is over. A challenge is held back for a while.
  void ended(storage::CallRecord record, const sip::CallEnded& event, Affinity::Key key, Now now);
  // It was refused before anything was tried, or is lost with its process.
  void close(Instant now, storage::CallRecord record);

  // Records of calls that the process before did not see the end of.
  void reopen(std::vector<storage::CallRecord> records);
  // The one of a call that goes on; nothing: the process before wrote none.
  std::optional<storage::CallRecord> take_open(const std::string& id);
  // A call of that process cannot be gone on with.
  void lost(const std::string& id, const std::string& why);
  // The rest of them have ended, unless their INVITE comes again. Returns how many these are.
  std::size_t give_up_open(Now now);

  std::optional<Instant> due() const;
  // Closes what has waited long enough. What is left to do for the store itself: forget old ones.
  std::optional<storage::Change> on_time(Now now);
  // What is held back is over: the process is about to end.
  void close_held(Instant now);
  // To remember, in order.
  std::vector<storage::CallRecord> take() { return std::exchange(changed_, {}); }

  std::size_t challenged() const { return challenged_.size(); }
  const CallDurations& times(storage::LegSide origin) const {
    return times_[static_cast<std::size_t>(origin)];
  }
  // Calls whose record has been closed, by status: 0 to 699, 0 for none.
  std::uint64_t ended_with(int status) const { return ended_[static_cast<std::size_t>(status)]; }

 private:
  struct Challenged {
    storage::CallRecord record;
    Instant due{};
  };
  void put(Instant now, const storage::CallRecord& record);
  void count(const storage::CallRecord& record);

  DialogSaves& saves_;
  Duration keep_, repeated_;
  Instant prune_due_;
  std::size_t ended_since_ = 0;  // the last pruning
  std::vector<storage::CallRecord> changed_;
  std::unordered_map<Affinity::Key, Challenged> challenged_;
  std::deque<std::pair<Instant, Affinity::Key>> order_;  // of challenged_, some gone already
  std::unordered_map<std::string, storage::CallRecord> open_;
  // Of these, by the originator's Call-ID, what may still be repeated.
  std::unordered_map<std::string, storage::CallRecord> lost_;
  Instant lost_due_{};
  std::array<CallDurations, 2> times_{};
  std::array<std::uint64_t, 700> ended_{};
};

// At most limits::kRecordTextBytes of it.
std::string record_text(std::string_view text);

}  // namespace usher::routing
