// /v1/dispatcher/sets: how each set chooses among its targets, probes them, and goes on to the next
// one.
#include "admin/resources/dispatcher.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/preview.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"

namespace usher::admin {

using storage::SetId;

std::variant<SetId, Answer> path_setid(const Call& call) {
  const std::string& text = call.segment("setid");
  if (const SetId id = read_number(text, kHighestSetId)) return id;
  const std::string what =
      usher::quoted(text) + " is not a whole number from 1 to " + std::to_string(kHighestSetId);
  return problem(400, "invalid", "setid: " + what, {{"setid", what}});
}

Answer no_set(SetId id) {
  return absent("dispatcher set " + std::to_string(id));
}

namespace {

Json show(const Service& service, const storage::DispatcherSet& set) {
  Json json = writable(set);
  std::size_t total = 0, up = 0;
  for (const storage::Target* target : service.edge.directory().targets_of(set.setid)) {
    ++total;
    if (service.edge.target_status(target->id).health == routing::HealthState::up) ++up;
  }
  std::get<Json::Object>(json.value)
      .emplace_back("targets", Json::Object{{"total", total}, {"up", up}});
  return json;
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const auto& [limit, cursor] = std::get<routing::Page>(page);
  const auto& sets = service.edge.directory().sets();
  const SetId last = read_number(cursor, kHighestSetId);
  if (!cursor.empty() && last == 0) return bad_cursor(cursor);
  return page_of(
      sets, sets.upper_bound(last), limit, [](SetId id) { return std::to_string(id); },
      [&](const storage::DispatcherSet& s) { return show(service, s); });
}

Answer get(const Service& service, const Call& call) {
  const auto id = path_setid(call);
  if (const Answer* refused = std::get_if<Answer>(&id)) return *refused;
  const storage::DispatcherSet* set = service.edge.directory().set(std::get<SetId>(id));
  return set ? json_answer(200, show(service, *set)) : no_set(std::get<SetId>(id));
}

void write(const Context& context, const Call& call, const Respond& respond, bool merge) {
  auto id = path_setid(call);
  if (Answer* refused = std::get_if<Answer>(&id)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, merge, body = call.body,
       setid = std::get<SetId>(id)]() -> std::variant<Write, Answer> {
        const routing::Directory& directory = service.edge.directory();
        const storage::DispatcherSet* old = directory.set(setid);
        if (merge && !old) return no_set(setid);
        std::vector<Fault> faults;
        const storage::DispatcherSet wanted =
            read_set(merge ? merge_patch(writable(*old), body) : body, setid, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        Write w;
        const int status = old ? 200 : 201;
        w.answer = [&service, wanted, status] {
          Answer answer = json_answer(status, show(service, wanted));
          if (status == 201)
            answer.headers.emplace_back("Location",
                                        "/v1/dispatcher/sets/" + std::to_string(wanted.setid));
          return answer;
        };
        if (old && *old == wanted) return w;
        w.changes.emplace_back(storage::PutSet{wanted});
        if (auto refused = check(directory, w.changes, {}, "setid")) return std::move(*refused);
        return w;
      },
      respond);
}

void remove(const Context& context, const Call& call, const Respond& respond) {
  auto id = path_setid(call);
  if (Answer* refused = std::get_if<Answer>(&id)) return respond(std::move(*refused));
  auto asked = read_preview(call);
  if (Answer* refused = std::get_if<Answer>(&asked)) return respond(std::move(*refused));
  const Service& service = context.service;
  context.writer.submit(
      [&service, preview = std::get<bool>(asked),
       setid = std::get<SetId>(id)]() -> std::variant<Write, Answer> {
        if (!service.edge.directory().set(setid)) return no_set(setid);
        Write w{{storage::DeleteSet{setid}}, no_content};
        if (auto refused = check(service.edge.directory(), w.changes, {}, {}))
          return std::move(*refused);
        if (preview) return changes_answer("remove set " + std::to_string(setid));
        return w;
      },
      asked_only(respond, std::get<bool>(asked)));
}

}  // namespace

void add_sets(Router& router, const Context& context) {
  const Service& service = context.service;
  const std::string one = "/v1/dispatcher/sets/{setid}";
  router.add("GET", "/v1/dispatcher/sets", {"limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add("GET", one, {}, [&service](const Call& call) { return get(service, call); });
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
