// /v1/dispatcher/sets/{setid}/targets: the backends of a set, as wanted and as they are.
#include <algorithm>
#include <limits>
#include <map>

#include "admin/resources/dispatcher.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/preview.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/duration.hpp"
#include "routing/target_history.hpp"

namespace usher::admin {

using storage::SetId;
using storage::Target;
using storage::TargetId;

namespace {

// Where the name of a destination leads to, as DNS said last.
Json::Array resolved(const Service& service, const routing::TargetStatus& status) {
  const auto left = std::max(status.name_until - service.now().wall, std::chrono::milliseconds{0});
  const auto ttl = std::chrono::ceil<std::chrono::seconds>(left);
  Json::Array out;
  for (const auto& [place, problem] : status.places) {
    Json::Object one;
    one.emplace_back("endpoint", place.endpoint.text());
    one.emplace_back("transport", net::transport_name(place.transport));
    one.emplace_back("host", place.host);
    one.emplace_back("priority", std::int64_t{place.priority});
    one.emplace_back("weight", std::int64_t{place.weight});
    one.emplace_back("ttl", duration_text(ttl));
    one.emplace_back("state", status.name_kept ? "kept" : "fresh");
    one.emplace_back("reason", status.name_problem);
    one.emplace_back("problem", problem);
    out.emplace_back(std::move(one));
  }
  return out;
}

Json show(const Service& service, const Target& target) {
  const routing::TargetStatus status = service.edge.target_status(target.id);
  Json::Array addresses;
  if (target.destination.address)
    addresses.emplace_back(target.destination.address->text());
  else
    for (const net::IpAddress& a : status.addresses) addresses.emplace_back(a.text());
  Json json = writable(target);
  auto& members = std::get<Json::Object>(json.value);
  members.emplace_back("health", routing::health_name(status.health));
  members.emplace_back("reason", status.reason);
  members.emplace_back("rtt_ms", status.rtt ? Json{milliseconds(*status.rtt)} : Json{});
  members.emplace_back("changed", status.changed ? Json{time_text(*status.changed)} : Json{});
  members.emplace_back("retry_after",
                       status.retry_after ? Json{time_text(*status.retry_after)} : Json{});
  members.emplace_back("maintenance_until", status.maintenance_until
                                                ? Json{time_text(*status.maintenance_until)}
                                                : Json{});
  members.emplace_back("live_calls", status.live_calls);
  members.emplace_back("attempts", status.attempts);
  members.emplace_back("failures", status.failures);
  members.emplace_back("addresses", std::move(addresses));
  members.emplace_back("resolved", resolved(service, status));
  members.emplace_back("resolve_problem", status.name_problem);
  return json;
}

struct Path {
  SetId setid = 0;
  TargetId id = 0;  // 0: not in this path
};

std::variant<Path, Answer> read_path(const Call& call) {
  auto setid = path_setid(call);
  if (Answer* refused = std::get_if<Answer>(&setid)) return std::move(*refused);
  Path path{std::get<SetId>(setid), 0};
  if (const auto id = call.path.find("id"); id != call.path.end()) {
    path.id = read_number(id->second, std::numeric_limits<TargetId>::max());
    if (path.id == 0) {
      const std::string what = usher::quoted(id->second) + " is not a target's number";
      return problem(400, "invalid", "id: " + what, {{"id", what}});
    }
  }
  return path;
}

Answer no_target(const Path& path) {
  return absent("target " + std::to_string(path.id) + " in dispatcher set " +
                std::to_string(path.setid));
}

const Target* find(const Service& service, const Path& path) {
  const Target* target = service.edge.directory().target(path.id);
  return target && target->setid == path.setid ? target : nullptr;
}

Answer list(const Service& service, const Call& call) {
  const auto path = read_path(call);
  if (const Answer* refused = std::get_if<Answer>(&path)) return *refused;
  const SetId setid = std::get<Path>(path).setid;
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const TargetId last = read_number(cursor, std::numeric_limits<TargetId>::max());
  if (!cursor.empty() && last == 0) return bad_cursor(cursor);
  if (!service.edge.directory().set(setid)) return no_set(setid);
  std::map<TargetId, const Target*> targets;
  for (const Target* target : service.edge.directory().targets_of(setid))
    targets.emplace(target->id, target);
  return page_of(
      targets, targets.upper_bound(last), limit, [](TargetId id) { return std::to_string(id); },
      [&](const Target* target) { return show(service, *target); });
}

Answer get(const Service& service, const Call& call) {
  const auto path = read_path(call);
  if (const Answer* refused = std::get_if<Answer>(&path)) return *refused;
  const Target* target = find(service, std::get<Path>(path));
  return target ? json_answer(200, show(service, *target)) : no_target(std::get<Path>(path));
}

Answer history(const Service& service, const Call& call) {
  const auto path = read_path(call);
  if (const Answer* refused = std::get_if<Answer>(&path)) return *refused;
  const auto& at = std::get<Path>(path);
  const auto* seen = find(service, at) ? service.edge.target_history(at.id) : nullptr;
  if (!seen) return no_target(at);
  Json::Array changes, probes, failures;
  for (const auto& c : seen->changes())
    changes.push_back(Json::Object{{"at", time_text(c.at)},
                                   {"health", routing::health_name(c.health)},
                                   {"was", routing::health_name(c.was)},
                                   {"reason", c.reason}});
  for (const auto& p : seen->probes())
    probes.push_back(Json::Object{{"at", time_text(p.at)},
                                  {"status", p.status ? Json{p.status} : Json{}},
                                  {"failed", p.failed},
                                  {"rtt_ms", p.status ? Json{milliseconds(p.rtt)} : Json{}},
                                  {"reason", p.reason}});
  for (const auto& f : seen->failures())
    failures.push_back(Json::Object{{"at", time_text(f.at)}, {"reason", f.reason}});
  return json_answer(200, Json::Object{{"changes", std::move(changes)},
                                       {"probes", std::move(probes)},
                                       {"failures", std::move(failures)}});
}

// POST: a new target; its set is made with defaults, in the same durable batch, when there is none
// yet.
void create(const Context& context, const Call& call, const Respond& respond) {
  auto path = read_path(call);
  if (Answer* refused = std::get_if<Answer>(&path)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, body = call.body,
       setid = std::get<Path>(path).setid]() -> std::variant<Write, Answer> {
        std::vector<Fault> faults;
        Target wanted = read_target(body, setid, 0, service.now().wall, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        wanted.id = service.edge.last_target_id() + 1;
        Write w;
        if (!service.edge.directory().set(setid)) {
          storage::DispatcherSet set;
          set.setid = setid;
          w.changes.emplace_back(storage::PutSet{std::move(set)});
        }
        w.changes.emplace_back(storage::PutTarget{wanted});
        if (auto refused = check(service.edge.directory(), w.changes, "setid", "destination"))
          return std::move(*refused);
        w.answer = [&service, wanted] {
          Answer answer = json_answer(201, show(service, wanted));
          answer.headers.emplace_back("Location", "/v1/dispatcher/sets/" +
                                                      std::to_string(wanted.setid) + "/targets/" +
                                                      std::to_string(wanted.id));
          return answer;
        };
        return w;
      },
      respond);
}

// PUT replaces, PATCH merges. Ids are ours, so neither makes a target.
void write(const Context& context, const Call& call, const Respond& respond, bool merge) {
  auto path = read_path(call);
  if (Answer* refused = std::get_if<Answer>(&path)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, merge, body = call.body,
       at = std::get<Path>(path)]() -> std::variant<Write, Answer> {
        const Target* old = find(service, at);
        if (!old) return no_target(at);
        std::vector<Fault> faults;
        const Target wanted = read_target(merge ? merge_patch(writable(*old), body) : body,
                                          at.setid, at.id, service.now().wall, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        Write w;
        w.answer = [&service, wanted] { return json_answer(200, show(service, wanted)); };
        if (*old == wanted) return w;
        w.changes.emplace_back(storage::PutTarget{wanted});
        if (auto refused = check(service.edge.directory(), w.changes, "setid", "destination"))
          return std::move(*refused);
        return w;
      },
      respond);
}

void remove(const Context& context, const Call& call, const Respond& respond) {
  auto path = read_path(call);
  if (Answer* refused = std::get_if<Answer>(&path)) return respond(std::move(*refused));
  auto asked = read_preview(call);
  if (Answer* refused = std::get_if<Answer>(&asked)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, preview = std::get<bool>(asked),
       at = std::get<Path>(path)]() -> std::variant<Write, Answer> {
        const Target* target = find(service, at);
        if (!target) return no_target(at);
        if (const std::size_t calls = service.edge.target_status(at.id).live_calls) {
          std::string detail = "target " + std::to_string(at.id) + " carries " +
                               std::to_string(calls) +
                               (calls == 1 ? " live call: " : " live calls: ");
          detail += target->state == storage::TargetState::draining
                        ? "it is draining and can be deleted when live_calls is 0"
                        : R"(set {"state": "draining"} and delete it when live_calls is 0)";
          return problem(409, "in-use", std::move(detail));
        }
        Write w{{storage::DeleteTarget{at.id}}, no_content};
        if (auto refused = check(service.edge.directory(), w.changes, {}, {}))
          return std::move(*refused);
        if (preview) return changes_answer("remove " + name_of(*target));
        return w;
      },
      asked_only(respond, std::get<bool>(asked)));
}

}  // namespace

void add_targets(Router& router, const Context& context) {
  const Service& service = context.service;
  const std::string all = "/v1/dispatcher/sets/{setid}/targets";
  const std::string one = all + "/{id}";
  router.add("GET", all, {"limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add_write("POST", all, [context](const Call& call, const Respond& respond) {
    create(context, call, respond);
  });
  router.add("GET", one, {}, [&service](const Call& call) { return get(service, call); });
  router.add("GET", one + "/history", {},
             [&service](const Call& call) { return history(service, call); });
  router.add_write("PUT", one, [context](const Call& call, const Respond& respond) {
    write(context, call, respond, false);
  });
  router.add_write("PATCH", one, [context](const Call& call, const Respond& respond) {
    write(context, call, respond, true);
  });
  router.add_write(
      "DELETE", one,
      [context](const Call& call, const Respond& respond) { remove(context, call, respond); },
      {"preview"});
}

}  // namespace usher::admin
