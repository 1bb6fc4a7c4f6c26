#include <algorithm>
#include <charconv>

#include "core/net/address.hpp"
#include "core/text.hpp"

namespace usher::net {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// RFC 3261 §25.1 hostname: labels of letters, digits and inner hyphens; the last one starts with a
// letter, so that a mistyped IPv4 address is no host name. `name` has no trailing dot.
bool is_hostname(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-')
      return false;
    if (!std::all_of(label.begin(), label.end(),
                     [](char c) { return is_digit(c) || is_letter(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return is_letter(label.front());
    name.remove_prefix(dot + 1);
  }
}

Error refuse(Errc code, std::string_view text, std::string_view why) {
  return fail(code, quoted(text).append(why));
}

Error no_destination(std::string_view text) {
  return refuse(
      Errc::syntax, text,
      " is not a destination: expected host, host:port, or sip:host:port, such as \"10.0.1.100\", "
      "\"sip:10.0.1.100:5060\" or \"[2001:db8::1]:5060\"");
}

// Where the host ends; nothing when the brackets of an IPv6 address aren't closed or junk follows
// them.
std::optional<std::size_t> host_length(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    if (close + 1 != text.size() && text[close + 1] != ':') return std::nullopt;
    return close + 1;
  }
  const std::size_t colon = text.find(':');
  // More than one colon: an IPv6 address without brackets, which leaves no room for a port.
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos)
    return text.size();
  return colon;
}

// Nothing: none is named.
Result<std::optional<Transport>> parse_parameters(std::string_view text,
                                                  std::string_view parameters, bool sips) {
  std::optional<Transport> transport;
  while (!parameters.empty()) {
    parameters.remove_prefix(1);  // the semicolon
    const std::string_view one = parameters.substr(0, parameters.find(';'));
    parameters.remove_prefix(one.size());
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos ||
        !equals_without_case(one.substr(0, equals), "transport")) {
      return refuse(Errc::syntax, text,
                    " has the parameter " + quoted(one) + ": only transport is known here");
    }
    if (transport) return refuse(Errc::syntax, text, " names a transport twice");
    transport = parse_transport(one.substr(equals + 1));
    if (!transport) {
      return refuse(Errc::syntax, text,
                    " has the unknown transport " + quoted(one.substr(equals + 1)) +
                        ": expected udp, tcp or tls");
    }
    if (is_websocket(*transport)) {
      return refuse(Errc::unsupported, text,
                    " asks for " + std::string{transport_name(*transport)} +
                        ", which only phones speak: expected udp, tcp or tls");
    }
  }
  if (!sips) return transport;
  if (transport == Transport::udp) {
    return refuse(Errc::syntax, text,
                  " asks for TLS by its scheme and for UDP: expected one of them");
  }
  // RFC 3261 §26.2.2: transport=tcp in a SIPS URI is TLS over TCP.
  return std::optional{Transport::tls};
}

// Takes "sip:" or "sips:" off the front. A colon may also belong to a port or an IPv6 address, so a
// scheme is what starts with a letter and isn't followed by a port.
Result<std::string_view> take_scheme(std::string_view text, bool& sips) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return text;
  const std::string_view scheme = text.substr(0, colon);
  sips = equals_without_case(scheme, "sips");
  if (sips || equals_without_case(scheme, "sip")) return text.substr(colon + 1);
  const bool looks_like_one =
      !scheme.empty() && is_letter(scheme.front()) &&
      std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
      });
  const std::string_view rest = text.substr(colon + 1);
  const bool port_follows = !rest.empty() && is_digit(rest.front()) &&
                            rest.find_first_of(":.@") == std::string_view::npos;
  if (looks_like_one && !port_follows && !IpAddress::parse(text.substr(0, text.find(';'))) &&
      !rest.empty()) {
    return refuse(Errc::syntax, text,
                  " has the unknown scheme " + quoted(scheme) + ": expected sip: or sips:");
  }
  return text;
}

}  // namespace

Result<HostPort> HostPort::parse(std::string_view text) {
  const auto bad = [&] {
    return refuse(
        Errc::syntax, text,
        " is not a host: expected \"203.0.113.5\", \"[2001:db8::1]\" or a host name, each perhaps "
        "followed by \":5060\"");
  };
  const auto length = host_length(text);
  if (!length) return bad();
  HostPort out;
  std::string_view name = text.substr(0, *length);
  if (const auto address = IpAddress::parse(name)) {
    out.address = *address;
    out.host = address->text();
  } else {
    if (name.ends_with('.')) name.remove_suffix(1);
    if (!is_hostname(name)) return bad();
    out.host = lower(name);
  }
  if (*length < text.size()) {
    const std::string_view digits = text.substr(*length + 1);
    if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return bad();
    const char* const end = digits.data() + digits.size();
    std::uint16_t port = 0;
    const auto [stop, ec] = std::from_chars(digits.data(), end, port);
    if (ec != std::errc{} || stop != end || port == 0) {
      return fail(Errc::range, "the port is " + quoted(digits) + ": expected 1 to 65535");
    }
    out.port = port;
  }
  return out;
}

std::string Destination::text() const {
  std::string out = "sip:" + (address ? address->uri_host() : host);
  if (!any_port) out.append(":").append(std::to_string(port));
  if (any_port ? !any_transport : transport != Transport::udp)
    out.append(";transport=").append(transport_name(transport));
  return out;
}

Result<Destination> Destination::parse(std::string_view text) {
  if (text.empty()) return no_destination(text);
  if (text.find_first_of(" \t\r\n") != std::string_view::npos) {
    return refuse(Errc::syntax, text,
                  " contains white space: expected one destination and nothing else");
  }
  bool sips = false;
  const auto after_scheme = take_scheme(text, sips);
  if (!after_scheme) return after_scheme.error();
  std::string_view rest = *after_scheme;
  if (rest.find('@') != std::string_view::npos) {
    return refuse(Errc::syntax, text,
                  " names a user: expected only the host, as in sip:10.0.1.100");
  }
  if (rest.find('?') != std::string_view::npos) {
    return refuse(Errc::syntax, text,
                  " has URI headers: expected only the host, as in sip:10.0.1.100");
  }
  const std::size_t semicolon = std::min(rest.find(';'), rest.size());
  const auto transport = parse_parameters(text, rest.substr(semicolon), sips);
  if (!transport) return transport.error();

  const auto target = HostPort::parse(rest.substr(0, semicolon));
  if (!target) {
    if (target.error().code == Errc::range)
      return refuse(Errc::range, text, ": " + target.error().message);
    return no_destination(text);
  }
  if (target->address && target->address->is_unspecified()) {
    return refuse(Errc::range, text,
                  " is the unspecified address: expected one that packets can be sent to");
  }
  Destination d;
  d.transport = transport->value_or(Transport::udp);
  d.port = target->port.value_or(default_port(d.transport));
  d.host = target->host;
  d.address = target->address;
  d.any_port = !target->address && !target->port;
  d.any_transport = d.any_port && !*transport;
  return d;
}

}  // namespace usher::net
