// /v1/gate: how the gate judges what comes from outside.
#include <array>

#include "admin/resources/gate_representation.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/duration.hpp"
#include "core/limits.hpp"
#include "core/text.hpp"

namespace usher::admin {

using storage::GateSettings;
using storage::RateLimit;

namespace {

constexpr std::chrono::hours kFirstWeek{7 * 24};

struct NamedLimit {
  const char* name;
  RateLimit GateSettings::*limit;
  bool may_burst_be_zero = false;
};
constexpr std::array<NamedLimit, 5> kLimits{{{"source", &GateSettings::source},
                                             {"phone", &GateSettings::phone, true},
                                             {"user", &GateSettings::user},
                                             {"domain", &GateSettings::domain},
                                             {"method", &GateSettings::method}}};

Json show(const Service& service) {
  const GateSettings& s = service.edge.gate_settings();
  Json out = writable(s);
  Json::Object& members = std::get<Json::Object>(out.value);
  members.emplace_back("opened", time_text(s.opened));
  members.emplace_back("enforcing", service.edge.gate_enforces(service.now().wall));
  members.emplace_back("enforces_from", s.mode == storage::GateMode::first_week
                                            ? Json{time_text(s.opened + kFirstWeek)}
                                            : Json{});
  return out;
}

template <class Number>
void take(Fields& fields, const char* name, std::int64_t least, std::int64_t most, Number& out) {
  if (const auto value = fields.integer(name, least, most)) out = static_cast<Number>(*value);
}

void read_limits(const Json& body, GateSettings& wanted, std::vector<Fault>& faults) {
  Fields fields(body, faults, "limits.");
  for (const NamedLimit& named : kLimits) {
    const Json* given = fields.object(named.name);
    if (!given) continue;
    RateLimit& limit = wanted.*named.limit;
    Fields inner(*given, faults, fields.path(named.name) + ".");
    take(inner, "per_second", 0, 100'000, limit.per_second);
    take(inner, "burst", 0, 1'000'000, limit.burst);
    if (limit.per_second > 0 && limit.burst == 0 && !named.may_burst_be_zero)
      inner.fault("burst", "must be at least 1 where there is a limit");
    inner.finish();
  }
  fields.finish();
}

void read_bans(const Json& body, GateSettings& wanted, std::vector<Fault>& faults) {
  using std::chrono::hours;
  using std::chrono::minutes;
  Fields fields(body, faults, "bans.");
  if (const auto d = fields.duration("window", minutes(1), hours(24))) wanted.window = *d;
  take(fields, "failures", 3, 10'000, wanted.failures);
  take(fields, "knocks", 3, 10'000, wanted.knocks);
  take(fields, "scanner_hits", 1, 10'000, wanted.scanner_hits);
  if (const auto d = fields.duration("first", minutes(1), hours(30 * 24))) wanted.ban = *d;
  if (const auto d = fields.duration("longest", minutes(1), hours(30 * 24)))
    wanted.longest_ban = *d;
  if (wanted.longest_ban < wanted.ban)
    fields.fault("longest", duration_text(wanted.longest_ban) + " is less than first, " +
                                duration_text(wanted.ban));
  fields.finish();
}

}  // namespace

Json writable(const GateSettings& s) {
  Json::Object limits;
  for (const NamedLimit& named : kLimits) {
    const RateLimit& limit = s.*named.limit;
    limits.emplace_back(named.name,
                        Json::Object{{"per_second", limit.per_second}, {"burst", limit.burst}});
  }
  Json::Array trusted;
  for (const net::Cidr& network : s.trusted) trusted.emplace_back(network.text());
  return Json::Object{{"mode", storage::gate_mode_name(s.mode)},
                      {"limits", std::move(limits)},
                      {"bans", Json::Object{{"window", duration_text(s.window)},
                                            {"failures", s.failures},
                                            {"knocks", s.knocks},
                                            {"scanner_hits", s.scanner_hits},
                                            {"first", duration_text(s.ban)},
                                            {"longest", duration_text(s.longest_ban)}}},
                      {"trusted", std::move(trusted)}};
}

GateSettings read_gate(const Json& body, WallTime opened, std::vector<Fault>& faults) {
  GateSettings wanted;
  wanted.opened = opened;
  Fields fields(body, faults);
  if (const auto text = fields.text("mode", 32)) {
    if (const auto mode = storage::parse_gate_mode(*text))
      wanted.mode = *mode;
    else
      fields.fault("mode", usher::quoted(*text) + " is none of first-week, dry-run, enforce");
  }
  if (const Json* limits = fields.object("limits")) read_limits(*limits, wanted, faults);
  if (const Json* bans = fields.object("bans")) read_bans(*bans, wanted, faults);
  if (const Json::Array* trusted = fields.array("trusted", limits::kTrustedNetworks)) {
    for (std::size_t i = 0; i < trusted->size(); ++i) {
      const std::string name = "trusted[" + std::to_string(i) + "]";
      const std::string* text = (*trusted)[i].text();
      const auto network = net::Cidr::parse(text ? *text : std::string{});
      if (!text)
        fields.fault(name, "expected a network such as \"198.51.100.0/24\"");
      else if (!network)
        fields.fault(name, network.error().message);
      else
        wanted.trusted.push_back(*network);
    }
  }
  for (const char* shown : {"opened", "enforcing", "enforces_from"}) fields.read_only(shown);
  fields.finish();
  return wanted;
}

namespace {

// `merge`: the body is a merge patch of what there is (PATCH); otherwise what is left out takes its
// default.
void write(const Context& context, const Call& call, const Respond& respond, bool merge) {
  const Service& service = context.service;
  context.writer.submit(
      [&service, merge, body = call.body]() -> std::variant<Write, Answer> {
        const GateSettings& old = service.edge.gate_settings();
        std::vector<Fault> faults;
        GateSettings wanted =
            read_gate(merge ? merge_patch(writable(old), body) : body, old.opened, faults);
        if (!faults.empty()) return invalid(std::move(faults));
        Write w;
        w.answer = [&service] { return json_answer(200, show(service)); };
        if (wanted != old) w.changes.emplace_back(storage::PutGate{std::move(wanted)});
        return w;
      },
      respond);
}

}  // namespace

void add_gate_settings(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/gate", {},
             [&service](const Call&) { return json_answer(200, show(service)); });
  router.add_write("PUT", "/v1/gate", [context](const Call& call, const Respond& respond) {
    write(context, call, respond, false);
  });
  router.add_write("PATCH", "/v1/gate", [context](const Call& call, const Respond& respond) {
    write(context, call, respond, true);
  });
}

}  // namespace usher::admin
