// /v1/configuration: everything an operator has made, as one document; taken in again as a whole,
// after a look at what that would change.
#include "admin/resources/configuration.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "admin/resources/gate_representation.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/preview.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

using storage::Change;
using storage::SetId;
using storage::Target;

constexpr std::int64_t kFormat = 1;

Json without(Json json, std::initializer_list<std::string_view> names) {
  auto& members = std::get<Json::Object>(json.value);
  std::erase_if(members, [&](const auto& member) {
    return std::find(names.begin(), names.end(), member.first) != names.end();
  });
  return json;
}

}  // namespace

Json configuration_json(const routing::Directory& directory,
                        const std::vector<storage::ScannerPattern>& patterns,
                        const storage::GateSettings& gate) {
  Json::Array sets, domains, scanners;
  for (const auto& [setid, set] : directory.sets()) {
    Json::Array targets;
    for (const Target* t : directory.targets_of(setid))
      targets.push_back(without(writable(*t), {"id", "setid"}));
    Json one = writable(set);
    std::get<Json::Object>(one.value).emplace_back("targets", std::move(targets));
    sets.push_back(std::move(one));
  }
  for (const auto& [name, domain] : directory.domains()) domains.push_back(writable(domain));
  for (const storage::ScannerPattern& s : patterns)
    scanners.emplace_back(Json::Object{{"pattern", s.pattern}, {"comment", s.comment}});
  return Json::Object{{"format", kFormat},
                      {"sets", std::move(sets)},
                      {"domains", std::move(domains)},
                      {"scanners", std::move(scanners)},
                      {"gate", writable(gate)}};
}

Json configuration_json(storage::Snapshot held) {
  const auto directory = routing::Directory::make(std::move(held.domains), std::move(held.sets),
                                                  std::move(held.targets));
  return configuration_json(*directory, held.scanners, held.gate);
}

namespace {

Answer show(const Service& service) {
  const routing::Edge& edge = service.edge;
  return json_answer(200,
                     configuration_json(edge.directory(), edge.scanners(), edge.gate_settings()));
}

// What a document wants. A part that it leaves out stays as it is.
struct Wanted {
  std::optional<std::vector<storage::DispatcherSet>> sets;
  std::vector<Target> targets;  // of these sets; id 0: a new one
  std::optional<std::vector<storage::Domain>> domains;
  std::optional<std::vector<storage::ScannerPattern>> scanners;
  std::optional<storage::GateSettings> gate;
};

// Faults that `read` finds are told as those of the part at `where`.
template <class Read>
auto at(const std::string& where, std::vector<Fault>& faults, Read read) {
  const std::size_t before = faults.size();
  auto out = read();
  for (std::size_t i = before; i < faults.size(); ++i)
    faults[i].field = where + "." + faults[i].field;
  return out;
}

template <class Each>
void each_object(const Json::Array& items, const std::string& name, std::vector<Fault>& faults,
                 Each each) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string where = name + "[" + std::to_string(i) + "]";
    if (items[i].object() == nullptr)
      faults.push_back({where, "expected an object, found " + std::string{kind_of(items[i])}});
    else
      each(items[i], where);
  }
}

void read_sets(const Service& service, const Json::Array& items, Wanted& out,
               std::vector<Fault>& faults) {
  const routing::Directory& directory = service.edge.directory();
  out.sets.emplace();
  std::set<SetId> seen;
  each_object(items, "sets", faults, [&](const Json& json, const std::string& where) {
    const Json* number = json.find("setid");
    const std::int64_t* setid = number ? number->integer() : nullptr;
    if (setid == nullptr || *setid < 1 || *setid > kHighestSetId || !seen.insert(*setid).second) {
      faults.push_back({where + ".setid", "expected a whole number from 1 to " +
                                              std::to_string(kHighestSetId) +
                                              " that no other set of the document has"});
      return;
    }
    const Json* targets = json.find("targets");
    out.sets->push_back(
        at(where, faults, [&] { return read_set(without(json, {"targets"}), *setid, faults); }));
    if (targets == nullptr) return;
    if (targets->array() == nullptr) {
      faults.push_back({where + ".targets", "expected a list"});
      return;
    }
    if (targets->array()->size() > limits::kTargetsPerSet) {
      faults.push_back(
          {where + ".targets", "at most " + std::to_string(limits::kTargetsPerSet) + " in a set"});
      return;
    }
    std::map<std::string, storage::TargetId> ids;
    for (const Target* old : directory.targets_of(*setid))
      ids.emplace(old->destination.text(), old->id);
    std::set<std::string> destinations;
    each_object(*targets->array(), where + ".targets", faults,
                [&](const Json& one, const std::string& place) {
                  Target target = at(place, faults, [&] {
                    return read_target(one, *setid, 0, service.now().wall, faults);
                  });
                  const std::string destination = target.destination.text();
                  if (!destinations.insert(destination).second)
                    faults.push_back({place + ".destination", "stands twice in this set"});
                  if (const auto old = ids.find(destination); old != ids.end())
                    target.id = old->second;
                  out.targets.push_back(std::move(target));
                });
  });
}

void read_domains(const Json::Array& items, Wanted& out, std::vector<Fault>& faults) {
  out.domains.emplace();
  std::set<std::string> seen;
  each_object(items, "domains", faults, [&](const Json& json, const std::string& where) {
    const Json* name = json.find("domain");
    const auto domain = normal_domain(name && name->text() ? *name->text() : std::string{});
    if (!domain) {
      faults.push_back({where + ".domain", domain.error().message});
    } else if (!seen.insert(*domain).second) {
      faults.push_back({where + ".domain", usher::quoted(*domain) + " stands twice"});
    } else {
      out.domains->push_back(at(where, faults, [&] { return read_domain(json, *domain, faults); }));
    }
  });
}

// A pattern is known by its letters, in either case; one that is there keeps its spelling.
void read_scanners(const Service& service, const Json::Array& items, Wanted& out,
                   std::vector<Fault>& faults) {
  std::map<std::string, std::string> spelling;
  for (const storage::ScannerPattern& s : service.edge.scanners())
    spelling.emplace(lower(s.pattern), s.pattern);
  std::set<std::string> seen;
  out.scanners.emplace();
  each_object(items, "scanners", faults, [&](const Json& json, const std::string& where) {
    storage::ScannerPattern scanner = at(where, faults, [&] { return read_scanner(json, faults); });
    const std::string letters = lower(scanner.pattern);
    if (!seen.insert(letters).second)
      faults.push_back({where + ".pattern", usher::quoted(scanner.pattern) + " stands twice"});
    if (const auto old = spelling.find(letters); old != spelling.end())
      scanner.pattern = old->second;
    out.scanners->push_back(std::move(scanner));
  });
}

Wanted read(const Service& service, const Json& body, std::vector<Fault>& faults) {
  Wanted out;
  Fields fields(body, faults);
  fields.require("format");
  fields.integer("format", kFormat, kFormat);
  if (const Json::Array* sets = fields.array("sets", limits::kDomains))
    read_sets(service, *sets, out, faults);
  if (const Json::Array* domains = fields.array("domains", limits::kDomains))
    read_domains(*domains, out, faults);
  if (const Json::Array* scanners = fields.array("scanners", limits::kScannerPatterns)) {
    read_scanners(service, *scanners, out, faults);
  }
  if (const Json* gate = fields.object("gate")) {
    out.gate = at("gate", faults,
                  [&] { return read_gate(*gate, service.edge.gate_settings().opened, faults); });
  }
  fields.finish();
  return out;
}

// The way from what is to what is wanted: in an order in which nothing refers to what is not there.
struct Plan {
  std::vector<Change> changes;
  Json::Array words;
  std::vector<storage::TargetId> removed;

  void add(Change change, std::string text) {
    changes.push_back(std::move(change));
    words.emplace_back(std::move(text));
  }
};

void plan_sets(const routing::Directory& directory, const Wanted& wanted, Plan& plan) {
  for (const storage::DispatcherSet& set : *wanted.sets) {
    const storage::DispatcherSet* old = directory.set(set.setid);
    if (old == nullptr || *old != set)
      plan.add(storage::PutSet{set},
               (old ? "change set " : "add set ") + std::to_string(set.setid));
  }
  std::set<storage::TargetId> kept;
  for (const Target& t : wanted.targets) kept.insert(t.id);
  for (const auto& [id, target] : directory.targets()) {
    if (kept.count(id) > 0) continue;
    plan.removed.push_back(id);
    plan.add(storage::DeleteTarget{id}, "remove " + name_of(target));
  }
}

void plan_targets(const Service& service, const Wanted& wanted, Plan& plan) {
  const routing::Directory& directory = service.edge.directory();
  storage::TargetId last = service.edge.last_target_id();
  for (Target target : wanted.targets) {
    const Target* old = target.id == 0 ? nullptr : directory.target(target.id);
    if (old != nullptr && *old == target) continue;
    if (target.id == 0) target.id = ++last;
    plan.add(storage::PutTarget{target}, (old ? "change " : "add ") + name_of(target));
  }
}

void plan_domains(const routing::Directory& directory, const Wanted& wanted, Plan& plan) {
  std::set<std::string> kept;
  for (const storage::Domain& domain : *wanted.domains) {
    kept.insert(domain.domain);
    const storage::Domain* old = directory.domain(domain.domain);
    if (old != nullptr && *old == domain) continue;
    plan.add(storage::PutDomain{domain}, words_of(old, &domain));
  }
  for (const auto& [name, domain] : directory.domains()) {
    if (kept.count(name) == 0) plan.add(storage::DeleteDomain{name}, words_of(&domain, nullptr));
  }
}

void plan_gate(const Service& service, const Wanted& wanted, Plan& plan) {
  if (wanted.scanners) {
    const std::vector<storage::ScannerPattern> now = service.edge.scanners();
    // What goes makes room for what comes.
    for (const storage::ScannerPattern& s : now) {
      if (std::none_of(wanted.scanners->begin(), wanted.scanners->end(),
                       [&](const auto& w) { return w.pattern == s.pattern; }))
        plan.add(storage::DeleteScanner{s.pattern},
                 "remove scanner pattern " + usher::quoted(s.pattern));
    }
    for (const storage::ScannerPattern& s : *wanted.scanners) {
      if (std::find(now.begin(), now.end(), s) == now.end())
        plan.add(storage::PutScanner{s}, "put scanner pattern " + usher::quoted(s.pattern));
    }
  }
  if (wanted.gate && *wanted.gate != service.edge.gate_settings())
    plan.add(storage::PutGate{*wanted.gate}, "change the gate's settings");
}

Plan plan_for(const Service& service, const Wanted& wanted) {
  const routing::Directory& directory = service.edge.directory();
  Plan plan;
  if (wanted.sets) {
    plan_sets(directory, wanted, plan);
    plan_targets(service, wanted, plan);
  }
  if (wanted.domains) plan_domains(directory, wanted, plan);
  if (wanted.sets) {
    for (const auto& [setid, set] : directory.sets()) {
      if (std::none_of(wanted.sets->begin(), wanted.sets->end(),
                       [id = setid](const auto& w) { return w.setid == id; }))
        plan.add(storage::DeleteSet{setid}, "remove set " + std::to_string(setid));
    }
  }
  plan_gate(service, wanted, plan);
  return plan;
}

// Checked against what there will be, not step by step: each step copies the whole directory.
std::optional<Answer> refusal(const Service& service, const Plan& plan) {
  for (const storage::TargetId id : plan.removed) {
    const std::size_t calls = service.edge.target_status(id).live_calls;
    if (calls == 0) continue;
    return problem(409, "in-use",
                   name_of(*service.edge.directory().target(id)) + " carries " +
                       std::to_string(calls) + " live call(s): drain it first");
  }
  const routing::DirectoryRef after = service.edge.directory().with(plan.changes);
  for (const auto& [name, domain] : after->domains()) {
    if (after->set(domain.setid) == nullptr)
      return problem(409, "conflict",
                     "domain " + usher::quoted(name) + " needs set " +
                         std::to_string(domain.setid) + ", which would not be there");
  }
  for (const Change& change : plan.changes) {
    if (!std::holds_alternative<storage::PutSet>(change) &&
        !std::holds_alternative<storage::PutTarget>(change) &&
        !std::holds_alternative<storage::PutDomain>(change))
      continue;
    if (const auto result = after->check(change); !result)
      return problem(422, "invalid", result.error().message);
  }
  return std::nullopt;
}

void write(const Context& context, const Call& call, const Respond& respond) {
  auto asked = read_preview(call);
  if (Answer* refused = std::get_if<Answer>(&asked)) return respond(std::move(*refused));
  apply_configuration(context, call.body, std::get<bool>(asked), respond);
}

}  // namespace

void apply_configuration(const Context& context, Json document, bool preview, Respond respond) {
  const Service& service = context.service;
  context.writer.submit(
      [&service, document = std::move(document), preview]() -> std::variant<Write, Answer> {
        std::vector<Fault> faults;
        const Wanted wanted = read(service, document, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        Plan plan = plan_for(service, wanted);
        if (auto refused = refusal(service, plan)) return std::move(*refused);
        Write w;
        if (!preview) w.changes = std::move(plan.changes);
        w.answer = [words = std::move(plan.words), preview] {
          return json_answer(200, Json::Object{{"preview", preview}, {"changes", words}});
        };
        return w;
      },
      asked_only(std::move(respond), preview));
}

void add_configuration(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/configuration", {}, [&service](const Call&) { return show(service); });
  router.add_write(
      "PUT", "/v1/configuration",
      [context](const Call& call, const Respond& respond) { write(context, call, respond); },
      {"preview"});
}

}  // namespace usher::admin
