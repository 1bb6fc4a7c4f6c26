#include "routing/capture/capture.hpp"

#include <utility>

#include "routing/recorder/recorder.hpp"
#include "routing/recorder/redact.hpp"

namespace usher::routing {

Capture::Capture(std::optional<HepAgent> agent, std::vector<net::Endpoint> local,
                 const HashKey& key)
    : agent_(std::move(agent)), local_(std::move(local)), correlation_(key) {}

void Capture::begun(bool late, TraceId trace) {
  if (!pending_) return;
  pending_->trace = trace;
  pending_->late = late;
}

void Capture::joined(std::string_view call_id, std::string_view other_call_id, TraceId trace) {
  if (!agent_) return;
  correlation_.learn(call_id, trace);
  correlation_.learn(other_call_id, trace);
}

void Capture::call_begun(TraceId trace) {
  if (agent_) correlation_.call_begun(trace);
}

void Capture::call_ended(TraceId trace) {
  if (agent_) correlation_.call_ended(trace);
}

void Capture::arrived(Now now, const net::Packet& packet) {
  if (!agent_) return;
  settle();
  if (packet.data.size() >= kSmallestMessage) pending_ = Pending{packet, now.wall, 0, false};
}

void Capture::settle() {
  if (!pending_) return;
  const Pending settled = std::move(*pending_);
  pending_.reset();
  const std::string_view text = settled.packet.data.view();
  const std::string_view call_id = find_call_id(text);
  if (!settled.late || correlation_.find(call_id) == 0) correlation_.learn(call_id, settled.trace);
  mirror(settled.at, settled.packet.flow, false, text);
}

void Capture::sent(Now now, const sip::Send& send) {
  if (agent_ && send.bytes.size() >= kSmallestMessage)
    mirror(now.wall, send.flow, true, send.bytes.view());
}

std::vector<std::string> Capture::take() {
  return std::exchange(out_, {});
}

Duration Capture::stamp(WallTime at) {
  constexpr std::chrono::milliseconds kMostAhead{100};
  Duration since_1970 = at.time_since_epoch();
  if (last_ >= since_1970 && last_ < since_1970 + kMostAhead)
    since_1970 = last_ + std::chrono::microseconds(1);
  return last_ = since_1970;
}

void Capture::mirror(WallTime at, const net::Flow& flow, bool outwards, std::string_view message) {
  const std::string_view call_id = find_call_id(message);
  const TraceId trace = correlation_.find(call_id);
  const std::string name = trace == 0 ? std::string{} : trace_text(trace);
  net::Endpoint local;
  if (flow.listener.value < local_.size()) local = local_[flow.listener.value];
  // One packet has one family: a listener on all addresses may be known by a name of the other.
  if (local.address.is_v4() != flow.remote.address.is_v4())
    local.address = flow.remote.address.is_v4() ? net::IpAddress{} : net::IpAddress::v6({});
  const std::string payload = redacted(message);
  out_.push_back(hep_packet(*agent_, {.transport = flow.transport,
                                      .source = outwards ? local : flow.remote,
                                      .destination = outwards ? flow.remote : local,
                                      .since_1970 = stamp(at),
                                      .correlation = name.empty() ? call_id : name,
                                      .payload = payload}));
}

}  // namespace usher::routing
