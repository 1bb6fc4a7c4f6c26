// The lexical rules of RFC 3261 §25.1 as X3 parsers. Included by sip/grammar/*.cpp only. Beyond
// §25.1, besides what classes.hpp lists: no space is needed between a display name and "<" (RFC
// 4475 §3.1.1.6), and one empty parameter at the end is tolerated ("<sip:a@b>;").
#pragma once

#include <boost/spirit/home/x3.hpp>
#include <string_view>

#include "sip/grammar/classes.hpp"
#include "sip/grammar/cursor.hpp"
#include "sip/grammar/scan.hpp"

namespace usher::sip::grammar::lex {

namespace x3 = boost::spirit::x3;

template <class Derived>
struct Primitive : x3::parser<Derived> {
  using attribute_type = x3::unused_type;
  static constexpr bool has_attribute = false;
};

// 1*class
template <std::uint32_t Classes>
struct Run : Primitive<Run<Classes>> {
  template <class It, class Context, class RContext, class Attribute>
  bool parse(It& first, const It& last, const Context&, RContext&, Attribute&) const {
    const It p = scan<Classes>(first, last);
    const bool found = p != first;
    first = p;
    return found;
  }
};
template <std::uint32_t Classes>
inline constexpr Run<Classes> run{};

// 1*( class / escaped ), where "%" is in none of the classes
template <std::uint32_t Classes>
struct EscapedRun : Primitive<EscapedRun<Classes>> {
  template <class It, class Context, class RContext, class Attribute>
  bool parse(It& first, const It& last, const Context&, RContext&, Attribute&) const {
    It p = first;
    for (;;) {
      p = scan<Classes>(p, last);
      if (last - p < 3 || *p != '%' || !is<kHex>(p[1]) || !is<kHex>(p[2])) break;
      p += 3;
    }
    const bool found = p != first;
    first = p;
    return found;
  }
};
template <std::uint32_t Classes>
inline constexpr EscapedRun<Classes> escaped_run{};

struct Sws : Primitive<Sws> {
  template <class It, class Context, class RContext, class Attribute>
  bool parse(It& first, const It& last, const Context&, RContext&, Attribute&) const {
    first = skip_sws(first, last);
    return true;
  }
};
inline constexpr Sws sws{};

struct Lws : Primitive<Lws> {
  template <class It, class Context, class RContext, class Attribute>
  bool parse(It& first, const It& last, const Context&, RContext&, Attribute&) const {
    const It p = skip_sws(first, last);
    const bool found = p != first;
    first = p;
    return found;
  }
};
inline constexpr Lws lws{};

// DQUOTE *(qdtext / quoted-pair) DQUOTE. "The characters CR and LF cannot be escaped."
struct QuotedString : Primitive<QuotedString> {
  template <class It, class Context, class RContext, class Attribute>
  bool parse(It& first, const It& last, const Context&, RContext&, Attribute&) const {
    if (first == last || *first != '"') return false;
    It p = first + 1;
    while ((p = scan<kQdtext>(p, last)) != last) {
      if (*p == '"') {
        first = p + 1;
        return true;
      } else if (*p == '\\') {
        if (last - p < 2 || p[1] == '\r' || p[1] == '\n' || (p[1] & 0x80) != 0) return false;
        p += 2;
      } else {
        const It after = skip_sws(p, last);
        if (after == p) return false;
        p = after;
      }
    }
    return false;
  }
};
inline constexpr QuotedString quoted_string{};

inline constexpr Run<kToken> token{};

// SWS c SWS: SEMI, EQUAL, SLASH, COLON, COMMA
constexpr auto separator(char c) {
  return sws >> x3::lit(c) >> sws;
}

// Matches `rule` at the cursor and keeps what it matched. Rules are `static constexpr` and hold no
// state, so that none is built at run time: an expression with semantic actions that refer to
// locals would be, at each call.
template <class Rule>
bool keep(Cursor& c, const Rule& rule, std::string_view& out) {
  const char* begin = c.it;
  if (!x3::parse(c.it, c.end, rule)) return false;
  out = c.since(begin);
  return true;
}

template <class Rule>
bool skip(Cursor& c, const Rule& rule) {
  return x3::parse(c.it, c.end, rule);
}

}  // namespace usher::sip::grammar::lex
