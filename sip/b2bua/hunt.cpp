#include "sip/b2bua/hunt.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "sip/b2bua/last_word.hpp"
#include "sip/grammar/grammar.hpp"

namespace usher::sip {
namespace {

bool is_challenge(int status) {
  return status == 401 || status == 407;
}

// Lower is better.
int rank(int status) {
  if (status >= 600) return 0;
  if (status < 400) return 1;
  if (status >= 500) return 6;
  if (is_challenge(status) || status == 415 || status == 420 || status == 484) return 2;
  if (status == 486) return 3;
  return status == 408 || status == 487 ? 5 : 4;
}

// A Contact names a place by its address, or by the name it was configured with.
bool names(const Uri& uri, const Attempt& place) {
  if (transport_of(uri).value_or(net::Transport::udp) != place.flow.transport) return false;
  if (uri.port.value_or(net::default_port(place.flow.transport)) != place.flow.remote.port)
    return false;
  if (const auto address = net::IpAddress::parse(uri.host))
    return *address == place.flow.remote.address;
  const auto own = parse_uri(place.request_uri);
  return own && equals_without_case(own->host, uri.host);
}

std::uint16_t q_of(const NameAddr& contact) {
  const auto q = parse_qvalue(param_value(contact.params, "q"));
  return q ? *q : std::uint16_t{1000};
}

}  // namespace

std::size_t group_end(const Plan& plan, std::size_t from) {
  std::size_t end = from + 1;
  while (end < plan.attempts.size() && plan.attempts[end].parallel) ++end;
  return std::min(end, plan.attempts.size());
}

bool target_left(const Hunt& hunt, Duration limit) {
  return !hunt.decided && hunt.made < hunt.plan.attempts.size() && hunt.silence < limit;
}

bool goes_on(const Hunt& hunt, bool target_left) {
  if (!target_left) return best_refusal(hunt) == nullptr;
  if (hunt.plan.exhaustive) return true;
  const auto& codes = hunt.plan.failover_codes;
  return std::all_of(hunt.refusals.begin(), hunt.refusals.end(), [&](const Refusal& r) {
    const int status = r.response->status();
    const bool listed = std::find(codes.begin(), codes.end(), status) != codes.end();
    return r.group != hunt.group || (!is_last_word(status) && (status == 503 || listed));
  });
}

bool goes_on_unanswered(const Hunt& hunt, bool target_left) {
  if (target_left || !hunt.plan.exhaustive) return true;
  const Refusal* best = best_refusal(hunt);
  return best == nullptr || rank(best->response->status()) >= rank(408);
}

const Refusal* best_refusal(const Hunt& hunt) {
  const Refusal* best = nullptr;
  for (const Refusal& r : hunt.refusals) {
    const int status = r.response->status();
    if (status == 503) continue;
    if (best == nullptr || rank(status) <= rank(best->response->status())) best = &r;
  }
  return best;
}

std::vector<HeaderLine> other_challenges(const Hunt& hunt, const Refusal& best) {
  std::vector<HeaderLine> out;
  if (!is_challenge(best.response->status())) return out;
  for (const Refusal& r : hunt.refusals) {
    if (&r == &best || !is_challenge(r.response->status())) continue;
    for (const HeaderField& field : r.response->headers()) {
      if (field.id == HeaderId::www_authenticate || field.id == HeaderId::proxy_authenticate)
        out.emplace_back(r.response->name(field), r.response->value(field));
    }
  }
  return out;
}

bool follow_redirect(Hunt& hunt, const Message& response, std::string_view request_uri) {
  Plan& plan = hunt.plan;
  if (plan.redirects.empty()) return false;
  std::vector<std::pair<std::uint16_t, Attempt>> found;
  for (const HeaderField& field : response.headers()) {
    if (field.id != HeaderId::contact) continue;
    const auto list = parse_contacts(response.value(field));
    if (!list) continue;
    for (const NameAddr& contact : list->contacts) {
      // §19.1.1: header fields have no place in a Request-URI.
      if (!contact.uri.is_sip || !contact.uri.headers.empty()) continue;
      const auto place =
          std::find_if(plan.redirects.begin(), plan.redirects.end(),
                       [&](const Attempt& attempt) { return names(contact.uri, attempt); });
      if (place == plan.redirects.end()) continue;
      Attempt next = *place;
      next.request_uri = contact.uri.raw;
      next.parallel = false;
      const auto same = [&](const Attempt& other) {
        return other.flow == next.flow &&
               (other.request_uri.empty() ? request_uri : std::string_view(other.request_uri)) ==
                   next.request_uri;
      };
      const auto tried = plan.attempts.begin() + static_cast<std::ptrdiff_t>(hunt.made);
      const bool again =
          std::any_of(plan.attempts.begin(), tried, same) ||
          std::any_of(found.begin(), found.end(), [&](const auto& f) { return same(f.second); });
      if (!again) found.emplace_back(q_of(contact), std::move(next));
    }
  }
  const std::size_t room = limits::kAttemptsPerRequest - hunt.made;
  if (found.empty() || room == 0) return false;
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Attempt> next;
  for (auto& [q, attempt] : found) next.push_back(std::move(attempt));
  plan.attempts.insert(plan.attempts.begin() + static_cast<std::ptrdiff_t>(hunt.made), next.begin(),
                       next.end());
  if (plan.attempts.size() > limits::kAttemptsPerRequest)
    plan.attempts.resize(limits::kAttemptsPerRequest);
  return true;
}

}  // namespace usher::sip
