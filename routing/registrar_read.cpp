// A phone's REGISTER, as it is read and as it goes on to the backend.
#include <algorithm>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "routing/registrar.hpp"
#include "routing/token.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"
#include "sip/message/option_tags.hpp"

namespace usher::routing {

namespace {

sip::Reply bad(std::string why, std::string reason) {
  return sip::Reply{400, std::move(reason), std::move(why), {}};
}

Registration::Contact read_contact(const sip::NameAddr& value) {
  Registration::Contact c;
  c.uri = value.uri.raw;
  c.display = value.display;
  for (const sip::Param& p : value.params) {
    c.params.append(";").append(p.name);
    if (p.value) c.params.append("=").append(*p.value);
  }
  c.instance = sip::unquoted(sip::param_value(value.params, "+sip.instance"));
  if (const auto q = sip::parse_qvalue(sip::param_value(value.params, "q"))) c.q = *q;
  // §10.2.1.1: an expires that does not parse counts as 3600.
  if (sip::find_param(value.params, "expires")) {
    const auto seconds = sip::parse_delta_seconds(sip::param_value(value.params, "expires"));
    c.expires = seconds ? *seconds : 3600U;
  }
  return c;
}

}  // namespace

std::uint32_t Registration::asked(const Contact& c) const {
  if (star) return 0;
  return c.expires ? *c.expires : expires.value_or(3600);
}

std::string Registrar::token_for(const Registration& r, const Registration::Contact& c,
                                 std::string_view reg_id) const {
  std::string device = c.uri;
  if (!c.instance.empty()) {
    device = c.instance;
    if (!reg_id.empty()) device.append("\n").append(reg_id);
  } else if (const auto uri = sip::parse_uri(c.uri)) {
    // §10.3 step 7: a Contact is known again by URI comparison, however it is spelled this time.
    for (const storage::Binding& b : location_.by_aor(r.aor)) {
      if (!b.instance.empty() || b.target == 0) continue;
      const auto known = sip::parse_uri(b.contact);
      if (known && sip::uri_equal(*known, *uri)) return b.token;
    }
  }
  for (unsigned salt = 0;; ++salt) {
    std::string token = make_token(key_, r.aor, device, salt);
    const auto other = location_.by_token(token);
    if (!other || other->aor == r.aor) return token;
  }
}

std::variant<Registration, sip::Reply> Registrar::read(const sip::Message& request,
                                                       const Parties& parties,
                                                       const net::Flow& flow) const {
  Registration r;
  if (parties.to) r.aor = aor_text(*parties.to);
  if (r.aor.empty()) return bad("To is no address of record: it has no user", "Bad To header");
  r.user = r.aor.substr(0, r.aor.rfind('@'));
  r.call_id = siphash(key_, request.call_id());
  r.cseq = request.cseq().number;
  r.flow = flow;
  r.user_agent = std::string{request.header(sip::HeaderId::user_agent).substr(0, 128)};
  if (const std::string_view value = request.header(sip::HeaderId::expires); !value.empty()) {
    // §20.19 with §10.2.1.1: malformed counts as 3600.
    const auto seconds = sip::parse_delta_seconds(value);
    r.expires = seconds ? *seconds : 3600U;
  }
  // RFC 5626 §6: nobody between the phone and us, or he might not know the flow.
  const sip::HeaderField* via = request.find(sip::HeaderId::via);
  const bool first_hop = request.count(sip::HeaderId::via) == 1 &&
                         request.value(*via).size() == request.top_via().raw.size() &&
                         sip::has_option(request, sip::HeaderId::supported, "outbound");
  std::size_t fresh = 0;
  for (const sip::HeaderField& field : request.headers()) {
    if (field.id != sip::HeaderId::contact) continue;
    const auto values = sip::parse_contacts(request.value(field));
    if (!values) return bad("Contact: " + values.error().message, "Bad Contact header");
    r.star = r.star || values->star;
    for (const sip::NameAddr& value : values->contacts) {
      if (!value.uri.is_sip)
        return bad("Contact " + quoted(value.uri.raw) + " is no SIP URI", "Bad Contact header");
      Registration::Contact c = read_contact(value);
      const std::string_view reg_id = sip::param_value(value.params, "reg-id");
      r.outbound = r.outbound || (first_hop && !reg_id.empty() && !c.instance.empty());
      c.token = token_for(r, c, reg_id);
      if (!location_.by_token(c.token)) ++fresh;
      r.contacts.push_back(std::move(c));
    }
  }
  // §10.2.2: "*" stands alone and only with an Expires of 0.
  if (r.star && (!r.contacts.empty() || r.expires != 0U)) {
    return bad("Contact: * is for removal: it stands alone and needs Expires: 0",
               "Bad Contact header");
  }
  if (r.contacts.size() > limits::kBindingsPerAor) {
    return sip::Reply{403,
                      "Too many contacts",
                      std::to_string(r.contacts.size()) + " Contacts, " +
                          std::to_string(limits::kBindingsPerAor) +
                          " are the most an address of record may have",
                      {}};
  }
  if (fresh > 0 && location_.size() + fresh > limits::kBindings) {
    return sip::Reply{503, "", "the registrations' limit is reached", {{"Retry-After", "60"}}};
  }
  return r;
}

std::vector<std::string> Registrar::for_backend(const Registration& r, std::string_view sent_by,
                                                net::Transport transport) {
  if (r.star) return {"*"};
  std::vector<std::string> out;
  for (const Registration::Contact& c : r.contacts) {
    std::string value = c.display.empty() ? std::string{} : c.display + " ";
    value.append("<")
        .append(token_uri(r.user, c.token, sent_by, transport))
        .append(">")
        .append(c.params);
    out.push_back(std::move(value));
  }
  return out;
}

}  // namespace usher::routing
