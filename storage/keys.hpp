// The lasting keys of a store: made once, kept among its secrets.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/result.hpp"
#include "core/rng.hpp"
#include "storage/records.hpp"

namespace usher::storage {

struct Keys {
  HashKey contact_tokens;       // of the Contacts that backends are given
  HashKey names;                // of the Call-IDs and tags of relayed requests
  std::vector<Change> missing;  // to be written: those that the store has not had yet
};

// Errc::syntax: a secret that is no key, by its name; another one would break every Contact that
// backends know.
Result<Keys> read_keys(const Snapshot& snapshot, const std::function<std::uint64_t()>& entropy);

}  // namespace usher::storage
