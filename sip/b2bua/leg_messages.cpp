#include "sip/b2bua/leg_messages.hpp"

#include "core/text.hpp"
#include "sip/b2bua/session_uuid.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/message/compare.hpp"
#include "sip/message/status.hpp"

namespace usher::sip {
namespace {

// RFC 3261 §8.1.1.8, §12.1.1: whoever is reached by a SIPS URI, or has one for a Contact, is given
// one. It says TLS by itself.
bool speaks_sips(const Leg& leg, const Listener& listener) {
  return net::is_secure(listener.transport) &&
         equals_without_case(leg.dialog.remote_target.substr(0, 5), "sips:");
}

void write_contact_uri(BytesWriter& out, const Listener& listener, std::string_view user,
                       bool sips) {
  out << (sips ? "<sips:" : "<sip:");
  if (!user.empty()) out << user << "@";
  out << listener.sent_by;
  if (sips ? net::is_websocket(listener.transport) : listener.transport != net::Transport::udp) {
    out << ";transport=" << net::uri_transport(listener.transport);
  }
  out << ">";
}

Presentation presentation_of(const Leg& leg) {
  return {leg.side, leg.context->hidden.get(), leg.context->domain, leg.names, leg.context->x_cid};
}

// For a phone that says none in what crosses, and in what is our own.
void write_session(MessageBuilder& out, const Leg& leg, const Message* source) {
  if (leg.session_uuid.empty()) return;
  if (source != nullptr && source->count(HeaderId::session_id) > 0) return;
  out.header("Session-ID", session_value(leg.session_uuid, leg.peer_session_uuid));
}

bool is_loose(std::string_view route) {
  const auto parsed = parse_name_addr(route);
  return parsed && find_param(parsed->uri.params, "lr") != nullptr;
}

}  // namespace

void write_via(MessageBuilder& out, const Listener& listener, std::string_view branch) {
  out.open("Via") << "SIP/2.0/" << net::via_transport(listener.transport) << " " << listener.sent_by
                  << ";branch=" << branch << ";rport";
  out.close();
}

void write_contact(MessageBuilder& out, const Listener& listener, std::string_view user,
                   bool sips) {
  write_contact_uri(out.open("Contact"), listener, user, sips);
  out.close();
}

std::string reason_value(int status, std::string_view why) {
  std::string out = "SIP;cause=" + std::to_string(status) + ";text=\"";
  for (char c : why) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + '"';
}

Duration wait_asked_for(const Message& response) {
  if (response.status() != 503) return {};
  const std::string_view value = response.header(HeaderId::retry_after);
  const auto wait = parse_delta_seconds(value.substr(0, value.find_first_of("(; \t")));
  return wait ? Duration(std::chrono::seconds(*wait)) : Duration{};
}

std::uint32_t next_max_forwards(const Message& request) {
  const auto received = request.max_forwards();
  if (!received) return 70;
  return *received == 0 ? 0 : *received - 1;
}

Bytes make_request(const Leg& leg, const Listener& listener, const LegRequest& what) {
  const Dialog& dialog = leg.dialog;
  const bool strict = !dialog.route_set.empty() && !is_loose(dialog.route_set.front());
  std::string strict_target;
  std::string_view target = dialog.remote_target;
  if (strict) {
    // §12.2.1.1: a strict router wants itself as Request-URI and the target as the last Route.
    if (const auto first = parse_name_addr(dialog.route_set.front()))
      strict_target = first->uri.raw;
    target = strict_target;
  }
  const std::size_t hint = 700 + (what.source ? what.source->text().size() : 0);
  MessageBuilder out = MessageBuilder::request(what.method, target, hint);
  write_via(out, what.via ? *what.via : listener, what.branch);
  out.header("Max-Forwards", what.max_forwards);
  for (std::size_t i = strict ? 1 : 0; i < dialog.route_set.size(); ++i) {
    out.header("Route", dialog.route_set[i]);
  }
  if (strict) {
    out.open("Route") << "<" << dialog.remote_target << ">";
    out.close();
  }
  out.open("From") << dialog.local_party << ";tag=" << dialog.local_tag;
  out.close();
  BytesWriter& to = out.open("To");
  to << dialog.remote_party;
  if (!dialog.remote_tag.empty()) to << ";tag=" << dialog.remote_tag;
  out.close();
  out.header("Call-ID", dialog.call_id);
  out.open("CSeq") << std::uint64_t{what.cseq} << " " << what.method;
  out.close();
  if (what.contact) write_contact(out, listener, leg.contact_user, speaks_sips(leg, listener));
  if (!what.reason.empty()) out.header("Reason", what.reason);
  write_session(out, leg, what.source);
  if (what.source == nullptr) return out.finish();
  return pass_message(
      *what.source,
      {.presentation = presentation_of(leg), .invite_cseq = what.invite_cseq, .event = what.event},
      out);
}

Bytes make_response(const Leg& leg, const Listener& listener, const Message& request,
                    const net::Endpoint& source, const LegResponse& what) {
  const std::string_view reason = what.reason.empty() ? reason_phrase(what.status) : what.reason;
  // §8.2.6.1: a 100 carries no To-tag of ours.
  const std::string_view tag =
      what.status == 100 ? std::string_view{} : std::string_view(leg.dialog.local_tag);
  MessageBuilder out = start_response(request, source, what.status, reason, tag);
  if (what.contact) write_contact(out, listener, leg.contact_user, speaks_sips(leg, listener));
  if (what.status > 100 && what.status < 300) {
    // §12.1.1: a response that makes a dialog repeats the Record-Route of the request.
    for (const HeaderField& field : request.headers()) {
      if (field.id == HeaderId::record_route) out.pass(request, field);
    }
  }
  for (const auto& [name, value] : what.headers) out.header(name, value);
  if (!what.why.empty()) out.header("Reason", reason_value(what.status, what.why));
  if (what.status > 100) write_session(out, leg, what.source);
  if (what.source == nullptr || what.status == 100) return out.finish();
  const bool redirect = what.status >= 300 && what.status < 400;
  return pass_message(
      *what.source,
      {.presentation = presentation_of(leg), .aggregated = what.aggregated, .contacts = redirect},
      out);
}

net::Flow request_flow(const Leg& leg, const std::vector<Listener>& listeners) {
  if (leg.side == Side::phone) return leg.flow;
  std::string_view next = leg.dialog.remote_target;
  if (!leg.dialog.route_set.empty()) {
    const auto route = parse_name_addr(leg.dialog.route_set.front());
    if (!route) return leg.flow;
    next = route->uri.raw;
  }
  const auto uri = parse_uri(next);
  if (!uri || !uri->is_sip) return leg.flow;
  const auto address = net::IpAddress::parse(uri->host);
  if (!address) return leg.flow;
  net::Flow flow = leg.flow;
  if (const auto named = transport_of(*uri)) flow.transport = *named;
  // "ws" names both: a secure one stays what it is.
  if (net::is_websocket(flow.transport) && net::is_websocket(leg.flow.transport)) return leg.flow;
  const std::uint16_t port = uri->port.value_or(net::default_port(flow.transport));
  const net::Endpoint remote{*address, port};
  if (remote == leg.flow.remote && flow.transport == leg.flow.transport) return leg.flow;
  if (net::is_reliable(flow.transport) && flow.transport == leg.flow.transport &&
      *address == leg.flow.remote.address) {
    return leg
        .flow;  // the connection it called us on: its source port is not the one it listens on
  }
  flow.remote = remote;
  flow.connection = {};
  if (flow.transport != leg.flow.transport) {
    for (std::size_t i = 0; i < listeners.size(); ++i) {
      if (listeners[i].transport != flow.transport) continue;
      flow.listener.value = static_cast<std::uint16_t>(i);
      return flow;
    }
    return leg.flow;  // no listener of that transport: stay on the way that works
  }
  return flow;
}

}  // namespace usher::sip
