#include "sip/grammar/cursor.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/grammar/lexical.hpp"

namespace usher::sip::grammar {

using lex::keep;
using lex::skip;

// via-parm = sent-protocol LWS sent-by *( SEMI via-params )
bool take_via(Cursor& c, Via& out) {
  const char* begin = c.it;
  static constexpr auto slash = lex::separator('/');
  if (!keep(c, lex::token, out.protocol) || !skip(c, slash) || !keep(c, lex::token, out.version) ||
      !skip(c, slash) || !keep(c, lex::token, out.transport) || !skip(c, lex::lws)) {
    return c.fails("SIP/2.0/transport");
  }
  if (!take_host(c, out.host)) return false;
  // sent-by = host [ COLON port ], with white space around the colon
  static constexpr auto colon = lex::separator(':');
  if (skip(c, colon) && !take_port(c, out.port)) return false;
  if (!take_params(c, out.params)) return false;
  out.raw = c.since(begin);
  return true;
}

}  // namespace usher::sip::grammar

namespace usher::sip {

Result<Via> parse_via(std::string_view text) {
  using namespace grammar;
  Cursor c(text);
  skip_lws(c);
  Result<Via> out;
  if (!take_via(c, *out)) {
    out = c.error();
  } else if (!take_comma(c) && !take_end(c)) {
    out = c.error();
  }
  return out;
}

}  // namespace usher::sip
