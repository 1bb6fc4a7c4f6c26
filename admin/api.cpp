#include "admin/api.hpp"

#include "admin/access.hpp"
#include "admin/audit.hpp"
#include "admin/page.hpp"
#include "admin/resources/resources.hpp"
#include "admin/throttle.hpp"
#include "core/entropy.hpp"
#include "core/text.hpp"

namespace usher::admin {

struct Api::Impl {
  explicit Impl(Service s)
      : service(std::move(s)),
        throttle(HashKey{system_entropy(), system_entropy()}),
        audit(service),
        writer(service) {
    const Context context{service, writer};
    add_health(router, context);
    add_metrics(router, context);
    add_openapi(router);
    add_page(router);
    add_status(router, context);
    add_domains(router, context);
    add_sets(router, context);
    add_targets(router, context);
    add_registrations(router, context);
    add_calls(router, context);
    add_subscriptions(router, context);
    add_connections(router, context);
    add_events(router, context);
    add_configuration(router, context);
    add_backups(router, context);
    add_ladders(router, context);
    add_explain(router, context);
    add_requests(router, context);
    add_gate(router, context);
    add_cdrs(router, context);
    add_bans(router, context);
    add_gate_settings(router, context);
    add_audit(router, audit);
  }

  Service service;
  Throttle throttle;
  Audit audit;
  Router router;
  Writer writer;
};

Api::Api(Service service) : impl_(std::make_unique<Impl>(std::move(service))) {}
Api::~Api() = default;

const std::vector<Route>& Api::routes() const {
  return impl_->router.routes();
}

namespace {

Answer too_often(int seconds, std::string detail) {
  Answer answer = problem(429, "limit", std::move(detail));
  answer.headers.emplace_back("Retry-After", std::to_string(seconds));
  return answer;
}

// The refusal, or nothing when the request may go on.
std::optional<Answer> refusal(const Service& service, Throttle& throttle, const Request& request,
                              bool open) {
  const Instant now = service.now().mono;
  const auto peer = net::Endpoint::parse(request.peer);
  const net::IpAddress client = peer ? peer->address : net::IpAddress{};
  if (const auto wait = throttle.ask(now, client))
    return too_often(*wait, "too many requests from " + client.text());
  const std::string& token = service.config.admin.token;
  if (!token.empty() && !open) {
    if (const auto wait = throttle.locked(now, client))
      return too_often(*wait, "too many wrong tokens from " + client.text());
  }
  auto refused = check_access(request, token, open);
  if (refused && refused->status == 401 && request.header("authorization"))
    throttle.wrong_token(now, client);
  return refused;
}

}  // namespace

void handle(Api& api, const Request& request, Respond respond) {
  const Service& service = api.impl_->service;
  const bool read = request.method == "GET" || request.method == "HEAD";
  const LogLevel level = read ? LogLevel::debug : LogLevel::info;
  if (service.log.wants(LogCategory::admin, level)) {
    std::string line = usher::quoted(request.method + " " + request.target, 200) + " from " +
                       request.peer + " (token " + std::string{token_name(service)} + "): ";
    respond = [&service, level, line = std::move(line), inner = std::move(respond)](Answer answer) {
      service.log.write(LogCategory::admin, level, {}, line + std::to_string(answer.status));
      inner(std::move(answer));
    };
  }
  if (auto refused = refusal(service, api.impl_->throttle, request,
                             api.impl_->router.is_open(request.target))) {
    return respond(std::move(*refused));
  }
  if (Audit::is_write(request))
    respond = api.impl_->audit.watch(request, api.impl_->router, std::move(respond));
  api.impl_->router.dispatch(request, std::move(respond));
}

}  // namespace usher::admin
