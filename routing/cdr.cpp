#include "routing/cdr.hpp"

#include <algorithm>
#include <utility>

#include "core/limits.hpp"

namespace usher::routing {

namespace {

WallTime after(WallTime start, Duration took) {
  return start + std::chrono::duration_cast<std::chrono::milliseconds>(took);
}

storage::CallEnder ender_of(sip::Ender ender) {
  switch (ender) {
    case sip::Ender::originator: return storage::CallEnder::originator;
    case sip::Ender::answerer: return storage::CallEnder::answerer;
    case sip::Ender::edge: return storage::CallEnder::edge;
  }
  return storage::CallEnder::edge;
}

std::string cause_of(const sip::CallEnded& e) {
  if (e.why == "BYE")
    return e.ended_by == sip::Ender::answerer ? "the answerer hung up" : "the originator hung up";
  if (e.why == "CANCEL") return "the originator gave up";
  return record_text(e.why);
}

bool is_challenge(const sip::CallEnded& e) {
  return !e.answered && (e.status == 401 || e.status == 407);
}

}  // namespace

std::string record_text(std::string_view text) {
  return std::string{text.substr(0, limits::kRecordTextBytes)};
}

void CallRecords::put(Instant now, const storage::CallRecord& record) {
  changed_.push_back(record);
  saves_.put(now, record.id, storage::PutRecord{record}, false);
}

void CallRecords::begin(Instant now, Affinity::Key key, storage::CallRecord& record) {
  if (const auto held = challenged_.find(key); held != challenged_.end()) {
    record.id = held->second.record.id;
    record.started = held->second.record.started;
    challenged_.erase(held);
  } else if (const auto lost = lost_.find(record.origin_call_id);
             lost != lost_.end() && lost->second.from == record.from) {
    record.id = lost->second.id;
    record.started = lost->second.started;
    lost_.erase(lost);
  }
  put(now, record);
}

const std::string* CallRecords::goes_on_with(Affinity::Key key, const std::string& call_id,
                                             const std::string& from) const {
  if (const auto held = challenged_.find(key); held != challenged_.end())
    return &held->second.record.id;
  const auto lost = lost_.find(call_id);
  return lost != lost_.end() && lost->second.from == from ? &lost->second.id : nullptr;
}

void CallRecords::tell(Instant now, const storage::CallRecord& record) {
  put(now, record);
}

void CallRecords::ringing(storage::CallRecord& record, const sip::CallRinging& event, Now now) {
  record.ringing = after(now.wall, event.at - now.mono);
  times_[static_cast<std::size_t>(record.origin_side)].post_dial.observe(*record.ringing -
                                                                         record.started);
}

void CallRecords::answered(storage::CallRecord& record, const sip::CallAnswered& event, Now now) {
  record.answered = after(now.wall, event.at - now.mono);
  record.attempts = static_cast<std::uint32_t>(event.place.attempts);
  record.new_call_id = record_text(event.place.call_id);
  record.destination = event.place.destination.text();
  times_[static_cast<std::size_t>(record.origin_side)].setup.observe(*record.answered -
                                                                     record.started);
  tell(now.mono, record);
}

void CallRecords::ended(storage::CallRecord record, const sip::CallEnded& event, Affinity::Key key,
                        Now now) {
  if (event.place.attempts > 0)  // a call of an earlier process has none
    record.attempts = static_cast<std::uint32_t>(event.place.attempts);
  if (!event.place.call_id.empty()) {
    record.new_call_id = record_text(event.place.call_id);
    record.destination = event.place.destination.text();
  }
  record.status = event.status;
  record.cause = cause_of(event);
  record.ended_by = ender_of(event.ended_by);
  if (event.answered && !record.answered)
    record.answered = after(now.wall, event.answered_at - now.mono);
  record.ended = std::max({after(now.wall, event.ended - now.mono), record.started,
                           record.answered.value_or(record.started)});
  if (!is_challenge(event)) return close(now.mono, std::move(record));
  while (challenged_.size() >= limits::kChallengedCalls && !order_.empty()) {
    const auto oldest = challenged_.find(order_.front().second);
    if (oldest != challenged_.end() && oldest->second.due == order_.front().first) {
      close(now.mono, std::move(oldest->second.record));
      challenged_.erase(oldest);
    }
    order_.pop_front();
  }
  const Instant due = now.mono + kChallenge;
  if (const auto other = challenged_.find(key); other != challenged_.end())
    close(now.mono, std::move(other->second.record));
  challenged_[key] = {std::move(record), due};
  order_.emplace_back(due, key);
}

void CallRecords::close(Instant now, storage::CallRecord record) {
  count(record);
  put(now, record);
}

void CallRecords::count(const storage::CallRecord& record) {
  ++ended_[static_cast<std::size_t>(record.status)];
  ++ended_since_;
  if (record.answered && record.ended)
    times_[static_cast<std::size_t>(record.origin_side)].talk.observe(*record.ended -
                                                                      *record.answered);
}

void CallRecords::reopen(std::vector<storage::CallRecord> records) {
  for (storage::CallRecord& record : records) {
    std::string id = record.id;
    open_.emplace(std::move(id), std::move(record));
  }
}

std::optional<storage::CallRecord> CallRecords::take_open(const std::string& id) {
  auto found = open_.extract(id);
  return found ? std::optional{std::move(found.mapped())} : std::nullopt;
}

void CallRecords::lost(const std::string& id, const std::string& why) {
  const auto found = open_.find(id);
  if (found != open_.end())
    found->second.cause = record_text("the process ended and the next one cannot go on: " + why);
}

std::size_t CallRecords::give_up_open(Now now) {
  const std::size_t count = open_.size();
  for (auto& [id, record] : open_) {
    record.ended = std::max({now.wall, record.started, record.answered.value_or(record.started)});
    record.ended_by = storage::CallEnder::edge;
    if (record.answered) record.status = 200;
    if (record.cause.empty())
      record.cause = record.answered ? "the process ended before the call was established"
                                     : "the process ended before the call had an answer";
    const auto [other, is_new] = lost_.try_emplace(record.origin_call_id, record);
    if (!is_new) close(now.mono, record);
  }
  open_.clear();
  lost_due_ = now.mono + repeated_;
  return count;
}

std::optional<Instant> CallRecords::due() const {
  std::optional<Instant> next;
  const auto take = [&](Instant other) {
    if (!next || other < *next) next = other;
  };
  if (!order_.empty()) take(order_.front().first);
  if (!lost_.empty()) take(lost_due_);
  if (keep_ > Duration{}) take(prune_due_);
  return next;
}

std::optional<storage::Change> CallRecords::on_time(Now now) {
  while (!order_.empty() && order_.front().first <= now.mono) {
    const auto held = challenged_.find(order_.front().second);
    // It has gone on, or was challenged again since.
    if (held != challenged_.end() && held->second.due <= now.mono) {
      close(now.mono, std::move(held->second.record));
      challenged_.erase(held);
    }
    order_.pop_front();
  }
  if (!lost_.empty() && lost_due_ <= now.mono) {
    for (auto& [call_id, record] : lost_) close(now.mono, std::move(record));
    lost_.clear();
  }
  if (keep_ <= Duration{} || (now.mono < prune_due_ && ended_since_ < kPruneAfter))
    return std::nullopt;
  prune_due_ = now.mono + kPrune;
  ended_since_ = 0;
  return storage::PruneRecords{now.wall -
                               std::chrono::duration_cast<std::chrono::milliseconds>(keep_)};
}

void CallRecords::close_held(Instant now) {
  for (auto& [call_id, record] : lost_) close(now, std::move(record));
  lost_.clear();
  for (auto& [key, held] : challenged_) close(now, std::move(held.record));
  challenged_.clear();
  order_.clear();
}

}  // namespace usher::routing
