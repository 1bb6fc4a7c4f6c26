// /v1/openapi.yaml: the API's own description.
#include "admin/openapi.hpp"
#include "admin/resources/resources.hpp"

namespace usher::admin {

void add_openapi(Router& router) {
  Route route;
  route.method = "GET";
  route.pattern = "/v1/openapi.yaml";
  route.produces = {"application/yaml"};
  route.handler = [](const Call&, const Respond& respond) {
    respond(Answer{200, "application/yaml", std::string(openapi_yaml()), {}, false});
  };
  router.add(std::move(route));
}

}  // namespace usher::admin
