#include <boost/container/static_vector.hpp>

#include "core/limits.hpp"
#include "core/text.hpp"
#include "sip/grammar/cursor.hpp"
#include "sip/grammar/grammar.hpp"
#include "sip/grammar/lexical.hpp"

namespace usher::sip::grammar {
namespace {

using lex::keep;
using lex::skip;
using lex::x3::lit;

// token [ SLASH token ] *( SEMI generic-param )
bool take_token_params(Cursor& c, TokenParams& out) {
  static constexpr auto name = lex::token >> -(lex::separator('/') >> lex::token);
  if (!keep(c, name, out.token)) return c.fails("a token");
  return take_params(c, out.params);
}

bool take_token_list(Cursor& c, std::vector<std::string_view>& out) {
  if (c.at_end()) return true;  // "Supported:" and "Allow:" may be empty
  // Collected aside, so that the vector is allocated once.
  boost::container::static_vector<std::string_view, limits::kListEntries> tokens;
  do {
    if (tokens.size() == tokens.capacity()) return c.exceeds("values in a list");
    if (!keep(c, lex::token, tokens.emplace_back())) return c.fails("a token");
  } while (take_comma(c));
  out.assign(tokens.begin(), tokens.end());
  return true;
}

// callid *( SEMI param ), exactly one tag of each side (RFC 3891 §6.1, RFC 3911 §7.1, RFC 4538 §7).
bool take_dialog_id(Cursor& c, DialogId& out) {
  static constexpr auto callid = lex::run<lex::kWord> >> -('@' >> lex::run<lex::kWord>);
  if (!keep(c, callid, out.call_id)) return c.fails("a Call-ID");
  if (!take_params(c, out.params)) return false;
  const auto set_once = [](std::string_view& tag, const Param& p) {
    if (!tag.empty() || !p.value) return false;
    tag = *p.value;
    return true;
  };
  for (const Param& p : out.params) {
    if (equals_without_case(p.name, "to-tag") || equals_without_case(p.name, "remote-tag")) {
      if (!set_once(out.to_tag, p)) return c.fails("one to-tag");
    } else if (equals_without_case(p.name, "from-tag") ||
               equals_without_case(p.name, "local-tag")) {
      if (!set_once(out.from_tag, p)) return c.fails("one from-tag");
    }
  }
  return (!out.to_tag.empty() && !out.from_tag.empty()) || c.fails("a to-tag and a from-tag");
}

// auth-scheme LWS auth-param *( COMMA auth-param ); or, as RFC 7235 §2.1 and RFC 8898 have it, a
// token68.
bool take_auth(Cursor& c, AuthValue& out) {
  static constexpr auto equal = lex::separator('=');
  static constexpr auto value = lex::quoted_string | lex::token;
  if (!keep(c, lex::token, out.scheme)) return c.fails("an authentication scheme");
  if (!skip(c, lex::lws)) return true;  // a scheme alone
  static constexpr auto token68 = lex::run<lex::kToken68> >> *lit('=') >> lex::sws >> lex::x3::eoi;
  const char* begin = c.it;
  if (skip(c, token68)) return true;
  c.it = begin;
  do {
    const std::size_t n = out.params.size();
    if (n == limits::kParameterCount) return c.exceeds("parameters");
    if (n == out.params.capacity()) out.params.reserve(2 * n + 4);
    Param& p = out.params.emplace_back();
    if (!keep(c, lex::token, p.name) || !skip(c, equal))
      return c.fails("a parameter name and \"=\"");
    if (!keep(c, value, p.value.emplace())) return c.fails("a parameter value");
  } while (take_comma(c));
  return true;
}

// "(" … ")", nested, with quoted pairs. The cursor stands behind "(".
bool skip_comment(Cursor& c) {
  for (int depth = 1; !c.at_end(); ++c.it) {
    if (*c.it == '\\' && c.end - c.it > 1) {
      ++c.it;
    } else if (*c.it == '(') {
      ++depth;
    } else if (*c.it == ')' && --depth == 0) {
      ++c.it;
      return true;
    }
  }
  return c.fails("\")\"");
}

// Steps over one element up to a comma that is in no quotes, brackets or comment.
bool skip_element(Cursor& c) {
  bool after_space = true;  // a comment begins only there: "(" may stand in a user part
  while (!c.at_end() && *c.it != ',') {
    const char ch = *c.it;
    if (ch == '"') {
      if (!skip(c, lex::quoted_string)) return c.fails("a closing quote");
    } else if (ch == '<') {
      while (!c.at_end() && *c.it != '>') ++c.it;
      if (c.at_end()) return c.fails("\">\"");
      ++c.it;
    } else if (ch == '(' && after_space) {
      ++c.it;
      if (!skip_comment(c)) return false;
    } else {
      ++c.it;
    }
    after_space = ch == ' ' || ch == '\t';
  }
  return true;
}

using Elements = boost::container::small_vector<std::string_view, 4>;

bool take_elements(Cursor& c, Elements& out) {
  for (;;) {
    if (out.size() == limits::kListEntries) return c.exceeds("values in a list");
    skip_lws(c);
    const char* begin = c.it;
    if (!skip_element(c)) return false;
    std::string_view element = c.since(begin);
    while (!element.empty() &&
           std::string_view(" \t\r\n").find(element.back()) != std::string_view::npos) {
      element.remove_suffix(1);
    }
    if (element.empty()) return c.fails("a value");
    out.push_back(element);
    if (c.at_end()) return true;
    ++c.it;
  }
}

}  // namespace
}  // namespace usher::sip::grammar

namespace usher::sip {

using namespace grammar;

Result<TokenParams> parse_token_params(std::string_view text) {
  return whole<TokenParams>(text, take_token_params);
}

Result<std::vector<std::string_view>> parse_token_list(std::string_view text) {
  return whole<std::vector<std::string_view>>(text, take_token_list);
}

Result<DialogId> parse_replaces(std::string_view text) {
  return whole<DialogId>(text, take_dialog_id);
}

Result<AuthValue> parse_auth(std::string_view text) {
  return whole<AuthValue>(text, take_auth);
}

Result<boost::container::small_vector<std::string_view, 4>> split_list(std::string_view text) {
  return whole<Elements>(text, take_elements);
}

bool is_token(std::string_view text) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  return lex::x3::parse(begin, end, lex::token) && begin == end;
}

}  // namespace usher::sip
