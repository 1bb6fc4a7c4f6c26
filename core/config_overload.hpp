// The section [overload] of the configuration.
#pragma once

#include "core/config_reader.hpp"

namespace usher {

void read_overload(ConfigSection section, OverloadConfig& overload);

}  // namespace usher
