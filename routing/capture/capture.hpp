// What is mirrored to a capture server: each SIP message received or sent, but what is left without
// an answer, with the id that joins both legs of a call. Pure: the packets are collected for the
// caller.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/net/flow.hpp"
#include "core/time.hpp"
#include "routing/capture/correlation.hpp"
#include "routing/capture/hep.hpp"
#include "sip/transaction/events.hpp"

namespace usher::routing {

class Capture {
 public:
  // `local`: where each listener receives, in listener order. Without an agent it does nothing.
  Capture(std::optional<HepAgent> agent, std::vector<net::Endpoint> local, const HashKey& key);

  bool enabled() const { return agent_.has_value(); }

  // The packet that is under way is a request outside dialogs: its Call-ID belongs to the trace,
  // unless it is dropped, so that a flood of strangers pushes nothing out. One with a To tag
  // (`late`: its dialog is gone) changes nothing that is known.
  void begun(bool late, TraceId trace);
  // It goes on to another leg under another name.
  void joined(std::string_view call_id, std::string_view other_call_id, TraceId trace);
  void call_begun(TraceId trace);
  void call_ended(TraceId trace);

  // A packet is under way; it is mirrored by settle(), when it is known what became of it.
  void arrived(Now now, const net::Packet& packet);
  void dropped() { pending_.reset(); }
  void settle();
  void sent(Now now, const sip::Send& send);

  // Since the last take, in order.
  std::vector<std::string> take();

 private:
  // Messages of one wake-up have one time; to stay in order they are sent a microsecond apart.
  Duration stamp(WallTime at);
  void mirror(WallTime at, const net::Flow& flow, bool outwards, std::string_view message);

  std::optional<HepAgent> agent_;
  std::vector<net::Endpoint> local_;
  Correlation correlation_;
  struct Pending {
    net::Packet packet;
    WallTime at{};
    TraceId trace = 0;
    bool late = false;
  };
  std::optional<Pending> pending_;
  Duration last_{};  // since 1970, of the last packet
  std::vector<std::string> out_;
};

}  // namespace usher::routing
