// The section [hep] of the configuration.
#pragma once

#include "core/config_reader.hpp"

namespace usher {

void read_hep(ConfigSection section, HepConfig& hep);

}  // namespace usher
