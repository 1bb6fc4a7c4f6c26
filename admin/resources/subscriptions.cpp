// /v1/subscriptions: the live subscriptions, those that /v1/status counts.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "admin/resources/filters.hpp"
#include "admin/resources/live.hpp"
#include "admin/resources/live_id.hpp"
#include "admin/resources/paging.hpp"
#include "admin/resources/representation.hpp"
#include "admin/resources/resources.hpp"
#include "core/text.hpp"
#include "routing/origin.hpp"

namespace usher::admin {

namespace {

using sip::SubscriptionView;

// The backends that have subscriptions, for one request: many are at the same few addresses.
class Backends {
 public:
  explicit Backends(const routing::Directory& directory) : directory_(directory) {}

  // Nothing: none has it, or one that is not there any more.
  std::optional<storage::TargetId> of(const SubscriptionView& s) {
    if (s.attempt != 0) {
      // Towards a backend the attempt's mark is the target's id.
      const auto target = static_cast<storage::TargetId>(s.attempt);
      return directory_.target(target) ? std::optional{target} : std::nullopt;
    }
    // The backend has begun it, or an earlier process has chosen it: its address tells, among the
    // targets of the tenant.
    const storage::Domain* domain = directory_.domain(s.domain);
    if (domain == nullptr) return std::nullopt;
    const bool phone_asks = s.subscriber_side == sip::Side::phone;
    const net::Endpoint& at = phone_asks ? s.notifier_at : s.subscriber_at;
    const auto [known, is_new] = known_.try_emplace({at, domain->setid});
    if (is_new) known->second = find(at, domain->setid);
    return known->second;
  }

 private:
  std::optional<storage::TargetId> find(const net::Endpoint& at, storage::SetId set) const {
    const auto there = routing::origin_of(directory_, at).backends;
    const auto found = std::find_if(there.begin(), there.end(),
                                    [&](const storage::Target* t) { return t->setid == set; });
    return found == there.end() ? std::nullopt : std::optional{(*found)->id};
  }

  const routing::Directory& directory_;
  std::map<std::pair<net::Endpoint, storage::SetId>, std::optional<storage::TargetId>> known_;
};

// Which are wanted. What is empty restricts nothing.
struct Wanted {
  WantedParty party;  // the subscriber or the notifier
  std::string domain, event, call_id, key;
  std::optional<storage::TargetId> target;
};

bool is_wanted(Backends& backends, const Wanted& wanted, const SubscriptionView& s) {
  if (!wanted.domain.empty() && s.domain != wanted.domain) return false;
  if (!wanted.event.empty() && s.package != wanted.event) return false;
  if (!wanted.key.empty() && s.key != wanted.key) return false;
  if (!wanted.call_id.empty() && s.subscriber_call_id != wanted.call_id &&
      s.notifier_call_id != wanted.call_id)
    return false;
  if (!wanted.party.anybody() && !wanted.party.is(s.subscriber) && !wanted.party.is(s.notifier))
    return false;
  return !wanted.target || backends.of(s) == wanted.target;
}

Json endpoint_json(const net::Endpoint& endpoint) {
  return endpoint == net::Endpoint{} ? Json{} : Json{endpoint.text()};
}

Json show(Backends& backends, const SubscriptionView& s, Now now) {
  const auto target = backends.of(s);
  return Json::Object{
      {"id", id_text(s.id)},
      {"key", s.key},
      {"state", s.state},
      {"event", s.package},
      {"refer", s.refer},
      {"in_call", s.in_call},
      {"subscriber", s.subscriber},
      {"notifier", s.notifier},
      {"domain", s.domain},
      {"subscriber_side", side_name(s.subscriber_side)},
      {"subscriber_at", endpoint_json(s.subscriber_at)},
      {"notifier_at", endpoint_json(s.notifier_at)},
      {"target", target ? Json{*target} : Json{}},
      {"subscriber_call_id", s.subscriber_call_id},
      {"notifier_call_id", s.notifier_call_id},
      {"expires", s.expires == Instant{} ? Json{} : Json{time_text(wall_time(now, s.expires))}}};
}

Answer list(const Service& service, const Call& call) {
  const auto page = read_page(call);
  if (const Answer* refused = std::get_if<Answer>(&page)) return *refused;
  const std::string& cursor = std::get<routing::Page>(page).cursor;
  const auto last = parse_subscription_id(cursor);
  if (!cursor.empty() && !last) return bad_cursor(cursor);
  Wanted wanted;
  Filters filters(call);
  filters.aor("aor", wanted.party.aor);
  filters.domain("domain", wanted.domain);
  filters.text("event", wanted.event);
  filters.number("target", 1, kHighestTarget, wanted.target);
  filters.text("call_id", wanted.call_id);
  filters.text("key", wanted.key);
  if (filters.refused) return *filters.refused;
  const Now now = service.now();
  Backends backends(service.edge.directory());
  return live_page<SubscriptionView>(
      std::get<routing::Page>(page).limit, &SubscriptionView::id,
      [&](const auto& visit) {
        service.edge.each_subscription(last.value_or(sip::SubscriptionId{}), visit);
      },
      [&](const SubscriptionView& s) { return is_wanted(backends, wanted, s); },
      [&](const SubscriptionView& s) { return show(backends, s, now); });
}

Answer get(const Service& service, const Call& call) {
  const std::string& text = call.segment("id");
  const auto id = parse_subscription_id(text);
  const auto found = id ? service.edge.subscription(*id) : std::nullopt;
  if (!found) return absent("live subscription " + usher::quoted(text));
  Backends backends(service.edge.directory());
  return json_answer(200, show(backends, *found, service.now()));
}

}  // namespace

void add_subscriptions(Router& router, const Context& context) {
  const Service& service = context.service;
  router.add("GET", "/v1/subscriptions",
             {"aor", "domain", "event", "target", "call_id", "key", "limit", "cursor"},
             [&service](const Call& call) { return list(service, call); });
  router.add("GET", "/v1/subscriptions/{id}", {},
             [&service](const Call& call) { return get(service, call); });
}

}  // namespace usher::admin
