#include "routing/target_history.hpp"

#include <utility>

#include "core/limits.hpp"

namespace usher::routing {

namespace {

template <class Entry>
void put_first(std::deque<Entry>& entries, Entry entry, std::size_t most) {
  if (entry.reason.size() > limits::kTargetReasonBytes) {
    std::size_t end = limits::kTargetReasonBytes;
    while (end > 0 && (static_cast<unsigned char>(entry.reason[end]) & 0xc0) == 0x80) --end;
    entry.reason.resize(end);
    entry.reason.shrink_to_fit();
  }
  if (entries.size() == most) entries.pop_back();
  entries.push_front(std::move(entry));
}

}  // namespace

void TargetHistory::changed(Change change) {
  put_first(changes_, std::move(change), limits::kTargetChanges);
}

void TargetHistory::probed(Probe probe) {
  put_first(probes_, std::move(probe), limits::kTargetProbes);
}

void TargetHistory::request_failed(Failure failure) {
  put_first(failures_, std::move(failure), limits::kTargetFailures);
}

}  // namespace usher::routing
