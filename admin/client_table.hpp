// JSON as a table of text.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "admin/json.hpp"

namespace usher::admin {

// A value as one cell: empty for null; control characters of strangers' texts escaped.
std::string cell(const Json* value);

// The first row is the titles; not empty, all rows of one length.
void print_rows(const std::vector<std::vector<std::string>>& rows, std::ostream& out);

}  // namespace usher::admin
