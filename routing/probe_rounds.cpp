#include "routing/probe_rounds.hpp"

namespace usher::routing {

std::vector<ProbeRounds::Mark> ProbeRounds::begin(storage::TargetId target,
                                                  const std::vector<net::Endpoint>& places) {
  std::vector<Mark> marks;
  const std::uint64_t round = last_ + 1;
  for (const net::Endpoint& place : places) {
    marks.push_back(++last_);
    probes_[last_] = {target, place, round};
  }
  rounds_[round] = {places.size(), false};
  return marks;
}

std::optional<ProbeRounds::Ended> ProbeRounds::ended(Mark mark, int status) {
  const auto found = probes_.find(mark);
  if (found == probes_.end()) return std::nullopt;
  const Probe probe = found->second;
  probes_.erase(found);
  Round& round = rounds_[probe.round];
  Ended out{probe.target, probe.place, status != 0 && status != 408 && status != 503, false};
  const bool last = --round.open == 0;
  out.decides = !round.decided && (out.well || last);
  round.decided |= out.well;
  if (last) rounds_.erase(probe.round);
  return out;
}

}  // namespace usher::routing
