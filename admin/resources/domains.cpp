// /v1/domains: the tenants' SIP domains and the dispatcher set each one belongs to.
#include "admin/resources/paging.hpp"
#include "admin/resources/preview.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

std::variant<std::string, Answer> path_domain(const Call& call) {
  Result<std::string> name = normal_domain(call.segment("domain"));
  if (name) return std::move(*name);
  return problem(400, "invalid", "domain: " + name.error().message,
                 {{"domain", name.error().message}});
}

Answer no_domain(const std::string& name) {
  return absent("domain " + usher::quoted(name));
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const auto& domains = service.edge.directory().domains();
  return page_of(
      domains, cursor.empty() ? domains.begin() : domains.upper_bound(cursor), limit,
      [](const std::string& name) { return name; },
      [](const storage::Domain& d) { return writable(d); });
}

Answer get(const Service& service, const Call& call) {
  const auto name = path_domain(call);
  if (const Answer* refused = std::get_if<Answer>(&name)) return *refused;
  const storage::Domain* domain = service.edge.directory().domain(std::get<std::string>(name));
  return domain ? json_answer(200, writable(*domain)) : no_domain(std::get<std::string>(name));
}

// PUT replaces, PATCH merges; both end here. `merge`: the body is a merge patch of what there is.
void write(const Context& context, const Call& call, const Respond& respond, bool merge) {
  auto name = path_domain(call);
  if (Answer* refused = std::get_if<Answer>(&name)) return respond(std::move(*refused));
  auto asked = read_preview(call);
  if (Answer* refused = std::get_if<Answer>(&asked)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, merge, preview = std::get<bool>(asked), body = call.body,
       domain = std::get<std::string>(name)]() -> std::variant<Write, Answer> {
        const routing::Directory& directory = service.edge.directory();
        const storage::Domain* old = directory.domain(domain);
        if (merge && !old) return no_domain(domain);
        std::vector<Fault> faults;
        const storage::Domain wanted =
            read_domain(merge ? merge_patch(writable(*old), body) : body, domain, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        Write w;
        const int status = old ? 200 : 201;
        w.answer = [wanted, status] {
          Answer answer = json_answer(status, writable(wanted));
          if (status == 201)
            answer.headers.emplace_back("Location", "/v1/domains/" + percent_encode(wanted.domain));
          return answer;
        };
        if (!preview && old && *old == wanted) return w;
        w.changes.emplace_back(storage::PutDomain{wanted});
        if (auto refused = check(directory, w.changes, "setid", "domain"))
          return std::move(*refused);
        if (preview) return domain_preview(service, old, &wanted);
        return w;
      },
      asked_only(respond, std::get<bool>(asked)));
}

void remove(const Context& context, const Call& call, const Respond& respond) {
  auto name = path_domain(call);
  if (Answer* refused = std::get_if<Answer>(&name)) return respond(std::move(*refused));
  auto asked = read_preview(call);
  if (Answer* refused = std::get_if<Answer>(&asked)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, preview = std::get<bool>(asked),
       domain = std::get<std::string>(name)]() -> std::variant<Write, Answer> {
        const storage::Domain* old = service.edge.directory().domain(domain);
        if (!old) return no_domain(domain);
        Write w{{storage::DeleteDomain{domain}}, no_content};
        if (auto refused = check(service.edge.directory(), w.changes, {}, {}))
          return std::move(*refused);
        if (preview) return domain_preview(service, old, nullptr);
        return w;
      },
      asked_only(respond, std::get<bool>(asked)));
}

}  // namespace

void add_domains(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/domains", {"limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add("GET", "/v1/domains/{domain}", {},
             [&service](const Call& call) { return get(service, call); });
  const std::string one = "/v1/domains/{domain}";
  const std::vector<std::string> query{"preview"};
  router.add_write(
      "PUT", one,
      [context](const Call& call, const Respond& respond) { write(context, call, respond, false); },
      query);
  router.add_write(
      "PATCH", one,
      [context](const Call& call, const Respond& respond) { write(context, call, respond, true); },
      query);
  router.add_write(
      "DELETE", one,
      [context](const Call& call, const Respond& respond) { remove(context, call, respond); },
      query);
}

}  // namespace usher::admin
