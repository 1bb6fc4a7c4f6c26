#include "storage/records.hpp"

namespace usher::storage {

std::string_view algorithm_name(Algorithm a) {
  switch (a) {
    case Algorithm::round_robin: return "round-robin";
    case Algorithm::weighted: return "weighted";
    case Algorithm::priority: return "priority";
    case Algorithm::hash: return "hash";
  }
  return {};
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
  for (const Algorithm a :
       {Algorithm::round_robin, Algorithm::weighted, Algorithm::priority, Algorithm::hash}) {
    if (text == algorithm_name(a)) return a;
  }
  return std::nullopt;
}

std::string_view target_state_name(TargetState s) {
  switch (s) {
    case TargetState::active: return "active";
    case TargetState::draining: return "draining";
    case TargetState::disabled: return "disabled";
  }
  return {};
}

std::optional<TargetState> parse_target_state(std::string_view text) {
  for (const TargetState s : {TargetState::active, TargetState::draining, TargetState::disabled}) {
    if (text == target_state_name(s)) return s;
  }
  return std::nullopt;
}

std::string_view leg_side_name(LegSide s) {
  switch (s) {
    case LegSide::phone: return "phone";
    case LegSide::backend: return "backend";
  }
  return {};
}

std::optional<LegSide> parse_leg_side(std::string_view text) {
  for (const LegSide s : {LegSide::phone, LegSide::backend}) {
    if (text == leg_side_name(s)) return s;
  }
  return std::nullopt;
}

std::string_view call_ender_name(CallEnder e) {
  switch (e) {
    case CallEnder::originator: return "originator";
    case CallEnder::answerer: return "answerer";
    case CallEnder::edge: return "edge";
  }
  return {};
}

std::optional<CallEnder> parse_call_ender(std::string_view text) {
  for (const CallEnder e : {CallEnder::originator, CallEnder::answerer, CallEnder::edge}) {
    if (text == call_ender_name(e)) return e;
  }
  return std::nullopt;
}

std::string_view gate_mode_name(GateMode m) {
  switch (m) {
    case GateMode::first_week: return "first-week";
    case GateMode::dry_run: return "dry-run";
    case GateMode::enforce: return "enforce";
  }
  return {};
}

std::optional<GateMode> parse_gate_mode(std::string_view text) {
  for (const GateMode m : {GateMode::first_week, GateMode::dry_run, GateMode::enforce}) {
    if (text == gate_mode_name(m)) return m;
  }
  return std::nullopt;
}

}  // namespace usher::storage
