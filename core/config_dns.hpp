// The section [dns] of the configuration.
#pragma once

#include "core/config_reader.hpp"

namespace usher {

void read_dns(ConfigSection section, DnsConfig& dns);

}  // namespace usher
