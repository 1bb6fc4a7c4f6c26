// /v1/calls: the live calls.
#include <optional>

#include "admin/resources/filters.hpp"
#include "admin/resources/live.hpp"
#include "admin/resources/live_id.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"

namespace usher::admin {

namespace {

// The backend that has it; nothing: none, or one that is not there any more.
std::optional<storage::TargetId> target_of(const Service& service, const sip::CallView& c) {
  // Towards a backend the attempt's mark is the target's id.
  const auto target = static_cast<storage::TargetId>(c.attempt);
  if (c.origin_side != sip::Side::phone || service.edge.directory().target(target) == nullptr)
    return std::nullopt;
  return target;
}

// Which live calls are wanted. What is empty restricts nothing.
struct Wanted {
  WantedParty party;  // `from` or `to`
  std::string domain, state, call_id, key;
  std::optional<storage::TargetId> target;
};

bool is_wanted(const Service& service, const Wanted& wanted, const sip::CallView& c) {
  if (!wanted.domain.empty() && c.domain != wanted.domain) return false;
  if (!wanted.key.empty() && c.key != wanted.key) return false;
  if (!wanted.state.empty() && c.state != wanted.state) return false;
  if (!wanted.call_id.empty() && c.origin_call_id != wanted.call_id &&
      c.new_call_id != wanted.call_id)
    return false;
  if (wanted.target && target_of(service, c) != wanted.target) return false;
  return wanted.party.anybody() || wanted.party.is(c.from) || wanted.party.is(c.to);
}

Json show(const Service& service, const sip::CallView& c, Now now) {
  const auto target = target_of(service, c);
  const bool answered = c.answered_at != Instant{};
  return Json::Object{
      {"id", id_text(c.call)},
      {"key", c.key},
      {"state", c.state},
      {"from", c.from},
      {"to", c.to},
      {"domain", c.domain},
      {"origin_side", side_name(c.origin_side)},
      {"origin", c.origin.text()},
      {"destination", c.destination == net::Endpoint{} ? Json{} : Json{c.destination.text()}},
      {"target", target ? Json{*target} : Json{}},
      {"origin_call_id", c.origin_call_id},
      {"new_call_id", c.new_call_id},
      {"hint", c.hint.empty() ? Json{} : Json{c.hint}},
      {"started", time_text(wall_time(now, c.started))},
      {"answered", answered ? Json{time_text(wall_time(now, c.answered_at))} : Json{}},
      {"duration_s", answered ? Json{seconds(now.mono - c.answered_at)} : Json{}}};
}

Answer no_call(const std::string& id) {
  return absent("live call " + usher::quoted(id));
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const std::string& cursor = std::get<routing::Page>(page).cursor;
  const auto last = parse_call_id(cursor);
  if (!cursor.empty() && !last) return bad_cursor(cursor);
  Wanted wanted;
  Filters filters(call);
  filters.aor("aor", wanted.party.aor);
  filters.text("user", wanted.party.user);
  filters.domain("domain", wanted.domain);
  filters.number("target", 1, kHighestTarget, wanted.target);
  filters.one_of("state", {"trying", "ringing", "answered", "confirmed", "ending"}, wanted.state);
  filters.text("call_id", wanted.call_id);
  filters.text("key", wanted.key);
  if (filters.refused) return *filters.refused;
  const Now now = service.now();
  return live_page<sip::CallView>(
      std::get<routing::Page>(page).limit, &sip::CallView::call,
      [&](const auto& visit) { service.edge.each_call(last.value_or(sip::CallId{}), visit); },
      [&](const sip::CallView& c) { return is_wanted(service, wanted, c); },
      [&](const sip::CallView& c) { return show(service, c, now); });
}

Answer get(const Service& service, const Call& call) {
  const std::string& text = call.segment("id");
  const auto found = live_call(service, text);
  return found ? json_answer(200, show(service, *found, service.now())) : no_call(text);
}

Answer end(const Service& service, const Call& call) {
  const std::string& text = call.segment("id");
  const auto id = parse_call_id(text);
  if (!id) return no_call(text);
  const Result<void> ended = service.edge.end_call(service.now(), *id, "ended by the operator");
  service.drain();
  if (ended) return no_content();
  return ended.error().code == Errc::not_found ? no_call(text)
                                               : problem(409, "conflict", ended.error().message);
}

}  // namespace

void add_calls(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/calls",
             {"aor", "user", "domain", "target", "state", "call_id", "key", "limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add("GET", "/v1/calls/{id}", {},
             [&service](const Call& call) { return get(service, call); });
  router.add("DELETE", "/v1/calls/{id}", {},
             [&service](const Call& call) { return end(service, call); });
}

}  // namespace usher::admin
