// Takes over an operator's Kamailio database: sip_domains, dispatcher, endpoint_locations.
#pragma once

#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/rng.hpp"
#include "storage/records.hpp"

namespace usher::storage {

struct ImportNote {
  std::string where;   // "dispatcher row 3"
  std::string reason;  // why it was changed or left out
};

struct Import {
  std::vector<Change> changes;    // what is to be written, in order
  std::vector<ImportNote> notes;  // every row that was left out or altered
  std::size_t domains = 0, sets = 0, targets = 0, locations = 0;
};

// Reads `file` (opened read-only). `existing` is what our store holds: target ids continue after
// its highest and a destination that a set already has is not added twice, so that importing again
// changes nothing. Tables that are absent count as empty; a file with none of the three is refused.
// An unexpired location becomes a binding with the Contact that Kamailio would have dialled
// (sip:user@contact_ip:contact_port), UDP on listener 0, target 0 ("taken over"), and a token from
// `token_key` and its AoR; the first real registration of its AoR replaces it. A location whose AoR
// has a binding already is left out.
Result<Import> read_kamailio(const std::string& file, const Snapshot& existing,
                             const HashKey& token_key, WallTime now);

}  // namespace usher::storage
