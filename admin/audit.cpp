#include "admin/audit.hpp"

#include <algorithm>
#include <memory>
#include <optional>

#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

constexpr std::size_t kPathBytes = 512;

// The JSON of an answer as it is kept.
std::string kept(const Answer& answer) {
  if (answer.status < 200 || answer.status > 299 || answer.content_type != "application/json")
    return {};
  if (answer.body.size() <= limits::kAuditBytes) return answer.body;
  return "\"" + std::to_string(answer.body.size()) + " bytes, too long to be kept\"";
}

std::string now_at(const Router& router, const Request& write) {
  Request get;
  get.method = "GET";
  get.target = write.target.substr(0, write.target.find('?'));
  // What can be written answers its GET at once; what comes later is of another kind.
  const auto found = std::make_shared<std::string>();
  router.dispatch(get, [found](const Answer& answer) { *found = kept(answer); });
  return *found;
}

Json parsed(const std::string& text) {
  if (text.empty()) return {};
  Result<Json> json = parse_json(text);
  return json ? std::move(*json) : Json{text};
}

Json show(const storage::AuditEntry& e) {
  return Json::Object{
      {"id", e.id},         {"when", time_text(e.when)},  {"client", e.client},
      {"token", e.token},   {"method", e.method},         {"path", e.path},
      {"status", e.status}, {"before", parsed(e.before)}, {"after", parsed(e.after)}};
}

Answer list(const Audit& audit, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const std::int64_t below = cursor.empty() ? 0 : read_number(cursor, INT64_MAX);
  if (!cursor.empty() && below == 0) return bad_cursor(cursor);
  Json::Array items;
  std::int64_t last = 0;
  for (const storage::AuditEntry& e : audit.entries()) {
    if (below != 0 && e.id >= below) continue;
    if (items.size() == limit)
      return json_answer(200, page_json(std::move(items), std::to_string(last)));
    last = e.id;
    items.push_back(show(e));
  }
  return json_answer(200, page_json(std::move(items), {}));
}

}  // namespace

std::string_view token_name(const Service& service) {
  return service.config.admin.token.empty() ? "none" : "admin.token";
}

Audit::Audit(const Service& service)
    : service_(service), entries_(service.audit.begin(), service.audit.end()) {
  if (!entries_.empty()) last_ = entries_.front().id;
}

bool Audit::is_write(const Request& request) {
  return request.method == "POST" || request.method == "PUT" || request.method == "PATCH" ||
         request.method == "DELETE";
}

Respond Audit::watch(const Request& request, const Router& router, Respond respond) {
  storage::AuditEntry entry;
  entry.client = request.peer;
  entry.token = token_name(service_);
  entry.method = request.method;
  entry.path = escaped(request.target).substr(0, kPathBytes);
  if (request.method != "POST" && !router.is_slow(request.target))
    entry.before = now_at(router, request);
  return [this, entry = std::move(entry), inner = std::move(respond)](Answer answer) mutable {
    if (!answer.asked_only) {
      entry.when = service_.now().wall;
      entry.status = answer.status;
      entry.after = kept(answer);
      add(std::move(entry));
    }
    inner(std::move(answer));
  };
}

void Audit::add(storage::AuditEntry entry) {
  entry.id = ++last_;
  if (entry.status < 300)
    service_.edge.note(service_.now(), EventKind::configuration, entry.path,
                       entry.method + " by " + entry.client + " (token " + entry.token + ")");
  service_.drain();
  service_.store.apply({storage::AddAudit{entry}}, storage::Durability::eventual, {});
  entries_.push_front(std::move(entry));
  if (entries_.size() > limits::kAuditEntries) entries_.pop_back();
}

void add_audit(Router& router, const Audit& audit) {
  router.add("GET", "/v1/audit", {"limit", "cursor"},
             [&audit](const Call& call) { return list(audit, call); });
}

}  // namespace usher::admin
