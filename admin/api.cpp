#include "admin/api.hpp"

#include "admin/access.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"

namespace usher::admin {

struct Api::Impl {
  explicit Impl(Service s) : service(std::move(s)), writer(service) {
    const Context context{service, writer};
    add_health(router, context);
    add_metrics(router, context);
    add_openapi(router);
    add_status(router, context);
    add_domains(router, context);
    add_sets(router, context);
    add_targets(router, context);
    add_registrations(router, context);
    add_calls(router, context);
    add_gate(router, context);
  }

  Service service;
  Router router;
  Writer writer;
};

Api::Api(Service service) : impl_(std::make_unique<Impl>(std::move(service))) {}
Api::~Api() = default;

const std::vector<Route>& Api::routes() const {
  return impl_->router.routes();
}

void handle(Api& api, const Request& request, Respond respond) {
  const Service& service = api.impl_->service;
  const bool read = request.method == "GET" || request.method == "HEAD";
  const LogLevel level = read ? LogLevel::debug : LogLevel::info;
  if (service.log.wants(LogCategory::admin, level)) {
    std::string line =
        usher::quoted(request.method + " " + request.target, 200) + " from " + request.peer + ": ";
    respond = [&service, level, line = std::move(line), inner = std::move(respond)](Answer answer) {
      service.log.write(LogCategory::admin, level, {}, line + std::to_string(answer.status));
      inner(std::move(answer));
    };
  }
  if (auto refused = check_access(request, service.config.admin.token,
                                  api.impl_->router.is_open(request.target))) {
    return respond(std::move(*refused));
  }
  api.impl_->router.dispatch(request, std::move(respond));
}

}  // namespace usher::admin
