// The document of /v1/configuration: everything an operator has made.
#pragma once

#include <vector>

#include "admin/json.hpp"
#include "routing/directory.hpp"
#include "storage/records.hpp"

namespace usher::admin {

Json configuration_json(const routing::Directory& directory,
                        const std::vector<storage::ScannerPattern>& scanners,
                        const storage::GateSettings& gate);

}  // namespace usher::admin
