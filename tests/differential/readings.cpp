#include "tests/differential/readings.hpp"

#include <sofia-sip/msg.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_parser.h>
#include <sofia-sip/sip_util.h>

#include "core/text.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"
#include "sip/parse/datagram.hpp"
#include "sip/parse/validate.hpp"

namespace usher::sip::test {
namespace {

std::string text(const char* s) {
  return s ? s : "";
}

std::string text(std::string_view s) {
  return std::string(s);
}

// sofia-sip keeps escapes of some characters and decodes others: both sides are decoded to be
// compared.
std::string uri_text(std::string_view scheme, std::string_view user, std::string_view host,
                     std::string_view port) {
  return lower(scheme) + "|" + unescape(user) + "|" + lower(host) + "|" + text(port);
}

std::string uri_text(const Uri& u) {
  if (!u.is_sip) return lower(u.scheme) + ":";
  return uri_text(u.scheme, u.user, u.host, u.port ? std::to_string(*u.port) : "");
}

std::string uri_text(const url_t* u) {
  if (u->url_type != url_sip && u->url_type != url_sips) return lower(text(u->url_scheme)) + ":";
  return uri_text(text(u->url_scheme), text(u->url_user), text(u->url_host), text(u->url_port));
}

std::size_t count_addresses(const Message& m, HeaderId id) {
  std::size_t n = 0;
  for (const HeaderField& h : m.headers()) {
    if (h.id != id) continue;
    if (const auto list = parse_name_addr_list(m.value(h))) n += list->size();
  }
  return n;
}

}  // namespace

Reading read_with_usher(std::string_view message) {
  Reading out;
  const Parsed parsed = parse_datagram(Bytes(message));
  const auto* taken = std::get_if<MessageRef>(&parsed);
  if (!taken) {
    out.reason = std::get<Malformed>(parsed).reason;
    return out;
  }
  const Message& m = **taken;
  const Result<void> valid = validate(m);
  out.accepted = valid.has_value();
  if (!valid) {
    out.reason = valid.error().message;
    return out;
  }
  auto& p = out.properties;
  if (m.is_request()) {
    p["method"] = m.method_name();
  } else {
    p["status"] = std::to_string(m.status());
  }
  p["call-id"] = m.call_id();
  p["cseq"] = std::to_string(m.cseq().number) + " " + text(m.cseq().method_name);
  p["from-tag"] = m.from_tag();
  p["to-tag"] = m.to_tag();
  const Via& v = m.top_via();
  p["via"] = text(v.host) + "|" + (v.port ? std::to_string(*v.port) : "") + "|" + text(v.branch());
  std::size_t vias = 0;
  for (const HeaderField& h : m.headers()) {
    if (h.id == HeaderId::via) vias += parse_via_list(m.value(h))->size();
    if (h.id != HeaderId::contact) continue;
    const Result<Contacts> contacts = parse_contacts(m.value(h));
    if (contacts->star) p["contacts"] += "* ";
    for (const NameAddr& c : contacts->contacts) p["contacts"] += uri_text(c.uri) + " ";
  }
  p["vias"] = std::to_string(vias);
  p["routes"] = std::to_string(count_addresses(m, HeaderId::route)) + " " +
                std::to_string(count_addresses(m, HeaderId::record_route));
  p["body"] = std::to_string(m.body().size());
  return out;
}

Reading read_with_sofia(std::string_view message) {
  Reading out;
  msg_t* msg =
      msg_make(sip_default_mclass(), 0, message.data(), static_cast<ssize_t>(message.size()));
  const sip_t* sip = msg ? sip_object(msg) : nullptr;
  const bool broken = !sip || MSG_HAS_ERROR(sip->sip_flags);
  if (broken) {
    out.reason = "cannot be parsed";
  } else if (sip->sip_error) {
    out.reason = "a bad header field";
  } else if (sip_sanity_check(sip) != 0) {
    out.reason = "sip_sanity_check";
  }
  out.accepted = out.reason.empty();
  if (out.accepted) {
    auto& p = out.properties;
    if (sip->sip_request) p["method"] = text(sip->sip_request->rq_method_name);
    if (sip->sip_status) p["status"] = std::to_string(sip->sip_status->st_status);
    p["call-id"] = text(sip->sip_call_id->i_id);
    p["cseq"] = std::to_string(sip->sip_cseq->cs_seq) + " " + text(sip->sip_cseq->cs_method_name);
    p["from-tag"] = text(sip->sip_from->a_tag);
    p["to-tag"] = text(sip->sip_to->a_tag);
    const sip_via_t* v = sip->sip_via;
    p["via"] = text(v->v_host) + "|" + text(v->v_port) + "|" + text(v->v_branch);
    std::size_t vias = 0, routes = 0, record_routes = 0;
    for (; v; v = v->v_next) ++vias;
    for (const sip_route_t* r = sip->sip_route; r; r = r->r_next) ++routes;
    for (const sip_record_route_t* r = sip->sip_record_route; r; r = r->r_next) ++record_routes;
    p["vias"] = std::to_string(vias);
    p["routes"] = std::to_string(routes) + " " + std::to_string(record_routes);
    for (const sip_contact_t* c = sip->sip_contact; c; c = c->m_next) {
      p["contacts"] += c->m_url->url_type == url_any ? "* " : uri_text(c->m_url) + " ";
    }
    p["body"] = std::to_string(sip->sip_payload ? sip->sip_payload->pl_len : 0);
  }
  if (msg) msg_destroy(msg);
  return out;
}

}  // namespace usher::sip::test
