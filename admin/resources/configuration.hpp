// The document of /v1/configuration: everything an operator has made.
#pragma once

#include <vector>

#include "admin/json.hpp"
#include "admin/resources/resources.hpp"
#include "routing/directory.hpp"
#include "storage/records.hpp"

namespace usher::admin {

Json configuration_json(const routing::Directory& directory,
                        const std::vector<storage::ScannerPattern>& scanners,
                        const storage::GateSettings& gate);
// Of what a copy of a store holds.
Json configuration_json(storage::Snapshot held);

// Makes it so, all or nothing; a preview only tells what would change.
void apply_configuration(const Context& context, Json document, bool preview, Respond respond);

}  // namespace usher::admin
