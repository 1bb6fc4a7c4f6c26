// /v1/registrations: who is registered, over which flow, granted by which backend.
#include <algorithm>

#include "admin/resources/filters.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

Json show(const storage::Binding& b, Now now) {
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(b.expires - now.wall).count();
  const auto at = b.aor.rfind('@');
  return Json::Object{{"token", b.token},
                      {"aor", b.aor},
                      {"domain", at == std::string::npos ? b.aor : b.aor.substr(at + 1)},
                      {"contact", b.contact},
                      {"instance", b.instance},
                      {"q", static_cast<double>(b.q) / 1000.0},
                      {"source", b.flow.remote.text()},
                      {"transport", net::transport_name(b.flow.transport)},
                      {"target", b.target == 0 ? Json{} : Json{b.target}},
                      {"user_agent", b.user_agent},
                      {"registered", time_text(b.registered)},
                      {"expires", time_text(b.expires)},
                      {"expires_in_s", std::max<std::int64_t>(0, left)}};
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  routing::RegistrationFilter filter;
  Filters filters(call);
  filters.domain("domain", filter.domain);
  filters.text("user", filter.user);
  filters.address("source", filter.source);
  if (filters.refused) return *filters.refused;
  const Now now = service.now();
  const auto found = service.edge.registrations(filter, std::get<routing::Page>(page));
  Json::Array items;
  for (const storage::Binding& b : found.items) items.push_back(show(b, now));
  return json_answer(200, page_json(std::move(items), found.next));
}

// Memory forgets the binding first: a refresh that comes meanwhile is a new registration. The
// answer waits until the store has forgotten it as well.
void remove(const Context& context, const Call& call, const Respond& respond) {
  const Service& service = context.service;
  context.writer.submit(
      [&service, token = call.segment("token")]() -> std::variant<Write, Answer> {
        const Result<void> removed = service.edge.remove_registration(service.now(), token);
        service.drain();
        if (!removed) return absent("registration " + usher::quoted(token));
        return Write{{storage::DeleteBinding{token}}, no_content, false};
      },
      respond);
}

}  // namespace

void add_registrations(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/registrations", {"domain", "user", "source", "limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add_write(
      "DELETE", "/v1/registrations/{token}",
      [context](const Call& call, const Respond& respond) { remove(context, call, respond); });
}

}  // namespace usher::admin
