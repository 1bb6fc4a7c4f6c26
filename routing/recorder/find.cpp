// The recorder's search: from what is asked for to traces, from these to all Call-IDs they tell of,
// and from these to everything that carries one.
#include <algorithm>
#include <boost/unordered/unordered_flat_set.hpp>
#include <set>
#include <tuple>

#include "core/limits.hpp"
#include "routing/recorder/recorder.hpp"
#include "routing/recorder/redact.hpp"

namespace usher::routing {

namespace {

using Keys = boost::unordered_flat_set<std::uint64_t>;
using Entries = std::vector<std::pair<const RecordRing*, const RingEntry*>>;

// Retransmissions and late responses of a request come no later than this after its last step
// (64·T1 with T1 at 500 ms).
constexpr std::chrono::seconds kAfterwards{32};

// What a trace tells of: the time from its first entry to its last.
struct Period {
  Instant first = Instant::max(), last = Instant::min();
  void take(Instant at) {
    first = std::min(first, at);
    last = std::max(last, at);
  }
  bool holds(Instant at) const { return at >= first && at <= last + kAfterwards; }
};

// Of the `shown` newest ones (newest first; the rest is in no order) which repeat another one, that
// may be too old to be shown. Oldest first. No text is read.
std::vector<bool> repeated(const Entries& found, std::size_t shown) {
  Keys texts;
  for (std::size_t i = 0; i < shown; ++i) {
    if (is_message(found[i].second->kind)) texts.insert(found[i].second->keys[1]);
  }
  std::set<std::tuple<RecordKind, net::Endpoint, std::uint64_t>> seen;
  const auto is_new = [&](const RingEntry& e) {
    return seen.emplace(e.kind, e.remote, e.keys[1]).second;
  };
  for (std::size_t i = shown; i < found.size(); ++i) {
    const RingEntry& e = *found[i].second;
    if (is_message(e.kind) && texts.contains(e.keys[1])) is_new(e);
  }
  std::vector<bool> out;
  for (std::size_t i = shown; i-- > 0;) {
    const RingEntry& e = *found[i].second;
    out.push_back(is_message(e.kind) && !is_new(e));
  }
  return out;
}

}  // namespace

Record Recorder::record(const RecordRing& ring, const RingEntry& e) const {
  Record out;
  out.sequence = e.sequence;
  out.kind = e.kind;
  out.dropped = e.dropped;
  out.at = e.at;
  out.wall = e.wall;
  out.transport = e.transport;
  out.remote = e.remote;
  if (e.listener.value < config_.local.size()) out.local = config_.local[e.listener.value];
  out.trace = e.trace;
  out.bytes = e.bytes;
  if (is_message(e.kind)) {
    out.text = redacted(ring.text(e));
  } else {
    out.step = read_step(ring.text(e));
  }
  return out;
}

Records Recorder::find(const Lookup& lookup, Window window) const {
  Records out;
  if (!ring_) return out;
  const auto each = [&](auto visit) {
    for (const RecordRing* ring : {&*strangers_, &*ring_}) {
      for (std::size_t i = 0; i < ring->size(); ++i) visit(*ring, (*ring)[i]);
    }
  };

  Keys calls, traces;
  for (const std::string& call_id : lookup.call_ids) calls.insert(call_key(call_id));
  calls.erase(0);
  if (lookup.trace) traces.insert(*lookup.trace);
  const std::uint64_t aor = aor_key(lookup.aor);
  if (aor != 0 || lookup.source) {
    each([&](const RecordRing&, const RingEntry& e) {
      const bool names = e.kind == RecordKind::begin && aor != 0 &&
                         (e.keys[1] == aor || e.keys[2] == aor || e.keys[3] == aor);
      const bool from =
          lookup.source && e.kind != RecordKind::note && e.remote.address == *lookup.source;
      if (from && e.keys[0] != 0) calls.insert(e.keys[0]);
      if ((names || from) && e.trace != 0) traces.insert(e.trace);
    });
  }
  const auto holds = [&](std::uint64_t call) { return call != 0 && calls.contains(call); };
  const auto take_traces = [&] {
    each([&](const RecordRing&, const RingEntry& e) {
      const bool told = holds(e.keys[0]) || (e.kind == RecordKind::note && holds(e.keys[1]));
      if (told && e.trace != 0) traces.insert(e.trace);
    });
  };
  Period period;
  const auto take_calls = [&] {
    each([&](const RecordRing&, const RingEntry& e) {
      if (e.trace == 0 || !traces.contains(e.trace)) return;
      period.take(e.at);
      if (e.keys[0] != 0) calls.insert(e.keys[0]);
      if (e.kind == RecordKind::note && e.keys[1] != 0) calls.insert(e.keys[1]);
    });
  };
  // Of one trace only its own time: the same Call-ID may have been used for hours (REGISTER).
  // Otherwise twice: a challenged INVITE comes again with its Call-ID, and each time there is
  // another one towards the backend, by which it may have been found.
  const bool bounded = lookup.trace && lookup.call_ids.empty();
  for (int i = 0; i < (bounded ? 1 : 2); ++i) {
    if (!bounded) take_traces();
    take_calls();
  }

  Entries found;
  each([&](const RecordRing& ring, const RingEntry& e) {
    if (e.sequence >= window.before) return;
    const bool own = e.trace != 0 && traces.contains(e.trace);
    // A response that cannot be read, or one without a Call-ID, is of no call and no trace.
    const bool garbage = lookup.source && is_message(e.kind) && e.keys[0] == 0 && e.trace == 0 &&
                         e.remote.address == *lookup.source;
    const bool message = is_message(e.kind) && holds(e.keys[0]) && (!bounded || period.holds(e.at));
    if (own || message || garbage) found.emplace_back(&ring, &e);
  });
  // The newest first, and one more, which tells that there is more.
  const auto newer = [](const auto& a, const auto& b) {
    return a.second->sequence > b.second->sequence;
  };
  const std::size_t limit = std::clamp<std::size_t>(window.limit, 1, limits::kRecords);
  const auto end = found.begin() + static_cast<std::ptrdiff_t>(std::min(found.size(), limit + 1));
  std::nth_element(found.begin(), end, found.end(), newer);
  std::sort(found.begin(), end, newer);
  std::size_t bytes = 0;
  for (auto it = found.begin(); it != end; ++it) {
    const auto& [ring, e] = *it;
    bytes += e->length;
    if (out.items.size() == limit || (bytes > limits::kRecordBytes && !out.items.empty())) {
      out.older = out.items.back().sequence;
      break;
    }
    out.items.push_back(record(*ring, *e));
  }
  std::reverse(out.items.begin(), out.items.end());
  const std::vector<bool> again = repeated(found, out.items.size());
  for (std::size_t i = 0; i < again.size(); ++i) out.items[i].repeated = again[i];
  return out;
}

}  // namespace usher::routing
