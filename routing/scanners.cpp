#include "routing/scanners.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::routing {

void Scanners::put(storage::ScannerPattern pattern) {
  // An empty pattern would match everybody.
  if (pattern.pattern.empty()) return;
  if (entries_.size() >= limits::kScannerPatterns && !entries_.contains(pattern.pattern)) return;
  std::string name = pattern.pattern;
  std::string small = lower(name);
  entries_.insert_or_assign(std::move(name), Entry{std::move(small), std::move(pattern)});
}

void Scanners::erase(std::string_view pattern) {
  if (const auto found = entries_.find(pattern); found != entries_.end()) entries_.erase(found);
}

bool Scanners::match(std::string_view user_agent) const {
  if (user_agent.empty() || entries_.empty()) return false;
  const std::string value = lower(user_agent);
  return std::any_of(entries_.begin(), entries_.end(), [&](const auto& e) {
    return value.find(e.second.lower) != std::string::npos;
  });
}

std::vector<storage::ScannerPattern> Scanners::list() const {
  std::vector<storage::ScannerPattern> out;
  for (const auto& [name, entry] : entries_) out.push_back(entry.pattern);
  return out;
}

}  // namespace usher::routing
