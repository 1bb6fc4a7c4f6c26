// /v1/explain: what happened, and why. /v1/route-test: what would happen.
#include <algorithm>

#include "admin/fields.hpp"
#include "admin/ladder/ladder.hpp"
#include "admin/resources/live_id.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"
#include "routing/explain.hpp"
#include "routing/route_test.hpp"

namespace usher::admin {

using routing::Record;
using routing::Records;
using routing::Step;

namespace {

constexpr std::size_t kMostUri = 512;

Json fields_json(const Step& step) {
  Json::Object out;
  for (const auto& [name, value] : step.fields) {
    // JSON has each name once.
    const bool known = std::any_of(
        out.begin(), out.end(), [&key = name](const auto& member) { return member.first == key; });
    if (!known) out.emplace_back(name, value);
  }
  return out;
}

// What the id names: a live call, a trace (a call's key), or a Call-ID.
Records find_records(const Service& service, const std::string& id) {
  const routing::Recorder& recorder = service.edge.recorder();
  routing::Lookup lookup;
  if (const auto view = live_call(service, id)) {
    lookup.call_ids = {std::string{view->origin_call_id}, std::string{view->new_call_id}};
    lookup.trace = routing::parse_trace(view->key);
    return recorder.find(lookup);
  }
  lookup.trace = routing::parse_trace(id);
  if (lookup.trace) {
    Records found = recorder.find(lookup);
    if (!found.items.empty()) return found;
  }
  lookup = {};
  lookup.call_ids = {id};
  return recorder.find(lookup);
}

Answer explain(const Service& service, const Call& call) {
  const std::string& id = call.segment("id");
  const Records records = find_records(service, id);
  if (records.items.empty()) {
    return absent("call, request or drop " + usher::quoted(id) + " in the flight recorder" +
                  (service.edge.recorder().enabled() ? "" : ": it is switched off"));
  }
  const routing::Explanation explained = routing::explain(records, service.now().mono);
  Json::Array steps;
  for (const Record& r : explained.steps) {
    const Duration offset = r.at - explained.steps.front().at;
    steps.push_back(Json::Object{{"at", precise_time(explained.steps.front().wall, offset)},
                                 {"offset_ms", milliseconds(offset)},
                                 {"what", r.step.what},
                                 {"why", r.step.why},
                                 {"fields", fields_json(r.step)}});
  }
  const auto name_or_null = [](std::string_view name) {
    return name.empty() ? Json{} : Json{name};
  };
  return json_answer(200, Json::Object{{"id", id},
                                       {"kind", explained.kind},
                                       {"verdict", explained.verdict.text},
                                       {"known_death", name_or_null(explained.verdict.known_death)},
                                       {"hint", name_or_null(explained.verdict.hint)},
                                       {"steps", std::move(steps)}});
}

Json show(const routing::RouteTest& t) {
  Json::Array candidates;
  for (const auto& c : t.candidates)
    candidates.push_back(
        Json::Object{{"target", c.target ? Json{c.target} : Json{}},
                     {"destination", c.destination},
                     {"chosen", c.chosen},
                     {"order", c.order ? Json{c.order} : Json{}},
                     {"rejected", c.rejected.empty() ? Json{} : Json{c.rejected}}});
  Json::Array steps;
  for (const Step& step : t.steps)
    steps.push_back(
        Json::Object{{"what", step.what}, {"why", step.why}, {"fields", fields_json(step)}});
  return Json::Object{
      {"outcome", t.outcome},
      {"status", t.status},
      {"reason", t.reason},
      {"origin", Json::Object{{"side", t.from_backend ? "backend" : "phone"},
                              {"target", t.origin_target ? Json{t.origin_target} : Json{}},
                              {"why", t.origin}}},
      {"domain", t.domain.empty() ? Json{} : Json{t.domain}},
      {"candidates", std::move(candidates)},
      {"steps", std::move(steps)}};
}

Answer route_test(const Service& service, const Call& call) {
  std::vector<Fault> faults;
  Fields fields(call.body, faults);
  routing::RouteQuestion question;
  for (const char* name : {"method", "request_uri", "source"}) fields.require(name);
  question.method = fields.text("method", 32).value_or("");
  question.request_uri = fields.text("request_uri", kMostUri).value_or("");
  question.from = fields.text("from", kMostUri).value_or("");
  question.to = fields.text("to", kMostUri).value_or("");
  if (const auto text = fields.text("source", 64)) {
    auto endpoint = net::Endpoint::parse(*text);
    // A port makes no difference to who somebody is.
    if (const auto address = net::IpAddress::parse(*text); !endpoint && address)
      endpoint = net::Endpoint{*address, 5060};
    if (endpoint) {
      question.source = *endpoint;
    } else {
      fields.fault("source", endpoint.error().message);
    }
  }
  if (const auto text = fields.text("transport", 8)) {
    if (const auto transport = net::parse_transport(*text)) {
      question.transport = *transport;
    } else {
      fields.fault("transport", usher::quoted(*text) + " is none of udp, tcp, tls, ws, wss");
    }
  }
  fields.finish();
  if (!faults.empty()) return invalid(std::move(faults));
  const auto answer = service.edge.test_route(service.now(), question);
  if (!answer)
    return invalid({{"request_uri", "it makes no SIP message: " + answer.error().message}});
  return json_answer(200, show(*answer));
}

}  // namespace

void add_explain(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/explain/{id}", {},
             [&service](const Call& call) { return explain(service, call); });
  router.add("POST", "/v1/route-test", {}, [&service](const Call& call) {
    Answer answer = route_test(service, call);
    answer.asked_only = true;
    return answer;
  });
}

}  // namespace usher::admin
