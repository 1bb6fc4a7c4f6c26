#include "routing/recorder/recorder.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/recorder/redact.hpp"

namespace usher::routing {

namespace {

constexpr std::size_t kHeadBytes = 4096;   // among which the Call-ID is looked for
constexpr std::size_t kStrangersPart = 8;  // of the memory: one part of so many

// "Call-ID" or "i" (RFC 3261 §20.8), any case, then perhaps blanks and the colon.
std::optional<std::string_view> call_id_value(std::string_view line) {
  if (line.size() < 3) return std::nullopt;
  std::size_t name = 0;
  if ((line[0] | 0x20) == 'c' && line.size() > 8 &&
      equals_without_case(line.substr(0, 7), "call-id")) {
    name = 7;
  } else if ((line[0] | 0x20) == 'i' && (line[1] == ':' || line[1] == ' ' || line[1] == '\t')) {
    name = 1;
  } else {
    return std::nullopt;
  }
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (name < line.size() && blank(line[name])) ++name;
  if (name == line.size() || line[name] != ':') return std::nullopt;
  std::string_view value = line.substr(name + 1);
  while (!value.empty() && blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && blank(value.back())) value.remove_suffix(1);
  return value;
}

}  // namespace

std::string_view find_call_id(std::string_view message) {
  std::string_view rest = message.substr(0, kHeadBytes);
  while (!rest.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(rest.data(), '\n', rest.size()));
    const std::size_t length = end ? static_cast<std::size_t>(end - rest.data()) : rest.size();
    const std::string_view line = rest.substr(0, length);
    if (const auto value = call_id_value(line)) return *value;
    if (line == "\r") return {};
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  return {};
}

Recorder::Recorder(RecorderConfig config, const HashKey& key)
    : config_(std::move(config)), calls_(key), aors_{~key.k0, key.k1} {
  config_.memory = std::max(config_.memory, limits::kRecorderLeast);
  if (config_.enabled) enable(true);
}

void Recorder::enable(bool enabled) {
  if (enabled == ring_.has_value()) return;
  pending_.reset();
  if (!enabled) {
    ring_.reset();
    strangers_.reset();
    return;
  }
  const std::size_t part = config_.memory / kStrangersPart;
  ring_.emplace(config_.memory - part);
  strangers_.emplace(part);
}

std::uint64_t Recorder::call_key(std::string_view call_id) const {
  return call_id.empty() ? 0 : siphash(calls_, call_id);
}
std::uint64_t Recorder::aor_key(std::string_view aor) const {
  return aor.empty() ? 0 : siphash(aors_, aor);
}

RingEntry Recorder::entry(Now now, RecordKind kind, const net::Flow& flow) {
  RingEntry made;
  made.sequence = ++sequence_;
  made.at = now.mono;
  made.wall = now.wall;
  made.remote = flow.remote;
  made.listener = flow.listener;
  made.transport = flow.transport;
  made.kind = kind;
  return made;
}

void Recorder::keep(RecordRing& ring, RingEntry entry, std::string_view text) {
  entry.bytes = static_cast<std::uint32_t>(text.size());
  ring.add(entry, text.substr(0, limits::kRecordedBytes));
}

void Recorder::arrived(Now now, const net::Packet& packet) {
  if (!ring_) return;
  settle();
  if (packet.data.size() < kSmallestMessage) return;
  pending_ = Pending{packet, entry(now, RecordKind::received, packet.flow)};
  pending_trace_ = 0;
  pending_dropped_ = false;
}

void Recorder::settle() {
  if (!pending_) return;
  RingEntry& made = pending_->entry;
  const std::string_view text = pending_->packet.data.view();
  made.trace = pending_trace_;
  made.dropped = pending_dropped_;
  made.keys[0] = call_key(find_call_id(text));
  made.keys[1] = std::hash<std::string_view>{}(text);
  keep(pending_dropped_ ? *strangers_ : *ring_, made, text);
  pending_.reset();
}

void Recorder::sent(Now now, const sip::Send& send) {
  if (!ring_ || send.bytes.size() < kSmallestMessage) return;
  RingEntry made = entry(now, RecordKind::sent, send.flow);
  made.keys[0] = call_key(find_call_id(send.bytes.view()));
  made.keys[1] = std::hash<std::string_view>{}(send.bytes.view());
  keep(*ring_, made, send.bytes.view());
}

void Recorder::begin(Now now, TraceId trace, std::string_view call_id,
                     const std::array<std::string_view, 3>& aors, const net::Flow& flow,
                     std::string_view step, bool stranger) {
  if (!ring_) return;
  RingEntry made = entry(now, RecordKind::begin, flow);
  made.trace = trace;
  made.keys = {call_key(call_id), aor_key(aors[0]), aor_key(aors[1]), aor_key(aors[2])};
  keep(stranger ? *strangers_ : *ring_, made, step);
}

void Recorder::note(Now now, TraceId trace, std::string_view step, std::string_view call_id,
                    std::string_view other_call_id, bool stranger) {
  if (!ring_ || trace == 0) return;
  RingEntry made = entry(now, RecordKind::note, {});
  made.trace = trace;
  made.keys = {call_key(call_id), call_key(other_call_id), 0, 0};
  keep(stranger ? *strangers_ : *ring_, made, step);
}

RecorderCounts Recorder::counts() const {
  RecorderCounts out;
  out.enabled = enabled();
  out.memory = config_.memory;
  for (const auto* ring : {&ring_, &strangers_}) {
    if (!*ring) continue;
    out.used += (*ring)->text_bytes();
    for (std::size_t i = 0; i < (*ring)->size(); ++i) {
      const RingEntry& e = (**ring)[i];
      ++(is_message(e.kind) ? out.messages : out.steps);
      if (!out.oldest || e.wall < *out.oldest) out.oldest = e.wall;
    }
  }
  return out;
}

}  // namespace usher::routing
