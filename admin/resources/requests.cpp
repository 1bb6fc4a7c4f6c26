// /v1/requests: what has come lately, as the flight recorder has it.
#include <limits>
#include <optional>

#include "admin/resources/filters.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "routing/recent_requests.hpp"

namespace usher::admin {

namespace {

constexpr std::size_t kMostMethod = 32;

Json show(const routing::RecentRequest& r) {
  const std::string_view death = r.verdict.known_death;
  return Json::Object{{"id", routing::trace_text(r.trace)},
                      {"at", time_text(r.at)},
                      {"kind", r.kind},
                      {"method", r.method},
                      {"from", r.from},
                      {"to", r.to},
                      {"source", r.source},
                      {"status", r.status ? Json{*r.status} : Json{}},
                      {"known_death", death.empty() ? Json{} : Json{death}},
                      {"verdict", r.verdict.text}};
}

Answer list(const Service& service, const Call& call) {
  constexpr std::int64_t kNewest = std::numeric_limits<std::int64_t>::max();
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const std::int64_t before = cursor.empty() ? kNewest : read_number(cursor, kNewest);
  if (before == 0) return bad_cursor(cursor);
  routing::RequestFilter filter;
  Filters filters(call);
  filters.one_of("kind", {"call", "registration", "request", "drop"}, filter.kind);
  filters.text("method", filter.method, kMostMethod);
  filters.domain("domain", filter.domain);
  filters.number("status", 0, 699, filter.status);
  filters.number("target", 1, kHighestTarget, filter.target);
  filters.network("source", filter.source);
  if (filters.refused) return *filters.refused;
  const routing::RecentRequests found =
      routing::recent_requests(service.edge.recorder(), filter, static_cast<std::uint64_t>(before),
                               limit, service.now().mono);
  Json::Array items;
  for (const routing::RecentRequest& r : found.items) items.push_back(show(r));
  return json_answer(
      200, page_json(std::move(items), found.next ? std::to_string(*found.next) : std::string{}));
}

}  // namespace

void add_requests(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/requests",
             {"kind", "method", "domain", "status", "target", "source", "limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
}

}  // namespace usher::admin
