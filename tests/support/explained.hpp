// What tests of explanations share.
#pragma once

#include <doctest/doctest.h>

#include "routing/explain.hpp"
#include "tests/support/edge_world.hpp"

namespace usher::test {

using routing::Explanation;

inline Explanation explained(World& w, const std::string& call_id = "call-1") {
  return routing::explain(
      w.edge().recorder().find({.call_ids = {call_id}, .aor = {}, .source = {}, .trace = {}}),
      w.now.mono);
}

inline bool says(const Explanation& e, std::string_view part) {
  if (e.verdict.text.find(part) != std::string::npos) return true;
  MESSAGE(e.verdict.text);
  return false;
}

inline const routing::Step* step_of(const Explanation& e, std::string_view what) {
  for (const auto& r : e.steps) {
    if (r.step.what == what) return &r.step;
  }
  return nullptr;
}

// The timers that a trace tells of, in order: "armed timer B 32s, fired timer B 32s".
inline std::string timers(const Explanation& e) {
  std::string out;
  for (const auto& r : e.steps) {
    if (!r.step.what.starts_with("timer-")) continue;
    out.append(out.empty() ? "" : ", ").append(r.step.what.substr(6)).append(" ");
    out.append(r.step.field("timer")).append(" ").append(r.step.field("time"));
  }
  return out;
}

// The messages to `endpoint` since the last take.
inline Sent to(World& w, const std::string& endpoint) {
  for (Sent& s : w.take()) {
    if (s.flow.remote.text() == endpoint) return std::move(s);
  }
  FAIL("nothing went to " << endpoint);
  return {};
}

inline std::string ack_of(const Ask& a, const Sent& answer) {
  Ask ack = a;
  ack.method = "ACK";
  ack.to_tag = std::string{answer.message->to_tag()};
  return request(ack);
}

// INVITE, 200, ACK. Returns the INVITE that the backend got; `seen` becomes the phone's 200.
inline Sent establish(World& w, const Ask& ask = phone_invite(), Sent* seen = nullptr) {
  w.phone(kPhone, request(ask));
  const Sent sent = to(w, kA1);
  w.backend(kA1, response(sent, 200, "Contact: <sip:402@127.0.0.10:5060>\n"));
  const Sent answer = to(w, kPhone);
  REQUIRE(answer.status() == 200);
  w.phone(kPhone, ack_of(ask, answer));
  w.take();
  if (seen) *seen = answer;
  return sent;
}

}  // namespace usher::test
