// Records as JSON, both ways. Reading is strict (admin/fields.hpp) and normalises: what is stored
// has one spelling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/fields.hpp"
#include "admin/json.hpp"
#include "admin/message.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "core/time_text.hpp"
#include "routing/event_log.hpp"
#include "storage/records.hpp"

namespace usher::admin {

inline constexpr std::size_t kCommentBytes = 256;
inline constexpr std::size_t kSourcesPerTarget = 32;
inline constexpr std::int64_t kHighestSetId = std::int64_t{1} << 31;
inline constexpr std::int64_t kHighestTarget = std::int64_t{1} << 53;

// A SIP domain: a host name (RFC 1123; "_" is let pass; a final dot is taken off) or an IP address,
// in lower case; IPv6 in brackets, as it stands in a URI.
Result<std::string> normal_domain(std::string_view text);

// What an operator may write: the members that PUT takes. PATCH merges into these.
Json writable(const storage::Domain& domain);
Json writable(const storage::DispatcherSet& set);
Json writable(const storage::Target& target);

// The key (domain, setid, id) comes from the path; a body may repeat it, equal.
storage::Domain read_domain(const Json& body, std::string domain, std::vector<Fault>& faults);
storage::DispatcherSet read_set(const Json& body, storage::SetId setid, std::vector<Fault>& faults);
// Maintenance windows that are over at `now` are left out.
storage::Target read_target(const Json& body, storage::SetId setid, storage::TargetId id,
                            WallTime now, std::vector<Fault>& faults);

using usher::time_text;

Json event_json(const routing::Event& event);
// The wall time of a monotonic instant, seen from now.
WallTime wall_time(Now now, Instant when);
double milliseconds(Duration d);
double seconds(Duration d);

}  // namespace usher::admin
