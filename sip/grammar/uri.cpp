#include "core/limits.hpp"
#include "sip/grammar/cursor.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/grammar/lexical.hpp"

namespace usher::sip::grammar {
namespace {

using lex::escaped_run;
using lex::keep;
using lex::run;
using lex::skip;
using lex::x3::lit;

bool is_scheme(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] | 0x20) != lower[i]) return false;
  }
  return true;
}

// userinfo = user [ ":" password ] "@". Without an "@" behind it nothing is consumed: then it was
// the host.
template <std::uint32_t UserClass>
void take_userinfo(Cursor& c, Uri& out) {
  static constexpr auto password = -escaped_run<lex::kPassword>;
  const char* begin = c.it;
  if (!keep(c, escaped_run<UserClass>, out.user)) return;
  if (skip(c, lit(':'))) keep(c, password, out.password);
  out.has_user = skip(c, lit('@'));
  if (out.has_user) return;
  out.user = out.password = {};
  c.it = begin;
}

// uri-parameters = *( ";" pname [ "=" pvalue ] ), an empty last one tolerated
bool take_uri_params(Cursor& c, Params& out) {
  while (c.at(';')) {
    ++c.it;
    if (c.at_end() || c.at('>') || c.at('?')) return true;
    if (out.size() == limits::kParameterCount) return c.exceeds("URI parameters");
    Param& p = out.emplace_back();
    if (!keep(c, escaped_run<lex::kUriParamName>, p.name)) return c.fails("a URI parameter");
    if (!c.at('=')) continue;
    ++c.it;
    if (!keep(c, escaped_run<lex::kUriParamValue>, p.value.emplace())) {
      return c.fails("the value of a URI parameter");
    }
  }
  return true;
}

bool take_sip_uri(Cursor& c, Uri& out, UriPlace place) {
  if (place == UriPlace::enclosed) {
    take_userinfo<lex::kUser>(c, out);
  } else {
    take_userinfo<lex::kBareUser>(c, out);
  }
  if (!take_host_port(c, out.host, out.port)) return false;
  if (place == UriPlace::bare) return true;
  if (!take_uri_params(c, out.params)) return false;
  if (!c.at('?')) return true;
  ++c.it;
  return keep(c, escaped_run<lex::kUriHeaders>, out.headers) || c.fails("URI headers");
}

}  // namespace

bool take_host(Cursor& c, std::string_view& host) {
  // IPv6reference. RFC 5118 §4.10: what stands between the brackets is taken as it is.
  static constexpr auto rule = run<lex::kHost> | (lit('[') >> run<lex::kIpv6> >> ']');
  return keep(c, rule, host) || c.fails("a host");
}

bool take_host_port(Cursor& c, std::string_view& host, std::optional<std::uint16_t>& port) {
  if (!take_host(c, host)) return false;
  if (!c.at(':')) return true;
  ++c.it;
  return take_port(c, port);
}

bool take_port(Cursor& c, std::optional<std::uint16_t>& port) {
  const char* begin = c.it;
  std::uint32_t value = 0;
  while (c.it != c.end && lex::is<lex::kDigit>(*c.it) && value <= 65535) {
    value = value * 10 + static_cast<std::uint32_t>(*c.it++ - '0');
  }
  if (c.it == begin || value > 65535) {
    c.it = begin;
    return c.fails("a port below 65536");
  }
  port = static_cast<std::uint16_t>(value);
  return true;
}

bool take_uri(Cursor& c, Uri& out, UriPlace place) {
  const char* begin = c.it;
  static constexpr auto scheme = &run<lex::kAlpha> >> run<lex::kSchemeChar>;
  if (!keep(c, scheme, out.scheme) || !skip(c, lit(':'))) return c.fails("a URI scheme");
  out.is_sips = is_scheme(out.scheme, "sips");
  out.is_sip = out.is_sips || is_scheme(out.scheme, "sip");
  if (out.is_sip) {
    if (!take_sip_uri(c, out, place)) return false;
  } else {
    const bool found = place == UriPlace::enclosed ? skip(c, escaped_run<lex::kUric>)
                                                   : skip(c, escaped_run<lex::kBareUric>);
    if (!found) return c.fails("the rest of a URI");
  }
  out.raw = c.since(begin);
  return true;
}

}  // namespace usher::sip::grammar

namespace usher::sip {

Result<Uri> parse_uri(std::string_view text) {
  using namespace grammar;
  if (text.size() > limits::kUriBytes)
    return fail(Errc::limit, "more than allowed: bytes of a URI");
  return whole<Uri>(text, [](Cursor& c, Uri& out) { return take_uri(c, out, UriPlace::enclosed); });
}

}  // namespace usher::sip
