// The section [correlation] of the configuration.
#pragma once

#include "core/config_reader.hpp"

namespace usher {

void read_correlation(ConfigSection section, CorrelationConfig& correlation);

}  // namespace usher
