// The edge's part of the configuration. Pure: random numbers are given.
#pragma once

#include <cstdint>

#include "core/config.hpp"
#include "routing/edge.hpp"
#include "storage/keys.hpp"

namespace usher::routing {

struct Seeds {
  std::uint64_t stack = 0, edge = 0;  // not to be guessed
};

EdgeConfig edge_config(const Config& config, const storage::Keys& keys, Seeds seeds);

}  // namespace usher::routing
