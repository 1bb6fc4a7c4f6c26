#include "admin/resources/preview.hpp"

#include <algorithm>

#include "admin/resources/filters.hpp"
#include "admin/resources/representation.hpp"
#include "core/check.hpp"

namespace usher::admin {

namespace {

std::string counted(std::size_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string{what} + (n == 1 ? "" : "s");
}

Json fields_of(const storage::Domain* before, const storage::Domain* after) {
  Json::Array out;
  const Json was = before ? writable(*before) : Json{};
  const Json is = after ? writable(*after) : Json{};
  for (const char* name : {"setid", "enabled", "comment"}) {
    const Json* old = before ? was.find(name) : nullptr;
    const Json* now = after ? is.find(name) : nullptr;
    if (old && now && *old == *now) continue;
    out.emplace_back(Json::Object{
        {"field", name}, {"before", old ? *old : Json{}}, {"after", now ? *now : Json{}}});
  }
  return out;
}

Json served_by(const Service& service, storage::SetId setid) {
  Json::Array targets;
  for (const storage::Target* t : service.edge.directory().targets_of(setid)) {
    const routing::TargetStatus status = service.edge.target_status(t->id);
    targets.emplace_back(Json::Object{
        {"id", t->id},
        {"destination", t->destination.text()},
        {"state", storage::target_state_name(t->state)},
        {"health", routing::health_name(status.health)},
        {"maintenance_until",
         status.maintenance_until ? Json{time_text(*status.maintenance_until)} : Json{}}});
  }
  return Json::Object{{"setid", setid}, {"targets", std::move(targets)}};
}

Json::Array warnings(const Service& service, const storage::Domain* before,
                     const storage::Domain* after, const routing::DomainUse& use) {
  Json::Array out;
  const auto warn = [&](std::string text) { out.emplace_back(std::move(text)); };
  const bool moved = before && after && before->setid != after->setid;
  if (before && before->enabled && (!after || !after->enabled))
    warn("its phones get silence from then on" +
         std::string{use.live_calls > 0 ? ", calls that are up go on" : ""});
  if (!after || (!after->enabled && !moved)) return out;
  const std::string set = "set " + std::to_string(after->setid);
  if (const std::string why = service.edge.not_usable(after->setid); !why.empty()) {
    warn(why + ": new calls and registrations will be refused");
  } else {
    const auto targets = service.edge.directory().targets_of(after->setid);
    if (std::none_of(targets.begin(), targets.end(), [&](const storage::Target* t) {
          return service.edge.target_status(t->id).health == routing::HealthState::up;
        }))
      warn("no target of " + set + " is known to be up");
  }
  if (!moved) return out;
  if (use.registrations > 0)
    warn("the targets of " + set + " learn of " + counted(use.registrations, "registration") +
         " when each phone registers again");
  if (use.live_calls + use.subscriptions > 0)
    warn(counted(use.live_calls, "live call") + " and " +
         counted(use.subscriptions, "subscription") + " stay where they are until they end");
  return out;
}

}  // namespace

std::variant<bool, Answer> read_preview(const Call& call) {
  bool preview = false;
  Filters filters(call);
  filters.flag("preview", preview);
  if (filters.refused) return *filters.refused;
  return preview;
}

Respond asked_only(Respond respond, bool preview) {
  return [inner = std::move(respond), preview](Answer answer) {
    answer.asked_only = preview;
    inner(std::move(answer));
  };
}

std::string words_of(const storage::Domain* before, const storage::Domain* after) {
  USHER_CHECK(before || after);
  if (!after) return "remove domain " + before->domain;
  std::string text = (before ? "change domain " : "add domain ") + after->domain;
  if (before && before->setid != after->setid)
    text +=
        ": from set " + std::to_string(before->setid) + " to set " + std::to_string(after->setid);
  return text;
}

std::string name_of(const storage::Target& t) {
  return "target " + t.destination.text() + " of set " + std::to_string(t.setid);
}

Answer changes_answer(std::string words) {
  return json_answer(200,
                     Json::Object{{"preview", true}, {"changes", Json::Array{std::move(words)}}});
}

Answer domain_preview(const Service& service, const storage::Domain* before,
                      const storage::Domain* after) {
  const std::string& name = after ? after->domain : before->domain;
  const routing::DomainUse use = service.edge.domain_use(name);
  const bool changes = !before || !after || *before != *after;
  Json::Array words;
  if (changes) words.emplace_back(words_of(before, after));
  return json_answer(
      200,
      Json::Object{{"preview", true},
                   {"changes", std::move(words)},
                   {"fields", fields_of(before, after)},
                   {"touches", Json::Object{{"registrations", use.registrations},
                                            {"live_calls", use.live_calls},
                                            {"subscriptions", use.subscriptions}}},
                   {"served_by", after ? served_by(service, after->setid) : Json{}},
                   {"warnings", changes ? warnings(service, before, after, use) : Json::Array{}}});
}

}  // namespace usher::admin
