#include "routing/event_log.hpp"

#include <algorithm>

namespace usher::routing {

namespace {

void cut(std::string& text) {
  if (text.size() > EventLog::kTextBytes) text.resize(EventLog::kTextBytes);
}

}  // namespace

void EventLog::add(WallTime at, EventKind kind, std::string subject, std::string text) {
  cut(subject);
  cut(text);
  if (events_.size() == most_) events_.pop_front();
  events_.push_back({++last_, at, kind, std::move(subject), std::move(text)});
}

const Event* EventLog::next(std::uint64_t after) const {
  if (events_.empty() || after >= last_) return nullptr;
  const std::uint64_t oldest = events_.front().id;
  return &events_[after < oldest ? 0 : static_cast<std::size_t>(after - oldest + 1)];
}

std::uint64_t EventLog::lost(std::uint64_t after) const {
  if (events_.empty() || after >= last_) return 0;
  const std::uint64_t oldest = events_.front().id;
  after = std::max(after, first_);
  return after + 1 < oldest ? oldest - after - 1 : 0;
}

}  // namespace usher::routing
