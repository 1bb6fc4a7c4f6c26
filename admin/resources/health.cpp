// /healthz: the process answers. /readyz: it can serve calls. Both are open, for probes that hold
// no token.
#include "admin/resources/resources.hpp"
#include "core/duration.hpp"
#include "core/limits.hpp"

namespace usher::admin {

namespace {

// A commit slower than this keeps no call waiting, but it is a disk to look at.
constexpr Duration kSlowCommit = std::chrono::milliseconds(150);

Json reasons(const std::vector<std::string>& texts) {
  return Json::Array(texts.begin(), texts.end());
}

Answer healthz(const Service& service) {
  const auto why = degraded(service);
  return json_answer(
      200, Json::Object{{"status", why.empty() ? "ok" : "degraded"}, {"reasons", reasons(why)}});
}

// A store that fails does not take the edge out of service: calls and registrations go on in
// memory.
Answer readyz(const Service& service) {
  const auto why = service.edge.not_ready();
  return json_answer(why.empty() ? 200 : 503,
                     Json::Object{{"status", why.empty() ? "ready" : "not ready"},
                                  {"reasons", reasons(why)},
                                  {"degraded", reasons(degraded(service))}});
}

}  // namespace

std::vector<std::string> degraded(const Service& service) {
  const storage::StoreHealth health = service.store.health();
  std::vector<std::string> why;
  if (const std::string overload = service.edge.overload(); !overload.empty())
    why.push_back("overload: " + overload);
  if (!health.ok) why.push_back("store: " + health.reason);
  if (health.last_commit > kSlowCommit)
    why.push_back("store: the last commit took " +
                  duration_text(std::chrono::floor<std::chrono::milliseconds>(health.last_commit)));
  if (health.queued > limits::kStoreQueue / 2)
    why.push_back("store: " + std::to_string(health.queued) + " changes are waiting");
  if (health.dropped > 0)
    why.push_back("store: " + std::to_string(health.dropped) + " changes were given up");
  if (!health.record_file.empty()) why.push_back("call records: " + health.record_file);
  return why;
}

void add_health(Router& router, const Context& context) {
  const Service& service = context.service;
  const auto open = [&](std::string pattern, Answer (*handler)(const Service&)) {
    Route route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.open = true;
    route.handler = [&service, handler](const Call&, const Respond& respond) {
      respond(handler(service));
    };
    router.add(std::move(route));
  };
  open("/healthz", healthz);
  open("/readyz", readyz);
}

}  // namespace usher::admin
