// What has come lately, out of the flight recorder: each request outside dialogs, what came of it
// and why. Pure.
//
// The verdict is that of explain(), but for what only messages show: a nonce that met another
// backend, and media at a private address. What a process before this one began is not there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "routing/explain.hpp"
#include "storage/records.hpp"

namespace usher::routing {

// What is empty restricts nothing.
struct RequestFilter {
  std::string kind, method, domain;  // `domain` in lower case: the tenant's, or what a drop named
  std::optional<int> status;         // 0: none
  std::optional<storage::TargetId> target;  // it was tried there
  std::optional<net::Cidr> source;
};

struct RecentRequest {
  TraceId trace = 0;
  WallTime at{};
  std::string_view kind;  // see Explanation
  std::string method, from, to, source;
  std::optional<int> status;  // the final one, as its sender got it; none yet, or silence
  Verdict verdict;
};

// A page may be short of its limit, even empty, and yet not be the last one: one look is at
// limits::kRequestsPerLook requests at most.
struct RecentRequests {
  std::vector<RecentRequest> items;   // newest first
  std::optional<std::uint64_t> next;  // `before` of the next page; nothing: that was the last one
};

// Those that came before this place. `now`: since when what goes on rings or is up.
RecentRequests recent_requests(const Recorder& recorder, const RequestFilter& filter,
                               std::uint64_t before, std::size_t limit, Instant now);

}  // namespace usher::routing
