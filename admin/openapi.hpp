// The API's description (OpenAPI 3.1), as it stands in openapi.yaml.
#pragma once

#include <string_view>

namespace usher::admin {

std::string_view openapi_yaml();

}  // namespace usher::admin
