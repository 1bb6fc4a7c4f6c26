#include "routing/lookup.hpp"

#include "core/text.hpp"
#include "routing/token.hpp"
#include "sip/message/compare.hpp"

namespace usher::routing {

namespace {

NotFound not_found(std::string why) {
  return NotFound{404, std::move(why), false};
}

std::string domain_of(std::string_view aor) {
  return std::string{aor.substr(aor.rfind('@') + 1)};
}

// Empty when the backend may speak for this domain, else why not.
std::string not_its_own(const Directory& directory, const Origin& origin, std::string_view domain) {
  const storage::Domain* d = directory.domain(domain);
  if (!d) return "domain " + std::string{domain} + " does not exist (any more)";
  if (!d->enabled) return "domain " + d->domain + " is disabled";
  if (!origin.speaks_for(d->setid)) {
    return "domain " + d->domain + " belongs to set " + std::to_string(d->setid) +
           ", which the sender is not in";
  }
  return {};
}

std::variant<Found, NotFound> by_domain(const Location& location, const Directory& directory,
                                        const Origin& origin, const Parties& parties) {
  struct Exact {
    std::string aor, refusal;
    std::vector<storage::Binding> bindings;
  };
  const auto look = [&](const std::optional<sip::Uri>& uri) {
    Exact e;
    if (!uri || !uri->is_sip || is_user_less(*uri) || !directory.domain(host_of(*uri))) return e;
    e.aor = aor_text(*uri);
    e.refusal = not_its_own(directory, origin, host_of(*uri));
    if (e.refusal.empty()) e.bindings = location.by_aor(e.aor);
    return e;
  };
  Exact to = look(parties.to);
  Exact target = look(parties.request);
  const auto found = [](Exact& e, std::string_view how) {
    return Found{e.aor, domain_of(e.aor), std::move(e.bindings), how};
  };
  if (!target.bindings.empty() && target.aor != to.aor) return found(target, "Request-URI");
  if (!to.bindings.empty()) return found(to, "To");
  for (const Exact* e : {&to, &target}) {
    if (!e->aor.empty() && e->refusal.empty()) return not_found(e->aor + " is not registered");
  }
  for (const Exact* e : {&to, &target}) {
    if (!e->aor.empty()) return not_found(e->aor + ": " + e->refusal);
  }
  return not_found("");
}

}  // namespace

std::variant<Found, NotFound> find_phone(const Location& location, const Offers& offers,
                                         const Directory& directory, const Origin& origin,
                                         const Parties& parties) {
  if (!parties.request) return not_found("the Request-URI names nobody");
  if (const auto token = token_in(parties.request->user)) {
    auto binding = location.by_token(*token);
    if (!binding) binding = offers.by_token(*token);
    if (!binding) return not_found("no device is registered with token " + *token + " (any more)");
    if (const std::string no = not_its_own(directory, origin, domain_of(binding->aor));
        !no.empty()) {
      return not_found("token " + *token + " is " + binding->aor + "'s: " + no);
    }
    Found out{binding->aor, domain_of(binding->aor), {}, "token"};
    out.bindings.push_back(std::move(*binding));
    return out;
  }
  auto exact = by_domain(location, directory, origin, parties);
  const auto* no = std::get_if<NotFound>(&exact);
  if (!no || !no->why.empty()) return exact;

  const bool from_request = !is_user_less(*parties.request);
  if (!from_request && (!parties.to || is_user_less(*parties.to)))
    return not_found("neither Request-URI nor To has a user");
  const std::string user = sip::unescape(from_request ? parties.request->user : parties.to->user);
  const auto among = [&](bool own) {
    return location.aors_of_user(
        user,
        [&](std::string_view domain, storage::TargetId granted_by) {
          return (!own || origin.is(granted_by)) && not_its_own(directory, origin, domain).empty();
        },
        2);
  };
  const auto aors = among(false);
  if (aors.empty()) {
    return not_found("nobody of that user part is registered in the sender's domains");
  }
  if (aors.size() > 1) {
    // A backend that uses a bare name means one that it has registered itself.
    const auto own = among(true);
    if (own.size() != 1) {
      return NotFound{
          485,
          "the user part is ambiguous: " + aors[0] + " and " + aors[1] + " are both the sender's",
          true};
    }
    Found out{own[0], domain_of(own[0]), location.by_aor(own[0]), "user"};
    std::erase_if(out.bindings, [&](const storage::Binding& b) { return !origin.is(b.target); });
    return out;
  }
  return Found{aors[0], domain_of(aors[0]), location.by_aor(aors[0]), "user"};
}

}  // namespace usher::routing
