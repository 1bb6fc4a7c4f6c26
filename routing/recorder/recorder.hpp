// The flight recorder: the last messages received, sent and dropped, as they were on the wire (TLS
// and WSS in the clear), and the steps of the decision traces, in memory of a fixed size. Pure.
//
// What strangers send and get no answer to lies in a ring of its own, so that a flood of it pushes
// out no call. On a message's path nothing is parsed but the Call-ID looked for and the text copied
// once; secrets are hidden when it is read (redact.hpp), and there is no other way out.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/limits.hpp"
#include "core/net/flow.hpp"
#include "core/rng.hpp"
#include "core/time.hpp"
#include "routing/recorder/ring.hpp"
#include "routing/recorder/trace.hpp"
#include "sip/transaction/events.hpp"

namespace usher::routing {

struct RecorderConfig {
  bool enabled = true;
  std::size_t memory = 4 << 20;        // bytes, for everything; see limits::kRecorderLeast
  std::vector<net::Endpoint> local{};  // where each listener receives, in listener order
};

// What is shorter is no message but a keep-alive (RFC 5626 §3.5.1).
inline constexpr std::size_t kSmallestMessage = 16;

// A message, or a step of a trace.
struct Record {
  std::uint64_t sequence = 0;  // in the order in which it happened
  RecordKind kind = RecordKind::received;
  bool dropped = false;   // received, and left without an answer
  bool repeated = false;  // the same message to or from the same place was there before
  Instant at{};
  WallTime wall{};
  net::Transport transport = net::Transport::udp;
  net::Endpoint local, remote;
  TraceId trace = 0;      // 0: a message within a dialog, or a response
  std::string text;       // of a message, redacted
  std::size_t bytes = 0;  // it had on the wire
  Step step;              // of `begin` and `note`

  bool is_message() const { return routing::is_message(kind); }
  bool truncated() const { return is_message() && bytes > text.size(); }
};

// What to look for: everything that belongs to what is named here, both legs of calls.
struct Lookup {
  std::vector<std::string> call_ids;  // of any leg
  std::string aor;                    // "401@a.test": in From, To or Request-URI
  std::optional<net::IpAddress> source;
  std::optional<TraceId> trace;
};

// Which part of what there is: the newest ones that happened before this place. At most
// limits::kRecords at a time, and limits::kRecordBytes of text.
struct Window {
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();  // a Record's `sequence`
  std::size_t limit = limits::kRecords;
};

struct Records {
  std::vector<Record> items;           // oldest first
  std::optional<std::uint64_t> older;  // there are: `before` of the window that ends with them
};

// A request outside dialogs and what came of it: the steps of its trace from then on, oldest first,
// as write_step() wrote them. Views, good until something more is recorded.
struct Trail {
  const RingEntry* begin = nullptr;
  std::vector<std::pair<const RingEntry*, std::string_view>> steps;  // of `begin` first
};
struct Trails {
  std::vector<Trail> items;            // newest first
  std::optional<std::uint64_t> older;  // there are: `before` of those
};

struct RecorderCounts {
  bool enabled = false;
  std::size_t memory = 0, used = 0;  // bytes of texts
  std::size_t messages = 0, steps = 0;
  std::optional<WallTime> oldest;
};

class Recorder {
 public:
  // `key` is of this process alone.
  Recorder(RecorderConfig config, const HashKey& key);

  bool enabled() const { return ring_.has_value(); }
  // Off: what is held is forgotten, its memory given back.
  void enable(bool enabled);

  // A packet is under way; it is recorded by settle(), or by the next one's arrival.
  void arrived(Now now, const net::Packet& packet);
  void belongs_to(TraceId trace) { pending_trace_ = trace; }
  void dropped() { pending_dropped_ = true; }
  void settle();
  void sent(Now now, const sip::Send& send);

  // Steps. `begin` is the first one of a trace: of AoRs, those of From, To and Request-URI. Of a
  // trace that ends in silence: `stranger`.
  void begin(Now now, TraceId trace, std::string_view call_id,
             const std::array<std::string_view, 3>& aors, const net::Flow& flow,
             std::string_view step, bool stranger);
  // `call_id` and `other_call_id`: of the two legs, where the step tells of them.
  void note(Now now, TraceId trace, std::string_view step, std::string_view call_id = {},
            std::string_view other_call_id = {}, bool stranger = false);

  // Costs a walk over all entries, not over their texts: see docs/operating.md.
  Records find(const Lookup& lookup, Window window = {}) const;
  // The newest requests that came before this place (a Record's `sequence`), from `source` alone if
  // it is given. At most `most` are looked at; of a challenged call only its last one is shown. The
  // cost is that of find(): no text is read.
  Trails trails(std::uint64_t before, std::size_t most,
                const std::optional<net::Cidr>& source) const;
  RecorderCounts counts() const;

 private:
  RingEntry entry(Now now, RecordKind kind, const net::Flow& flow);
  void keep(RecordRing& ring, RingEntry entry, std::string_view text);
  Record record(const RecordRing& ring, const RingEntry& entry) const;
  std::uint64_t call_key(std::string_view call_id) const;
  std::uint64_t aor_key(std::string_view aor) const;

  RecorderConfig config_;
  HashKey calls_, aors_;
  std::optional<RecordRing> ring_, strangers_;
  std::uint64_t sequence_ = 0;
  struct Pending {
    net::Packet packet;
    RingEntry entry;
  };
  std::optional<Pending> pending_;
  TraceId pending_trace_ = 0;
  bool pending_dropped_ = false;
};

// The value of the first Call-ID header field in what is meant to be a SIP message; empty: none in
// its first bytes.
std::string_view find_call_id(std::string_view message);

}  // namespace usher::routing
