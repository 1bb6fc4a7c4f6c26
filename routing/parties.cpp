#include "routing/parties.hpp"

#include <initializer_list>

#include "core/text.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"

namespace usher::routing {

Parties Parties::of(const sip::Message& message) {
  Parties out;
  if (auto uri = sip::parse_uri(message.request_uri())) out.request = std::move(*uri);
  if (auto from = sip::parse_name_addr(message.from_value())) out.from = std::move(from->uri);
  if (auto to = sip::parse_name_addr(message.to_value())) out.to = std::move(to->uri);
  return out;
}

std::string host_of(const sip::Uri& uri) {
  if (uri.host.starts_with('[')) {
    if (const auto address = net::IpAddress::parse(uri.host)) return address->text();
  }
  std::string host = lower(uri.host);
  if (host.ends_with('.')) host.pop_back();
  return host;
}

std::string aor_text(const sip::Uri& uri) {
  if (!uri.is_sip || is_user_less(uri)) return {};
  return sip::unescape(uri.user) + "@" + host_of(uri);
}

bool is_user_less(const sip::Uri& uri) {
  return !uri.has_user || uri.user.empty();
}

Tenant tenant_of(const sip::Message& request, const Parties& parties, const Directory& directory,
                 const Self& self) {
  const auto named = [&](const std::optional<sip::Uri>& uri) {
    Tenant t;
    if (!uri || !uri->is_sip) return t;
    t.shown = host_of(*uri);
    t.domain = directory.domain(t.shown);
    return t;
  };
  Tenant to = named(parties.to);
  const Tenant target = named(parties.request);
  if (request.method() == sip::Method::register_) {
    if (!to.domain) return to;
    if (target.domain) {
      Tenant out = to;
      out.mismatch = target.domain != to.domain;
      return out;
    }
    const bool address =
        parties.request && net::IpAddress::parse(parties.request->host).has_value();
    return address || (parties.request && self.is_host(parties.request->host)) ? to : target;
  }
  const Tenant from = named(parties.from);
  for (const Tenant* t : std::initializer_list<const Tenant*>{&from, &target, &to}) {
    if (t->domain) return *t;
  }
  // Nobody is known: what was asked for says most about who is knocking.
  return target.shown.empty() ? from : target;
}

}  // namespace usher::routing
