// The section [recorder].
#pragma once

#include "core/config_reader.hpp"

namespace usher {

void read_recorder(ConfigSection section, FlightRecorderConfig& recorder);

}  // namespace usher
