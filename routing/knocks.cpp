#include "routing/knocks.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::routing {

std::string knock_line(const storage::DoorKnock& knock) {
  return "Door-knock blocked: domain=" +
         (knock.domain.empty() ? std::string{"-"} : escaped(knock.domain)) +
         " src=" + knock.source.address.text() + " (" + knock.reason + ")";
}

Knocks::Knocks(std::vector<storage::DoorKnock> kept)
    : kept_(std::make_move_iterator(kept.begin()), std::make_move_iterator(kept.end())) {
  if (kept_.size() > limits::kDoorKnocks) kept_.resize(limits::kDoorKnocks);
}

void Knocks::add(Instant now, storage::DoorKnock knock) {
  if (knock.domain.size() > 255) knock.domain.resize(255);
  if (knock.method.size() > 32) knock.method.resize(32);
  if (knock.user_agent.size() > 128) knock.user_agent.resize(128);
  if (batch_.size() < kBatch) batch_.push_back(storage::AddDoorKnock{knock});
  if (!due_) due_ = now + kPeriod;
  kept_.push_front(std::move(knock));
  if (kept_.size() > limits::kDoorKnocks) kept_.pop_back();
}

std::vector<storage::DoorKnock> Knocks::newest(std::size_t limit) const {
  return {kept_.begin(),
          kept_.begin() + static_cast<std::ptrdiff_t>(std::min(limit, kept_.size()))};
}

std::vector<storage::Change> Knocks::take_batch(Instant now) {
  if (!due_ || *due_ > now) return {};
  due_.reset();
  return std::exchange(batch_, {});
}

}  // namespace usher::routing
